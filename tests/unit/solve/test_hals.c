/* hals against scikit-learn's coordinate descent written out in plain loops. */
#include "problem.h"

/* sklearn.decomposition._cdnmf_fast._update_cdnmf_fast, components in order. */
static void reference(problem *p) {
  p->violation = 0;
  for (int t = 0; t < p->k; t++)
    for (int r = 0; r < p->rows; r++) {
      double *x = p->x + r * p->k;
      double gradient = gradient_at(p, x, p->b + r * p->k, t);
      double curvature = p->gram[t * p->k + t] + p->l2;
      p->violation += fabs(projected(x[t], gradient));
      if (curvature != 0)
        x[t] = fmax(x[t] - gradient / curvature, 0);
    }
}

static void compare(problem *p, dnmf_precision precision, dnmf_isa isa) {
  const double tolerance = precision == DNMF_DOUBLE ? 1e-11 : 1e-4;
  problem expected = copy_problem(p);
  problem before = copy_problem(p);
  reference(&expected);
  run(p, DNMF_SOLVER_HALS, precision, isa, 2);
  assert_same_x(p, &expected, tolerance);
  assert_near("violation", p->violation, expected.violation, tolerance);
  assert_no_worse(p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-5);
  free_problem(&expected);
  free_problem(&before);
}

static void check_sweep(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(1, precision, rows, k, k);
  compare(&p, precision, isa);
  free_problem(&p);
}

static void sweep_is_scikit_learns(void **state) {
  (void)state;
  for_every_case(check_sweep);
}

static void check_penalties(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(2, precision, rows, k, k);
  p.l1 = 0.75;
  p.l2 = 1.5;
  compare(&p, precision, isa);
  free_problem(&p);
}

static void penalties_are_applied(void **state) {
  (void)state;
  for_every_case(check_penalties);
}

static void zero_curvature_leaves_the_coordinate(void **state) {
  (void)state;
  problem p = make_problem(3, DNMF_DOUBLE, 17, 5, 0);
  problem before = copy_problem(&p);
  run(&p, DNMF_SOLVER_HALS, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  assert_same_x(&p, &before, 0);
  free_problem(&before);
  free_problem(&p);
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  check_threads(DNMF_SOLVER_HALS, 3);
  check_threads(DNMF_SOLVER_HALS, 17);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(sweep_is_scikit_learns),
      mpi_test(penalties_are_applied),
      mpi_test(zero_curvature_leaves_the_coordinate),
      mpi_test(threads_do_not_change_a_bit),
  };
  return cmocka_run_group_tests_name("hals", tests, NULL, NULL);
}
