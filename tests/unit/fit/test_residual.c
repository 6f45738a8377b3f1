#include "problem.h"

#include "fit/residual.h"

/* |A - WH|^2 of factors, all of them dense, in long double. */
static double reference(const whole *a, const factors *f) {
  long double sum = 0;
  for (int64_t i = 0; i < a->rows; i++)
    for (int64_t j = 0; j < a->cols; j++) {
      long double difference = a->value[i * a->cols + j];
      for (int c = 0; c < f->k; c++)
        difference -= (long double)f->w[i * f->k + c] * f->h[j * f->k + c];
      sum += difference * difference;
    }
  return (double)sum;
}

static void check(const dnmf_grid *grid, bool sparse, dnmf_precision precision) {
  const whole a = whole_matrix(29, 17);
  problem p;
  factors f;
  double squares = -1;
  problem_create(grid, &a, sparse, precision, 3, &p);
  whole_factors(&p, &f);
  assert_ok(dnmf_exact_residual(test_context(), &p.a, &p.w, &p.h, &squares));
  assert_true(relative_difference(squares, reference(&a, &f)) < 1e-13);
  problem_free(&p);
}

/* A sparse block in a bundle; of several, and several tiles of one, tests/cli/test_bundles.py has the residual. */
static void check_in_bundles(const dnmf_grid *grid) {
  const whole a = whole_matrix(29, 17);
  problem p;
  factors f;
  double rows = -1;
  double bundles = -2;
  problem_create(grid, &a, true, DNMF_DOUBLE, 3, &p);
  whole_factors(&p, &f);
  assert_ok(dnmf_exact_residual(test_context(), &p.a, &p.w, &p.h, &rows));
  assert_ok(dnmf_matrix_bundle(test_context(), &p.a));
  assert_ok(dnmf_exact_residual(test_context(), &p.a, &p.w, &p.h, &bundles));
  assert_true(rows == bundles);
  problem_free(&p);
}

static void bundles_have_the_residual_of_rows(void **state) {
  (void)state;
  on_every_grid(check_in_bundles);
}

static void check_all(const dnmf_grid *grid) {
  check(grid, false, DNMF_DOUBLE);
  check(grid, true, DNMF_DOUBLE);
  check(grid, false, DNMF_SINGLE);
  check(grid, true, DNMF_SINGLE);
}

static void residual_is_summed_entry_by_entry(void **state) {
  (void)state;
  on_every_grid(check_all);
}

/* A block of more rows and columns than a tile has: A is zero, W and H are ones, k = 2, so every entry is -2. */
static void check_tiles(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  const int64_t rows = 300;
  const int64_t cols = 4500;
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_factor w;
  dnmf_factor h;
  dnmf_entries none = {0};
  double squares = -1;
  assert_ok(dnmf_layout_even(&context->error, grid, rows, cols, &layout));
  assert_ok(dnmf_matrix_from_entries(context, &layout, DNMF_DOUBLE, true, DNMF_DUPLICATES_ERROR, &none, &a));
  assert_ok(dnmf_matrix_finish(context, &layout, &a));
  assert_ok(dnmf_factor_create_w(context, &layout, 2, DNMF_DOUBLE, &w));
  assert_ok(dnmf_factor_create_h(context, &layout, 2, DNMF_DOUBLE, &h));
  dnmf_factor *both[] = {&w, &h};
  for (int f = 0; f < 2; f++)
    for (int64_t row = 0; row < both[f]->mine.rows; row++)
      for (int c = 0; c < 2; c++)
        dnmf_panel_set(&both[f]->mine, row, c, 1);
  assert_ok(dnmf_exact_residual(context, &a, &w, &h, &squares));
  assert_true(squares == 4.0 * (double)rows * (double)cols);
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  dnmf_matrix_free(&a);
  dnmf_layout_free(&layout);
}

static void tiles_cover_the_block(void **state) {
  (void)state;
  on_every_grid(check_tiles);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(residual_is_summed_entry_by_entry),
      mpi_test(bundles_have_the_residual_of_rows),
      mpi_test(tiles_cover_the_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
