/*
 * Sorting compressed rows against qsort on (column, place), over shapes of one band of rows and of many.
 */
#include "base/random.h"
#include "matrix/csr.h"
#include "mpi_test.h"

#include <stdlib.h>

typedef struct item {
  int32_t col;
  int64_t place;
} item;

static int by_column_then_place(const void *left, const void *right) {
  const item *a = left;
  const item *b = right;
  if (a->col != b->col)
    return a->col < b->col ? -1 : 1;
  return (a->place > b->place) - (a->place < b->place);
}

/* Each row has up to `length` entries, row `heavy` twenty times as many; values tell the place. */
static dnmf_csr scattered(int64_t rows, int64_t cols, int64_t length, int64_t heavy, dnmf_precision precision) {
  dnmf_csr csr = {.rows = rows, .cols = cols, .start = calloc((size_t)rows + 1, sizeof(int64_t))};
  for (int64_t row = 0; row < rows; row++) {
    uint64_t bits = dnmf_random_bits(7, DNMF_STREAM_PATTERN, (uint64_t)row, 0);
    csr.start[row + 1] = csr.start[row] + (row == heavy ? 20 * length : (int64_t)(bits % (uint64_t)(length + 1)));
  }
  size_t count = (size_t)csr.start[rows];
  csr.index = malloc((count + 1) * sizeof(int32_t));
  csr.value = malloc((count + 1) * dnmf_precision_size(precision));
  for (size_t e = 0; e < count; e++) {
    csr.index[e] = (int32_t)(dnmf_random_bits(8, DNMF_STREAM_PATTERN, e, 0) % (uint64_t)cols);
    if (precision == DNMF_DOUBLE)
      ((double *)csr.value)[e] = (double)e;
    else
      ((float *)csr.value)[e] = (float)e;
  }
  return csr;
}

static void check(int64_t rows, int64_t cols, int64_t length, int64_t heavy, dnmf_precision precision, int threads) {
  dnmf_csr csr = scattered(rows, cols, length, heavy, precision);
  size_t count = (size_t)csr.start[rows];
  item *expected = malloc((count + 1) * sizeof *expected);
  int64_t *starts = malloc((size_t)(rows + 1) * sizeof *starts);
  for (size_t e = 0; e < count; e++)
    expected[e] = (item){csr.index[e], (int64_t)e};
  for (int64_t row = 0; row <= rows; row++)
    starts[row] = csr.start[row];
  for (int64_t row = 0; row < rows; row++)
    qsort(expected + starts[row], (size_t)(starts[row + 1] - starts[row]), sizeof *expected, by_column_then_place);
  assert_ok(dnmf_csr_sort(&test_context()->error, &csr, precision, threads));
  assert_memory_equal(csr.start, starts, (size_t)(rows + 1) * sizeof *starts);
  for (size_t e = 0; e < count; e++) {
    double value = precision == DNMF_DOUBLE ? ((double *)csr.value)[e] : (double)((float *)csr.value)[e];
    assert_int_equal(csr.index[e], expected[e].col);
    assert_true(value == (double)expected[e].place);
  }
  free(csr.start);
  free(csr.index);
  free(csr.value);
  free(expected);
  free(starts);
}

static void rows_are_sorted_and_equal_columns_keep_their_order(void **state) {
  (void)state;
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
    check(1, 1, 3, -1, (dnmf_precision)precision, 1);
    check(40, 7, 30, -1, (dnmf_precision)precision, 1);
    check(3000, 500, 150, -1, (dnmf_precision)precision, 1);
    check(3000, 500, 150, -1, (dnmf_precision)precision, 2);
    check(3000, 500, 150, 7, (dnmf_precision)precision, 3);
  }
}

static void a_row_may_be_longer_than_a_band(void **state) {
  (void)state;
  check(200, 5000, 4000, 90, DNMF_DOUBLE, 2);
  check(200, 5000, 4000, 0, DNMF_DOUBLE, 2);
  check(200, 5000, 4000, 199, DNMF_DOUBLE, 2);
}

static void columns_may_be_more_than_a_band_has_entries(void **state) {
  (void)state;
  check(3000, 100000, 150, -1, DNMF_DOUBLE, 2);
  check(5, 1 << 20, 2, -1, DNMF_DOUBLE, 2);
}

static void rows_may_be_empty(void **state) {
  (void)state;
  check(0, 5, 0, -1, DNMF_DOUBLE, 2);
  check(50, 5, 0, -1, DNMF_DOUBLE, 2);
  check(50, 5, 1, -1, DNMF_DOUBLE, 2);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(rows_are_sorted_and_equal_columns_keep_their_order),
      mpi_test(a_row_may_be_longer_than_a_band),
      mpi_test(columns_may_be_more_than_a_band_has_entries),
      mpi_test(rows_may_be_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
