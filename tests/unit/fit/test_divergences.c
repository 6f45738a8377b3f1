/* Fits under the beta-divergences, on every grid. */
#include "problem.h"

#include <string.h>

static const double betas[] = {1, 0, 0.5, 1.5, 3, -0.5};
enum { BETAS = sizeof betas / sizeof *betas };

static const dnmf_penalties none = {0};
static const dnmf_penalties penalties = {.l1_w = 0.3, .l1_h = 0.2, .l2_w = 0.5, .l2_h = 0.7};

static dnmf_settings options_for(double beta, int iterations) {
  dnmf_settings options = fit_options(DNMF_SOLVER_MU, 3, iterations);
  options.loss = (dnmf_loss){true, beta};
  return options;
}

/* Without zeros where the divergence of one would be infinite. */
static whole matrix_for(double beta, int64_t rows, int64_t cols) {
  whole a = whole_matrix(rows, cols);
  for (int64_t place = 0; beta <= 0 && place < rows * cols; place++)
    a.value[place] += 0.125;
  return a;
}

static double product_of(const factors *f, int64_t i, int64_t j) {
  double sum = 0;
  for (int t = 0; t < f->k; t++)
    sum += f->w[i * f->k + t] * f->h[j * f->k + t];
  return sum;
}

/* x (rows x k) by the rule of Févotte & Idier; A(i, j) is value[i * row_step + j * col_step]. */
static void half_step(double beta, const double *value, int64_t rows, int64_t cols, int64_t row_step, int64_t col_step,
                      int k, double *x, const double *fixed, double l1, double l2) {
  const double exponent = beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1;
  for (int64_t i = 0; i < rows; i++) {
    double above[MOST_COMPONENTS] = {0};
    double below[MOST_COMPONENTS] = {0};
    for (int64_t j = 0; j < cols; j++) {
      double p = 0;
      for (int t = 0; t < k; t++)
        p += x[i * k + t] * fixed[j * k + t];
      for (int t = 0; t < k; t++) {
        above[t] += value[i * row_step + j * col_step] * pow(p, beta - 2) * fixed[j * k + t];
        below[t] += pow(p, beta - 1) * fixed[j * k + t];
      }
    }
    for (int t = 0; t < k; t++)
      x[i * k + t] *= pow(above[t] / (below[t] + l1 + l2 * x[i * k + t]), exponent);
  }
}

static double sum_of_penalties(const double *x, int64_t count, double l1, double l2) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += l1 * x[i] + 0.5 * l2 * x[i] * x[i];
  return sum;
}

static double divergence(double beta, double a, double p) {
  if (beta == 1)
    return (a > 0 ? a * log(a / p) : 0) - a + p;
  if (beta == 0)
    return a / p - log(a / p) - 1;
  return ((a > 0 ? pow(a, beta) : 0) + (beta - 1) * pow(p, beta) - beta * a * pow(p, beta - 1)) / (beta * (beta - 1));
}

static double objective(double beta, const whole *a, const factors *f, const dnmf_penalties *l) {
  double sum = sum_of_penalties(f->w, a->rows * f->k, l->l1_w, l->l2_w) +
               sum_of_penalties(f->h, a->cols * f->k, l->l1_h, l->l2_h);
  for (int64_t i = 0; i < a->rows; i++)
    for (int64_t j = 0; j < a->cols; j++)
      sum += divergence(beta, a->value[i * a->cols + j], product_of(f, i, j));
  return sum;
}

static void assert_close(const double *expected, const double *actual, int64_t count, double tolerance) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++)
    largest = fmax(largest, expected[i]);
  for (int64_t i = 0; i < count; i++)
    assert_true(fabs(expected[i] - actual[i]) <= tolerance * largest);
}

/* One fit beside the plain loops: factors, the objective, and every objective on the way. */
static void check_fit(const dnmf_grid *grid, const whole *a, bool sparse, dnmf_precision precision,
                      const dnmf_settings *options) {
  const double beta = options->loss.beta;
  const double tolerance = precision == DNMF_DOUBLE ? 1e-10 : 2e-4;
  const dnmf_penalties *l = &options->penalties;
  problem p;
  factors expected;
  factors fitted;
  problem_create(grid, a, sparse, precision, options->components, &p);
  whole_factors(&p, &expected);
  problem_fit(&p, options);
  whole_factors(&p, &fitted);
  assert_int_equal(p.result.history_count, options->max_iterations + 1);
  for (int i = 0; i <= options->max_iterations; i++) {
    const double reached = p.result.objective_history[i];
    assert_true(relative_difference(objective(beta, a, &expected, l), reached) < tolerance);
    if (i > 0)
      assert_true(reached <= p.result.objective_history[i - 1] * (1 + tolerance));
    if (i == options->max_iterations)
      break;
    if (options->fixed != DNMF_FIXED_W)
      half_step(beta, a->value, a->rows, a->cols, a->cols, 1, expected.k, expected.w, expected.h, l->l1_w, l->l2_w);
    if (options->fixed != DNMF_FIXED_H)
      half_step(beta, a->value, a->cols, a->rows, 1, a->cols, expected.k, expected.h, expected.w, l->l1_h, l->l2_h);
  }
  assert_close(expected.w, fitted.w, a->rows * expected.k, tolerance);
  assert_close(expected.h, fitted.h, a->cols * expected.k, tolerance);
  assert_true(isnan(p.result.residual_squares));
  problem_free(&p);
}

static void check_betas(const dnmf_grid *grid, const dnmf_penalties *l, dnmf_fixed fixed, dnmf_precision precision) {
  for (int b = 0; b < BETAS; b++)
    for (int sparse = 0; sparse < 2; sparse++) {
      const whole a = matrix_for(betas[b], 19, 13);
      dnmf_settings options = options_for(betas[b], 6);
      options.penalties = *l;
      options.fixed = fixed;
      check_fit(grid, &a, sparse, precision, &options);
    }
}

static void check_plain(const dnmf_grid *grid) {
  check_betas(grid, &none, DNMF_FIXED_NONE, DNMF_DOUBLE);
}

static void check_single(const dnmf_grid *grid) {
  check_betas(grid, &none, DNMF_FIXED_NONE, DNMF_SINGLE);
}

static void check_penalties(const dnmf_grid *grid) {
  check_betas(grid, &penalties, DNMF_FIXED_NONE, DNMF_DOUBLE);
}

static void check_fixed(const dnmf_grid *grid) {
  check_betas(grid, &penalties, DNMF_FIXED_W, DNMF_DOUBLE);
  check_betas(grid, &penalties, DNMF_FIXED_H, DNMF_DOUBLE);
}

/* Fewer rows or columns than processes. */
static void check_small(const dnmf_grid *grid) {
  const int64_t shapes[][2] = {{4, 17}, {15, 2}};
  for (int c = 0; c < 4; c++) {
    const double beta = c / 2 ? 0.5 : 1;
    const whole a = matrix_for(0, shapes[c % 2][0], shapes[c % 2][1]);
    const dnmf_settings options = options_for(beta, 5);
    check_fit(grid, &a, c % 2, DNMF_DOUBLE, &options);
  }
}

static void fits_equal_plain_loops_and_never_rise(void **state) {
  (void)state;
  on_every_grid(check_plain);
}

static void so_they_do_in_single_precision(void **state) {
  (void)state;
  on_every_grid(check_single);
}

static void so_they_do_with_penalties(void **state) {
  (void)state;
  on_every_grid(check_penalties);
}

static void so_they_do_with_a_factor_fixed(void **state) {
  (void)state;
  on_every_grid(check_fixed);
}

static void so_they_do_with_empty_processes(void **state) {
  (void)state;
  on_every_grid(check_small);
}

/* Gathers as for the squared error; denominators scattered beside the numerators unless beta is 1. */
static void check_traffic(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  for (int b = 0; b < BETAS; b++) {
    const dnmf_settings options = options_for(betas[b], 5);
    const whole a = matrix_for(betas[b], 19, 13);
    const double k = options.components;
    const double factor_words = (double)((grid->rows - 1) * a.cols + (grid->cols - 1) * a.rows) * k;
    const double sums = betas[b] == 1 ? k : betas[b] == 0 ? 0 : 1;
    problem p;
    problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
    problem_fit(&p, &options);
    const dnmf_traffic *t = &p.result.traffic;
    assert_true(t->gather_words == 5 * factor_words);
    assert_true(t->scatter_words == 5 * (betas[b] == 1 ? 1 : 2) * factor_words);
    assert_true(fabs(t->gram_words - 5 * 4 * sums * (context->size - 1)) < 1e-9);
    problem_free(&p);
  }
}

static void the_words_sent_are_those_of_the_formula(void **state) {
  (void)state;
  on_every_grid(check_traffic);
}

/* The message names the one zero there is, whoever holds it. */
static void check_refusal(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  for (int c = 0; c < 4; c++) {
    const dnmf_settings options = options_for(c / 2 ? 0 : -0.5, 5);
    whole a = matrix_for(0, 19, 13);
    a.value[17 * 13 + 11] = 0;
    problem p;
    problem_create(grid, &a, c % 2, DNMF_DOUBLE, options.components, &p);
    assert_int_equal(dnmf_fit_zeros(context, &options, &p.a, &p.w, &p.h, &p.result), DNMF_ERROR_INPUT);
    assert_non_null(strstr(context->error.text, "row 17, column 11 "));
    context->error = (dnmf_error){0};
    problem_free(&p);
  }
}

static void zeros_are_refused_where_their_divergence_is_infinite(void **state) {
  (void)state;
  on_every_grid(check_refusal);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(fits_equal_plain_loops_and_never_rise),
      mpi_test(so_they_do_in_single_precision),
      mpi_test(so_they_do_with_penalties),
      mpi_test(so_they_do_with_a_factor_fixed),
      mpi_test(so_they_do_with_empty_processes),
      mpi_test(the_words_sent_are_those_of_the_formula),
      mpi_test(zeros_are_refused_where_their_divergence_is_infinite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
