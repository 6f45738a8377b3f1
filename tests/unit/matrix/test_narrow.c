/*
 * Blocks whose values are kept narrow against blocks of the same values in the precision of the arithmetic: what is
 * computed from them has the same bits, for every type, instruction set and both precisions.
 */
#include "matrix/divergence.h"
#include "matrix/product.h"
#include "matrix/sweep.h"

#include "blocks.h"

static const dnmf_number numbers[] = {DNMF_NUMBER_UINT8,  DNMF_NUMBER_HALVES, DNMF_NUMBER_INT8,
                                      DNMF_NUMBER_UINT16, DNMF_NUMBER_INT16,  DNMF_NUMBER_SINGLE};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* Below, at and beyond the pieces that narrow tiles are converted in: 32 x 256 and 64 x 128. */
static const block_shape shapes[] = {{1, 1}, {33, 257}, {64, 128}, {67, 145}, {0, 4}, {4, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const int component_counts[] = {1, 8, 50};
enum { COMPONENT_COUNTS = sizeof component_counts / sizeof *component_counts };

/* The largest value of a type, and a number of which all are multiples. */
static double largest_of(dnmf_number number) {
  static const double largest[] = {
      [DNMF_NUMBER_SINGLE] = 3,  [DNMF_NUMBER_UINT16] = 65535, [DNMF_NUMBER_INT16] = 32767,
      [DNMF_NUMBER_UINT8] = 255, [DNMF_NUMBER_INT8] = 127,     [DNMF_NUMBER_HALVES] = 127.5};
  return largest[number];
}

static double step_of(dnmf_number number) {
  return number == DNMF_NUMBER_SINGLE ? 0x1p-20 : number == DNMF_NUMBER_HALVES ? 0.5 : 1;
}

/* Value i of a block: the extremes first, so that a type one bit too narrow would show. */
static double value_of(dnmf_number number, int64_t i) {
  const double steps = largest_of(number) / step_of(number);
  const double whole = (double)(int64_t)(uniform(i, 1, DNMF_STREAM_VALUES) * steps);
  return i == 0 ? largest_of(number) : i == 1 ? 0 : whole * step_of(number);
}

static void put(dnmf_number number, void *values, int64_t at, double value) {
  if (number == DNMF_NUMBER_SINGLE)
    ((float *)values)[at] = (float)value;
  else if (number == DNMF_NUMBER_UINT16 || number == DNMF_NUMBER_INT16)
    ((uint16_t *)values)[at] = (uint16_t)value;
  else
    ((uint8_t *)values)[at] = (uint8_t)(value / step_of(number));
}

/* A dense block of values of the type, wide; and the same narrow. */
static void make_dense(block_shape shape, dnmf_precision precision, dnmf_number number, dnmf_matrix *wide,
                       dnmf_matrix *narrow) {
  const int64_t count = shape.rows * shape.cols;
  *wide = dense_block(shape, precision);
  *narrow = block(shape, precision);
  narrow->narrow = number;
  narrow->dense = count ? malloc((size_t)count * dnmf_number_size(number)) : NULL;
  for (int64_t i = 0; i < count; i++) {
    store(precision, wide->dense, i, value_of(number, i));
    put(number, narrow->dense, i, value_of(number, i));
  }
}

/* A sparse block likewise, the narrow one made so by dnmf_matrix_narrow. */
static void make_sparse(block_shape shape, dnmf_precision precision, dnmf_number number, dnmf_matrix *wide,
                        dnmf_matrix *narrow) {
  *wide = sparse_block(shape, precision);
  *narrow = sparse_block(shape, precision);
  dnmf_matrix *both[] = {wide, narrow};
  for (int b = 0; b < 2; b++)
    for (int64_t i = 0; i < shape.rows; i++)
      for (int64_t e = both[b]->by_rows.start[i]; e < both[b]->by_rows.start[i + 1]; e++) {
        const double value = value_of(number, i * shape.cols + both[b]->by_rows.index[e]);
        store(precision, both[b]->by_rows.value, e, value);
        dnmf_csr *cols = &both[b]->by_cols;
        const int32_t col = both[b]->by_rows.index[e];
        for (int64_t at = cols->start[col]; at < cols->start[col + 1]; at++)
          if (cols->index[at] == i)
            store(precision, cols->value, at, value);
      }
  assert_ok(dnmf_matrix_narrow(test_context(), narrow));
}

typedef void check_pair(const dnmf_matrix *wide, const dnmf_matrix *narrow, int components);

/* Runs a check for every precision, type that is narrower, shape, instruction set and number of components. */
static void for_all(bool sparse, check_pair *check) {
  dnmf_context *context = test_context();
  const dnmf_isa best = dnmf_isa_detect();
  context->threads = 2;
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int n = 0; n < NUMBERS; n++)
      for (int s = 0; s < SHAPES; s++) {
        dnmf_matrix wide = {0};
        dnmf_matrix narrow = {0};
        if (!dnmf_narrower((dnmf_precision)precision, numbers[n]))
          continue;
        (sparse ? make_sparse : make_dense)(shapes[s], (dnmf_precision)precision, numbers[n], &wide, &narrow);
        for (int isa = 0; isa <= (int)best; isa++)
          for (int c = 0; c < COMPONENT_COUNTS; c++) {
            context->isa = (dnmf_isa)isa;
            check(&wide, &narrow, component_counts[c]);
          }
        free_block(&wide);
        free_block(&narrow);
      }
  context->isa = best;
}

static void check_products(const dnmf_matrix *wide, const dnmf_matrix *narrow, int components) {
  const dnmf_matrix *const both[] = {wide, narrow};
  dnmf_context *context = test_context();
  dnmf_panel h = panel_of(wide->cols, components, wide->precision, DNMF_STREAM_START_H);
  dnmf_panel w = panel_of(wide->rows, components, wide->precision, DNMF_STREAM_START_W);
  dnmf_panel rows[2], cols[2];
  for (int b = 0; b < 2; b++) {
    rows[b] = panel_of(wide->rows, components, wide->precision, DNMF_STREAM_NOISE);
    cols[b] = panel_of(wide->cols, components, wide->precision, DNMF_STREAM_NOISE);
    assert_ok(dnmf_multiply(context, both[b], &h, &rows[b]));
    assert_ok(dnmf_multiply_transposed(context, both[b], &w, &cols[b]));
  }
  assert_same_bits(&rows[0], &rows[1]);
  assert_same_bits(&cols[0], &cols[1]);
  dnmf_panel *all[] = {&h, &w, &rows[0], &rows[1], &cols[0], &cols[1]};
  for (int p = 0; p < 6; p++)
    dnmf_panel_free(all[p]);
}

/* The same of both in bundles. */
static void check_bundles(const dnmf_matrix *wide, const dnmf_matrix *narrow, int components) {
  enum { HEIGHT = 16 };
  dnmf_matrix both[] = {*wide, *narrow};
  for (int b = 0; b < 2; b++)
    assert_ok(
        dnmf_bundles_create(&test_context()->error, &both[b].by_rows, both[b].precision, 2, HEIGHT, &both[b].bundles));
  check_products(&both[0], &both[1], components);
  for (int b = 0; b < 2; b++)
    dnmf_bundles_free(&both[b].bundles);
}

static void check_sweep(const dnmf_matrix *wide, const dnmf_matrix *narrow, int components) {
  dnmf_context *context = test_context();
  dnmf_panel h = panel_of(wide->cols, components, wide->precision, DNMF_STREAM_START_H);
  dnmf_panel w = panel_of(wide->rows, components, wide->precision, DNMF_STREAM_START_W);
  dnmf_panel rows[2], cols[2];
  rows[0] = panel_of(wide->rows, components, wide->precision, DNMF_STREAM_NOISE);
  rows[1] = panel_of(wide->rows, components, wide->precision, DNMF_STREAM_VALUES);
  cols[0] = panel_of(wide->cols, components, wide->precision, DNMF_STREAM_NOISE);
  cols[1] = panel_of(wide->cols, components, wide->precision, DNMF_STREAM_VALUES);
  assert_ok(dnmf_multiply(context, wide, &h, &rows[0]));
  assert_ok(dnmf_multiply_transposed(context, wide, &w, &cols[0]));
  dnmf_sweep sweep;
  assert_ok(dnmf_sweep_begin(context, narrow, &h, &sweep));
  const size_t row_bytes = (size_t)components * dnmf_precision_size(wide->precision);
  for (int64_t row = 0; row < wide->rows; row += DNMF_SWEEP_TILE_STEP) {
    const dnmf_range tile = {row, row + DNMF_SWEEP_TILE_STEP < wide->rows ? row + DNMF_SWEEP_TILE_STEP : wide->rows};
    dnmf_sweep_multiply(context, &sweep, tile, (char *)rows[1].data + (size_t)row * row_bytes);
    dnmf_sweep_accumulate(context, &sweep, tile, (const char *)w.data + (size_t)row * row_bytes);
  }
  dnmf_sweep_finish(&sweep, &cols[1]);
  assert_same_bits(&rows[0], &rows[1]);
  assert_same_bits(&cols[0], &cols[1]);
  dnmf_panel *all[] = {&h, &w, &rows[0], &rows[1], &cols[0], &cols[1]};
  for (int p = 0; p < 6; p++)
    dnmf_panel_free(all[p]);
}

static void diverge(const dnmf_matrix *a, int components, double beta, bool transposed, dnmf_panel *sums,
                    double *losses) {
  dnmf_panel w = panel_of(a->rows, components, a->precision, DNMF_STREAM_START_W);
  dnmf_panel h = panel_of(a->cols, components, a->precision, DNMF_STREAM_START_H);
  dnmf_panel *factors[] = {&w, &h};
  for (int f = 0; f < 2; f++)
    for (int64_t i = 0; i < factors[f]->rows; i++)
      for (int c = 0; c < components; c++)
        dnmf_panel_set(factors[f], i, c, dnmf_panel_get(factors[f], i, c) + 0.4);
  for (int p = 0; p < 2; p++)
    sums[p] = panel_of(transposed ? a->cols : a->rows, components, a->precision, DNMF_STREAM_FOLDS);
  dnmf_divergence d = {.beta = beta,
                       .transposed = transposed,
                       .w = &w,
                       .h = &h,
                       .numerators = &sums[0],
                       .denominators = &sums[1],
                       .want_loss = true};
  assert_ok(dnmf_diverge(test_context(), a, &d));
  losses[0] = d.stored;
  losses[1] = d.powers;
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
}

static void check_divergences(const dnmf_matrix *wide, const dnmf_matrix *narrow, int components) {
  static const double betas[] = {1, 0.5};
  for (int way = 0; way < 2 * 2 && components <= 8; way++) {
    dnmf_panel sums[4];
    double losses[4];
    diverge(wide, components, betas[way / 2], way % 2, &sums[0], &losses[0]);
    diverge(narrow, components, betas[way / 2], way % 2, &sums[2], &losses[2]);
    assert_same_bits(&sums[0], &sums[2]);
    assert_same_bits(&sums[1], &sums[3]);
    assert_memory_equal(&losses[0], &losses[2], 2 * sizeof *losses);
    for (int p = 0; p < 4; p++)
      dnmf_panel_free(&sums[p]);
  }
}

static void dense_products_are_those_of_wide_values(void **state) {
  (void)state;
  for_all(false, check_products);
}

static void sparse_products_are_those_of_wide_values(void **state) {
  (void)state;
  for_all(true, check_products);
}

static void so_are_those_of_bundles(void **state) {
  (void)state;
  for_all(true, check_bundles);
}

static void so_are_sweeps(void **state) {
  (void)state;
  for_all(false, check_sweep);
}

static void so_are_divergences_of_dense_blocks(void **state) {
  (void)state;
  for_all(false, check_divergences);
}

static void so_are_divergences_of_sparse_blocks(void **state) {
  (void)state;
  for_all(true, check_divergences);
}

/* A sparse block of four given values, narrowed. */
static dnmf_number narrowed(dnmf_precision precision, const double *values) {
  const double dense[4] = {values[0], values[1], values[2], values[3]};
  dnmf_matrix a = block((block_shape){2, 2}, precision);
  a.sparse = true;
  a.by_rows = compress(dense, (block_shape){2, 2}, precision, false);
  a.by_cols = compress(dense, (block_shape){2, 2}, precision, true);
  assert_ok(dnmf_matrix_narrow(test_context(), &a));
  assert_int_equal(a.by_rows.narrow, a.narrow);
  assert_int_equal(a.by_cols.narrow, a.narrow);
  for (int e = 0; e < 4; e++) {
    assert_true(dnmf_number_at(dnmf_matrix_number(&a), a.by_rows.value, e) == dense[e]);
    assert_true(dnmf_number_at(dnmf_matrix_number(&a), a.by_cols.value, e) == dense[e % 2 * 2 + e / 2]);
  }
  const dnmf_number narrow = a.narrow;
  free_block(&a);
  return narrow;
}

static void sparse_values_get_the_narrowest_exact_type(void **state) {
  (void)state;
  const struct {
    double values[4];
    dnmf_number in_double;
    dnmf_number in_single;
  } cases[] = {{{1, 5, 3, 255}, DNMF_NUMBER_UINT8, DNMF_NUMBER_UINT8},
               {{0.5, 5, 3, 127.5}, DNMF_NUMBER_HALVES, DNMF_NUMBER_HALVES},
               {{1, 256, 3, 65535}, DNMF_NUMBER_UINT16, DNMF_NUMBER_UINT16},
               {{0.5, 200, 3, 4}, DNMF_NUMBER_SINGLE, 0},
               {{0.25, 1, 2, 3}, DNMF_NUMBER_SINGLE, 0},
               {{65536, 1, 2, 3}, DNMF_NUMBER_SINGLE, 0},
               {{-1, 1, 2, 3}, DNMF_NUMBER_SINGLE, 0}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    assert_int_equal(narrowed(DNMF_DOUBLE, cases[c].values), cases[c].in_double);
    assert_int_equal(narrowed(DNMF_SINGLE, cases[c].values), cases[c].in_single);
  }
  assert_int_equal(narrowed(DNMF_DOUBLE, (double[]){0.1, 1, 2, 3}), 0);
  assert_int_equal(narrowed(DNMF_DOUBLE, (double[]){1e300, 1, 2, 3}), 0);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(sparse_values_get_the_narrowest_exact_type),
      mpi_test(dense_products_are_those_of_wide_values),
      mpi_test(sparse_products_are_those_of_wide_values),
      mpi_test(so_are_those_of_bundles),
      mpi_test(so_are_sweeps),
      mpi_test(so_are_divergences_of_dense_blocks),
      mpi_test(so_are_divergences_of_sparse_blocks),
  };
  return cmocka_run_group_tests_name("narrow", tests, NULL, NULL);
}
