/*
 * The partitioned matrix: allocation, and walks over its entries.
 */
#include "matrix/matrix.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"
#include "comm/node_memory.h"
#include "matrix/csr.h"
#include "matrix/figures.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void dnmf_entries_free(dnmf_entries *entries) {
  free(entries->items);
  memset(entries, 0, sizeof *entries);
}

void dnmf_matrix_free(dnmf_matrix *matrix) {
  free(matrix->dense);
  dnmf_csr_free(&matrix->by_rows);
  dnmf_csr_free(&matrix->by_cols);
  dnmf_bundles_free(&matrix->bundles);
  dnmf_csr_free(&matrix->missing);
  dnmf_figures_free(matrix->figures);
  memset(matrix, 0, sizeof *matrix);
}

static double csr_bytes(dnmf_number number, int64_t rows, double stored) {
  return dnmf_allocated_bytes((double)rows + 1, sizeof(int64_t)) + dnmf_allocated_bytes(stored, sizeof(int32_t)) +
         dnmf_allocated_bytes(stored, dnmf_number_size(number));
}

double dnmf_matrix_bytes(bool sparse, bool by_rows_alone, dnmf_number number, int64_t rows, int64_t cols,
                         double stored) {
  if (sparse)
    return csr_bytes(number, rows, stored) + (by_rows_alone ? 0 : csr_bytes(number, cols, stored));
  return dnmf_allocated_bytes((double)rows * (double)cols, dnmf_number_size(number));
}

dnmf_status dnmf_matrix_check_memory(dnmf_context *context, const char *what, const dnmf_layout *layout, bool sparse,
                                     bool by_rows_alone, dnmf_number number, double stored) {
  const int64_t rows = dnmf_range_size(dnmf_layout_rows(layout, layout->grid->row));
  const int64_t cols = dnmf_range_size(dnmf_layout_cols(layout, layout->grid->col));
  if (sparse && (rows > INT32_MAX || cols > INT32_MAX))
    return dnmf_check_memory(context, what, "", 0); /* no block; refused with what to do when it is begun */
  const double figures = (double)rows * (sizeof(dnmf_row_figures) + 1) + (double)cols;
  const double block = dnmf_matrix_bytes(sparse, by_rows_alone, number, rows, cols, stored / context->size);
  return dnmf_check_memory(context, what, "use more machines, or select rows or columns", block + figures);
}

dnmf_status dnmf_matrix_allocate_unset(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_matrix *matrix) {
  memset(matrix, 0, sizeof *matrix);
  matrix->rows = layout->rows;
  matrix->cols = layout->cols;
  matrix->precision = precision;
  matrix->narrow = dnmf_narrower(precision, narrow);
  matrix->row_range = dnmf_layout_rows(layout, layout->grid->row);
  matrix->col_range = dnmf_layout_cols(layout, layout->grid->col);
  int64_t count = 0;
  if (__builtin_mul_overflow(dnmf_range_size(matrix->row_range), dnmf_range_size(matrix->col_range), &count))
    count = INT64_MAX; /* more than any memory holds: refused below */
  return dnmf_allocate(&context->error, "the local block of A", count, dnmf_number_size(dnmf_matrix_number(matrix)),
                       &matrix->dense);
}

dnmf_status dnmf_matrix_allocate_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_matrix *matrix) {
  DNMF_TRY(dnmf_matrix_allocate_unset(context, layout, precision, narrow, matrix));
  int64_t count = dnmf_range_size(matrix->row_range) * dnmf_range_size(matrix->col_range);
  dnmf_team_clear(context->threads, matrix->dense, (size_t)count * dnmf_number_size(dnmf_matrix_number(matrix)));
  return DNMF_OK;
}

dnmf_status dnmf_matrix_bundle(dnmf_context *context, dnmf_matrix *matrix) {
  dnmf_csr_free(&matrix->by_cols);
  DNMF_TRY(dnmf_agree(context, dnmf_bundles_create(&context->error, &matrix->by_rows, matrix->precision,
                                                   context->threads, DNMF_BUNDLE_ROWS, &matrix->bundles)));
  dnmf_csr_free(&matrix->by_rows);
  return DNMF_OK;
}

/* The first column of a row that holds no positive value, or the number of columns. */
static int64_t first_zero(const dnmf_matrix *matrix, int64_t row) {
  int64_t cols = dnmf_range_size(matrix->col_range);
  int64_t begin = matrix->sparse ? matrix->by_rows.start[row] : row * cols;
  int64_t count = matrix->sparse ? matrix->by_rows.start[row + 1] - begin : cols;
  for (int64_t col = 0; col < count; col++)
    if ((matrix->sparse && matrix->by_rows.index[begin + col] != col) ||
        !(dnmf_number_at(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), begin + col) > 0))
      return col;
  return count;
}

dnmf_status dnmf_matrix_require_positive(dnmf_context *context, const dnmf_matrix *matrix) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  for (int64_t row = 0; row < rows; row++) {
    int64_t col = first_zero(matrix, row);
    if (col < cols)
      return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       DNMF_VALUE_AT " is 0, where a loss with beta <= 0 is infinite; add a small number to the "
                                     "matrix or take a loss with a positive beta, e.g. --loss kullback-leibler",
                       matrix->row_range.begin + row, matrix->col_range.begin + col);
  }
  return DNMF_OK;
}

dnmf_status dnmf_matrix_walk_next(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  dnmf_matrix_walk *walk = state;
  const dnmf_matrix *matrix = walk->matrix;
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  *count = 0;
  while (walk->row < rows && *count < limit) {
    int64_t begin = matrix->sparse ? matrix->by_rows.start[walk->row] : walk->row * cols;
    int64_t end = matrix->sparse ? matrix->by_rows.start[walk->row + 1] : begin + cols;
    for (; walk->at < end && *count < limit; walk->at++) {
      int64_t col = matrix->sparse ? matrix->by_rows.index[walk->at] : walk->at - begin;
      double value = dnmf_number_at(dnmf_matrix_number(matrix), dnmf_matrix_values(matrix), walk->at);
      if (matrix->sparse || value != 0)
        batch[(*count)++] = (dnmf_entry){matrix->row_range.begin + walk->row, matrix->col_range.begin + col, value};
    }
    walk->row += walk->at == end;
  }
  return DNMF_OK;
}

dnmf_status dnmf_matrix_to_entries(dnmf_context *context, const dnmf_matrix *matrix, dnmf_entries *entries) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t most = matrix->sparse ? matrix->by_rows.start[rows] : rows * dnmf_range_size(matrix->col_range);
  dnmf_matrix_walk walk = {matrix, 0, 0};
  void *memory = NULL;
  entries->count = 0;
  entries->items = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "matrix entries", most, sizeof(dnmf_entry), &memory));
  entries->items = memory;
  return dnmf_matrix_walk_next(&context->error, &walk, entries->items, most, &entries->count);
}
