#include "entries.h"
#include "grids.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum { ROWS = 9, COLS = 7 };

/* The figures of a matrix are the same however it is kept; set by the first case, compared with the others. */
static uint64_t first_checksum;

/* Row 4 and columns 2 and 6 hold no nonzero; row 8 holds an explicit zero only. Values are exact in both
 * precisions. */
static const dnmf_entry sample[] = {{0, 0, 1.5}, {0, 5, 2},   {1, 1, 0.25}, {2, 3, 8}, {3, 4, 1},  {5, 0, 3},
                                    {6, 1, 4},   {6, 5, 0.5}, {7, 3, 2},    {7, 4, 7}, {8, 2, 0.0}};
enum { COUNT = 11 };

static void finish_sample(const dnmf_grid *grid, dnmf_precision precision, bool sparse, dnmf_matrix *a) {
  dnmf_context *context = test_context();
  dnmf_layout layout;
  dnmf_entries entries = my_entries(sample, COUNT);
  assert_ok(dnmf_layout_even(&context->error, grid, ROWS, COLS, &layout));
  assert_ok(dnmf_matrix_from_entries(context, &layout, precision, sparse, DNMF_DUPLICATES_ERROR, &entries, a));
  assert_ok(dnmf_matrix_finish(context, &layout, a));
  dnmf_layout_free(&layout);
}

static void check_figures(const dnmf_grid *grid) {
  for (int sparse = 0; sparse < 2; sparse++)
    for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
      dnmf_matrix a;
      double sum = 0;
      double squares = 0;
      for (int e = 0; e < COUNT; e++) {
        sum += sample[e].value;
        squares += sample[e].value * sample[e].value;
      }
      finish_sample(grid, (dnmf_precision)precision, sparse, &a);
      assert_int_equal(a.rows, ROWS);
      assert_int_equal(a.cols, COLS);
      assert_int_equal(a.stored, sparse ? COUNT : ROWS * COLS);
      assert_true(a.sum == sum);
      assert_true(a.sum_squares == squares);
      assert_int_equal(a.empty_rows, 2);
      assert_int_equal(a.empty_cols, 2);
      assert_int_equal(a.duplicates, 0);
      first_checksum = first_checksum ? first_checksum : a.checksum;
      assert_true(a.checksum == first_checksum);
      dnmf_matrix_free(&a);
    }
}

static void figures_do_not_depend_on_grid_storage_or_precision(void **state) {
  (void)state;
  first_checksum = 0;
  on_every_grid(check_figures);
}

static void figures_do_not_depend_on_messages(void **state) {
  (void)state;
  first_checksum = 0;
  test_context()->message_limit = 1;
  on_every_grid(check_figures);
  test_context()->message_limit = INT_MAX;
}

/* The checksum of a 1 x 2 matrix. */
static uint64_t checksum_of(const dnmf_grid *grid, dnmf_precision precision, double first, double second) {
  dnmf_context *context = test_context();
  const dnmf_entry both[] = {{0, 0, first}, {0, 1, second}};
  dnmf_entries entries = my_entries(both, 2);
  dnmf_layout layout;
  dnmf_matrix a;
  assert_ok(dnmf_layout_even(&context->error, grid, 1, 2, &layout));
  assert_ok(dnmf_matrix_from_entries(context, &layout, precision, true, DNMF_DUPLICATES_ERROR, &entries, &a));
  assert_ok(dnmf_matrix_finish(context, &layout, &a));
  uint64_t checksum = a.checksum;
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
  return checksum;
}

static void check_checksum(const dnmf_grid *grid) {
  const uint64_t checksum = checksum_of(grid, DNMF_DOUBLE, 1, 2);
  assert_true(checksum != 0);
  assert_true(checksum != checksum_of(grid, DNMF_DOUBLE, 2, 1));
  assert_true(checksum != checksum_of(grid, DNMF_DOUBLE, 1, 2.5));
  assert_true(checksum == checksum_of(grid, DNMF_SINGLE, 1, 2));
  assert_true(checksum_of(grid, DNMF_DOUBLE, 1, 0.1) == checksum_of(grid, DNMF_SINGLE, 1, 0.1));
  /* 1e-60 is a nonzero in double and a zero in single precision. */
  assert_true(checksum_of(grid, DNMF_DOUBLE, 1, 1e-60) == checksum_of(grid, DNMF_SINGLE, 1, 1e-60));
}

static void the_checksum_tells_matrices_apart_but_not_precisions(void **state) {
  (void)state;
  on_every_grid(check_checksum);
}

static void check_bad_value(const dnmf_grid *grid, bool sparse, double value, const char *why) {
  dnmf_context *context = test_context();
  dnmf_entry with_bad[COUNT];
  memcpy(with_bad, sample, sizeof with_bad);
  with_bad[7].value = value; /* row 6, column 5 */
  dnmf_entries entries = my_entries(with_bad, COUNT);
  dnmf_layout layout;
  dnmf_matrix a;
  assert_ok(dnmf_layout_even(&context->error, grid, ROWS, COLS, &layout));
  assert_ok(dnmf_matrix_from_entries(context, &layout, DNMF_DOUBLE, sparse, DNMF_DUPLICATES_LAST, &entries, &a));
  assert_int_equal(dnmf_matrix_finish(context, &layout, &a), DNMF_ERROR_INPUT);
  assert_non_null(strstr(context->error.text, "row 6, column 5 (counted from 0)"));
  assert_non_null(strstr(context->error.text, why));
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
  context->error = (dnmf_error){0};
}

static void check_bad_values(const dnmf_grid *grid) {
  for (int sparse = 0; sparse < 2; sparse++) {
    check_bad_value(grid, sparse, -1, "nonnegative");
    check_bad_value(grid, sparse, -1e-300, "nonnegative");
    check_bad_value(grid, sparse, NAN, "finite");
    check_bad_value(grid, sparse, INFINITY, "finite");
    check_bad_value(grid, sparse, -INFINITY, "finite");
  }
}

static void a_bad_value_is_reported_with_its_place_everywhere(void **state) {
  (void)state;
  on_every_grid(check_bad_values);
}

static void check_too_large(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  dnmf_layout layout;
  dnmf_matrix a;
  const int64_t huge = INT64_C(1) << 50;
  assert_ok(dnmf_layout_even(&context->error, grid, huge, huge, &layout));
  assert_int_equal(dnmf_matrix_allocate_dense(context, &layout, DNMF_DOUBLE, (dnmf_number)0, &a), DNMF_ERROR_MEMORY);
  assert_null(a.dense);
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
  context->error = (dnmf_error){0};
}

/* 2^50 x 2^50 numbers are 2^100: the count must not wrap around to something small. */
static void a_block_too_large_to_count_is_refused(void **state) {
  (void)state;
  on_every_grid(check_too_large);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(figures_do_not_depend_on_grid_storage_or_precision),
      mpi_test(figures_do_not_depend_on_messages),
      mpi_test(the_checksum_tells_matrices_apart_but_not_precisions),
      mpi_test(a_bad_value_is_reported_with_its_place_everywhere),
      mpi_test(a_block_too_large_to_count_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
