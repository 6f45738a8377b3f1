/*
 * The names of rows or columns: none, 64-bit integers, or UTF-8 strings of any length.
 *
 * Distributed: each process holds the ids of one contiguous range of indices, ranges ascending with rank and
 * together covering 0 ... count-1. No process holds them all.
 */
#ifndef DNMF_IDS_H
#define DNMF_IDS_H

#include "base/range.h"
#include "comm/context.h"

typedef enum dnmf_id_kind { DNMF_IDS_NONE = 0, DNMF_IDS_INTEGER, DNMF_IDS_STRING } dnmf_id_kind;

typedef struct dnmf_ids {
  dnmf_id_kind kind;
  int64_t count;    /* over all processes */
  dnmf_range range; /* held here */
  int64_t *numbers; /* DNMF_IDS_INTEGER: one an index of range */
  int64_t *starts;  /* DNMF_IDS_STRING: size(range) + 1 offsets into text */
  char *text;       /* DNMF_IDS_STRING: the bytes, without terminators */
} dnmf_ids;

void dnmf_ids_free(dnmf_ids *ids); /* local; leaves kind NONE */

/* index[i] = the index in `ids` of this process's wanted id i, the bytes text[starts[i]] ... text[starts[i + 1]],
 * or -1 when there is none; each process asks for its own. Strings match byte for byte, integer ids any text that
 * is that integer, and where there are no ids the text is the index, from 0 to rows - 1. Ids may be in any order;
 * of equal ones the first is found. Both sides meet on the process that a hash of the id names. collective */
dnmf_status dnmf_ids_find(dnmf_context *context, const dnmf_ids *ids, int64_t rows, int64_t count,
                          const int64_t *starts, const char *text, int64_t *index);

/* The ids held here as texts, numbered from range.begin where there are no ids: `texts` is of kind STRING, with the
 * range of `ids`; released with dnmf_ids_free, also after a failure. local */
dnmf_status dnmf_ids_to_text(dnmf_error *error, const dnmf_ids *ids, dnmf_ids *texts);

/* names, on process 0: the ids of its `count` indices as texts, in their order (the index itself where there are no
 * ids); those of the other processes are not looked at. Released with dnmf_ids_free, also after a failure.
 * collective */
dnmf_status dnmf_ids_name(dnmf_context *context, const dnmf_ids *ids, int64_t count, const int64_t *indices,
                          dnmf_ids *names);

#endif
