/*
 * Ratings by rows and by columns: balanced ranges, and the plan of who sends which factor rows to whom.
 */
#include "matrix/ratings.h"

#include "base/exact_sum.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/team.h"
#include "comm/collective.h"
#include "matrix/csr.h"
#include "matrix/ratings_columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  SUMMED_AT_ONCE = 512,  /* values */
  RANDOM_OPERATIONS = 64 /* that a random number is worth */
};

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

/* The columns with entries here become the list `needed`, and the indices places in it. */
/* index[e] = place[index[e]] */
typedef struct place_call {
  int32_t *index;
  const int32_t *place;
} place_call;

static void put_in_place(void *of_call, int64_t begin, int64_t end) {
  const place_call *call = of_call;
  for (int64_t e = begin; e < end; e++)
    call->index[e] = call->place[call->index[e]];
}

static dnmf_status list_needed(dnmf_context *context, int64_t cols, dnmf_ratings_view *view) {
  const int64_t count = view->entries.start[view->entries.rows];
  int32_t *index = view->entries.index;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "needed rows", cols, sizeof(int32_t), &memory));
  int32_t *place = memory;
  for (int64_t e = 0; e < count; e++)
    place[index[e]] = 1;
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
    view->entries.cols = view->needed_count;
  }
  if (status == DNMF_OK && view->needed_count < cols) { /* else each column is its own place */
    place_call call = {index, place};
    dnmf_team_run(dnmf_team(context->threads, (double)count), count, put_in_place, &call);
  }
  free(place);
  return status;
}

static dnmf_status copy_bounds(dnmf_context *context, const int64_t *bounds, dnmf_ratings_view *view) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(&context->error, "range bounds", context->size + 1, sizeof(int64_t), &memory));
  view->bounds = memory;
  if (bounds)
    memcpy(view->bounds, bounds, ((size_t)context->size + 1) * sizeof *bounds);
  return DNMF_OK;
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

/* The values of some entries, and how often each occurs. Bytes are counted: each of them comes once. */
typedef struct value_tally {
  dnmf_number number;
  const dnmf_csr *entries;
  double byte_counts[UINT8_MAX + 1]; /* of bytes alone */
  double bytes[UINT8_MAX + 1];       /* the value of each */
} value_tally;

static bool are_bytes(dnmf_number number) {
  return number == DNMF_NUMBER_UINT8 || number == DNMF_NUMBER_HALVES;
}

static void tally_values(dnmf_number number, const dnmf_csr *entries, value_tally *tally) {
  int64_t counts[UINT8_MAX + 1] = {0};
  tally->number = number;
  tally->entries = entries;
  for (int64_t e = 0; e < entries->start[entries->rows] && are_bytes(number); e++)
    counts[((const uint8_t *)entries->value)[e]]++;
  for (int byte = 0; byte <= UINT8_MAX; byte++) {
    tally->byte_counts[byte] = (double)counts[byte];
    tally->bytes[byte] = number == DNMF_NUMBER_HALVES ? 0.5 * byte : byte;
  }
}

/* What is found out about values. */
typedef struct value_figures {
  double center;                        /* that differences are taken from */
  double unit;                          /* that they are told in; 0: only extremes are found */
  double differences[DNMF_EXACT_PARTS]; /* their sum, */
  double squares[DNMF_EXACT_PARTS];     /* and that of their squares */
  double extremes[2];                   /* -smallest, largest */
} value_figures;

static inline void add_value(value_figures *f, double count, double value) {
  if (f->unit > 0) {
    const double difference = (value - f->center) / f->unit;
    dnmf_exact_add_times(count, difference, f->differences);
    dnmf_exact_add_times(count, difference * difference, f->squares);
    return;
  }
  f->extremes[0] = -value > f->extremes[0] ? -value : f->extremes[0];
  f->extremes[1] = value > f->extremes[1] ? value : f->extremes[1];
}

static value_figures figures_of(const value_tally *tally, double center, double unit) {
  value_figures f = {.center = center, .unit = unit, .extremes = {-INFINITY, -INFINITY}};
  const int64_t count = tally->entries->start[tally->entries->rows];
  double room[SUMMED_AT_ONCE];
  for (int byte = 0; byte <= UINT8_MAX; byte++)
    if (tally->byte_counts[byte] > 0)
      add_value(&f, tally->byte_counts[byte], tally->bytes[byte]);
  for (int64_t at = 0; at < count && !are_bytes(tally->number); at += SUMMED_AT_ONCE) {
    const int64_t some = count - at < SUMMED_AT_ONCE ? count - at : SUMMED_AT_ONCE;
    const double *values = dnmf_numbers_widen(tally->number, tally->entries->value, at, some, room);
    for (int64_t i = 0; i < some; i++)
      add_value(&f, 1, values[i]);
  }
  return f;
}

/* The deviation from differences with the mean, whose own sum takes out what rounding left in the mean: values that are
 * large beside their differences keep it, on any number of processes. */
static dnmf_status find_deviation(dnmf_context *context, const value_tally *tally, dnmf_ratings *ratings) {
  const double unit = ratings->largest - ratings->smallest;
  const value_figures f = figures_of(tally, ratings->mean, unit);
  double sums[2 * DNMF_EXACT_PARTS];
  memcpy(sums, f.differences, sizeof f.differences);
  memcpy(sums + DNMF_EXACT_PARTS, f.squares, sizeof f.squares);
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 2 * (int64_t)DNMF_EXACT_PARTS));
  const double count = (double)ratings->stored;
  const double differences = dnmf_exact_value(sums);
  const double variance = (dnmf_exact_value(sums + DNMF_EXACT_PARTS) - differences * differences / count) / count;
  ratings->deviation = variance > 0 ? unit * sqrt(variance) : 0;
  return DNMF_OK;
}

/* The power of 2 above all values: to divide by it costs no digits. */
static double unit_of(double largest) {
  int exponent = 0;
  frexp(largest, &exponent);
  return largest > 0 ? ldexp(1, exponent) : 1;
}

/* Sums that do not depend on the number of processes. */
static dnmf_status summarize(dnmf_context *context, const dnmf_csr *entries, dnmf_ratings *ratings) {
  value_tally tally;
  tally_values(dnmf_number_of(ratings->precision, entries->narrow), entries, &tally);
  value_figures f = figures_of(&tally, 0, 0);
  DNMF_TRY(dnmf_max_doubles(context, context->comm, f.extremes, 2));
  const double unit = unit_of(f.extremes[1]);
  double sums[1 + DNMF_EXACT_PARTS] = {(double)entries->start[entries->rows]};
  const value_figures whole = figures_of(&tally, 0, unit);
  memcpy(sums + 1, whole.differences, sizeof whole.differences);
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 1 + (int64_t)DNMF_EXACT_PARTS));
  ratings->stored = (int64_t)sums[0];
  if (ratings->stored == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "there are no observed entries to fit");
  ratings->mean = unit * (dnmf_exact_value(sums + 1) / sums[0]);
  ratings->smallest = -f.extremes[0];
  ratings->largest = f.extremes[1];
  if (ratings->smallest == ratings->largest) { /* the mean exactly, and no deviation: not what rounding makes of them */
    ratings->mean = ratings->largest;
    return DNMF_OK;
  }
  return find_deviation(context, &tally, ratings);
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

/* chosen[e]: entry e is held out; counts[row + 1] of each row. */
typedef struct choice {
  const dnmf_ratings_split *split;
  int64_t first_row;
  const dnmf_csr *rows;
  bool *chosen;
  int64_t *counts;
} choice;

static void choose_in_rows(void *of_choice, int64_t begin, int64_t end) {
  const choice *c = of_choice;
  const dnmf_csr *rows = c->rows;
  for (int64_t row = begin; row < end; row++)
    for (int64_t e = rows->start[row]; e < rows->start[row + 1]; e++) {
      const uint64_t col = (uint64_t)rows->index[e];
      c->chosen[e] = dnmf_random_uniform(c->split->seed, DNMF_STREAM_FOLDS, (uint64_t)(c->first_row + row), col) <
                     c->split->fraction;
      c->counts[row + 1] += c->chosen[e];
    }
}

static void choose_held_out(const dnmf_context *context, const dnmf_ratings_split *split, int64_t first_row,
                            const dnmf_csr *rows, bool *chosen, int64_t *counts) {
  const int team = dnmf_team(context->threads, (double)rows->start[rows->rows] * RANDOM_OPERATIONS);
  choice c = {split, first_row, rows, chosen, counts};
  dnmf_team_run(team, rows->rows, choose_in_rows, &c);
}

/* Moves the chosen entries to `to`, whose starts are set, and closes the gaps they leave. */
static void move_held_out(const bool *chosen, size_t size, dnmf_csr *rows, dnmf_csr *to) {
  int64_t kept = 0;
  int64_t moved = 0;
  int64_t begin = 0;
  for (int64_t row = 0; row < rows->rows; row++) {
    const int64_t end = rows->start[row + 1];
    for (int64_t e = begin; e < end; e++) {
      dnmf_csr *csr = chosen[e] ? to : rows;
      const int64_t at = chosen[e] ? moved++ : kept++;
      csr->index[at] = rows->index[e];
      memcpy((char *)csr->value + (size_t)at * size, (const char *)rows->value + (size_t)e * size, size);
    }
    begin = end;
    rows->start[row + 1] = kept;
  }
}

static dnmf_status split_rows(dnmf_context *context, dnmf_precision precision, const dnmf_ratings_split *split,
                              int64_t first_row, dnmf_csr *rows, dnmf_csr *held_out) {
  dnmf_error *error = &context->error;
  const size_t size = dnmf_number_size(dnmf_number_of(precision, rows->narrow));
  void *memory = NULL;
  void *chosen = NULL;
  *held_out = (dnmf_csr){.rows = rows->rows, .cols = rows->cols, .narrow = rows->narrow};
  DNMF_TRY(dnmf_allocate_zero(error, "held-out entries", rows->rows + 1, sizeof(int64_t), &memory));
  held_out->start = memory;
  DNMF_TRY(dnmf_allocate(error, "held-out entries", rows->start[rows->rows], sizeof(bool), &chosen));
  choose_held_out(context, split, first_row, rows, chosen, held_out->start);
  for (int64_t row = 0; row < rows->rows; row++)
    held_out->start[row + 1] += held_out->start[row];
  const int64_t count = held_out->start[rows->rows];
  dnmf_status status = dnmf_allocate(error, "held-out entries", count, sizeof(int32_t), &memory);
  held_out->index = memory;
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "held-out entries", count, size, &held_out->value);
  if (status == DNMF_OK)
    move_held_out(chosen, size, rows, held_out);
  free(chosen);
  return status;
}

/* A share of the ratings by chance may be none of few, or all. */
static dnmf_status check_shares(dnmf_context *context, double fraction, const dnmf_csr *kept,
                                const dnmf_csr *held_out) {
  int64_t counts[] = {kept->start[kept->rows], held_out->start[held_out->rows]};
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 2));
  if (counts[0] + counts[1] > 0 && counts[1] == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "--validation %g: none of the %" PRId64 " ratings is held out, so there is no error to stop by; "
                     "give a larger fraction or a file of ratings, or leave --validation out",
                     fraction, counts[0]);
  if (counts[1] > 0 && counts[0] == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "--validation %g: all %" PRId64 " ratings are held out, and none is left to fit; give a smaller "
                     "fraction or a file of ratings, or leave --validation out",
                     fraction, counts[1]);
  return DNMF_OK;
}

/* Both views' lists of what they need, and the plans to fetch it. */
static dnmf_status plan_views(dnmf_context *context, dnmf_ratings *ratings) {
  dnmf_status status = list_needed(context, ratings->cols, &ratings->by_rows);
  if (status == DNMF_OK)
    status = list_needed(context, ratings->rows, &ratings->by_cols);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(plan_fetch(context, &ratings->by_cols, &ratings->by_rows));
  DNMF_TRY(plan_fetch(context, &ratings->by_rows, &ratings->by_cols));
  DNMF_TRY(measure_imbalance(context, ratings->stored, &ratings->by_rows));
  DNMF_TRY(measure_imbalance(context, ratings->stored, &ratings->by_cols));
  return sum_empty(context, ratings);
}

/* The columns' view from the finished rows. */
static dnmf_status add_columns(dnmf_context *context, dnmf_ratings *ratings) {
  dnmf_ratings_view *rows = &ratings->by_rows;
  dnmf_ratings_view *cols = &ratings->by_cols;
  DNMF_TRY(dnmf_agree(context, copy_bounds(context, NULL, cols)));
  dnmf_status status = dnmf_ratings_columns(context, ratings->precision, ratings->rows, rows->owned.begin,
                                            &rows->entries, cols->bounds, &cols->entries);
  cols->owned = (dnmf_range){cols->bounds[context->rank], cols->bounds[context->rank + 1]};
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

/* What a view needs whose columns are those of other ratings: its list, the plan to fetch it, and which of it is known.
 */
static dnmf_status plan_attached(dnmf_context *context, const dnmf_ratings *ratings, dnmf_ratings_view *view) {
  DNMF_TRY(dnmf_agree(context, list_needed(context, ratings->cols, view)));
  DNMF_TRY(plan_fetch(context, &ratings->by_cols, view));
  return ratings->by_cols.entries.start ? fetch_known(context, &ratings->by_cols, view) : DNMF_OK;
}

dnmf_status dnmf_ratings_from_rows(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *matrix,
                                   const dnmf_ratings_split *split, dnmf_ratings *ratings,
                                   dnmf_ratings_view *held_out) {
  const bool splits = split && split->fraction > 0;
  *ratings = (dnmf_ratings){.rows = matrix->rows, .cols = matrix->cols, .precision = matrix->precision};
  dnmf_ratings_view *rows = &ratings->by_rows;
  rows->entries = matrix->by_rows;
  rows->owned = matrix->row_range;
  matrix->by_rows = (dnmf_csr){0};
  dnmf_status status = copy_bounds(context, layout->row_begin, rows);
  if (splits) {
    *held_out = (dnmf_ratings_view){.owned = rows->owned};
    if (status == DNMF_OK)
      status = copy_bounds(context, layout->row_begin, held_out);
    if (status == DNMF_OK)
      status = split_rows(context, ratings->precision, split, rows->owned.begin, &rows->entries, &held_out->entries);
  }
  DNMF_TRY(dnmf_agree(context, status));
  if (splits)
    DNMF_TRY(check_shares(context, split->fraction, &rows->entries, &held_out->entries));
  DNMF_TRY(summarize(context, &rows->entries, ratings));
  DNMF_TRY(dnmf_agree(context, add_columns(context, ratings)));
  DNMF_TRY(plan_views(context, ratings));
  return splits ? plan_attached(context, ratings, held_out) : DNMF_OK;
}

/* `entries` as rows on the ranges `bounds`, or on balanced ones where it is NULL, which *layout then has. Consumes
 * them, also on failure. */
static dnmf_status assemble_entries(dnmf_context *context, int64_t rows, int64_t cols, dnmf_precision precision,
                                    const int64_t *bounds, dnmf_entries *entries, dnmf_layout *layout,
                                    dnmf_matrix *matrix) {
  const dnmf_grid grid = {
      .rows = context->size, .cols = 1, .row = context->rank, .row_comm = MPI_COMM_NULL, .col_comm = MPI_COMM_NULL};
  dnmf_entries_walk walk = {entries, 0};
  dnmf_status status = dnmf_agree(context, dnmf_layout_even(&context->error, &grid, rows, cols, layout));
  if (status == DNMF_OK && bounds)
    memcpy(layout->row_begin, bounds, ((size_t)context->size + 1) * sizeof *bounds);
  if (status == DNMF_OK)
    status = dnmf_matrix_assemble_ratings(context, layout, precision, !bounds, DNMF_DUPLICATES_LAST,
                                          dnmf_entries_walk_next, &walk, matrix);
  layout->grid = NULL;
  dnmf_entries_free(entries);
  return status;
}

dnmf_status dnmf_ratings_create(dnmf_context *context, int64_t rows, int64_t cols, dnmf_precision precision,
                                dnmf_entries *entries, dnmf_ratings *ratings) {
  dnmf_layout layout = {0};
  dnmf_matrix matrix = {0};
  memset(ratings, 0, sizeof *ratings);
  dnmf_status status = assemble_entries(context, rows, cols, precision, NULL, entries, &layout, &matrix);
  if (status == DNMF_OK)
    status = dnmf_ratings_from_rows(context, &layout, &matrix, NULL, ratings, NULL);
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
  return status;
}

dnmf_status dnmf_ratings_attach(dnmf_context *context, const dnmf_ratings *ratings, dnmf_entries *entries,
                                dnmf_ratings_view *view) {
  const int64_t *bounds = ratings->by_rows.bounds;
  dnmf_layout layout = {0};
  dnmf_matrix matrix = {0};
  memset(view, 0, sizeof *view);
  dnmf_status status =
      assemble_entries(context, ratings->rows, ratings->cols, ratings->precision, bounds, entries, &layout, &matrix);
  if (status == DNMF_OK) {
    view->owned = matrix.row_range;
    view->entries = matrix.by_rows;
    matrix.by_rows = (dnmf_csr){0};
    status = dnmf_agree(context, copy_bounds(context, bounds, view));
  }
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
  return status == DNMF_OK ? plan_attached(context, ratings, view) : status;
}

dnmf_status dnmf_ratings_gather(dnmf_context *context, const dnmf_ratings_view *view, const dnmf_panel *mine,
                                dnmf_panel *needed) {
  return dnmf_fetch_rows(context, &view->fetch, mine, needed);
}
