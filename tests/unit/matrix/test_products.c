/*
 * Products, sweeps, Gram matrices and dot products against triple loops in long double, for every instruction
 * set of this processor and both precisions.
 */
#include "matrix/product.h"
#include "matrix/sweep.h"

#include "blocks.h"

#include <math.h>

static const int component_counts[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50, 64, 65, 100, 130};
enum { COMPONENT_COUNTS = sizeof component_counts / sizeof *component_counts };

static const block_shape shapes[] = {{1, 1},    {3, 5},    {8, 16}, {9, 17}, {67, 45},
                                     {37, 290}, {131, 20}, {0, 4},  {4, 0},  {0, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

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

/* A block held by rows alone gives the bits of one held by columns too, on any number of threads. */
static void check_rows_alone(const dnmf_matrix *a, int components) {
  dnmf_context *context = test_context();
  dnmf_matrix alone = *a;
  alone.by_cols = (dnmf_csr){0};
  dnmf_panel w = panel_of(a->rows, components, a->precision, DNMF_STREAM_START_W);
  dnmf_panel expected = panel_of(a->cols, components, a->precision, DNMF_STREAM_NOISE);
  context->threads = 1;
  multiply(true, a, &w, &expected);
  for (context->threads = 1; context->threads <= 5; context->threads++) {
    dnmf_panel out = panel_of(a->cols, components, a->precision, DNMF_STREAM_VALUES);
    multiply(true, &alone, &w, &out);
    assert_same_bits(&expected, &out);
    dnmf_panel_free(&out);
  }
  dnmf_panel_free(&w);
  dnmf_panel_free(&expected);
}

static void rows_alone_give_the_bits_of_both_orders(void **state) {
  (void)state;
  for_all(sparse_block, check_rows_alone);
}

/* Tall blocks whose panel of rows has outgrown a cache, and square ones where neither panel is in it. */
static void rows_alone_where_the_other_panel_is_nearer(void **state) {
  (void)state;
  const dnmf_context *context = test_context();
  assert_true(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 138000, 27000, 16));
  assert_false(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 27000, 138000, 16));
  assert_false(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 20000, 4000, 16));
  assert_true(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 20000, 4000, 128));
  assert_false(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 100000, 100000, 16));
  assert_true(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 1000000, 1000000, 16));
  assert_false(dnmf_product_by_rows_alone(context, DNMF_DOUBLE, 0, 0, 16));
}

/* A block in bundles gives the bits of compressed rows, on any number of threads and in bundles of any height. */
static void check_bundles(const dnmf_matrix *a, int components) {
  static const int64_t heights[] = {1, 16, DNMF_BUNDLE_ROWS};
  dnmf_context *context = test_context();
  dnmf_panel h = panel_of(a->cols, components, a->precision, DNMF_STREAM_START_H);
  dnmf_panel w = panel_of(a->rows, components, a->precision, DNMF_STREAM_START_W);
  dnmf_panel expected[2] = {panel_of(a->rows, components, a->precision, DNMF_STREAM_NOISE),
                            panel_of(a->cols, components, a->precision, DNMF_STREAM_NOISE)};
  context->threads = 1;
  multiply(false, a, &h, &expected[0]);
  multiply(true, a, &w, &expected[1]);
  for (int t = 0; t < 3; t++) {
    dnmf_matrix bundled = *a;
    context->threads = t + 1;
    assert_ok(dnmf_bundles_create(&context->error, &a->by_rows, a->precision, t + 1, heights[t], &bundled.bundles));
    bundled.by_rows = bundled.by_cols = (dnmf_csr){0};
    dnmf_panel out[2] = {panel_of(a->rows, components, a->precision, DNMF_STREAM_VALUES),
                         panel_of(a->cols, components, a->precision, DNMF_STREAM_VALUES)};
    multiply(false, &bundled, &h, &out[0]);
    multiply(true, &bundled, &w, &out[1]);
    for (int side = 0; side < 2; side++) {
      assert_same_bits(&expected[side], &out[side]);
      dnmf_panel_free(&out[side]);
    }
    dnmf_bundles_free(&bundled.bundles);
  }
  dnmf_panel *all[] = {&h, &w, &expected[0], &expected[1]};
  for (int p = 0; p < 4; p++)
    dnmf_panel_free(all[p]);
}

static void bundles_give_the_bits_of_rows(void **state) {
  (void)state;
  for_all(sparse_block, check_bundles);
}

static void bundles_where_panels_are_large_and_columns_filled(void **state) {
  (void)state;
  assert_true(dnmf_bundles_pay(DNMF_DOUBLE, 138000, 27000, 18.6e6, 56));
  assert_false(dnmf_bundles_pay(DNMF_DOUBLE, 138000, 2000, 18.6e6, 56));   /* H in the cache of a core */
  assert_false(dnmf_bundles_pay(DNMF_DOUBLE, 138000, 270000, 18.6e6, 56)); /* an entry in every other column */
  assert_false(dnmf_bundles_pay(DNMF_DOUBLE, 1000, 27000, 18.6e6, 56));    /* one bundle */
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

/* A panel of 30 MB and more is taken in bands: every component is what it is alone, in one. */
static void bands_of_a_large_panel_give_the_same_sums(void **state) {
  (void)state;
  enum { COMPONENTS = 113, FEW = 8 };
  dnmf_context *context = test_context();
  const dnmf_isa best = dnmf_isa_detect();
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
    dnmf_matrix a = sparse_block((block_shape){4, 70000}, (dnmf_precision)precision);
    dnmf_panel all = panel_of(a.cols, COMPONENTS, a.precision, DNMF_STREAM_START_H);
    dnmf_panel few = panel_of(a.cols, FEW, a.precision, DNMF_STREAM_START_H);
    for (int isa = 0; isa <= (int)best; isa++) {
      dnmf_panel in_bands = panel_of(a.rows, COMPONENTS, a.precision, DNMF_STREAM_NOISE);
      dnmf_panel whole = panel_of(a.rows, FEW, a.precision, DNMF_STREAM_NOISE);
      context->isa = (dnmf_isa)isa;
      context->threads = 1 + isa;
      assert_true(dnmf_product_bands(context, &a, false, COMPONENTS) > 4);
      assert_int_equal(dnmf_product_bands(context, &a, false, FEW), 1);
      assert_int_equal(dnmf_product_bands(context, &a, true, COMPONENTS), 1);
      multiply(false, &a, &all, &in_bands);
      multiply(false, &a, &few, &whole);
      for (int64_t i = 0; i < a.rows; i++)
        for (int c = 0; c < FEW; c++)
          assert_true(dnmf_panel_get(&in_bands, i, c) == dnmf_panel_get(&whole, i, c));
      assert_product(&a, false, &all, &in_bands);
      dnmf_panel_free(&in_bands);
      dnmf_panel_free(&whole);
    }
    dnmf_panel_free(&all);
    dnmf_panel_free(&few);
    free_block(&a);
  }
  context->isa = best;
}

static void tile_rows_are_whole_steps(void **state) {
  (void)state;
  const int64_t widths[] = {0, 1, 4000, 1000000};
  for (int i = 0; i < 4; i++) {
    int64_t rows = dnmf_sweep_tile_rows(test_context(), DNMF_NUMBER_DOUBLE, widths[i]);
    assert_true(rows > 0 && rows % DNMF_SWEEP_TILE_STEP == 0);
  }
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(dense_product_is_the_sum),
      mpi_test(dense_transposed_product_is_the_sum),
      mpi_test(sparse_product_is_the_sum),
      mpi_test(sparse_transposed_product_is_the_sum),
      mpi_test(sweep_equals_the_two_products),
      mpi_test(long_blocks_are_summed_whole),
      mpi_test(rows_alone_give_the_bits_of_both_orders),
      mpi_test(bundles_give_the_bits_of_rows),
      mpi_test(bundles_where_panels_are_large_and_columns_filled),
      mpi_test(rows_alone_where_the_other_panel_is_nearer),
      mpi_test(tile_rows_are_whole_steps),
      mpi_test(bands_of_a_large_panel_give_the_same_sums),
  };
  return cmocka_run_group_tests_name("products", tests, NULL, NULL);
}
