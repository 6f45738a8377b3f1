#include "entries.h"
#include "grids.h"

#include <limits.h>
#include <string.h>

enum { MOST_ENTRIES = 128 };

/* Entries in file order, and the matrix they should become. */
typedef struct sample {
  int64_t rows;
  int64_t cols;
  dnmf_entry entries[MOST_ENTRIES];
  int64_t count;
  dnmf_duplicates policy;
} sample;

/* `count` entries at scattered places, some of them several times, some with the value 0. */
static sample scattered(int64_t rows, int64_t cols, int64_t count, dnmf_duplicates policy) {
  sample s = {.rows = rows, .cols = cols, .count = count, .policy = policy};
  for (int64_t e = 0; e < count; e++) {
    int64_t place = (e * 37 + e * e) % (rows * cols);
    s.entries[e] = (dnmf_entry){place / cols, place % cols, (double)(e % 7) * 0.3};
  }
  return s;
}

/* The value at one place by reading the file from its beginning; `times` it is given. */
static double expected(const sample *s, int64_t row, int64_t col, int64_t *times) {
  double sum = 0;
  double last = 0;
  *times = 0;
  for (int64_t e = 0; e < s->count; e++)
    if (s->entries[e].row == row && s->entries[e].col == col) {
      last = s->entries[e].value;
      sum += last;
      ++*times;
    }
  if (s->policy == DNMF_DUPLICATES_LAST || *times == 0)
    return last;
  return s->policy == DNMF_DUPLICATES_MEAN ? sum / (double)*times : sum;
}

static void assert_sorted(const dnmf_csr *csr) {
  assert_int_equal(csr->start[0], 0);
  for (int64_t row = 0; row < csr->rows; row++)
    for (int64_t at = csr->start[row] + 1; at < csr->start[row + 1]; at++)
      assert_true(csr->index[at - 1] < csr->index[at]);
}

/* Both orders of the block hold exactly the places that the entries name. */
static void check_sparse(const sample *s, const dnmf_matrix *a) {
  int64_t stored = 0;
  assert_true(a->sparse);
  assert_null(a->dense);
  assert_int_equal(a->by_rows.rows, dnmf_range_size(a->row_range));
  assert_int_equal(a->by_rows.cols, dnmf_range_size(a->col_range));
  assert_int_equal(a->by_cols.rows, dnmf_range_size(a->col_range));
  assert_int_equal(a->by_cols.cols, dnmf_range_size(a->row_range));
  for (int64_t row = 0; row < a->by_rows.rows; row++)
    for (int64_t col = 0; col < a->by_rows.cols; col++) {
      int64_t times = 0;
      double value = expected(s, a->row_range.begin + row, a->col_range.begin + col, &times);
      value = a->precision == DNMF_DOUBLE ? value : (double)(float)value;
      int64_t by_row = find_in_row(&a->by_rows, row, col);
      int64_t by_col = find_in_row(&a->by_cols, col, row);
      assert_int_equal(by_row >= 0, times > 0);
      assert_int_equal(by_col >= 0, times > 0);
      if (times == 0)
        continue;
      stored++;
      assert_true(number_at(a->by_rows.value, a->precision, by_row) == value);
      assert_true(number_at(a->by_cols.value, a->precision, by_col) == value);
    }
  assert_int_equal(a->by_rows.start[a->by_rows.rows], stored);
  assert_int_equal(a->by_cols.start[a->by_cols.rows], stored);
  assert_sorted(&a->by_rows);
  assert_sorted(&a->by_cols);
}

static void check_dense(const sample *s, const dnmf_matrix *a) {
  int64_t cols = dnmf_range_size(a->col_range);
  assert_false(a->sparse);
  for (int64_t row = 0; row < dnmf_range_size(a->row_range); row++)
    for (int64_t col = 0; col < cols; col++) {
      int64_t times = 0;
      double value = expected(s, a->row_range.begin + row, a->col_range.begin + col, &times);
      value = a->precision == DNMF_DOUBLE ? value : (double)(float)value;
      assert_true(number_at(a->dense, a->precision, row * cols + col) == value);
    }
}

static int64_t merged_entries(const sample *s) {
  int64_t merged = 0;
  for (int64_t row = 0; row < s->rows; row++)
    for (int64_t col = 0; col < s->cols; col++) {
      int64_t times = 0;
      expected(s, row, col, &times);
      merged += times > 1 ? times - 1 : 0;
    }
  return merged;
}

static void check_sample(const dnmf_grid *grid, const sample *s) {
  dnmf_context *context = test_context();
  dnmf_layout layout;
  assert_ok(dnmf_layout_even(&context->error, grid, s->rows, s->cols, &layout));
  for (int sparse = merged_entries(s) > 0; sparse < 2; sparse++) /* a dense block takes a place once */
    for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
      dnmf_entries entries = my_entries(s->entries, s->count);
      dnmf_matrix a;
      assert_ok(dnmf_matrix_from_entries(context, &layout, (dnmf_precision)precision, sparse, s->policy, &entries, &a));
      assert_null(entries.items);
      if (sparse)
        check_sparse(s, &a);
      else
        check_dense(s, &a);
      assert_ok(dnmf_matrix_finish(context, &layout, &a));
      assert_int_equal(a.duplicates, merged_entries(s));
      dnmf_matrix_free(&a);
    }
  dnmf_layout_free(&layout);
}

/* Every second place, last rows first, each with columns descending. */
static sample descending(void) {
  sample s = {.rows = 11, .cols = 13, .policy = DNMF_DUPLICATES_ERROR};
  for (int64_t place = 142; place >= 0; place -= 2)
    s.entries[s.count++] = (dnmf_entry){place / 13, place % 13, (double)(place % 5)};
  return s;
}

static void check_without_duplicates(const dnmf_grid *grid) {
  sample s = descending();
  check_sample(grid, &s);
}

static void entries_come_to_their_blocks(void **state) {
  (void)state;
  on_every_grid(check_without_duplicates);
}

static void check_policies(const dnmf_grid *grid) {
  for (int policy = DNMF_DUPLICATES_LAST; policy <= DNMF_DUPLICATES_MEAN; policy++) {
    sample s = scattered(5, 6, 90, (dnmf_duplicates)policy);
    check_sample(grid, &s);
  }
}

/* The entries of one place come from several processes: `last` is the last of the file, not of a process. */
static void duplicates_follow_their_policy(void **state) {
  (void)state;
  on_every_grid(check_policies);
}

/* Batches of every small size: the entries of one place come in several, and processes run out at different times. */
static void check_batches(const dnmf_grid *grid) {
  static const int64_t limits[] = {1, 2, 3, 7, 16};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    test_context()->message_limit = limits[i];
    check_policies(grid);
    check_without_duplicates(grid);
  }
  test_context()->message_limit = INT_MAX;
}

static void the_size_of_a_batch_does_not_matter(void **state) {
  (void)state;
  on_every_grid(check_batches);
}

static void check_small_shapes(const dnmf_grid *grid) {
  static const int64_t shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 3}, {3, 2}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    sample s = scattered(shapes[i][0], shapes[i][1], 5, DNMF_DUPLICATES_SUM);
    check_sample(grid, &s);
    s.count = 0;
    check_sample(grid, &s);
  }
}

static void processes_without_rows_columns_or_entries(void **state) {
  (void)state;
  on_every_grid(check_small_shapes);
}

static void check_refused(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  sample s = {.rows = 4, .cols = 5, .count = 8};
  for (int64_t e = 0; e < s.count; e++)
    s.entries[e] = (dnmf_entry){e % 4, e % 5, 1};
  s.entries[2] = s.entries[5] = s.entries[7] = (dnmf_entry){3, 4, 2};
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_entries entries = my_entries(s.entries, s.count);
  assert_ok(dnmf_layout_even(&context->error, grid, s.rows, s.cols, &layout));
  dnmf_status status =
      dnmf_matrix_from_entries(context, &layout, DNMF_DOUBLE, true, DNMF_DUPLICATES_ERROR, &entries, &a);
  assert_int_equal(status, DNMF_ERROR_INPUT);
  assert_non_null(strstr(context->error.text, "row 3, column 4 (counted from 0) is given 3 times"));
  assert_null(entries.items);
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
  context->error = (dnmf_error){0};
}

static void duplicates_are_refused_everywhere_when_asked(void **state) {
  (void)state;
  on_every_grid(check_refused);
}

static void check_round_trip(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  sample s = descending();
  dnmf_grid other;
  dnmf_layout layout;
  dnmf_layout other_layout;
  assert_ok(dnmf_grid_create(context, grid->cols, grid->rows, &other));
  assert_ok(dnmf_layout_even(&context->error, grid, s.rows, s.cols, &layout));
  assert_ok(dnmf_layout_even(&context->error, &other, s.rows, s.cols, &other_layout));
  for (int sparse = 0; sparse < 2; sparse++)
    for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
      dnmf_entries entries = my_entries(s.entries, s.count);
      dnmf_matrix a;
      dnmf_matrix again;
      assert_ok(dnmf_matrix_from_entries(context, &layout, (dnmf_precision)precision, sparse, s.policy, &entries, &a));
      assert_ok(dnmf_matrix_to_entries(context, &a, &entries));
      assert_ok(dnmf_matrix_from_entries(context, &other_layout, (dnmf_precision)precision, sparse,
                                         DNMF_DUPLICATES_ERROR, &entries, &again));
      if (sparse)
        check_sparse(&s, &again);
      else
        check_dense(&s, &again);
      dnmf_matrix_free(&a);
      dnmf_matrix_free(&again);
    }
  dnmf_layout_free(&layout);
  dnmf_layout_free(&other_layout);
  dnmf_grid_free(&other);
}

/* A reader that fails on one process, after a batch. */
typedef struct bad_reader {
  int64_t batches; /* until it fails */
} bad_reader;

static dnmf_status next_or_fail(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  bad_reader *reader = state;
  *count = limit;
  for (int64_t i = 0; i < limit; i++)
    batch[i] = (dnmf_entry){i % 3, i % 4, 1};
  return reader->batches-- > 0 ? DNMF_OK : dnmf_fail(error, DNMF_ERROR_INPUT, "the reader has had enough");
}

static void check_failing_reader(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  bool mine = context->rank == context->size - 1;
  bad_reader reader = {mine ? 2 : 1000};
  dnmf_layout layout;
  dnmf_matrix a;
  assert_ok(dnmf_layout_even(&context->error, grid, 3, 4, &layout));
  context->message_limit = 5;
  dnmf_status status =
      dnmf_matrix_assemble(context, &layout, DNMF_SINGLE, true, DNMF_DUPLICATES_SUM, next_or_fail, &reader, &a);
  context->message_limit = INT_MAX;
  assert_int_equal(status, DNMF_ERROR_INPUT);
  assert_string_equal(context->error.text, "the reader has had enough");
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
  context->error = (dnmf_error){0};
}

static void a_reader_that_fails_stops_everybody(void **state) {
  (void)state;
  on_every_grid(check_failing_reader);
}

static void a_matrix_moves_to_another_grid_and_stays_the_same(void **state) {
  (void)state;
  on_every_grid(check_round_trip);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(entries_come_to_their_blocks),
      mpi_test(duplicates_follow_their_policy),
      mpi_test(the_size_of_a_batch_does_not_matter),
      mpi_test(processes_without_rows_columns_or_entries),
      mpi_test(duplicates_are_refused_everywhere_when_asked),
      mpi_test(a_reader_that_fails_stops_everybody),
      mpi_test(a_matrix_moves_to_another_grid_and_stays_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
