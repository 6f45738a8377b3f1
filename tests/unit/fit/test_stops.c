#include "problem.h"

#include <string.h>

static void check_no_iterations(const dnmf_grid *grid) {
  const whole a = whole_matrix(9, 8);
  const dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 3, 0);
  problem p;
  factors before;
  factors after;
  problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
  whole_factors(&p, &before);
  problem_fit(&p, &options);
  whole_factors(&p, &after);
  assert_memory_equal(before.w, after.w, (size_t)(a.rows * before.k) * sizeof(double));
  assert_memory_equal(before.h, after.h, (size_t)(a.cols * before.k) * sizeof(double));
  assert_int_equal(p.result.iterations, 0);
  assert_false(p.result.converged);
  assert_string_equal(p.result.stop_reason, "max-iter");
  assert_int_equal(p.result.history_count, 1);
  assert_true(relative_difference(p.result.objective, dense_objective(&a, &before, 0, 0, 0, 0)) < 1e-12);
  problem_free(&p);
}

static void without_iterations_the_start_is_kept(void **state) {
  (void)state;
  on_every_grid(check_no_iterations);
}

static void check_time_limit(const dnmf_grid *grid) {
  const whole a = whole_matrix(9, 8);
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 3, 1000000);
  options.time_limit = 0.05;
  problem p;
  problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
  problem_fit(&p, &options);
  assert_string_equal(p.result.stop_reason, "time-limit");
  assert_false(p.result.converged);
  assert_true(p.result.iterations >= 1 && p.result.iterations < options.max_iterations);
  assert_true(p.result.seconds.total >= options.time_limit);
  assert_int_equal(p.result.history_count, p.result.iterations + 1);
  problem_free(&p);
}

static void the_time_limit_stops_everybody(void **state) {
  (void)state;
  on_every_grid(check_time_limit);
}

static void check_gradient(const dnmf_grid *grid) {
  const whole a = whole_matrix(9, 8);
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 10000);
  options.tolerance = 1e-3;
  problem p;
  problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
  problem_fit(&p, &options);
  assert_string_equal(p.result.stop_reason, "gradient");
  assert_true(p.result.converged);
  assert_true(p.result.violation <= options.tolerance);
  const int needed = p.result.iterations;
  dnmf_start_random(&p.a, START_SEED, &p.w, &p.h);
  options.max_iterations = needed - 1; /* one fewer is not enough */
  problem_fit(&p, &options);
  assert_string_equal(p.result.stop_reason, "max-iter");
  assert_true(p.result.violation > options.tolerance);
  problem_free(&p);
}

static void a_small_projected_gradient_stops(void **state) {
  (void)state;
  on_every_grid(check_gradient);
}

/* scikit-learn's rule for mu: every 10 iterations, (previous - current) / start < tolerance. */
static void check_objective_rule(const dnmf_grid *grid) {
  const whole a = whole_matrix(9, 8);
  dnmf_settings options = fit_options(DNMF_SOLVER_MU, 2, 10000);
  options.stop = DNMF_STOP_OBJECTIVE;
  options.tolerance = 1e-4;
  problem p;
  problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
  problem_fit(&p, &options);
  assert_string_equal(p.result.stop_reason, "objective");
  assert_true(p.result.converged);
  const double *history = p.result.objective_history;
  const double start = sqrt(2 * history[0]);
  int64_t expected = 10;
  while ((sqrt(2 * history[expected - 10]) - sqrt(2 * history[expected])) / start >= options.tolerance)
    expected += 10;
  assert_int_equal(p.result.iterations, expected);
  problem_free(&p);
}

static void little_progress_of_the_objective_stops(void **state) {
  (void)state;
  on_every_grid(check_objective_rule);
}

static void check_tolerance_zero(const dnmf_grid *grid) {
  whole a = whole_matrix(5, 4);
  memset(a.value, 0, sizeof a.value); /* at its minimum from the start: any positive tolerance would stop */
  const dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 25);
  problem p;
  problem_create(grid, &a, true, DNMF_DOUBLE, options.components, &p);
  problem_fit(&p, &options);
  assert_int_equal(p.result.iterations, 25);
  assert_string_equal(p.result.stop_reason, "max-iter");
  assert_true(p.result.objective == 0);
  problem_free(&p);
}

static void tolerance_zero_never_stops(void **state) {
  (void)state;
  on_every_grid(check_tolerance_zero);
}

/* An exact product: the residual vanishes in the rounding of its three terms, and the result says so. */
static void check_exact_fit(const dnmf_grid *grid) {
  whole a = {.rows = 6, .cols = 5};
  for (int64_t i = 0; i < a.rows; i++)
    for (int64_t j = 0; j < a.cols; j++)
      a.value[i * a.cols + j] = (double)((i + 1) * (j + 1));
  const dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 1, 50);
  problem p;
  problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
  problem_fit(&p, &options);
  assert_true(p.result.below_rounding);
  assert_true(p.result.residual_squares >= 0);
  assert_true(p.result.residual_squares < 1e-12 * p.a.sum_squares);
  problem_free(&p);
}

static void an_exact_fit_is_below_rounding(void **state) {
  (void)state;
  on_every_grid(check_exact_fit);
}

static void check_overflow(const dnmf_grid *grid, dnmf_precision precision, double value) {
  dnmf_context *context = test_context();
  whole a = whole_matrix(6, 5);
  for (int64_t place = 0; place < a.rows * a.cols; place++)
    a.value[place] = value;
  const dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 3);
  problem p;
  problem_create(grid, &a, false, precision, options.components, &p);
  assert_int_equal(dnmf_fit_zeros(context, &options, &p.a, &p.w, &p.h, &p.result), DNMF_ERROR_INPUT);
  assert_non_null(strstr(context->error.text, "scale the matrix"));
  context->error = (dnmf_error){0};
  problem_free(&p);
}

static void check_overflows(const dnmf_grid *grid) {
  check_overflow(grid, DNMF_DOUBLE, 1e200);
  check_overflow(grid, DNMF_SINGLE, 1e30);
}

/* Infinities must not pass for a residual of 0. */
static void values_beyond_the_range_are_an_error_everywhere(void **state) {
  (void)state;
  on_every_grid(check_overflows);
}

static int steps_told;

static void count_step(void *state, const dnmf_step *step) {
  (void)state;
  assert_int_equal(step->iteration, steps_told);
  steps_told++;
}

static void every_iteration_is_told_by_one_process(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const whole a = whole_matrix(6, 5);
  const dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 7);
  dnmf_grid grid;
  problem p;
  assert_ok(dnmf_grid_create(context, context->size, 1, &grid));
  problem_create(&grid, &a, false, DNMF_DOUBLE, options.components, &p);
  steps_told = 0;
  context->reporter.step = count_step;
  problem_fit(&p, &options);
  context->reporter.step = NULL;
  assert_int_equal(steps_told, context->rank == 0 ? 8 : 0);
  problem_free(&p);
  dnmf_grid_free(&grid);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(without_iterations_the_start_is_kept),
      mpi_test(the_time_limit_stops_everybody),
      mpi_test(a_small_projected_gradient_stops),
      mpi_test(little_progress_of_the_objective_stops),
      mpi_test(tolerance_zero_never_stops),
      mpi_test(an_exact_fit_is_below_rounding),
      mpi_test(values_beyond_the_range_are_an_error_everywhere),
      mpi_test(every_iteration_is_told_by_one_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
