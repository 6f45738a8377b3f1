/*
 * From entries, wherever they were read, to the blocks of the process grid.
 *
 * A sparse block counts the entries of each row while they arrive; then each is put into its row, and the memory it
 * waited in is given back. Entries at the same place keep the order of the file, as the duplicates' policy needs. A
 * dense block takes each number as it arrives.
 */
#include "matrix/matrix.h"

#include "base/memory.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/balance.h"
#include "matrix/csr.h"
#include "matrix/narrow.h"
#include "matrix/staging.h"

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

static dnmf_status check_rated_rows(dnmf_error *error, const dnmf_layout *layout) {
  if (layout->rows <= INT32_MAX)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%" PRId64 " rows are too many for a fit of observed entries, which takes up to %" PRId32,
                   layout->rows, INT32_MAX);
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

static dnmf_status allocate_entries(dnmf_error *error, int64_t count, dnmf_number number, dnmf_csr *csr) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "sparse block indices", count, sizeof(int32_t), &memory));
  csr->index = memory;
  return dnmf_allocate(error, "sparse block values", count, dnmf_number_size(number), &csr->value);
}

/* How a block is assembled. */
typedef struct assembly {
  dnmf_matrix *matrix;
  dnmf_duplicates duplicates;
  dnmf_number narrow; /* of a dense block, as given */
  bool narrows;       /* a sparse block is narrowed at once */
  uint64_t excluded;  /* types in which a value that arrived is not exact */
} assembly;

/* What arrives for a sparse block waits, counted by row. */
static dnmf_status take_sparse(dnmf_staging *staging, void *state, int source, const char *items, int64_t count) {
  assembly *a = state;
  int64_t *starts = a->matrix->by_rows.start;
  DNMF_TRY(dnmf_queue_put(&staging->context->error, "entries of A", &staging->queues[source], items, count));
  for (int64_t i = 0; i < count; i++) {
    dnmf_staged_place place;
    memcpy(&place, items + (size_t)i * staging->item_bytes, sizeof place);
    starts[place.row + 1]++;
  }
  if (a->narrows)
    dnmf_narrow_look((dnmf_number)staging->precision, items + sizeof(dnmf_staged_place), staging->item_bytes, count,
                     &a->excluded);
  return DNMF_OK;
}

static dnmf_status take_dense(dnmf_staging *staging, void *state, int source, const char *items, int64_t count) {
  (void)source; /* each place is given once: their order does not matter */
  dnmf_matrix *matrix = ((const assembly *)state)->matrix;
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

/* What waits is put into its rows, whose entries are counted. */
static dnmf_status place_waiting(dnmf_context *context, void *state, dnmf_matrix *matrix) {
  dnmf_staging *staging = state;
  dnmf_csr *rows = &matrix->by_rows;
  int64_t count = 0;
  for (int r = 0; r < context->size; r++)
    count += staging->queues[r].count;
  DNMF_TRY(allocate_entries(&context->error, count, dnmf_matrix_number(matrix), rows));
  dnmf_csr_counts_to_places(rows->start, rows->rows);
  for (int r = 0; r < context->size; r++)
    dnmf_staging_place(&staging->queues[r], staging->precision, rows);
  return DNMF_OK;
}

static dnmf_status merge_rows(dnmf_error *error, dnmf_duplicates policy, dnmf_matrix *matrix) {
  return dnmf_csr_merge(error, &matrix->by_rows, matrix->precision, policy, matrix->row_range.begin,
                        matrix->col_range.begin, &matrix->duplicates);
}

/* Sums and means need not be exact in a narrow type: the values are widened everywhere where any process has some to
 * make. */
static dnmf_status merge_wide(dnmf_context *context, dnmf_duplicates policy, bool sorted, dnmf_matrix *matrix) {
  int64_t unsorted = !sorted;
  DNMF_TRY(dnmf_max_int64(context, context->comm, &unsorted, 1));
  if (!unsorted)
    return DNMF_OK;
  matrix->narrow = (dnmf_number)0;
  dnmf_status status = dnmf_csr_convert(&context->error, matrix->precision, matrix->narrow, &matrix->by_rows);
  if (status == DNMF_OK && !sorted)
    status = merge_rows(&context->error, policy, matrix);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_matrix_narrow(context, matrix);
}

/* Puts the entries into the rows of the block, in file order. */
typedef dnmf_status (*place_entries)(dnmf_context *context, void *state, dnmf_matrix *matrix);

/* The finished rows of a sparse block: in the order of the columns, entries that share a place in file order until they
 * are merged. */
static dnmf_status finish_rows(dnmf_context *context, place_entries place, void *state, assembly *a) {
  dnmf_matrix *matrix = a->matrix;
  if (a->narrows)
    DNMF_TRY(dnmf_narrow_choose(context, matrix->precision, a->excluded, &matrix->narrow));
  matrix->by_rows.narrow = matrix->narrow;
  dnmf_status status = place(context, state, matrix);
  if (status == DNMF_OK)
    status = dnmf_csr_sort(&context->error, &matrix->by_rows, matrix->precision, context->threads);
  const bool sorted = status == DNMF_OK && dnmf_csr_is_sorted(&matrix->by_rows);
  const bool adds = a->duplicates == DNMF_DUPLICATES_SUM || a->duplicates == DNMF_DUPLICATES_MEAN;
  if (status == DNMF_OK && !sorted && !(adds && matrix->narrow))
    status = merge_rows(&context->error, a->duplicates, matrix);
  DNMF_TRY(dnmf_agree(context, status));
  return adds && matrix->narrow ? merge_wide(context, a->duplicates, sorted, matrix) : DNMF_OK;
}

/* The same block by columns. */
static dnmf_status build_cols(const dnmf_context *context, dnmf_error *error, dnmf_matrix *matrix) {
  const dnmf_csr *rows = &matrix->by_rows;
  dnmf_csr *cols = &matrix->by_cols;
  DNMF_TRY(allocate_starts(error, rows->cols, rows->rows, cols));
  DNMF_TRY(allocate_entries(error, rows->start[rows->rows], dnmf_matrix_number(matrix), cols));
  dnmf_csr_transpose(rows, matrix->precision, context->threads, cols);
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
                            dnmf_next_entries next, void *state, assembly *a) {
  dnmf_staging staging = {0};
  dnmf_matrix *matrix = a->matrix;
  memset(matrix, 0, sizeof *matrix);
  dnmf_status status = begin_block(context, layout, precision, sparse, a->narrow, matrix);
  if (status == DNMF_OK)
    status = dnmf_staging_create(context, layout, precision, &staging);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_staging_route(&staging, next, state, sparse ? take_sparse : take_dense, a);
  if (status == DNMF_OK && sparse)
    status = finish_rows(context, place_waiting, &staging, a);
  dnmf_staging_free(&staging);
  return status;
}

dnmf_status dnmf_matrix_assemble_rows(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                      bool sparse, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                      dnmf_matrix *matrix) {
  assembly a = {.matrix = matrix, .duplicates = duplicates};
  return assemble(context, layout, precision, sparse, next, state, &a);
}

dnmf_status dnmf_matrix_assemble_dense(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_number narrow, dnmf_next_entries next, void *state, dnmf_matrix *matrix) {
  assembly a = {.matrix = matrix, .narrow = narrow};
  return assemble(context, layout, precision, false, next, state, &a);
}

dnmf_status dnmf_matrix_assemble(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                 bool sparse, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                 dnmf_matrix *matrix) {
  DNMF_TRY(dnmf_matrix_assemble_rows(context, layout, precision, sparse, duplicates, next, state, matrix));
  return sparse ? dnmf_agree(context, build_cols(context, &context->error, matrix)) : DNMF_OK;
}

/* A walk over entries in parts by a thread each. */
typedef struct part_walk {
  const dnmf_entry_parts *parts;
  dnmf_matrix *matrix;
  bool narrows;
  int64_t **places;   /* of each part: first how many entries of each row it has, then where its next one goes */
  uint64_t *excluded; /* by each part, see assembly */
} part_walk;

enum { PART_BATCH = 512 };

/* The entries of a row in the parts, in turn, become places behind `start`, and start[row + 1] the end of the row. */
static void counts_to_places(const part_walk *walk, int64_t *start, int64_t rows) {
  int64_t at = 0;
  for (int64_t row = 0; row < rows; row++) {
    for (int p = 0; p < walk->parts->count; p++) {
      const int64_t count = walk->places[p][row];
      walk->places[p][row] = at;
      at += count;
    }
    start[row + 1] = at;
  }
}

/* The next entries of a part, with the values that the matrix has; `last`: this is the last walk. Returns how many. */
static inline int64_t next_of_part(const part_walk *walk, int part, bool last, dnmf_entry batch[PART_BATCH]) {
  const int64_t count = walk->parts->next(walk->parts->state, part, last, batch, PART_BATCH);
  for (int64_t e = 0; e < count && walk->matrix->precision == DNMF_SINGLE; e++)
    batch[e].value = (double)(float)batch[e].value;
  return count;
}

static void count_parts(void *of_walk, int64_t begin, int64_t end) {
  const part_walk *walk = of_walk;
  dnmf_entry batch[PART_BATCH];
  for (int p = (int)begin; p < end; p++) {
    int64_t count = 0;
    while ((count = next_of_part(walk, p, false, batch)) > 0) {
      for (int64_t e = 0; e < count; e++)
        walk->places[p][batch[e].row]++;
      if (walk->narrows)
        dnmf_narrow_look(DNMF_NUMBER_DOUBLE, &batch->value, sizeof *batch, count, &walk->excluded[p]);
    }
  }
}

/* `number` is a constant where this is called, but for rare ones. Where entries go is asked for before they are put
 * there: it is all over memory. */
static inline void place_part(const part_walk *walk, int part, dnmf_number number) {
  const dnmf_csr *rows = &walk->matrix->by_rows;
  int64_t *next = walk->places[part];
  dnmf_entry batch[PART_BATCH];
  int64_t at[PART_BATCH];
  int64_t count = 0;
  while ((count = next_of_part(walk, part, true, batch)) > 0) {
    for (int64_t e = 0; e < count; e++) {
      at[e] = next[batch[e].row]++;
      __builtin_prefetch(&rows->index[at[e]], 1);
      __builtin_prefetch((const char *)rows->value + (size_t)at[e] * dnmf_number_size(number), 1);
    }
    for (int64_t e = 0; e < count; e++) {
      rows->index[at[e]] = (int32_t)batch[e].col;
      dnmf_number_put(number, rows->value, at[e], batch[e].value);
    }
  }
}

static void place_parts(void *of_walk, int64_t begin, int64_t end) {
  const part_walk *walk = of_walk;
  const dnmf_number number = dnmf_matrix_number(walk->matrix);
  for (int p = (int)begin; p < end; p++)
    if (number == DNMF_NUMBER_HALVES)
      place_part(walk, p, DNMF_NUMBER_HALVES);
    else if (number == DNMF_NUMBER_UINT8)
      place_part(walk, p, DNMF_NUMBER_UINT8);
    else if (number == DNMF_NUMBER_SINGLE)
      place_part(walk, p, DNMF_NUMBER_SINGLE);
    else if (number == DNMF_NUMBER_DOUBLE)
      place_part(walk, p, DNMF_NUMBER_DOUBLE);
    else
      place_part(walk, p, number);
}

static dnmf_status place_walked(dnmf_context *context, void *state, dnmf_matrix *matrix) {
  part_walk *walk = state;
  dnmf_csr *rows = &matrix->by_rows;
  counts_to_places(walk, rows->start, rows->rows);
  DNMF_TRY(allocate_entries(&context->error, rows->start[rows->rows], dnmf_matrix_number(matrix), rows));
  dnmf_team_run(walk->parts->count, walk->parts->count, place_parts, walk);
  return DNMF_OK;
}

/* Room for what a walk finds out. */
static dnmf_status walk_begin(dnmf_error *error, part_walk *walk) {
  void *memory = NULL;
  const int count = walk->parts->count;
  DNMF_TRY(dnmf_allocate_zero(error, "entries of each row", count, sizeof *walk->excluded, &memory));
  walk->excluded = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "entries of each row", count, sizeof *walk->places, &memory));
  walk->places = memory;
  for (int p = 0; p < count; p++) {
    DNMF_TRY(dnmf_allocate_zero(error, "entries of each row", walk->matrix->by_rows.rows, sizeof(int64_t), &memory));
    walk->places[p] = memory;
  }
  return DNMF_OK;
}

static void walk_end(part_walk *walk) {
  for (int p = 0; p < walk->parts->count && walk->places; p++)
    free(walk->places[p]);
  free(walk->places);
  free(walk->excluded);
}

dnmf_status dnmf_matrix_assemble_parts(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                       dnmf_assembly kind, dnmf_duplicates duplicates, const dnmf_entry_parts *parts,
                                       dnmf_matrix *matrix) {
  assembly a = {.matrix = matrix, .duplicates = duplicates, .narrows = kind == DNMF_ASSEMBLE_RATINGS};
  part_walk walk = {.parts = parts, .matrix = matrix, .narrows = a.narrows};
  memset(matrix, 0, sizeof *matrix);
  if (kind == DNMF_ASSEMBLE_RATINGS)
    DNMF_TRY(check_rated_rows(&context->error, layout));
  dnmf_status status = begin_block(context, layout, precision, true, (dnmf_number)0, matrix);
  if (status == DNMF_OK)
    status = walk_begin(&context->error, &walk);
  if (status == DNMF_OK) {
    dnmf_team_run(parts->count, parts->count, count_parts, &walk);
    for (int p = 0; p < parts->count; p++)
      a.excluded |= walk.excluded[p];
    status = finish_rows(context, place_walked, &walk, &a);
  }
  walk_end(&walk);
  if (status == DNMF_OK && kind == DNMF_ASSEMBLE_BOTH)
    status = build_cols(context, &context->error, matrix);
  return status;
}

dnmf_status dnmf_matrix_assemble_ratings(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                         bool balanced, dnmf_duplicates duplicates, dnmf_next_entries next, void *state,
                                         dnmf_matrix *matrix) {
  assembly a = {.matrix = matrix, .duplicates = duplicates, .narrows = true};
  dnmf_held_entries held = {.precision = precision};
  memset(matrix, 0, sizeof *matrix);
  if (balanced)
    DNMF_TRY(check_rated_rows(&context->error, layout));
  if (!balanced || context->size == 1) /* one process has all rows */
    return assemble(context, layout, precision, true, next, state, &a);
  dnmf_status status = dnmf_balance_hold(context, layout->rows, precision, next, state, layout->row_begin, &held);
  if (status == DNMF_OK)
    status = assemble(context, layout, precision, true, dnmf_held_entries_next, &held, &a);
  dnmf_held_entries_free(&held);
  return status;
}

dnmf_status dnmf_entries_walk_next(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  dnmf_entries_walk *walk = state;
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
  dnmf_entries_walk walk = {entries, 0};
  dnmf_status status =
      dnmf_matrix_assemble(context, layout, precision, sparse, duplicates, dnmf_entries_walk_next, &walk, matrix);
  dnmf_entries_free(entries);
  return status;
}
