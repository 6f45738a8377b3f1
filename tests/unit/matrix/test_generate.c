#include "comm/collective.h"
#include "matrix/generate.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const dnmf_generate_options uniform = {.kind = DNMF_GENERATE_UNIFORM, .density = 1, .seed = 5};
static const dnmf_generate_options planted = {.kind = DNMF_GENERATE_PLANTED, .density = 1, .components = 3, .seed = 5};
static const dnmf_generate_options ratings = {.kind = DNMF_GENERATE_RATINGS,
                                              .sparse = true,
                                              .density = 0.1,
                                              .components = 4,
                                              .noise = 0.15,
                                              .scale_min = 0.5,
                                              .scale_max = 5,
                                              .scale_step = 0.5,
                                              .seed = 5};

/* A generated matrix with the grid and layout it lives on. */
typedef struct generated {
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix matrix;
} generated;

static dnmf_status make(dnmf_context *context, dnmf_generate_options options, int64_t rows, int64_t cols, int grid_cols,
                        dnmf_precision precision, generated *made) {
  assert_ok(dnmf_grid_create(context, context->size / grid_cols, grid_cols, &made->grid));
  assert_ok(dnmf_layout_even(&context->error, &made->grid, rows, cols, &made->layout));
  return dnmf_generate(context, &options, &made->layout, precision, &made->matrix);
}

static void release(generated *made) {
  dnmf_matrix_free(&made->matrix);
  dnmf_layout_free(&made->layout);
  dnmf_grid_free(&made->grid);
}

/* The whole matrix as rows x cols doubles, made by this process alone; places without a value are 0. */
static double *make_alone(dnmf_generate_options options, int64_t rows, int64_t cols) {
  dnmf_context alone;
  assert_ok(dnmf_context_init(&alone, MPI_COMM_SELF));
  generated made;
  assert_ok(make(&alone, options, rows, cols, 1, DNMF_DOUBLE, &made));
  double *whole = calloc((size_t)(rows * cols), sizeof(double));
  assert_non_null(whole);
  const dnmf_csr *csr = &made.matrix.by_rows;
  if (!options.sparse)
    memcpy(whole, made.matrix.dense, (size_t)(rows * cols) * sizeof(double));
  for (int64_t row = 0; options.sparse && row < rows; row++)
    for (int64_t e = csr->start[row]; e < csr->start[row + 1]; e++)
      whole[row * cols + csr->index[e]] = ((const double *)csr->value)[e];
  release(&made);
  return whole;
}

static double local_value(const dnmf_matrix *matrix, int64_t row, int64_t col) {
  if (!matrix->sparse)
    return ((const double *)matrix->dense)[row * dnmf_range_size(matrix->col_range) + col];
  for (int64_t e = matrix->by_rows.start[row]; e < matrix->by_rows.start[row + 1]; e++)
    if (matrix->by_rows.index[e] == col)
      return ((const double *)matrix->by_rows.value)[e];
  return 0;
}

/* Every block made together equals, bit for bit, that part of the matrix made alone. */
static void check_blocks(dnmf_generate_options options, int grid_cols) {
  const int64_t rows = 41;
  const int64_t cols = 23;
  double *whole = make_alone(options, rows, cols);
  generated made;
  assert_ok(make(test_context(), options, rows, cols, grid_cols, DNMF_DOUBLE, &made));
  const dnmf_matrix *matrix = &made.matrix;
  for (int64_t row = matrix->row_range.begin; row < matrix->row_range.end; row++)
    for (int64_t col = matrix->col_range.begin; col < matrix->col_range.end; col++) {
      double value = local_value(matrix, row - matrix->row_range.begin, col - matrix->col_range.begin);
      assert_memory_equal(&value, &whole[row * cols + col], sizeof value);
    }
  release(&made);
  free(whole);
}

static void is_the_same_on_any_number_of_processes(void **state) {
  (void)state;
  dnmf_generate_options kinds[] = {uniform, planted, ratings};
  for (int kind = 0; kind < 3; kind++)
    for (int sparse = 0; sparse < 2; sparse++) {
      kinds[kind].sparse = sparse;
      kinds[kind].density = sparse ? 0.2 : kinds[kind].density;
      kinds[kind].noise = 0.1;
      check_blocks(kinds[kind], 1);
      check_blocks(kinds[kind], test_context()->size);
    }
}

/* What a seed means does not change between versions, nor with precision. */
static void is_the_same_in_every_version(void **state) {
  (void)state;
  for (dnmf_precision precision = DNMF_DOUBLE; precision <= DNMF_SINGLE; precision++) {
    generated made;
    assert_ok(make(test_context(), uniform, 30, 20, 1, precision, &made));
    assert_int_equal(made.matrix.checksum, UINT64_C(0x81d24e44a4ff905f));
    release(&made);
    assert_ok(make(test_context(), ratings, 300, 200, 1, precision, &made));
    assert_int_equal(made.matrix.checksum, UINT64_C(0xd4c66c946737da92));
    release(&made);
  }
}

static void seeds_differ(void **state) {
  (void)state;
  generated first;
  generated second;
  dnmf_generate_options other = uniform;
  other.seed++;
  assert_ok(make(test_context(), uniform, 30, 20, 1, DNMF_DOUBLE, &first));
  assert_ok(make(test_context(), other, 30, 20, 1, DNMF_DOUBLE, &second));
  assert_true(first.matrix.checksum != second.matrix.checksum);
  release(&first);
  release(&second);
}

/* The count of a Bernoulli pattern stays within 5 standard deviations of its mean. */
static void density_comes_out(void **state) {
  (void)state;
  const double densities[] = {0.001, 0.05, 0.5, 0.97};
  for (int kind = 0; kind < 2; kind++)
    for (int d = 0; d < 4; d++) {
      dnmf_generate_options options = kind ? ratings : uniform;
      options.sparse = true;
      options.density = densities[d];
      generated made;
      assert_ok(make(test_context(), options, 700, 900, 1, DNMF_SINGLE, &made));
      double places = 700.0 * 900.0;
      double deviation = sqrt(places * densities[d] * (1 - densities[d]));
      double slack = kind ? 0.01 * places * densities[d] : 0; /* the power law's scale is found approximately */
      assert_true(fabs((double)made.matrix.stored - places * densities[d]) < 5 * deviation + slack);
      release(&made);
    }
}

static void ratings_are_on_the_scale(void **state) {
  (void)state;
  generated made;
  assert_ok(make(test_context(), ratings, 300, 200, 1, DNMF_DOUBLE, &made));
  const dnmf_csr *csr = &made.matrix.by_rows;
  int64_t at_step[11] = {0};
  for (int64_t e = 0; e < csr->start[csr->rows]; e++) {
    double value = ((const double *)csr->value)[e];
    assert_true(value >= 0.5 && value <= 5 && value * 2 == floor(value * 2));
    at_step[(int)(value * 2)]++;
  }
  assert_ok(dnmf_sum_int64(test_context(), test_context()->comm, at_step, 11));
  for (int step = 1; step <= 10; step++)
    assert_true(at_step[step] > 0);
  release(&made);
}

static int falling(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

/* The share of all entries that the most popular tenth of `count` rows or columns has. */
static double share_of_top_tenth(int64_t *entries, int64_t count) {
  qsort(entries, (size_t)count, sizeof *entries, falling);
  double top = 0;
  double all = 0;
  for (int64_t i = 0; i < count; i++) {
    top += i < count / 10 ? (double)entries[i] : 0;
    all += (double)entries[i];
  }
  return top / all;
}

static void popularity_is_skewed(void **state) {
  (void)state;
  enum { ROWS = 940, COLS = 1680 };
  dnmf_generate_options options = ratings;
  options.density = 0.063;
  generated made;
  assert_ok(make(test_context(), options, ROWS, COLS, 1, DNMF_DOUBLE, &made));
  int64_t row_entries[ROWS] = {0};
  int64_t col_entries[COLS] = {0};
  const dnmf_csr *csr = &made.matrix.by_rows;
  for (int64_t row = 0; row < csr->rows; row++)
    for (int64_t e = csr->start[row]; e < csr->start[row + 1]; e++) {
      row_entries[made.matrix.row_range.begin + row]++;
      col_entries[csr->index[e]]++;
    }
  assert_ok(dnmf_sum_int64(test_context(), test_context()->comm, row_entries, ROWS));
  assert_ok(dnmf_sum_int64(test_context(), test_context()->comm, col_entries, COLS));
  /* MovieLens 100K has 0.32 and 0.43; an even pattern would have 0.12. */
  double rows_share = share_of_top_tenth(row_entries, ROWS);
  double cols_share = share_of_top_tenth(col_entries, COLS);
  assert_true(rows_share > 0.25 && rows_share < 0.5);
  assert_true(cols_share > 0.3 && cols_share < 0.6);
  release(&made);
}

/* The largest entry left after `steps` steps of Gaussian elimination with full pivoting. */
static double left_after_elimination(double *a, int rows, int cols, int steps) {
  double largest = 0;
  for (int step = 0; step <= steps; step++) {
    int pivot = 0;
    for (int i = 0; i < rows * cols; i++)
      pivot = fabs(a[i]) > fabs(a[pivot]) ? i : pivot;
    largest = fabs(a[pivot]);
    ptrdiff_t pivot_row = pivot / cols;
    double *row = a + pivot_row * cols;
    for (int i = 0; i < rows && step < steps; i++) {
      double factor = i == pivot_row ? 0 : a[i * cols + pivot % cols] / a[pivot];
      for (int j = 0; j < cols; j++)
        a[i * cols + j] -= factor * row[j];
    }
    for (int j = 0; j < cols && step < steps; j++)
      row[j] = 0;
  }
  return largest;
}

static void planted_without_noise_has_its_components(void **state) {
  (void)state;
  double *whole = make_alone(planted, 40, 30);
  assert_true(left_after_elimination(whole, 40, 30, 2) > 1e-3);
  free(whole);
  whole = make_alone(planted, 40, 30);
  assert_true(left_after_elimination(whole, 40, 30, 3) < 1e-13);
  free(whole);
}

static void planted_noise_is_relative(void **state) {
  (void)state;
  dnmf_generate_options noisy = planted;
  noisy.noise = 0.1;
  double *clean = make_alone(planted, 200, 100);
  double *whole = make_alone(noisy, 200, 100);
  double clean_squares = 0;
  double noise_squares = 0;
  for (int i = 0; i < 200 * 100; i++) {
    assert_true(whole[i] >= 0);
    clean_squares += clean[i] * clean[i];
    noise_squares += (whole[i] - clean[i]) * (whole[i] - clean[i]);
  }
  assert_true(fabs(sqrt(noise_squares / clean_squares) - 0.1) < 0.01);
  free(clean);
  free(whole);
}

static void a_sparse_planted_matrix_has_the_dense_one_s_values(void **state) {
  (void)state;
  dnmf_generate_options sparse = planted;
  sparse.sparse = true;
  sparse.density = 0.3;
  double *dense = make_alone(planted, 40, 30);
  double *some = make_alone(sparse, 40, 30);
  for (int i = 0; i < 40 * 30; i++)
    assert_true(some[i] == 0 || some[i] == dense[i]);
  free(dense);
  free(some);
}

static void refuses(dnmf_generate_options options, const char *says) {
  generated made;
  test_clear(NULL);
  assert_int_equal(make(test_context(), options, 10, 10, 1, DNMF_DOUBLE, &made), DNMF_ERROR_USAGE);
  assert_non_null(strstr(test_context()->error.text, says));
  release(&made);
}

static void options_out_of_range_are_refused(void **state) {
  (void)state;
  dnmf_generate_options options = uniform;
  options.density = 0;
  refuses(options, "density");
  options.density = 1.5;
  refuses(options, "density");
  options = planted;
  options.components = 0;
  refuses(options, "component");
  options = planted;
  options.noise = -1;
  refuses(options, "noise");
  options = ratings;
  options.scale_step = 0.4;
  refuses(options, "0.5:5:0.4");
  options = ratings;
  options.scale_max = 0.5;
  refuses(options, "scale");
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(is_the_same_on_any_number_of_processes),
      mpi_test(is_the_same_in_every_version),
      mpi_test(seeds_differ),
      mpi_test(density_comes_out),
      mpi_test(ratings_are_on_the_scale),
      mpi_test(popularity_is_skewed),
      mpi_test(planted_without_noise_has_its_components),
      mpi_test(planted_noise_is_relative),
      mpi_test(a_sparse_planted_matrix_has_the_dense_one_s_values),
      mpi_test(options_out_of_range_are_refused),
  };
  return cmocka_run_group_tests_name("generate", tests, NULL, NULL);
}
