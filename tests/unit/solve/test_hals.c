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
  assert_lowered(p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-5);
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

static dnmf_update rows_of(problem *p, int begin, int end, int sweeps) {
  return (dnmf_update){.rows = end - begin,
                       .components = p->k,
                       .x = p->x + begin * p->k,
                       .products = p->b + begin * p->k,
                       .gram = p->gram,
                       .sweeps = sweeps,
                       .want_violation = true};
}

static void update(dnmf_update *rows) {
  dnmf_error error = {0};
  assert_int_equal(dnmf_solver_update(DNMF_SOLVER_HALS, DNMF_DOUBLE, dnmf_isa_detect(), 2, rows, &error), DNMF_OK);
}

/* A tile of the one-pass loop is such a piece. */
static void rows_in_pieces_give_the_same_bits(void **state) {
  (void)state;
  enum { ROWS = 3 * DNMF_SOLVER_STEP + 7 };
  problem whole = make_problem(4, DNMF_DOUBLE, ROWS, 5, 5);
  problem pieces = copy_problem(&whole);
  dnmf_update all = rows_of(&whole, 0, ROWS, 0);
  update(&all);
  double violation = 0;
  for (int begin = 0; begin < ROWS; begin += DNMF_SOLVER_STEP) {
    dnmf_update piece = rows_of(&pieces, begin, begin + DNMF_SOLVER_STEP < ROWS ? begin + DNMF_SOLVER_STEP : ROWS, 0);
    piece.violation = violation;
    update(&piece);
    violation = piece.violation;
  }
  assert_same_x(&pieces, &whole, 0);
  assert_true(violation == all.violation);
  free_problem(&pieces);
  free_problem(&whole);
}

/* Three sweeps over the same products are three updates, the violation that of the first. */
static void more_sweeps_are_more_updates(void **state) {
  (void)state;
  problem once = make_problem(5, DNMF_DOUBLE, 70, 6, 6);
  problem repeated = copy_problem(&once);
  dnmf_update three = rows_of(&once, 0, 70, 3);
  update(&three);
  dnmf_update first = rows_of(&repeated, 0, 70, 0);
  update(&first);
  for (int i = 0; i < 2; i++) {
    dnmf_update again = rows_of(&repeated, 0, 70, 0);
    update(&again);
  }
  assert_same_x(&once, &repeated, 0);
  assert_true(three.violation == first.violation);
  free_problem(&once);
  free_problem(&repeated);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(sweep_is_scikit_learns),
      mpi_test(penalties_are_applied),
      mpi_test(zero_curvature_leaves_the_coordinate),
      mpi_test(threads_do_not_change_a_bit),
      mpi_test(rows_in_pieces_give_the_same_bits),
      mpi_test(more_sweeps_are_more_updates),
  };
  return cmocka_run_group_tests_name("hals", tests, NULL, NULL);
}
