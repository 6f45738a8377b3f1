/*
 * Small matrices as entries that every process can list, and blocks read back as dense numbers.
 */
#ifndef DNMF_TEST_ENTRIES_H
#define DNMF_TEST_ENTRIES_H

#include "matrix/matrix.h"
#include "mpi_test.h"

#include <stdlib.h>

/* Gives this process its part of `all`: contiguous, in rank order, as readers deliver a file; the first of
 * several processes gets nothing. */
static inline dnmf_entries my_entries(const dnmf_entry *all, int64_t count) {
  const dnmf_context *context = test_context();
  dnmf_range mine = {0, count};
  if (context->size > 1) {
    mine = context->rank == 0 ? (dnmf_range){0, 0} : dnmf_range_split(mine, context->size - 1, context->rank - 1);
  }
  dnmf_entries entries = {.count = dnmf_range_size(mine)};
  entries.items = malloc((size_t)(entries.count + 1) * sizeof(dnmf_entry));
  assert_non_null(entries.items);
  for (int64_t e = 0; e < entries.count; e++)
    entries.items[e] = all[mine.begin + e];
  return entries;
}

static inline double number_at(const void *values, dnmf_precision precision, int64_t at) {
  return precision == DNMF_DOUBLE ? ((const double *)values)[at] : (double)((const float *)values)[at];
}

/* A place of one compressed row, or -1. */
static inline int64_t find_in_row(const dnmf_csr *csr, int64_t row, int64_t col) {
  for (int64_t at = csr->start[row]; at < csr->start[row + 1]; at++)
    if (csr->index[at] == col)
      return at;
  return -1;
}

#endif
