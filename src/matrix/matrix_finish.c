/*
 * The pass over the values of a matrix that checks and summarizes them, as far as it has not been made while they were
 * loaded.
 */
#include "matrix/matrix.h"

#include "comm/collective.h"
#include "matrix/figures_look.h"

/* Rows (columns) of this block without a nonzero, over all processes that share it; counted once. */
static dnmf_status count_empty(dnmf_context *context, MPI_Comm group, uint8_t *seen, int64_t count, int64_t *empty) {
  int rank = 0;
  DNMF_TRY(dnmf_or_bytes(context, group, seen, count));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_rank(group, &rank), "MPI_Comm_rank"));
  *empty = 0;
  for (int64_t i = 0; i < count && rank == 0; i++)
    *empty += !seen[i];
  return DNMF_OK;
}

static dnmf_status agree_on_figures(dnmf_context *context, dnmf_matrix *matrix) {
  double sums[2] = {matrix->sum, matrix->sum_squares};
  int64_t counts[5] = {matrix->stored, (int64_t)matrix->checksum, matrix->empty_rows, matrix->empty_cols,
                       matrix->duplicates};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 2));
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 5));
  matrix->sum = sums[0];
  matrix->sum_squares = sums[1];
  matrix->stored = counts[0];
  matrix->checksum = (uint64_t)counts[1];
  matrix->empty_rows = counts[2];
  matrix->empty_cols = counts[3];
  matrix->duplicates = counts[4];
  return DNMF_OK;
}

dnmf_status dnmf_matrix_look_begin(dnmf_context *context, dnmf_matrix *matrix) {
  return dnmf_figures_create(context, matrix, &matrix->figures);
}

void dnmf_matrix_look(const dnmf_context *context, const dnmf_matrix *matrix, dnmf_range rows, dnmf_range cols) {
  dnmf_figures_look(context, matrix, rows, cols, matrix->figures);
}

/* What there is to know of the values of this block. */
static dnmf_status summarize_block(dnmf_context *context, dnmf_matrix *matrix) {
  const int64_t rows = dnmf_range_size(matrix->row_range);
  matrix->sum = 0;
  matrix->sum_squares = 0;
  matrix->checksum = 0;
  matrix->stored = matrix->sparse ? matrix->by_rows.start[rows] : rows * dnmf_range_size(matrix->col_range);
  if (!matrix->figures) {
    DNMF_TRY(dnmf_figures_create(context, matrix, &matrix->figures));
    dnmf_figures_look_at_all(context, matrix, matrix->figures);
  }
  return dnmf_figures_total(context, matrix->figures, matrix);
}

static void forget_figures(dnmf_matrix *matrix) {
  dnmf_figures_free(matrix->figures);
  matrix->figures = NULL;
}

dnmf_status dnmf_matrix_finish(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *matrix) {
  dnmf_status status = dnmf_agree(context, summarize_block(context, matrix));
  const dnmf_figures *figures = matrix->figures;
  if (status == DNMF_OK)
    status = count_empty(context, layout->grid->row_comm, figures->row_seen, figures->rows, &matrix->empty_rows);
  if (status == DNMF_OK)
    status = count_empty(context, layout->grid->col_comm, figures->col_seen, figures->cols, &matrix->empty_cols);
  if (status == DNMF_OK)
    status = agree_on_figures(context, matrix);
  forget_figures(matrix);
  return status;
}

/* A block of whole rows has the rows to itself, so emptiness is known here. */
static void add_block(const dnmf_matrix *block, dnmf_matrix *whole, uint8_t *col_seen) {
  const dnmf_figures *figures = block->figures;
  whole->stored += block->stored;
  whole->sum += block->sum;
  whole->sum_squares += block->sum_squares;
  whole->checksum += block->checksum;
  whole->duplicates += block->duplicates;
  for (int64_t row = 0; row < figures->rows; row++)
    whole->empty_rows += !figures->row_seen[row];
  for (int64_t col = 0; col < figures->cols; col++)
    col_seen[col] |= figures->col_seen[col];
}

dnmf_status dnmf_matrix_add_figures(dnmf_context *context, dnmf_matrix *block, dnmf_matrix *whole, uint8_t *col_seen) {
  dnmf_status status = summarize_block(context, block);
  if (status == DNMF_OK)
    add_block(block, whole, col_seen);
  forget_figures(block);
  return status;
}

dnmf_status dnmf_matrix_total_figures(dnmf_context *context, dnmf_matrix *whole, uint8_t *col_seen) {
  DNMF_TRY(count_empty(context, context->comm, col_seen, whole->cols, &whole->empty_cols));
  return agree_on_figures(context, whole);
}
