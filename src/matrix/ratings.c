/*
 * Ratings by rows and by columns: balanced ranges, and the plan of who sends which factor rows to whom.
 */
#include "matrix/ratings.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/csr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void dnmf_ratings_view_free(dnmf_ratings_view *view) {
  free(view->bounds);
  dnmf_csr_free(&view->entries);
  free(view->needed);
  free(view->needed_known);
  dnmf_fetch_free(&view->fetch);
  memset(view, 0, sizeof *view);
}

void dnmf_ratings_free(dnmf_ratings *ratings) {
  dnmf_ratings_view_free(&ratings->by_rows);
  dnmf_ratings_view_free(&ratings->by_cols);
  memset(ratings, 0, sizeof *ratings);
}

/* Entries of each global row of the even range this process counts, summed over all processes. */
static dnmf_status count_rows(dnmf_context *context, dnmf_range whole, const dnmf_entries *entries, int64_t **counts) {
  int size = context->size;
  void *memory = NULL;
  *counts = NULL;
  dnmf_grid grid = {.rows = size, .cols = 1, .row = context->rank};
  dnmf_layout even = {0};
  dnmf_status status = dnmf_layout_even(&context->error, &grid, whole.end, 1, &even);
  void *keys = NULL;
  void *places = NULL;
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "row numbers", entries->count, sizeof(int64_t), &keys);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "row counts", 3 * (int64_t)size, sizeof(int64_t), &places);
  status = dnmf_agree(context, status);
  void *received = NULL;
  if (status == DNMF_OK) {
    int64_t *send = places;
    int64_t *receive = send + size;
    int64_t *next = receive + size;
    for (int64_t e = 0; e < entries->count; e++)
      send[dnmf_layout_find_row(&even, entries->items[e].row)]++;
    for (int r = 1; r < size; r++)
      next[r] = next[r - 1] + send[r - 1];
    for (int64_t e = 0; e < entries->count; e++)
      ((int64_t *)keys)[next[dnmf_layout_find_row(&even, entries->items[e].row)]++] = entries->items[e].row;
    status = dnmf_exchange(context, keys, send, sizeof(int64_t), &received, receive);
    dnmf_range mine = dnmf_range_split(whole, size, context->rank);
    if (status == DNMF_OK)
      status = dnmf_allocate_zero(&context->error, "row counts", dnmf_range_size(mine), sizeof(int64_t), &memory);
    *counts = memory;
    status = dnmf_agree(context, status);
    int64_t total = 0;
    for (int r = 0; r < size; r++)
      total += receive[r];
    for (int64_t i = 0; i < total && status == DNMF_OK; i++)
      (*counts)[((int64_t *)received)[i] - mine.begin]++;
  }
  free(received);
  free(keys);
  free(places);
  dnmf_layout_free(&even);
  return status;
}

/* Bounds of ranges with about the same number of entries: bound r is the first row before which r shares lie. */
static dnmf_status balance(dnmf_context *context, int64_t rows, const dnmf_entries *entries, int64_t *bounds) {
  dnmf_range whole = {0, rows};
  dnmf_range mine = dnmf_range_split(whole, context->size, context->rank);
  int64_t *counts = NULL;
  DNMF_TRY(count_rows(context, whole, entries, &counts));
  int64_t local = 0;
  for (int64_t i = 0; i < dnmf_range_size(mine); i++)
    local += counts[i];
  int64_t before = 0;
  int64_t total = 0;
  dnmf_status status = dnmf_exscan_int64(context, local, &before, &total);
  memset(bounds, 0, ((size_t)context->size + 1) * sizeof *bounds);
  int part = 1;
  for (int64_t i = 0; i < dnmf_range_size(mine); i++) {
    int64_t through = before + counts[i];
    for (; part < context->size && (double)total * part / context->size <= (double)through; part++) {
      double target = (double)total * part / context->size;
      if (target > (double)before)
        bounds[part] = mine.begin + i + (target - (double)before > (double)through - target ? 1 : 0);
    }
    before = through;
  }
  free(counts);
  if (status == DNMF_OK)
    status = dnmf_max_int64(context, context->comm, bounds, context->size);
  bounds[context->size] = rows;
  return status;
}

/* The columns with entries here become the list `needed`, and the indices places in it. */
static dnmf_status list_needed(dnmf_context *context, int64_t cols, dnmf_ratings_view *view) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "needed rows", cols, sizeof(int32_t), &memory));
  int32_t *place = memory;
  int64_t count = view->entries.start[view->entries.rows];
  for (int64_t e = 0; e < count; e++)
    place[view->entries.index[e]] = 1;
  for (int64_t c = 0; c < cols; c++)
    view->needed_count += place[c];
  dnmf_status status = dnmf_allocate(&context->error, "needed rows", view->needed_count, sizeof(int64_t), &memory);
  view->needed = memory;
  if (status == DNMF_OK) {
    int32_t next = 0;
    for (int64_t c = 0; c < cols; c++)
      if (place[c]) {
        view->needed[next] = c;
        place[c] = next++;
      }
    for (int64_t e = 0; e < count; e++)
      view->entries.index[e] = place[view->entries.index[e]];
    view->entries.cols = view->needed_count;
  }
  free(place);
  return status;
}

/* One view: entries (consumed) by the given row ranges, or by balanced ones when `bounds` is NULL. */
static dnmf_status create_view(dnmf_context *context, int64_t rows, int64_t cols, dnmf_precision precision,
                               const int64_t *bounds, dnmf_entries *entries, dnmf_ratings_view *view) {
  dnmf_grid grid = {
      .rows = context->size, .cols = 1, .row = context->rank, .row_comm = MPI_COMM_NULL, .col_comm = MPI_COMM_NULL};
  dnmf_layout layout = {0};
  dnmf_matrix matrix = {0};
  dnmf_status status = dnmf_agree(context, dnmf_layout_even(&context->error, &grid, rows, cols, &layout));
  if (status == DNMF_OK && bounds)
    memcpy(layout.row_begin, bounds, ((size_t)context->size + 1) * sizeof *bounds);
  else if (status == DNMF_OK)
    status = balance(context, rows, entries, layout.row_begin);
  if (status == DNMF_OK)
    status = dnmf_matrix_from_entries(context, &layout, precision, true, DNMF_DUPLICATES_LAST, entries, &matrix);
  dnmf_csr_free(&matrix.by_cols); /* the other view's */
  if (status == DNMF_OK)
    status = dnmf_matrix_narrow(context, &matrix);
  if (status == DNMF_OK) {
    view->owned = matrix.row_range;
    view->entries = matrix.by_rows;
    matrix.by_rows = (dnmf_csr){0};
    void *memory = NULL;
    status = dnmf_allocate(&context->error, "range bounds", context->size + 1, sizeof(int64_t), &memory);
    view->bounds = memory;
    if (status == DNMF_OK)
      memcpy(view->bounds, layout.row_begin, ((size_t)context->size + 1) * sizeof(int64_t));
    if (status == DNMF_OK)
      status = list_needed(context, cols, view);
    status = dnmf_agree(context, status);
  }
  dnmf_entries_free(entries);
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
  return status;
}

/* The needed rows are owned as the other view's rows are. */
static dnmf_status plan_fetch(dnmf_context *context, const dnmf_ratings_view *other, dnmf_ratings_view *view) {
  return dnmf_fetch_plan(context, other->bounds, view->needed, view->needed_count, &view->fetch);
}

/* Largest share of entries over the mean share. */
static dnmf_status measure_imbalance(dnmf_context *context, int64_t stored, dnmf_ratings_view *view) {
  double largest = (double)view->entries.start[view->entries.rows];
  DNMF_TRY(dnmf_max_doubles(context, context->comm, &largest, 1));
  view->imbalance = stored > 0 ? largest * context->size / (double)stored : 1;
  return DNMF_OK;
}

/* The deviation from differences with the mean, whose own sum takes out what rounding left in the mean: values that are
 * large beside their differences keep it, on any number of processes. */
static dnmf_status find_deviation(dnmf_context *context, const dnmf_entries *entries, dnmf_ratings *ratings) {
  double sums[2] = {0, 0};
  for (int64_t e = 0; e < entries->count; e++) {
    const double difference = entries->items[e].value - ratings->mean;
    sums[0] += difference;
    sums[1] += difference * difference;
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 2));
  const double count = (double)ratings->stored;
  const double variance = (sums[1] - sums[0] * sums[0] / count) / count;
  ratings->deviation = variance > 0 ? sqrt(variance) : 0;
  return DNMF_OK;
}

static dnmf_status summarize(dnmf_context *context, const dnmf_entries *entries, dnmf_ratings *ratings) {
  double extremes[2] = {-INFINITY, -INFINITY}; /* -smallest, largest */
  double sums[2] = {(double)entries->count, 0};
  for (int64_t e = 0; e < entries->count; e++) {
    double value = entries->items[e].value;
    sums[1] += value;
    extremes[0] = -value > extremes[0] ? -value : extremes[0];
    extremes[1] = value > extremes[1] ? value : extremes[1];
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 2));
  DNMF_TRY(dnmf_max_doubles(context, context->comm, extremes, 2));
  ratings->stored = (int64_t)sums[0];
  if (ratings->stored == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "there are no observed entries to fit");
  ratings->mean = sums[1] / sums[0];
  ratings->smallest = -extremes[0];
  ratings->largest = extremes[1];
  if (ratings->smallest == ratings->largest) { /* the mean exactly, and no deviation: not what rounding makes of them */
    ratings->mean = ratings->largest;
    return DNMF_OK;
  }
  return find_deviation(context, entries, ratings);
}

static int64_t count_empty(const dnmf_csr *entries) {
  int64_t empty = 0;
  for (int64_t row = 0; row < entries->rows; row++)
    empty += entries->start[row + 1] == entries->start[row];
  return empty;
}

static dnmf_status sum_empty(dnmf_context *context, dnmf_ratings *ratings) {
  int64_t empty[] = {count_empty(&ratings->by_rows.entries), count_empty(&ratings->by_cols.entries)};
  DNMF_TRY(dnmf_sum_int64(context, context->comm, empty, 2));
  ratings->empty_rows = empty[0];
  ratings->empty_cols = empty[1];
  return DNMF_OK;
}

/* A copy with rows and columns exchanged. */
static dnmf_status transpose_entries(dnmf_context *context, const dnmf_entries *entries, dnmf_entries *transposed) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "entries by column", entries->count, sizeof(dnmf_entry), &memory);
  transposed->items = memory;
  transposed->count = status == DNMF_OK ? entries->count : 0;
  for (int64_t e = 0; e < transposed->count; e++)
    transposed->items[e] = (dnmf_entry){entries->items[e].col, entries->items[e].row, entries->items[e].value};
  return dnmf_agree(context, status);
}

dnmf_status dnmf_ratings_create(dnmf_context *context, int64_t rows, int64_t cols, dnmf_precision precision,
                                dnmf_entries *entries, dnmf_ratings *ratings) {
  memset(ratings, 0, sizeof *ratings);
  ratings->rows = rows;
  ratings->cols = cols;
  ratings->precision = precision;
  dnmf_entries transposed = {0};
  dnmf_status status = summarize(context, entries, ratings);
  if (status == DNMF_OK)
    status = transpose_entries(context, entries, &transposed);
  if (status == DNMF_OK)
    status = create_view(context, rows, cols, precision, NULL, entries, &ratings->by_rows);
  if (status == DNMF_OK)
    status = create_view(context, cols, rows, precision, NULL, &transposed, &ratings->by_cols);
  if (status == DNMF_OK)
    status = plan_fetch(context, &ratings->by_cols, &ratings->by_rows);
  if (status == DNMF_OK)
    status = plan_fetch(context, &ratings->by_rows, &ratings->by_cols);
  if (status == DNMF_OK)
    status = measure_imbalance(context, ratings->stored, &ratings->by_rows);
  if (status == DNMF_OK)
    status = measure_imbalance(context, ratings->stored, &ratings->by_cols);
  if (status == DNMF_OK)
    status = sum_empty(context, ratings);
  dnmf_entries_free(entries);
  dnmf_entries_free(&transposed);
  return status;
}

static dnmf_status mark_rows_with_entries(dnmf_error *error, const dnmf_csr *entries, bool **marks) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "rows with entries", entries->rows, sizeof(bool), &memory));
  *marks = memory;
  for (int64_t row = 0; row < entries->rows; row++)
    (*marks)[row] = entries->start[row + 1] > entries->start[row];
  return DNMF_OK;
}

/* view->needed_known, from the owners of the needed rows. */
static dnmf_status fetch_known(dnmf_context *context, const dnmf_ratings_view *other, dnmf_ratings_view *view) {
  bool *mine = NULL;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "rows with entries", view->needed_count, sizeof(bool), &memory);
  view->needed_known = memory;
  if (status == DNMF_OK)
    status = mark_rows_with_entries(&context->error, &other->entries, &mine);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fetch_items(context, &view->fetch, mine, sizeof(bool), view->needed_known);
  free(mine);
  return status;
}

dnmf_status dnmf_ratings_attach(dnmf_context *context, const dnmf_ratings *ratings, dnmf_entries *entries,
                                dnmf_ratings_view *view) {
  memset(view, 0, sizeof *view);
  DNMF_TRY(
      create_view(context, ratings->rows, ratings->cols, ratings->precision, ratings->by_rows.bounds, entries, view));
  DNMF_TRY(plan_fetch(context, &ratings->by_cols, view));
  return ratings->by_cols.entries.start ? fetch_known(context, &ratings->by_cols, view) : DNMF_OK;
}

dnmf_status dnmf_ratings_gather(dnmf_context *context, const dnmf_ratings_view *view, const dnmf_panel *mine,
                                dnmf_panel *needed) {
  return dnmf_fetch_rows(context, &view->fetch, mine, needed);
}
