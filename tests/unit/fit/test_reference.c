#include "problem.h"

#include <string.h>

/* Naive updates on one process, from the start that dnmf makes; H is kept transposed, as cols x k. */

/* x (rows x k) one row at a time, given the products b (rows x k) and the Gram matrix g of the other factor. */
typedef void (*row_update)(double *x, const double *b, const double *g, int k, double l1, double l2);

/* One sweep of coordinate descent over the components (Cichocki & Phan 2009). */
static void hals_row(double *x, const double *b, const double *g, int k, double l1, double l2) {
  for (int t = 0; t < k; t++) {
    double gradient = l1 - b[t] + l2 * x[t];
    for (int s = 0; s < k; s++)
      gradient += x[s] * g[s * k + t];
    double curvature = g[t * k + t] + l2;
    if (curvature > 0)
      x[t] = fmax(0, x[t] - gradient / curvature);
  }
}

/* x <- x * b / (x g + l1 + l2 x) (Lee & Seung 2001). */
static void mu_row(double *x, const double *b, const double *g, int k, double l1, double l2) {
  double old[MOST_COMPONENTS];
  memcpy(old, x, (size_t)k * sizeof(double));
  for (int t = 0; t < k; t++) {
    double denominator = l1 + l2 * old[t];
    for (int s = 0; s < k; s++)
      denominator += old[s] * g[s * k + t];
    x[t] = denominator > 0 ? old[t] * b[t] / denominator : old[t];
  }
}

/* Updates all rows of x: A(i, j) is value[i * row_step + j * col_step]. */
static void half_step(row_update update, const double *value, int64_t rows, int64_t cols, int64_t row_step,
                      int64_t col_step, int k, double *x, const double *fixed, double l1, double l2) {
  double g[MOST_COMPONENTS * MOST_COMPONENTS] = {0};
  for (int64_t j = 0; j < cols; j++)
    for (int s = 0; s < k; s++)
      for (int t = 0; t < k; t++)
        g[s * k + t] += fixed[j * k + s] * fixed[j * k + t];
  for (int64_t i = 0; i < rows; i++) {
    double b[MOST_COMPONENTS] = {0};
    for (int64_t j = 0; j < cols; j++)
      for (int t = 0; t < k; t++)
        b[t] += value[i * row_step + j * col_step] * fixed[j * k + t];
    update(x + i * k, b, g, k, l1, l2);
  }
}

static void reference_fit(const whole *a, row_update update, const dnmf_settings *options, factors *f) {
  const dnmf_penalties *penalties = &options->penalties;
  for (int i = 0; i < options->max_iterations; i++) {
    if (options->fixed != DNMF_FIXED_W)
      half_step(update, a->value, a->rows, a->cols, a->cols, 1, f->k, f->w, f->h, penalties->l1_w, penalties->l2_w);
    if (options->fixed != DNMF_FIXED_H)
      half_step(update, a->value, a->cols, a->rows, 1, a->cols, f->k, f->h, f->w, penalties->l1_h, penalties->l2_h);
  }
}

static void assert_close(const double *expected, const double *actual, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++)
    largest = fmax(largest, expected[i]);
  for (int64_t i = 0; i < count; i++)
    assert_true(fabs(expected[i] - actual[i]) <= 1e-9 * largest);
}

static void check_reference(const dnmf_grid *grid, dnmf_solver solver, bool sparse, const dnmf_penalties *penalties,
                            dnmf_fixed fixed) {
  const whole a = whole_matrix(19, 13);
  dnmf_settings options = fit_options(solver, 4, 10);
  options.penalties = *penalties;
  options.fixed = fixed;
  problem p;
  factors reference;
  factors fitted;
  problem_create(grid, &a, sparse, DNMF_DOUBLE, options.components, &p);
  whole_factors(&p, &reference);
  reference_fit(&a, solver == DNMF_SOLVER_HALS ? hals_row : mu_row, &options, &reference);
  problem_fit(&p, &options);
  whole_factors(&p, &fitted);
  assert_close(reference.w, fitted.w, a.rows * reference.k);
  assert_close(reference.h, fitted.h, a.cols * reference.k);
  double objective =
      dense_objective(&a, &reference, penalties->l1_w, penalties->l1_h, penalties->l2_w, penalties->l2_h);
  assert_true(relative_difference(objective, p.result.objective) < 1e-9);
  problem_free(&p);
}

static void check_solvers(const dnmf_grid *grid, const dnmf_penalties *penalties) {
  for (int sparse = 0; sparse < 2; sparse++) {
    check_reference(grid, DNMF_SOLVER_HALS, sparse, penalties, DNMF_FIXED_NONE);
    check_reference(grid, DNMF_SOLVER_MU, sparse, penalties, DNMF_FIXED_NONE);
  }
}

static void check_without_penalties(const dnmf_grid *grid) {
  check_solvers(grid, &(dnmf_penalties){0});
}

static void check_with_penalties(const dnmf_grid *grid) {
  check_solvers(grid, &(dnmf_penalties){.l1_w = 0.3, .l1_h = 0.2, .l2_w = 0.5, .l2_h = 0.7});
}

static void hals_and_mu_equal_a_serial_reference(void **state) {
  (void)state;
  on_every_grid(check_without_penalties);
}

static void so_they_do_with_penalties(void **state) {
  (void)state;
  on_every_grid(check_with_penalties);
}

static void check_fixed_factors(const dnmf_grid *grid) {
  const dnmf_penalties penalties = {.l1_w = 0.3, .l1_h = 0.2, .l2_w = 0.5, .l2_h = 0.7};
  for (int sparse = 0; sparse < 2; sparse++) {
    check_reference(grid, DNMF_SOLVER_HALS, sparse, &penalties, DNMF_FIXED_W);
    check_reference(grid, DNMF_SOLVER_MU, sparse, &penalties, DNMF_FIXED_H);
  }
}

static void so_they_do_with_a_factor_fixed(void **state) {
  (void)state;
  on_every_grid(check_fixed_factors);
}

/* By dimension: W's penalties count once a column of A, H's once a row. */
static void check_scale(const dnmf_grid *grid) {
  const whole a = whole_matrix(19, 13);
  dnmf_settings raw = fit_options(DNMF_SOLVER_HALS, 4, 5);
  dnmf_settings scaled = raw;
  raw.penalties = (dnmf_penalties){.l1_w = 0.01 * 13, .l1_h = 0.02 * 19, .l2_w = 0.03 * 13, .l2_h = 0.04 * 19};
  scaled.penalties = (dnmf_penalties){.l1_w = 0.01, .l1_h = 0.02, .l2_w = 0.03, .l2_h = 0.04};
  scaled.penalties.scale = DNMF_PENALTY_DIMENSION;
  problem p;
  problem_create(grid, &a, false, DNMF_DOUBLE, raw.components, &p);
  problem_fit(&p, &raw);
  double objective = p.result.objective;
  dnmf_start_random(&p.a, START_SEED, &p.w, &p.h);
  problem_fit(&p, &scaled);
  assert_true(relative_difference(objective, p.result.objective) < 1e-12);
  problem_free(&p);
}

static void penalties_scale_with_the_dimensions_when_asked(void **state) {
  (void)state;
  on_every_grid(check_scale);
}

/* |min(X, gradient)|, the largest over one factor, relative to the largest product. */
static double kkt(const double *value, int64_t rows, int64_t cols, int64_t row_step, int64_t col_step, int k,
                  const double *x, const double *fixed) {
  double worst = 0;
  double scale = 0;
  for (int64_t i = 0; i < rows; i++)
    for (int t = 0; t < k; t++) {
      double gradient = 0;
      double product = 0;
      for (int64_t j = 0; j < cols; j++) {
        double fitted = 0;
        for (int s = 0; s < k; s++)
          fitted += x[i * k + s] * fixed[j * k + s];
        double entry = value[i * row_step + j * col_step];
        gradient += (fitted - entry) * fixed[j * k + t];
        product += entry * fixed[j * k + t];
      }
      worst = fmax(worst, fabs(fmin(x[i * k + t], gradient)));
      scale = fmax(scale, product);
    }
  return worst / scale;
}

static void check_optimality(const dnmf_grid *grid) {
  const whole a = whole_matrix(19, 13);
  dnmf_settings options = fit_options(DNMF_SOLVER_BPP, 2, 1000);
  options.tolerance = 1e-9;
  problem p;
  factors f;
  problem_create(grid, &a, true, DNMF_DOUBLE, options.components, &p);
  problem_fit(&p, &options);
  assert_true(p.result.converged);
  assert_string_equal(p.result.stop_reason, "gradient");
  whole_factors(&p, &f);
  assert_true(kkt(a.value, a.rows, a.cols, a.cols, 1, f.k, f.w, f.h) < 1e-7);
  assert_true(kkt(a.value, a.cols, a.rows, 1, a.cols, f.k, f.h, f.w) < 1e-7);
  problem_free(&p);
}

static void bpp_converges_to_a_stationary_point(void **state) {
  (void)state;
  on_every_grid(check_optimality);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(hals_and_mu_equal_a_serial_reference), mpi_test(so_they_do_with_penalties),
      mpi_test(so_they_do_with_a_factor_fixed),       mpi_test(penalties_scale_with_the_dimensions_when_asked),
      mpi_test(bpp_converges_to_a_stationary_point),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
