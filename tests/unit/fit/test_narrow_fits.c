/* Fits of sparse blocks whose values are kept narrow, beside the same fits of values in the precision of the run. */
#include "problem.h"

#include "fit/residual.h"

#include <string.h>

static const dnmf_loss losses[] = {
    {.divergence = false}, {.divergence = true, .beta = 1}, {.divergence = true, .beta = 0.5}};
enum { LOSSES = sizeof losses / sizeof *losses };

/* Fits; the factors and the residual, entry by entry. */
static double fit(const dnmf_grid *grid, const whole *a, dnmf_precision precision, dnmf_solver solver, dnmf_loss loss,
                  dnmf_number narrow, factors *f) {
  dnmf_context *context = test_context();
  dnmf_settings options = fit_options(solver, 3, 4);
  double squares = 0;
  problem p;
  options.loss = loss;
  problem_create(grid, a, true, precision, 3, &p);
  if (narrow)
    assert_ok(dnmf_matrix_narrow(context, &p.a));
  assert_int_equal(p.a.narrow, narrow);
  problem_fit(&p, &options);
  whole_factors(&p, f);
  assert_ok(dnmf_exact_residual(context, &p.a, &p.w, &p.h, &squares));
  problem_free(&p);
  return squares;
}

/* Multiples of `step`, as many as `narrow` holds. */
static void check(const dnmf_grid *grid, double step, dnmf_precision precision, dnmf_number narrow) {
  whole a = whole_matrix(31, 23);
  factors wide = {0};
  factors same = {0};
  for (int i = 0; i < 31 * 23; i++)
    a.value[i] *= 8 * step;
  for (int way = 0; way < DNMF_SOLVERS + LOSSES - 1; way++) {
    const dnmf_solver solver = way < DNMF_SOLVERS ? (dnmf_solver)way : DNMF_SOLVER_MU;
    const dnmf_loss loss = losses[way < DNMF_SOLVERS ? 0 : way - DNMF_SOLVERS + 1];
    const double residual = fit(grid, &a, precision, solver, loss, (dnmf_number)0, &wide);
    assert_true(residual == fit(grid, &a, precision, solver, loss, narrow, &same));
    assert_memory_equal(&wide, &same, sizeof wide);
  }
}

static void check_types(const dnmf_grid *grid) {
  check(grid, 1, DNMF_DOUBLE, DNMF_NUMBER_UINT8);
  check(grid, 0.5, DNMF_SINGLE, DNMF_NUMBER_HALVES);
  check(grid, 9, DNMF_DOUBLE, DNMF_NUMBER_UINT16);
  check(grid, 0.125, DNMF_DOUBLE, DNMF_NUMBER_SINGLE);
}

static void narrow_values_give_the_same_factors(void **state) {
  (void)state;
  on_every_grid(check_types);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {mpi_test(narrow_values_give_the_same_factors)};
  return cmocka_run_group_tests_name("narrow fits", tests, NULL, NULL);
}
