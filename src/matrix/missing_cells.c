#include "matrix/missing_cells.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

/* The columns that a row has no entry in, after `to`; returns how many. */
static int64_t list_gaps(const dnmf_csr *known, int64_t row, int32_t *to) {
  int64_t count = 0;
  int64_t next = known->start[row];
  for (int32_t col = 0; col < known->cols; col++)
    if (next < known->start[row + 1] && known->index[next] == col)
      next++;
    else
      to[count++] = col;
  return count;
}

static dnmf_status missing_list(dnmf_error *error, const dnmf_csr *known, dnmf_csr *missing) {
  void *memory = NULL;
  const int64_t cells = known->rows * known->cols - known->start[known->rows];
  missing->rows = known->rows;
  missing->cols = known->cols;
  DNMF_TRY(dnmf_allocate_zero(error, "missing cells", known->rows + 1, sizeof *missing->start, &memory));
  missing->start = memory;
  DNMF_TRY(dnmf_allocate(error, "missing cells", cells, sizeof *missing->index, &memory));
  missing->index = memory;
  for (int64_t row = 0; row < known->rows; row++)
    missing->start[row + 1] = missing->start[row] + list_gaps(known, row, missing->index + missing->start[row]);
  return DNMF_OK;
}

static dnmf_status dense_block(dnmf_error *error, const dnmf_csr *known, dnmf_number number, void **dense) {
  DNMF_TRY(
      dnmf_allocate_zero(error, "the local block of A", known->rows * known->cols, dnmf_number_size(number), dense));
  for (int64_t row = 0; row < known->rows; row++)
    for (int64_t e = known->start[row]; e < known->start[row + 1]; e++)
      dnmf_number_put(number, *dense, row * known->cols + known->index[e], dnmf_number_at(number, known->value, e));
  return DNMF_OK;
}

dnmf_status dnmf_matrix_fill_out(dnmf_context *context, dnmf_matrix *matrix) {
  dnmf_error *error = &context->error;
  void *dense = NULL;
  dnmf_status status = missing_list(error, &matrix->by_rows, &matrix->missing);
  if (status == DNMF_OK)
    status = dense_block(error, &matrix->by_rows, (dnmf_number)matrix->precision, &dense);
  DNMF_TRY(dnmf_agree(context, status));
  dnmf_csr_free(&matrix->by_rows);
  dnmf_csr_free(&matrix->by_cols);
  matrix->sparse = false;
  matrix->dense = dense;
  matrix->unknown = matrix->missing.start[matrix->missing.rows];
  return dnmf_sum_int64(context, context->comm, &matrix->unknown, 1);
}

/* Of each row, or column, of this block. */
static void count_block(const dnmf_matrix *matrix, bool by_cols, int64_t *counts) {
  const dnmf_csr *missing = &matrix->missing;
  const int64_t count = by_cols ? missing->cols : missing->rows;
  for (int64_t i = 0; i < count; i++)
    counts[i] = by_cols ? missing->rows : missing->cols;
  for (int64_t row = 0; row < missing->rows; row++)
    for (int64_t e = missing->start[row]; e < missing->start[row + 1]; e++)
      counts[by_cols ? missing->index[e] : row]--;
}

dnmf_status dnmf_matrix_count_known(dnmf_context *context, const dnmf_grid *grid, const dnmf_matrix *matrix,
                                    bool by_cols, dnmf_range owned, int64_t *counts) {
  const dnmf_range range = by_cols ? matrix->col_range : matrix->row_range;
  void *memory = NULL;
  dnmf_status status =
      dnmf_allocate(&context->error, "numbers of known cells", dnmf_range_size(range), sizeof *counts, &memory);
  int64_t *all = memory;
  DNMF_TRY(dnmf_agree(context, status));
  count_block(matrix, by_cols, all);
  status = dnmf_sum_int64(context, by_cols ? grid->col_comm : grid->row_comm, all, dnmf_range_size(range));
  if (dnmf_range_size(owned) > 0)
    memcpy(counts, all + (owned.begin - range.begin), (size_t)dnmf_range_size(owned) * sizeof *counts);
  free(all);
  return status;
}
