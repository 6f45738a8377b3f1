/*
 * What is found out about the values of a block: are they valid, their sums, their checksum, which rows and columns
 * hold a nonzero one.
 */
#ifndef DNMF_FIGURES_H
#define DNMF_FIGURES_H

#include "matrix/kernels.h"

#include <inttypes.h>

/* How a message begins that names a value by its place; scanf reads the numbers again. */
#define DNMF_VALUE_AT "the value at row %" PRId64 ", column %" PRId64 " (counted from 0)"

typedef struct dnmf_figures {
  int64_t rows; /* local */
  int64_t cols;
  int parts; /* of what threads note, each its own: 1 for sparse blocks, whose threads share the marks */
  dnmf_row_figures *row;
  uint8_t *row_seen; /* a byte a row: does it hold a nonzero; set by dnmf_figures_total */
  uint8_t *col_seen; /* a byte a column, for each part */
  uint64_t *hash;    /* of the entries seen, for each part */
} dnmf_figures;

void dnmf_figures_free(dnmf_figures *figures); /* local; accepts NULL */

#endif
