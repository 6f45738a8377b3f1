/* Lists of the best items, made by every process from what it holds and merged on process 0. */
#ifndef DNMF_MODEL_MERGE_H
#define DNMF_MODEL_MERGE_H

#include "comm/context.h"
#include "model/top.h"

typedef struct dnmf_top_set {
  int64_t count;
  dnmf_top *tops;
  dnmf_scored *items;
} dnmf_top_set;

/* `count` empty lists of up to `capacity` items. Released with dnmf_top_set_free, also after a failure. local */
dnmf_status dnmf_top_set_create(dnmf_error *error, int64_t count, int64_t capacity, dnmf_top_set *set);
void dnmf_top_set_free(dnmf_top_set *set);

/* Process 0's lists become the best of all processes' lists, ordered; the others' become empty. collective */
dnmf_status dnmf_top_set_merge(dnmf_context *context, dnmf_top_set *set);

#endif
