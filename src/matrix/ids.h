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

#endif
