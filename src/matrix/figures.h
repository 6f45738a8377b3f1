/*
 * What is found out about the values of a block: are they valid, their sums, their checksum, which rows and columns
 * hold a nonzero one. Sums are taken row by row in the order of the columns, whatever sees them.
 */
#ifndef DNMF_FIGURES_H
#define DNMF_FIGURES_H

#include "matrix/kernels.h"
#include "matrix/matrix.h"

typedef struct dnmf_figures {
  int64_t rows; /* local */
  int64_t cols;
  int parts; /* of what threads note, each its own: 1 for sparse blocks, whose threads share the marks */
  dnmf_row_figures *row;
  uint8_t *row_seen; /* a byte a row: does it hold a nonzero; set by dnmf_figures_total */
  uint8_t *col_seen; /* a byte a column, for each part */
  uint64_t *hash;    /* of the entries seen, for each part */
} dnmf_figures;

/* Nothing seen yet of the block. Released with dnmf_figures_free. local */
dnmf_status dnmf_figures_create(dnmf_context *context, const dnmf_matrix *matrix, dnmf_figures **figures);
void dnmf_figures_free(dnmf_figures *figures); /* local; accepts NULL */

/* Looks at some columns of some rows of a dense block, as dnmf_matrix_look does. local */
void dnmf_figures_look(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols,
                       dnmf_figures *figures);

/* Looks at the whole block. local */
void dnmf_figures_look_at_all(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_figures *figures);

/* Adds what was seen to the matrix's sum, squares and checksum; sets row_seen and the first part of col_seen. Fails on
 * the first invalid value, naming its place. local */
dnmf_status dnmf_figures_total(dnmf_context *context, dnmf_figures *figures, dnmf_matrix *matrix);

#endif
