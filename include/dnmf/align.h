/*
 * Another matrix in a model's numbering: rows and columns are matched by their ids.
 */
#ifndef DNMF_ALIGN_H
#define DNMF_ALIGN_H

#include "dnmf/matrix.h"

/* place[i], for each of the `count` ids of `ids`, is the index of the same id among the `known_count` of `known`, -1
 * where there is none; the same on every process, and the caller frees it. Where `ids` are none, they are matched by
 * position, and their number must be the same: `what` ("columns of FILE") names them in the message. *same tells that
 * every place is its own index and none is missing. collective */
dnmf_status dnmf_align(dnmf_context *context, const char *what, const dnmf_ids *known, int64_t known_count,
                       const dnmf_ids *ids, int64_t count, int64_t **place, bool *same);

/* Entries moved to their places; those without one are dropped. NULL leaves rows or columns as they are. Returns the
 * number dropped here. local */
int64_t dnmf_align_entries(dnmf_entries *entries, const int64_t *row_place, const int64_t *col_place);

#endif
