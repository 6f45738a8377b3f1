#include "store/source_load.h"

#include "dnmf/memory.h"

#include <stdlib.h>

/* Items of a transposed array that are read at a time. */
static const int64_t STRIP_ITEMS = INT64_C(1) << 22;

/* A reader of the transpose. */
typedef struct other_way {
  dnmf_next_entries next;
  void *state;
} other_way;

static dnmf_status next_transposed(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  const other_way *file = state;
  DNMF_TRY(file->next(error, file->state, batch, limit, count));
  for (int64_t e = 0; e < *count; e++)
    batch[e] = (dnmf_entry){batch[e].col, batch[e].row, batch[e].value};
  return DNMF_OK;
}

dnmf_status dnmf_load_entries(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                              dnmf_precision precision, dnmf_next_entries next, void *state, dnmf_matrix *matrix) {
  other_way file = {next, state};
  if (source->transposed)
    return dnmf_matrix_assemble(context, layout, precision, source->sparse, source->duplicates, next_transposed, &file,
                                matrix);
  return dnmf_matrix_assemble(context, layout, precision, source->sparse, source->duplicates, next, state, matrix);
}

/* Places the columns first ... first + count - 1 of the block, which `strip` holds one after another. */
static void place_strip(const dnmf_matrix *matrix, int64_t first, int64_t count, const void *strip) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < count; j++) {
      if (matrix->precision == DNMF_DOUBLE)
        ((double *)matrix->dense)[i * cols + first + j] = ((const double *)strip)[j * rows + i];
      else
        ((float *)matrix->dense)[i * cols + first + j] = ((const float *)strip)[j * rows + i];
    }
}

static dnmf_status load_transposed(dnmf_context *context, dnmf_read_slab read, void *state, dnmf_matrix *matrix) {
  void *strip = NULL;
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  if (rows == 0 || cols == 0)
    return DNMF_OK;
  int64_t at_once = STRIP_ITEMS / rows > 0 ? STRIP_ITEMS / rows : 1;
  at_once = at_once < cols ? at_once : cols;
  dnmf_status status = dnmf_allocate(&context->error, "columns of a transposed matrix", at_once * rows,
                                     dnmf_precision_size(matrix->precision), &strip);
  for (int64_t first = 0; first < cols && status == DNMF_OK; first += at_once) {
    int64_t count = first + at_once < cols ? at_once : cols - first;
    dnmf_slab slab = {{matrix->col_range.begin + first, matrix->row_range.begin}, {count, rows}};
    status = read(context, state, &slab, matrix->precision, strip);
    if (status == DNMF_OK)
      place_strip(matrix, first, count, strip);
  }
  free(strip);
  return status;
}

dnmf_status dnmf_load_block(dnmf_context *context, bool transposed, dnmf_read_slab read, void *state,
                            dnmf_matrix *matrix) {
  dnmf_slab block = {{matrix->row_range.begin, matrix->col_range.begin},
                     {dnmf_range_size(matrix->row_range), dnmf_range_size(matrix->col_range)}};
  if (transposed)
    return load_transposed(context, read, state, matrix);
  return read(context, state, &block, matrix->precision, matrix->dense);
}
