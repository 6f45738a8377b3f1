/*
 * Products, sweeps, Gram matrices and dot products against triple loops in long double, for every instruction
 * set of this processor and both precisions.
 */
#include "dnmf/product.h"
#include "dnmf/random.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int component_counts[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50, 64, 65, 100, 130};
enum { COMPONENT_COUNTS = sizeof component_counts / sizeof *component_counts };

typedef struct block_shape {
  int64_t rows;
  int64_t cols;
} block_shape;

static const block_shape shapes[] = {{1, 1},    {3, 5},    {8, 16}, {9, 17}, {67, 45},
                                     {37, 290}, {131, 20}, {0, 4},  {4, 0},  {0, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double uniform(int64_t i, int64_t j, dnmf_stream stream) {
  return dnmf_random_uniform(5, stream, (uint64_t)i, (uint64_t)j);
}

static void store(dnmf_precision precision, void *data, int64_t place, double value) {
  if (precision == DNMF_DOUBLE)
    ((double *)data)[place] = value;
  else
    ((float *)data)[place] = (float)value;
}

static double load(dnmf_precision precision, const void *data, int64_t place) {
  return precision == DNMF_DOUBLE ? ((const double *)data)[place] : (double)((const float *)data)[place];
}

/* A block without MPI: the only process of a grid of one. */
static dnmf_matrix block(block_shape shape, dnmf_precision precision) {
  dnmf_matrix a = {.rows = shape.rows, .cols = shape.cols, .precision = precision};
  a.row_range.end = shape.rows;
  a.col_range.end = shape.cols;
  return a;
}

static dnmf_matrix dense_block(block_shape shape, dnmf_precision precision) {
  dnmf_matrix a = block(shape, precision);
  int64_t count = shape.rows * shape.cols;
  a.dense = count ? malloc((size_t)count * dnmf_precision_size(precision)) : NULL;
  for (int64_t i = 0; i < count; i++)
    store(precision, a.dense, i, uniform(i, 0, DNMF_STREAM_VALUES));
  return a;
}

/* Compressed rows of the entries of row-major `dense` that are not zero; of its transpose if asked. */
static dnmf_csr compress(const double *dense, block_shape shape, dnmf_precision precision, bool transposed) {
  dnmf_csr csr = {.rows = transposed ? shape.cols : shape.rows, .cols = transposed ? shape.rows : shape.cols};
  size_t room = (size_t)(shape.rows * shape.cols + 1);
  csr.start = calloc((size_t)csr.rows + 1, sizeof *csr.start);
  csr.index = malloc(room * sizeof *csr.index);
  csr.value = malloc(room * dnmf_precision_size(precision));
  int64_t stored = 0;
  for (int64_t i = 0; i < csr.rows; i++) {
    for (int64_t j = 0; j < csr.cols; j++) {
      double value = dense[transposed ? j * shape.cols + i : i * shape.cols + j];
      if (value == 0)
        continue;
      csr.index[stored] = (int32_t)j;
      store(precision, csr.value, stored++, value);
    }
    csr.start[i + 1] = stored;
  }
  return csr;
}

/* Rows of very different lengths: the first is full, every third empty, the others thin. */
static dnmf_matrix sparse_block(block_shape shape, dnmf_precision precision) {
  dnmf_matrix a = block(shape, precision);
  a.sparse = true;
  double *dense = calloc((size_t)(shape.rows * shape.cols + 1), sizeof *dense);
  for (int64_t i = 0; i < shape.rows; i++)
    for (int64_t j = 0; j < shape.cols; j++)
      if (i == 0 || (i % 3 != 1 && uniform(i, j, DNMF_STREAM_PATTERN) < 0.2))
        dense[i * shape.cols + j] = uniform(i, j, DNMF_STREAM_VALUES);
  a.by_rows = compress(dense, shape, precision, false);
  a.by_cols = compress(dense, shape, precision, true);
  free(dense);
  return a;
}

static void free_block(dnmf_matrix *a) {
  free(a->dense);
  dnmf_csr *halves[] = {&a->by_rows, &a->by_cols};
  for (int h = 0; h < 2; h++) {
    free(halves[h]->start);
    free(halves[h]->index);
    free(halves[h]->value);
  }
}

static dnmf_panel panel_of(int64_t rows, int components, dnmf_precision precision, dnmf_stream stream) {
  dnmf_panel panel;
  assert_ok(dnmf_panel_create(&test_context()->error, "a test panel", rows, components, precision, &panel));
  for (int64_t i = 0; i < rows; i++)
    for (int c = 0; c < components; c++)
      dnmf_panel_set(&panel, i, c, uniform(i, c, stream) - 0.3);
  return panel;
}

static size_t panel_bytes(const dnmf_panel *panel) {
  return (size_t)panel->rows * (size_t)panel->components * dnmf_precision_size(panel->precision);
}

static void assert_same_bits(const dnmf_panel *x, const dnmf_panel *y) {
  if (panel_bytes(x))
    assert_memory_equal(x->data, y->data, panel_bytes(x));
}

/* |computed - exact| <= (n + 4) * epsilon * sum of the terms' magnitudes, and zero for no terms. */
static void assert_sum(double computed, long double exact, long double magnitude, int64_t terms, double epsilon) {
  long double allowed = (long double)(terms + 4) * epsilon * magnitude;
  if (!(fabsl((long double)computed - exact) <= allowed))
    fail_msg("computed %.17g, exact %.17g, allowed %.3g", computed, (double)exact, (double)allowed);
}

/* The block, or its transpose, as plain row-major numbers; a panel likewise. */
static double *plain_block(const dnmf_matrix *a, bool transposed) {
  double *plain = calloc((size_t)(a->rows * a->cols + 1), sizeof *plain);
  for (int64_t i = 0; i < a->rows; i++)
    for (int64_t j = 0; j < a->cols; j++)
      if (!a->sparse)
        plain[transposed ? j * a->rows + i : i * a->cols + j] = load(a->precision, a->dense, i * a->cols + j);
  for (int64_t i = 0; a->sparse && i < a->rows; i++)
    for (int64_t e = a->by_rows.start[i]; e < a->by_rows.start[i + 1]; e++) {
      int64_t j = a->by_rows.index[e];
      plain[transposed ? j * a->rows + i : i * a->cols + j] = load(a->precision, a->by_rows.value, e);
    }
  return plain;
}

static double *plain_panel(const dnmf_panel *panel) {
  int64_t count = panel->rows * panel->components;
  double *plain = calloc((size_t)count + 1, sizeof *plain);
  for (int64_t i = 0; i < count; i++)
    plain[i] = load(panel->precision, panel->data, i);
  return plain;
}

/* out = A panel, or its transpose times panel. */
static void assert_product(const dnmf_matrix *a, bool transposed, const dnmf_panel *panel, const dnmf_panel *out) {
  const int64_t terms = panel->rows;
  const int k = panel->components;
  double *left = plain_block(a, transposed);
  double *right = plain_panel(panel);
  for (int64_t i = 0; i < out->rows; i++)
    for (int c = 0; c < k; c++) {
      long double sum = 0, magnitude = 0;
      for (int64_t j = 0; j < terms; j++) {
        long double term = (long double)left[i * terms + j] * right[j * k + c];
        sum += term;
        magnitude += fabsl(term);
      }
      assert_sum(dnmf_panel_get(out, i, c), sum, magnitude, terms, dnmf_precision_epsilon(a->precision));
    }
  free(left);
  free(right);
}

typedef void check_block(const dnmf_matrix *a, int components);

/* Runs a check for every precision, instruction set, shape and number of components. */
static void for_all(dnmf_matrix make(block_shape, dnmf_precision), check_block *check) {
  dnmf_context *context = test_context();
  dnmf_isa best = dnmf_isa_detect();
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int s = 0; s < SHAPES; s++) {
      dnmf_matrix a = make(shapes[s], (dnmf_precision)precision);
      for (int isa = 0; isa <= (int)best; isa++)
        for (int c = 0; c < COMPONENT_COUNTS; c++) {
          context->isa = (dnmf_isa)isa;
          check(&a, component_counts[c]);
        }
      free_block(&a);
    }
  context->isa = best;
}

static void multiply(bool transposed, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out) {
  dnmf_context *context = test_context();
  assert_ok(transposed ? dnmf_multiply_transposed(context, a, panel, out) : dnmf_multiply(context, a, panel, out));
}

/* Right, and the same bits on 1, 2 and 3 threads. `out` starts with other numbers, which must be gone. */
static void check_product(const dnmf_matrix *a, int components, bool transposed) {
  dnmf_context *context = test_context();
  int64_t in_rows = transposed ? a->rows : a->cols;
  int64_t out_rows = transposed ? a->cols : a->rows;
  dnmf_panel panel = panel_of(in_rows, components, a->precision, DNMF_STREAM_START_W);
  dnmf_panel first = panel_of(out_rows, components, a->precision, DNMF_STREAM_NOISE);
  context->threads = 1;
  multiply(transposed, a, &panel, &first);
  assert_product(a, transposed, &panel, &first);
  for (context->threads = 2; context->threads <= 3; context->threads++) {
    dnmf_panel again = panel_of(out_rows, components, a->precision, DNMF_STREAM_NOISE);
    multiply(transposed, a, &panel, &again);
    assert_same_bits(&first, &again);
    dnmf_panel_free(&again);
  }
  dnmf_panel_free(&panel);
  dnmf_panel_free(&first);
}

static void check_multiply(const dnmf_matrix *a, int components) {
  check_product(a, components, false);
}

static void check_multiply_transposed(const dnmf_matrix *a, int components) {
  check_product(a, components, true);
}

/* A sweep in tiles gives the bits of the two products. */
static void check_sweep(const dnmf_matrix *a, int components) {
  dnmf_context *context = test_context();
  context->threads = 2;
  dnmf_panel h = panel_of(a->cols, components, a->precision, DNMF_STREAM_START_H);
  dnmf_panel w = panel_of(a->rows, components, a->precision, DNMF_STREAM_START_W);
  dnmf_panel expected_rows = panel_of(a->rows, components, a->precision, DNMF_STREAM_NOISE);
  dnmf_panel expected_cols = panel_of(a->cols, components, a->precision, DNMF_STREAM_NOISE);
  dnmf_panel by_rows = panel_of(a->rows, components, a->precision, DNMF_STREAM_VALUES);
  dnmf_panel by_cols = panel_of(a->cols, components, a->precision, DNMF_STREAM_VALUES);
  multiply(false, a, &h, &expected_rows);
  multiply(true, a, &w, &expected_cols);
  dnmf_sweep sweep;
  assert_ok(dnmf_sweep_begin(context, a, &h, &sweep));
  size_t row_bytes = (size_t)components * dnmf_precision_size(a->precision);
  for (int64_t row = 0; row < a->rows; row += DNMF_SWEEP_TILE_STEP) {
    dnmf_range tile = {row, row + DNMF_SWEEP_TILE_STEP < a->rows ? row + DNMF_SWEEP_TILE_STEP : a->rows};
    dnmf_sweep_multiply(context, &sweep, tile, (char *)by_rows.data + (size_t)row * row_bytes);
    dnmf_sweep_accumulate(context, &sweep, tile, (const char *)w.data + (size_t)row * row_bytes);
  }
  dnmf_sweep_finish(&sweep, &by_cols);
  assert_same_bits(&expected_rows, &by_rows);
  assert_same_bits(&expected_cols, &by_cols);
  dnmf_panel *all[] = {&h, &w, &expected_rows, &expected_cols, &by_rows, &by_cols};
  for (int p = 0; p < 6; p++)
    dnmf_panel_free(all[p]);
}

static void dense_product_is_the_sum(void **state) {
  (void)state;
  for_all(dense_block, check_multiply);
}

static void dense_transposed_product_is_the_sum(void **state) {
  (void)state;
  for_all(dense_block, check_multiply_transposed);
}

static void sparse_product_is_the_sum(void **state) {
  (void)state;
  for_all(sparse_block, check_multiply);
}

static void sparse_transposed_product_is_the_sum(void **state) {
  (void)state;
  for_all(sparse_block, check_multiply_transposed);
}

static void sweep_equals_the_two_products(void **state) {
  (void)state;
  for_all(dense_block, check_sweep);
}

/* Enough rows and columns that every loop over tiles, chunks and column groups turns more than once. */
static void long_blocks_are_summed_whole(void **state) {
  (void)state;
  test_context()->threads = 2;
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
    dnmf_matrix tall = dense_block((block_shape){5001, 37}, (dnmf_precision)precision);
    dnmf_matrix wide = dense_block((block_shape){21, 3001}, (dnmf_precision)precision);
    dnmf_matrix *blocks[] = {&tall, &wide};
    for (int b = 0; b < 2; b++) {
      check_multiply(blocks[b], 50);
      check_multiply_transposed(blocks[b], 50);
      check_sweep(blocks[b], 50);
      free_block(blocks[b]);
    }
  }
}

static void tile_rows_are_whole_steps(void **state) {
  (void)state;
  const int64_t widths[] = {0, 1, 4000, 1000000};
  for (int i = 0; i < 4; i++) {
    dnmf_matrix a = block((block_shape){10, widths[i]}, DNMF_DOUBLE);
    int64_t rows = dnmf_sweep_tile_rows(test_context(), &a);
    assert_true(rows > 0 && rows % DNMF_SWEEP_TILE_STEP == 0);
  }
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(dense_product_is_the_sum),      mpi_test(dense_transposed_product_is_the_sum),
      mpi_test(sparse_product_is_the_sum),     mpi_test(sparse_transposed_product_is_the_sum),
      mpi_test(sweep_equals_the_two_products), mpi_test(long_blocks_are_summed_whole),
      mpi_test(tile_rows_are_whole_steps),
  };
  return cmocka_run_group_tests_name("products", tests, NULL, NULL);
}
