/*
 * From entries, wherever they were read, to the blocks of the process grid.
 *
 * A sparse block counts the entries of each row while they arrive; then each is put into its row, and the memory it
 * waited in is given back. Entries at the same place keep the order of the file, as the duplicates' policy needs. A
 * dense block takes each number as it arrives.
 */
#include "matrix/matrix.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/csr.h"
#include "staging.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status check_blocks(dnmf_error *error, const dnmf_layout *layout) {
  int64_t rows = dnmf_range_size(dnmf_layout_rows(layout, 0));
  int64_t cols = dnmf_range_size(dnmf_layout_cols(layout, 0));
  for (int r = 1; r < layout->grid->rows; r++)
    rows = dnmf_range_size(dnmf_layout_rows(layout, r)) > rows ? dnmf_range_size(dnmf_layout_rows(layout, r)) : rows;
  for (int c = 1; c < layout->grid->cols; c++)
    cols = dnmf_range_size(dnmf_layout_cols(layout, c)) > cols ? dnmf_range_size(dnmf_layout_cols(layout, c)) : cols;
  if (rows <= INT32_MAX && cols <= INT32_MAX)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "a block of %" PRId64 " x %" PRId64 " is too large for one process; use more processes", rows, cols);
}

/* `count` rows or columns, all still empty. */
static dnmf_status allocate_starts(dnmf_error *error, int64_t rows, int64_t cols, dnmf_csr *csr) {
  void *memory = NULL;
  csr->rows = rows;
  csr->cols = cols;
  DNMF_TRY(dnmf_allocate_zero(error, "sparse block starts", rows + 1, sizeof(int64_t), &memory));
  csr->start = memory;
  return DNMF_OK;
}

static dnmf_status allocate_entries(dnmf_error *error, int64_t count, size_t size, dnmf_csr *csr) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "sparse block indices", count, sizeof(int32_t), &memory));
  csr->index = memory;
  return dnmf_allocate(error, "sparse block values", count, size, &csr->value);
}

/* Counts in start[row + 1] become the first place of each row, kept one to the left while placing: after
 * placing with start[row + 1]++ in this form, start[row] .. start[row + 1] is that row. */
static void counts_to_places(int64_t *start, int64_t rows) {
  int64_t before = 0;
  for (int64_t row = 0; row < rows; row++) {
    int64_t count = start[row + 1];
    start[row + 1] = before;
    before += count;
  }
}

/* What arrives for a sparse block waits, counted by row. */
static dnmf_status take_sparse(dnmf_staging *staging, void *state, int source, const char *items, int64_t count) {
  dnmf_matrix *matrix = state;
  DNMF_TRY(dnmf_queue_put(&staging->context->error, "entries of A", &staging->queues[source], items, count));
  for (int64_t i = 0; i < count; i++) {
    dnmf_staged_place place;
    memcpy(&place, items + (size_t)i * staging->item_bytes, sizeof place);
    matrix->by_rows.start[place.row + 1]++;
  }
  return DNMF_OK;
}

static dnmf_status take_dense(dnmf_staging *staging, void *state, int source, const char *items, int64_t count) {
  (void)source; /* each place is given once: their order does not matter */
  dnmf_matrix *matrix = state;
  const int64_t cols = dnmf_range_size(matrix->col_range);
  const dnmf_number from = (dnmf_number)matrix->precision;
  const dnmf_number to = dnmf_matrix_number(matrix);
  for (int64_t i = 0; i < count; i++) {
    const char *item = items + (size_t)i * staging->item_bytes;
    double room = 0;
    dnmf_staged_place place;
    memcpy(&place, item, sizeof place);
    memcpy(&room, item + sizeof place, dnmf_precision_size(matrix->precision));
    dnmf_number_put(to, matrix->dense, place.row * cols + place.col, dnmf_number_at(from, &room, 0));
  }
  return DNMF_OK;
}

/* Puts what waits into rows, in file order; the memory it waited in is given back on the way. */
static void place_rows(dnmf_staging *staging, dnmf_csr *rows) {
  size_t size = dnmf_precision_size(staging->precision);
  for (int r = 0; r < staging->context->size; r++) {
    const void *items = NULL;
    int64_t count = 0;
    while ((count = dnmf_queue_front(&staging->queues[r], staging->batch, &items)) > 0) {
      for (int64_t i = 0; i < count; i++) {
        const char *item = (const char *)items + (size_t)i * staging->item_bytes;
        dnmf_staged_place place;
        memcpy(&place, item, sizeof place);
        int64_t at = rows->start[place.row + 1]++;
        rows->index[at] = place.col;
        memcpy((char *)rows->value + (size_t)at * size, item + sizeof place, size);
      }
      dnmf_queue_drop(&staging->queues[r], count);
    }
  }
}

/* The rows of a block from what waits. */
static dnmf_status build_rows(dnmf_staging *staging, dnmf_duplicates policy, dnmf_matrix *matrix) {
  dnmf_error *error = &staging->context->error;
  dnmf_csr *rows = &matrix->by_rows;
  size_t size = dnmf_precision_size(matrix->precision);
  int64_t count = 0;
  for (int r = 0; r < staging->context->size; r++)
    count += staging->queues[r].count;
  DNMF_TRY(allocate_entries(error, count, size, rows));
  counts_to_places(rows->start, rows->rows);
  place_rows(staging, rows);
  DNMF_TRY(dnmf_csr_sort(error, rows, matrix->precision));
  if (!dnmf_csr_is_sorted(rows))
    DNMF_TRY(dnmf_csr_merge(error, rows, matrix->precision, policy, matrix->row_range.begin, matrix->col_range.begin,
                            &matrix->duplicates));
  return DNMF_OK;
}

/* The same block by columns. */
static dnmf_status build_cols(dnmf_error *error, dnmf_matrix *matrix) {
  const dnmf_csr *rows = &matrix->by_rows;
  dnmf_csr *cols = &matrix->by_cols;
  DNMF_TRY(allocate_starts(error, rows->cols, rows->rows, cols));
  DNMF_TRY(allocate_entries(error, rows->start[rows->rows], dnmf_precision_size(matrix->precision), cols));
  dnmf_csr_transpose(rows, matrix->precision, cols);
  return DNMF_OK;
}

static dnmf_status begin_block(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision, bool sparse,
                               dnmf_number narrow, dnmf_matrix *matrix) {
  DNMF_TRY(check_blocks(&context->error, layout));
  if (!sparse)
    return dnmf_matrix_allocate_dense(context, layout, precision, narrow, matrix);
  matrix->rows = layout->rows;
  matrix->cols = layout->cols;
  matrix->sparse = true;
  matrix->precision = precision;
  matrix->row_range = dnmf_layout_rows(layout, layout->grid->row);
  matrix->col_range = dnmf_layout_cols(layout, layout->grid->col);
  return allocate_starts(&context->error, dnmf_range_size(matrix->row_range), dnmf_range_size(matrix->col_range),
                         &matrix->by_rows);
}

static dnmf_status assemble(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision, bool sparse,
                            dnmf_number narrow, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                            dnmf_matrix *matrix) {
  dnmf_staging staging = {0};
  memset(matrix, 0, sizeof *matrix);
  dnmf_status status = begin_block(context, layout, precision, sparse, narrow, matrix);
  if (status == DNMF_OK)
    status = dnmf_staging_create(context, layout, precision, &staging);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_staging_route(&staging, next, state, sparse ? take_sparse : take_dense, matrix);
  if (status == DNMF_OK && sparse)
    status = dnmf_agree(context, build_rows(&staging, duplicates, matrix));
  dnmf_staging_free(&staging);
  return status;
}

dnmf_status dnmf_matrix_assemble_rows(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                      bool sparse, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                      dnmf_matrix *matrix) {
  return assemble(context, layout, precision, sparse, (dnmf_number)0, duplicates, next, state, matrix);
}

dnmf_status dnmf_matrix_assemble_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_next_entries next, void *state, dnmf_matrix *matrix) {
  return assemble(context, layout, precision, false, narrow, DNMF_DUPLICATES_LAST, next, state, matrix);
}

dnmf_status dnmf_matrix_assemble(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                 bool sparse, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                 dnmf_matrix *matrix) {
  DNMF_TRY(dnmf_matrix_assemble_rows(context, layout, precision, sparse, duplicates, next, state, matrix));
  return sparse ? dnmf_agree(context, build_cols(&context->error, matrix)) : DNMF_OK;
}

/* An array being read; freed as soon as it has been. */
typedef struct array_walk {
  dnmf_entries *entries;
  int64_t at;
} array_walk;

static dnmf_status next_of_array(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  array_walk *walk = state;
  int64_t left = walk->entries->count - walk->at;
  *count = left < limit ? left : limit;
  if (*count > 0)
    memcpy(batch, walk->entries->items + walk->at, (size_t)*count * sizeof *batch);
  walk->at += *count;
  if (*count == left) {
    dnmf_entries_free(walk->entries);
    walk->at = 0;
  }
  return DNMF_OK;
}

dnmf_status dnmf_matrix_from_entries(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                     bool sparse, dnmf_duplicates duplicates, dnmf_entries *entries,
                                     dnmf_matrix *matrix) {
  array_walk walk = {entries, 0};
  dnmf_status status =
      dnmf_matrix_assemble(context, layout, precision, sparse, duplicates, next_of_array, &walk, matrix);
  dnmf_entries_free(entries);
  return status;
}
