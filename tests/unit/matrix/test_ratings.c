/*
 * Both views of ratings against the entries they were made from, which every process can make for itself: the last (or
 * the sum) of those at one place, held out or not by its own random number.
 */
#include "base/random.h"
#include "matrix/ratings.h"
#include "mpi_test.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of values: what they are kept in is in `narrow_of`. */
typedef enum kind { HALVES, BYTES_THAT_ADD_UP, COUNTS, REALS, KINDS } kind;

typedef struct sample {
  int64_t rows;
  int64_t cols;
  int64_t given; /* entries, duplicates included, a run of them in file order on each process */
  kind values;
  dnmf_duplicates duplicates;
} sample;

static const uint64_t SEED = 11;

static double value_of(kind values, int64_t number) {
  const double u = dnmf_random_uniform(SEED, DNMF_STREAM_VALUES, (uint64_t)number, 0);
  switch (values) {
  case HALVES:
    return 0.5 * (1 + (int)(10 * u));
  case BYTES_THAT_ADD_UP:
    return 150 + (int)(100 * u);
  case COUNTS:
    return (int)(60000 * u);
  default:
    return 0.1 + u;
  }
}

/* Skewed: a third of all entries are in the first two rows and columns. */
static dnmf_entry entry_of(const sample *s, int64_t number) {
  const double u = dnmf_random_uniform(SEED, DNMF_STREAM_PATTERN, (uint64_t)number, 1);
  const double v = dnmf_random_uniform(SEED, DNMF_STREAM_PATTERN, (uint64_t)number, 2);
  const int64_t row = (int64_t)(u * u * (double)s->rows);
  return (dnmf_entry){row, (int64_t)(v * v * v * (double)s->cols), value_of(s->values, number)};
}

/* What there is at each place, row by row; -1: nothing. */
static double *whole_of(const sample *s) {
  double *all = malloc((size_t)(s->rows * s->cols) * sizeof *all);
  assert_non_null(all);
  for (int64_t place = 0; place < s->rows * s->cols; place++)
    all[place] = -1;
  for (int64_t i = 0; i < s->given; i++) {
    const dnmf_entry entry = entry_of(s, i);
    double *at = &all[entry.row * s->cols + entry.col];
    *at = s->duplicates == DNMF_DUPLICATES_SUM && *at >= 0 ? *at + entry.value : entry.value;
  }
  return all;
}

typedef struct reading {
  const sample *s;
  int64_t at;
  int64_t end;
} reading;

static dnmf_status next_entries(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error;
  reading *r = state;
  for (*count = 0; *count < limit && *count < 5 && r->at < r->end; r->at++)
    batch[(*count)++] = entry_of(r->s, r->at);
  return DNMF_OK;
}

static void create(const sample *s, const dnmf_ratings_split *split, dnmf_ratings *ratings,
                   dnmf_ratings_view *held_out) {
  dnmf_context *context = test_context();
  const dnmf_grid grid = {.rows = context->size, .cols = 1, .row = context->rank};
  const dnmf_range mine = dnmf_range_split((dnmf_range){0, s->given}, context->size, context->rank);
  reading r = {s, mine.begin, mine.end};
  dnmf_layout layout;
  dnmf_matrix matrix;
  assert_ok(dnmf_layout_even(&context->error, &grid, s->rows, s->cols, &layout));
  assert_ok(
      dnmf_matrix_assemble_ratings(context, &layout, DNMF_DOUBLE, true, s->duplicates, next_entries, &r, &matrix));
  assert_ok(dnmf_ratings_from_rows(context, &layout, &matrix, split, ratings, held_out));
  assert_null(matrix.by_rows.start);
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
}

/* Whether the entry at a place is held out. */
static bool is_held_out(const dnmf_ratings_split *split, int64_t row, int64_t col) {
  return split && dnmf_random_uniform(split->seed, DNMF_STREAM_FOLDS, (uint64_t)row, (uint64_t)col) < split->fraction;
}

/* A view holds those entries of `all` in its rows that are held out or not, and no others, each row's ascending. */
static void check_view(const sample *s, const double *all, const dnmf_ratings_split *split, bool held_out, bool by_cols,
                       const dnmf_ratings_view *view) {
  const dnmf_csr *csr = &view->entries;
  assert_int_equal(csr->rows, dnmf_range_size(view->owned));
  assert_int_equal(view->owned.begin, view->bounds[test_context()->rank]);
  assert_int_equal(view->owned.end, view->bounds[test_context()->rank + 1]);
  int64_t at = 0;
  for (int64_t line = 0; line < csr->rows; line++) {
    for (int64_t other = 0; other < (by_cols ? s->rows : s->cols); other++) {
      const int64_t row = by_cols ? other : view->owned.begin + line;
      const int64_t col = by_cols ? view->owned.begin + line : other;
      if (all[row * s->cols + col] < 0 || is_held_out(split, row, col) != held_out)
        continue;
      assert_true(at < csr->start[line + 1]);
      assert_int_equal(view->needed[csr->index[at]], other);
      assert_true(dnmf_number_at(dnmf_number_of(DNMF_DOUBLE, csr->narrow), csr->value, at) == all[row * s->cols + col]);
      at++;
    }
    assert_int_equal(csr->start[line + 1], at);
  }
}

/* No process has more than its share and the longest line. */
static void check_balance(const dnmf_ratings_view *view, int64_t given) {
  dnmf_context *context = test_context();
  int64_t longest = 0;
  for (int64_t line = 0; line < view->entries.rows; line++) {
    const int64_t length = view->entries.start[line + 1] - view->entries.start[line];
    longest = length > longest ? length : longest;
  }
  MPI_Allreduce(MPI_IN_PLACE, &longest, 1, MPI_INT64_T, MPI_MAX, context->comm);
  assert_int_equal(view->bounds[0], 0);
  for (int r = 0; r < context->size; r++)
    assert_true(view->bounds[r] <= view->bounds[r + 1]);
  assert_true(view->entries.start[view->entries.rows] <= given / context->size + longest + 1);
}

static void check(const sample *s, const dnmf_ratings_split *split, dnmf_number narrow) {
  dnmf_ratings ratings = {0};
  dnmf_ratings_view held_out = {0};
  double *all = whole_of(s);
  create(s, split, &ratings, &held_out);
  check_view(s, all, split, false, false, &ratings.by_rows);
  check_view(s, all, split, false, true, &ratings.by_cols);
  if (split)
    check_view(s, all, split, true, false, &held_out);
  assert_int_equal(ratings.by_rows.entries.narrow, narrow);
  assert_int_equal(ratings.by_cols.entries.narrow, narrow);
  if (s->duplicates == DNMF_DUPLICATES_LAST && !split) {
    check_balance(&ratings.by_rows, s->given);
    check_balance(&ratings.by_cols, ratings.stored);
  }
  dnmf_ratings_view_free(&held_out);
  dnmf_ratings_free(&ratings);
  free(all);
}

/* With few entries nearly every place has one at most; with many each has several. */
static const sample SAMPLES[] = {
    {70, 40, 900, HALVES, DNMF_DUPLICATES_LAST},  {70, 40, 9000, REALS, DNMF_DUPLICATES_LAST},
    {33, 90, 3000, COUNTS, DNMF_DUPLICATES_LAST}, {3, 2, 40, HALVES, DNMF_DUPLICATES_LAST},
    {1, 1, 1, REALS, DNMF_DUPLICATES_LAST},       {5, 400, 7, COUNTS, DNMF_DUPLICATES_LAST}};
static const dnmf_number NARROW_OF[KINDS] = {DNMF_NUMBER_HALVES, DNMF_NUMBER_UINT8, DNMF_NUMBER_UINT16, 0};

static void both_views_hold_every_entry_once(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++)
    check(&SAMPLES[i], NULL, NARROW_OF[SAMPLES[i].values]);
}

static void messages_come_in_pieces(void **state) {
  (void)state;
  const int64_t limits[] = {2, 7, 64};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    test_context()->message_limit = limits[i];
    check(&SAMPLES[2], NULL, NARROW_OF[COUNTS]);
    check(&(sample){20, 15, 200, REALS, DNMF_DUPLICATES_LAST}, NULL, 0);
  }
  test_context()->message_limit = INT_MAX;
}

static void entries_are_held_out_by_their_own_number(void **state) {
  (void)state;
  const dnmf_ratings_split splits[] = {{0.1, 5}, {0.7, 6}};
  for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
    for (size_t s = 0; s < 3; s++)
      check(&SAMPLES[s], &splits[i], NARROW_OF[SAMPLES[s].values]);
}

/* Each value is a byte; their sums are not. */
static void sums_are_kept_in_a_type_that_holds_them(void **state) {
  (void)state;
  check(&(sample){30, 20, 2000, BYTES_THAT_ADD_UP, DNMF_DUPLICATES_SUM}, NULL, DNMF_NUMBER_UINT16);
  check(&(sample){3000, 1, 1, BYTES_THAT_ADD_UP, DNMF_DUPLICATES_SUM}, NULL, DNMF_NUMBER_UINT8);
}

static void what_holds_no_entry_is_refused_by_all(void **state) {
  (void)state;
  dnmf_entries none = {0};
  dnmf_ratings ratings;
  assert_int_equal(dnmf_ratings_create(test_context(), 4, 3, DNMF_DOUBLE, &none, &ratings), DNMF_ERROR_INPUT);
  assert_non_null(strstr(test_context()->error.text, "no observed entries"));
  dnmf_ratings_free(&ratings);
}

static void too_many_rows_are_refused_by_all(void **state) {
  (void)state;
  dnmf_entries none = {0};
  dnmf_ratings ratings;
  const int64_t rows = (int64_t)INT32_MAX + 1;
  assert_int_equal(dnmf_ratings_create(test_context(), rows, 3, DNMF_DOUBLE, &none, &ratings), DNMF_ERROR_INPUT);
  dnmf_ratings_free(&ratings);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(both_views_hold_every_entry_once),         mpi_test(messages_come_in_pieces),
      mpi_test(entries_are_held_out_by_their_own_number), mpi_test(sums_are_kept_in_a_type_that_holds_them),
      mpi_test(what_holds_no_entry_is_refused_by_all),    mpi_test(too_many_rows_are_refused_by_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
