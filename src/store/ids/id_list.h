/*
 * Names met one after another, repeated ones too, and what kind of ids names are.
 */
#ifndef DNMF_STORE_ID_LIST_H
#define DNMF_STORE_ID_LIST_H

#include "matrix/ids.h"

typedef struct dnmf_id_list {
  int64_t count;
  int64_t *starts; /* count + 1 offsets into text; NULL before the first name */
  char *text;
  int64_t starts_capacity;
  int64_t text_capacity;
} dnmf_id_list;

/* A zeroed list is empty. Released with dnmf_id_list_free. local */
dnmf_status dnmf_id_list_append(dnmf_error *error, dnmf_id_list *list, const char *bytes, int64_t length);
void dnmf_id_list_free(dnmf_id_list *list);

/* The ids of `range` of `count`, names first, first + 1, ... of this process's list: integers where all names of all
 * processes are, else strings. Released with dnmf_ids_free, also after a failure. collective */
dnmf_status dnmf_ids_of_list(dnmf_context *context, const dnmf_id_list *list, int64_t first, dnmf_range range,
                             int64_t count, dnmf_ids *ids);

/* DNMF_IDS_INTEGER when every name of every process is an integer as it would be printed and fits 64 bits, else
 * DNMF_IDS_STRING; name i is the bytes text[starts[i]] ... text[starts[i + 1]]. collective */
dnmf_status dnmf_ids_agree_kind(dnmf_context *context, int64_t count, const int64_t *starts, const char *text,
                                dnmf_id_kind *kind);

#endif
