/*
 * Compressed rows as they come from files: turned, put in order, freed of duplicates. The caller owns all arrays and
 * provides their room.
 */
#ifndef DNMF_CSR_H
#define DNMF_CSR_H

#include "base/number.h"
#include "base/precision.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* What becomes of several entries at one place. */
typedef enum dnmf_duplicates {
  DNMF_DUPLICATES_LAST = 0, /* the last in file order */
  DNMF_DUPLICATES_SUM,
  DNMF_DUPLICATES_MEAN,
  DNMF_DUPLICATES_ERROR
} dnmf_duplicates;

typedef struct dnmf_csr {
  int64_t rows; /* local */
  int64_t cols;
  int64_t *start; /* rows + 1 */
  int32_t *index; /* start[rows] local columns, ascending in each row */
  void *value;    /* start[rows] numbers of the matrix's precision, or as `narrow` says */
  dnmf_number narrow;
} dnmf_csr;

void dnmf_csr_free(dnmf_csr *csr); /* local; accepts a zeroed one, and leaves one */

/* Counts in start[row + 1] become the place of the first entry of each row, which placing entries with start[row + 1]++
 * moves on: in the end start[row] ... start[row + 1] is that row. local */
void dnmf_csr_counts_to_places(int64_t *start, int64_t rows);

/* `to` (cols x rows of `from`) = the transpose; entries that share a place keep their order. With more than one thread,
 * which share its rows, the columns of every row of `from` must ascend. local */
void dnmf_csr_transpose(const dnmf_csr *from, dnmf_precision precision, int threads, dnmf_csr *to);

/* Sorts the columns of every row; entries that share a place keep their order. local */
dnmf_status dnmf_csr_sort(dnmf_error *error, dnmf_csr *csr, dnmf_precision precision, int threads);

/* Most bytes that sorting rows of so many entries takes on one thread. local */
double dnmf_csr_sort_bytes(int64_t rows, int64_t cols, int64_t stored, dnmf_precision precision);

/* True when the columns of every row ascend, no two of them equal. local */
bool dnmf_csr_is_sorted(const dnmf_csr *csr);

/* Merges equal columns, which must be neighbours in their row, in place; *merged counts the entries that went. With
 * DNMF_DUPLICATES_ERROR fails on the first, naming its place, counted from `first_row` and `first_col`. Sums and means
 * must be exact in the type that values are kept in. local */
dnmf_status dnmf_csr_merge(dnmf_error *error, dnmf_csr *csr, dnmf_precision precision, dnmf_duplicates policy,
                           int64_t first_row, int64_t first_col, int64_t *merged);

#endif
