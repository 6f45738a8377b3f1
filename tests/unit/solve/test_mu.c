/* mu against the multiplicative update written out in plain loops. */
#include "problem.h"

#include <float.h>

static void reference(problem *p) {
  double *old = zeros(p->k);
  p->violation = violation_at(p);
  for (int r = 0; r < p->rows; r++) {
    double *x = p->x + r * p->k;
    const double *b = p->b + r * p->k;
    memcpy(old, x, (size_t)p->k * sizeof *old);
    for (int t = 0; t < p->k; t++) {
      double denominator = gradient_at(p, old, b, t) + b[t];
      if (b[t] == 0) /* the sum above is exact only then */
        denominator = gradient_at(p, old, b, t);
      x[t] = old[t] * b[t] / (denominator == 0 ? (double)FLT_EPSILON : denominator);
    }
  }
  free(old);
}

static void compare(problem *p, dnmf_precision precision, dnmf_isa isa) {
  const double tolerance = precision == DNMF_DOUBLE ? 1e-11 : 2e-5;
  problem expected = copy_problem(p);
  problem before = copy_problem(p);
  reference(&expected);
  run(p, DNMF_SOLVER_MU, precision, isa, 2);
  assert_same_x(p, &expected, tolerance);
  assert_near("violation", p->violation, expected.violation, tolerance);
  assert_no_worse(p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-5);
  free_problem(&expected);
  free_problem(&before);
}

static void check_update(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(1, precision, rows, k, k);
  compare(&p, precision, isa);
  free_problem(&p);
}

static void update_is_lee_and_seungs(void **state) {
  (void)state;
  for_every_case(check_update);
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

static void zeros_stay_zeros(void **state) {
  (void)state;
  problem p = make_problem(3, DNMF_DOUBLE, 40, 6, 6);
  problem before = copy_problem(&p);
  run(&p, DNMF_SOLVER_MU, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int i = 0; i < p.rows * p.k; i++)
    assert_true((p.x[i] == 0) == (before.x[i] == 0));
  free_problem(&before);
  free_problem(&p);
}

static void zero_denominator_gives_a_finite_value(void **state) {
  (void)state;
  problem p = make_problem(4, DNMF_DOUBLE, 17, 5, 0);
  run(&p, DNMF_SOLVER_MU, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int i = 0; i < p.rows * p.k; i++)
    assert_true(p.x[i] == 0);
  free_problem(&p);
}

static void floor_is_scikit_learns(void **state) {
  (void)state;
  double x = 2, b = 3, gram = 0;
  problem p = {.rows = 1, .k = 1, .x = &x, .b = &b, .gram = &gram};
  run(&p, DNMF_SOLVER_MU, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  assert_near("x", x, 6 / 1.1920928955078125e-07, 1e-14);
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  check_threads(DNMF_SOLVER_MU, 3);
  check_threads(DNMF_SOLVER_MU, 17);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(update_is_lee_and_seungs), mpi_test(penalties_are_applied),
      mpi_test(zeros_stay_zeros),         mpi_test(zero_denominator_gives_a_finite_value),
      mpi_test(floor_is_scikit_learns),   mpi_test(threads_do_not_change_a_bit),
  };
  return cmocka_run_group_tests_name("mu", tests, NULL, NULL);
}
