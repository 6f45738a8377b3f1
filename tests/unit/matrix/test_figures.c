/* What is found out about dense blocks, beside plain loops over their numbers. */
#include "grids.h"

#include "matrix/matrix.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t shapes[][2] = {{1, 1}, {1, 9}, {3, 5}, {5, 300}, {17, 33}, {16, 16}, {40, 7}, {9, 257}};
enum { SHAPES = sizeof shapes / sizeof *shapes, LAST_NUMBER = DNMF_NUMBER_HALVES };

/* Every third is zero. Halves are kept as counts. */
static void put(dnmf_number number, void *values, int64_t at, uint64_t random) {
  const double real = random % 3 == 0 ? 0 : (double)(random >> 11) * 0x1p-53;
  const unsigned small = random % 3 == 0 ? 0 : (unsigned)(random >> 32) % 120;
  switch (number) {
  case DNMF_NUMBER_DOUBLE:
    ((double *)values)[at] = real;
    break;
  case DNMF_NUMBER_SINGLE:
    ((float *)values)[at] = (float)real;
    break;
  case DNMF_NUMBER_UINT16:
  case DNMF_NUMBER_INT16:
    ((uint16_t *)values)[at] = (uint16_t)(200 * small);
    break;
  default:
    ((uint8_t *)values)[at] = (uint8_t)small;
  }
}

/* A block of numbers that their places give; row 2 and column 4 are empty. */
static void fill(dnmf_number number, dnmf_matrix *a) {
  const int64_t rows = dnmf_range_size(a->row_range);
  const int64_t cols = dnmf_range_size(a->col_range);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) {
      const int64_t row = a->row_range.begin + i;
      const int64_t col = a->col_range.begin + j;
      uint64_t random = (uint64_t)(row * 1000 + col + 1) * UINT64_C(0x9e3779b97f4a7c15);
      random ^= random >> 29;
      put(number, a->dense, i * cols + j, row == 2 || col == 4 ? 0 : random * UINT64_C(0xbf58476d1ce4e5b9));
    }
}

static void allocate(const dnmf_layout *layout, dnmf_number number, dnmf_matrix *a) {
  dnmf_context *context = test_context();
  const bool real = number <= DNMF_NUMBER_SINGLE;
  const dnmf_precision precision = real ? (dnmf_precision)number : DNMF_DOUBLE;
  assert_ok(dnmf_matrix_allocate_unset(context, layout, precision, real ? (dnmf_number)0 : number, a));
  assert_int_equal(dnmf_matrix_number(a), number);
}

/* The whole block, looked at in parts as a reader does. */
static void look_in_parts(dnmf_matrix *a) {
  const int64_t rows = dnmf_range_size(a->row_range);
  const int64_t cols = dnmf_range_size(a->col_range);
  assert_ok(dnmf_matrix_look_begin(test_context(), a));
  for (int64_t row = rows; row > 0; row -= 3)
    for (int64_t col = 0; col < cols; col += 20)
      dnmf_matrix_look(test_context(), a, (dnmf_range){row < 3 ? 0 : row - 3, row},
                       (dnmf_range){col, col + 20 < cols ? col + 20 : cols});
}

/* The sums of the one process's rows, in order, and of the hashes of its entries, from the same as a sparse matrix. */
static void check_against_loops(const dnmf_layout *layout, const dnmf_matrix *a) {
  dnmf_context *context = test_context();
  dnmf_entries entries;
  dnmf_matrix sparse;
  double sum = 0;
  double squares = 0;
  for (int64_t i = 0; i < a->rows; i++) {
    double of_row[2] = {0, 0};
    for (int64_t j = 0; j < a->cols; j++) {
      volatile double square = dnmf_number_at(dnmf_matrix_number(a), a->dense, i * a->cols + j);
      of_row[0] += square;
      square = square * square; /* rounded before it is added */
      of_row[1] += square;
    }
    sum += of_row[0];
    squares += of_row[1];
  }
  assert_true(a->sum == sum);
  assert_true(a->sum_squares == squares);
  assert_ok(dnmf_matrix_to_entries(context, a, &entries));
  assert_ok(dnmf_matrix_from_entries(context, layout, a->precision, true, DNMF_DUPLICATES_ERROR, &entries, &sparse));
  assert_ok(dnmf_matrix_finish(context, layout, &sparse));
  assert_true(a->checksum == sparse.checksum);
  assert_int_equal(a->empty_rows, sparse.empty_rows);
  assert_int_equal(a->empty_cols, sparse.empty_cols);
  dnmf_matrix_free(&sparse);
}

static void check_shape(const dnmf_grid *grid, const int64_t shape[2], dnmf_number number) {
  dnmf_context *context = test_context();
  dnmf_layout layout;
  dnmf_matrix a[2];
  assert_ok(dnmf_layout_even(&context->error, grid, shape[0], shape[1], &layout));
  for (int parts = 0; parts < 2; parts++) {
    allocate(&layout, number, &a[parts]);
    fill(number, &a[parts]);
    if (parts)
      look_in_parts(&a[parts]);
    assert_ok(dnmf_matrix_finish(context, &layout, &a[parts]));
  }
  if (context->size == 1)
    check_against_loops(&layout, &a[0]);
  assert_true(a[0].sum == a[1].sum);
  assert_true(a[0].sum_squares == a[1].sum_squares);
  assert_true(a[0].checksum == a[1].checksum);
  assert_int_equal(a[0].empty_rows, a[1].empty_rows);
  assert_int_equal(a[0].empty_cols, a[1].empty_cols);
  dnmf_matrix_free(&a[0]);
  dnmf_matrix_free(&a[1]);
  dnmf_layout_free(&layout);
}

static void check_shapes(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  const dnmf_isa best = context->isa;
  for (int isa = 0; isa <= (int)best; isa++) {
    context->isa = (dnmf_isa)isa;
    for (int number = 0; number <= LAST_NUMBER; number++)
      for (int s = 0; s < SHAPES; s++)
        check_shape(grid, shapes[s], (dnmf_number)number);
  }
  context->isa = best;
}

static void figures_are_those_of_plain_loops(void **state) {
  (void)state;
  on_every_grid(check_shapes);
}

static bool has(dnmf_range range, int64_t index) {
  return index >= range.begin && index < range.end;
}

/* One number of a matrix of ones; what is said of it, or NULL. */
static void check_number(const dnmf_grid *grid, int64_t row, int64_t col, double value, const char *expected) {
  dnmf_context *context = test_context();
  char place[80];
  dnmf_layout layout;
  dnmf_matrix a;
  snprintf(place, sizeof place, "row %d, column %d (counted from 0)", (int)row, (int)col);
  assert_ok(dnmf_layout_even(&context->error, grid, 9, 21, &layout));
  allocate(&layout, DNMF_NUMBER_DOUBLE, &a);
  const int64_t cols = dnmf_range_size(a.col_range);
  for (int64_t i = 0; i < dnmf_range_size(a.row_range) * cols; i++)
    ((double *)a.dense)[i] = 1;
  if (has(a.row_range, row) && has(a.col_range, col))
    ((double *)a.dense)[(row - a.row_range.begin) * cols + col - a.col_range.begin] = value;
  assert_int_equal(dnmf_matrix_finish(context, &layout, &a), expected ? DNMF_ERROR_INPUT : DNMF_OK);
  if (expected) {
    assert_non_null(strstr(context->error.text, place));
    assert_non_null(strstr(context->error.text, expected));
  }
  context->error = (dnmf_error){0};
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
}

static void check_numbers(const dnmf_grid *grid) {
  static const int64_t places[][2] = {{0, 0}, {3, 3}, {4, 4}, {8, 20}, {7, 16}, {8, 0}, {0, 20}};
  for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
    const int64_t *at = places[p];
    check_number(grid, at[0], at[1], -DBL_MIN, "nonnegative");
    check_number(grid, at[0], at[1], -INFINITY, "finite");
    check_number(grid, at[0], at[1], INFINITY, "finite");
    check_number(grid, at[0], at[1], NAN, "finite");
    check_number(grid, at[0], at[1], -NAN, "finite");
    check_number(grid, at[0], at[1], -0.0, NULL);
    check_number(grid, at[0], at[1], DBL_MAX, NULL);
  }
}

static void invalid_numbers_are_found_wherever_they_are(void **state) {
  (void)state;
  on_every_grid(check_numbers);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(figures_are_those_of_plain_loops),
      mpi_test(invalid_numbers_are_found_wherever_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
