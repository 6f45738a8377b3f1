/* bpp against trying every passive set (few components), and against the optimality conditions (many). */
#include "problem.h"

#include "solve/kernels.h"

/* Solves the symmetric system in place by Gaussian elimination with pivoting; false if singular. */
static bool eliminate(int n, double *a, double *b) {
  for (int c = 0; c < n; c++) {
    int pivot = c;
    for (int r = c + 1; r < n; r++)
      pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
    if (fabs(a[pivot * n + c]) < 1e-12)
      return false;
    for (int j = 0; j < n; j++) {
      double swap = a[c * n + j];
      a[c * n + j] = a[pivot * n + j];
      a[pivot * n + j] = swap;
    }
    double swap = b[c];
    b[c] = b[pivot];
    b[pivot] = swap;
    for (int r = c + 1; r < n; r++) {
      double factor = a[r * n + c] / a[c * n + c];
      for (int j = c; j < n; j++)
        a[r * n + j] -= factor * a[c * n + j];
      b[r] -= factor * b[c];
    }
  }
  for (int r = n - 1; r >= 0; r--) {
    for (int j = r + 1; j < n; j++)
      b[r] -= a[r * n + j] * b[j];
    b[r] /= a[r * n + r];
  }
  return true;
}

/* The lowest objective over the minimizers on every passive set that are nonnegative. k <= 8. */
static void reference_row(const problem *p, const double *b, double *best) {
  memset(best, 0, (size_t)p->k * sizeof *best);
  for (unsigned set = 1; set < 1U << p->k; set++) {
    double a[64], rhs[8], x[8] = {0};
    int members[8], n = 0;
    for (int t = 0; t < p->k; t++)
      if (set >> t & 1)
        members[n++] = t;
    for (int i = 0; i < n; i++) {
      rhs[i] = b[members[i]] - p->l1;
      for (int j = 0; j < n; j++)
        a[i * n + j] = p->gram[members[i] * p->k + members[j]] + (i == j ? p->l2 : 0);
    }
    bool feasible = eliminate(n, a, rhs);
    for (int i = 0; i < n && feasible; i++) {
      feasible = rhs[i] >= 0;
      x[members[i]] = rhs[i];
    }
    if (feasible && objective(p, x, b) < objective(p, best, b))
      memcpy(best, x, (size_t)p->k * sizeof *best);
  }
}

static void every_passive_set_tried_gives_the_same(void **state) {
  (void)state;
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int k = 1; k <= 8; k++)
      for (int penalized = 0; penalized < 2; penalized++) {
        problem p = make_problem(10 + (uint64_t)k, (dnmf_precision)precision, 40, k, k);
        p.l1 = penalized ? 2 : 0;
        p.l2 = penalized ? 0.5 : 0;
        problem expected = copy_problem(&p);
        for (int r = 0; r < p.rows; r++)
          reference_row(&p, p.b + r * k, expected.x + r * k);
        run(&p, DNMF_SOLVER_BPP, (dnmf_precision)precision, dnmf_isa_detect(), 2);
        assert_same_x(&p, &expected, precision == DNMF_DOUBLE ? 1e-10 : 1e-6);
        free_problem(&expected);
        free_problem(&p);
      }
}

/* Gradient 0 where x is positive, not negative elsewhere, relative to the row's products and the size of the
 * gradient that the values before the update, at most 1, can have had. */
static void assert_optimal(const problem *p, double tolerance) {
  for (int r = 0; r < p->rows; r++) {
    const double *x = p->x + r * p->k;
    const double *b = p->b + r * p->k;
    double scale = 0;
    for (int t = 0; t < p->k; t++)
      scale = fmax(scale, fabs(b[t]) + p->l1 + p->gram[t * p->k + t]);
    for (int t = 0; t < p->k; t++) {
      double wrong = projected(x[t], gradient_at(p, x, b, t));
      assert_true(x[t] >= 0 && isfinite(x[t]));
      if (!(fabs(wrong) <= tolerance * scale))
        fail_msg("k = %d, row %d, component %d: projected gradient %g, x %g, products to %g", p->k, r, t, wrong, x[t],
                 scale);
    }
  }
}

static void compare(problem *p, dnmf_precision precision, dnmf_isa isa) {
  problem before = copy_problem(p);
  run(p, DNMF_SOLVER_BPP, precision, isa, 2);
  assert_optimal(p, precision == DNMF_DOUBLE ? 1e-11 : 1e-5);
  assert_near("violation", p->violation, violation_at(&before), 1e-10);
  assert_no_worse(p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-6);
  free_problem(&before);
}

static void check_optimum(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(1, precision, rows, k, k);
  compare(&p, precision, isa);
  free_problem(&p);
}

static void optimum_satisfies_kkt(void **state) {
  (void)state;
  for_every_case(check_optimum);
}

static void check_penalties(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(2, precision, rows, k, k);
  p.l1 = 3;
  p.l2 = 1.5;
  compare(&p, precision, isa);
  free_problem(&p);
}

static void penalties_are_applied(void **state) {
  (void)state;
  for_every_case(check_penalties);
}

static void optimum_is_kept(void **state) {
  (void)state;
  problem p = make_problem(3, DNMF_DOUBLE, 100, 20, 20);
  run(&p, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  double first = p.violation;
  problem again = copy_problem(&p);
  run(&again, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  assert_same_x(&again, &p, 1e-13);
  assert_true(again.violation < 1e-10 * first);
  free_problem(&again);
  free_problem(&p);
}

static void check_rank_deficient(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(4, precision, rows, k, (k + 1) / 2);
  problem before = copy_problem(&p);
  run(&p, DNMF_SOLVER_BPP, precision, isa, 1);
  assert_optimal(&p, precision == DNMF_DOUBLE ? 1e-8 : 1e-5);
  assert_no_worse(&p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-6);
  free_problem(&before);
  free_problem(&p);
}

static void repeated_components_still_give_an_optimum(void **state) {
  (void)state;
  for_every_case(check_rank_deficient);
}

static void zero_gram_gives_zeros(void **state) {
  (void)state;
  problem p = make_problem(5, DNMF_DOUBLE, 17, 5, 0);
  run(&p, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int i = 0; i < p.rows * p.k; i++)
    assert_true(p.x[i] == 0);
  free_problem(&p);
}

/* A component that is zero everywhere in the other factor, beside living ones. */
static void dead_component_gets_zero(void **state) {
  (void)state;
  problem p = make_problem(6, DNMF_DOUBLE, 30, 6, 6);
  for (int t = 0; t < p.k; t++)
    p.gram[2 * p.k + t] = p.gram[t * p.k + 2] = 0;
  for (int r = 0; r < p.rows; r++)
    p.b[r * p.k + 2] = 0;
  compare(&p, DNMF_DOUBLE, dnmf_isa_detect());
  for (int r = 0; r < p.rows; r++)
    assert_true(p.x[r * p.k + 2] == 0);
  free_problem(&p);
}

static void scales_of_components_do_not_matter(void **state) {
  (void)state;
  problem p = make_problem(7, DNMF_DOUBLE, 30, 6, 6);
  problem scaled = copy_problem(&p);
  for (int t = 0; t < p.k; t++) {
    double scale = pow(10, 3 * t - 8);
    for (int s = 0; s < p.k; s++) {
      scaled.gram[t * p.k + s] *= scale;
      scaled.gram[s * p.k + t] *= scale;
    }
    for (int r = 0; r < p.rows; r++)
      scaled.b[r * p.k + t] *= scale;
  }
  run(&p, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  run(&scaled, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int i = 0; i < p.rows * p.k; i++)
    scaled.x[i] *= pow(10, 3 * (i % p.k) - 8);
  assert_same_x(&scaled, &p, 1e-10);
  free_problem(&scaled);
  free_problem(&p);
}

/* The guard against endless exchanges, called directly with no exchange allowed. */
static void unsettled_rows_get_coordinate_sweeps(void **state) {
  (void)state;
  double gram[16 * 3] = {[0] = 1, [1] = 0.5, [16] = 0.5, [17] = 1, [34] = 0};
  const double scale[3] = {1, 1, 1};
  const uint64_t alive[1] = {3};
  const dnmf_row_problem prepared = {
      .components = 3, .stride = 16, .scaled = gram, .scale = scale, .alive = alive, .max_rounds = 0};
  double x[6] = {1, 1, 1, 0, 0, 0};
  const double b[6] = {2, 1, 0, 1, -1, 0};
  const double expected[6] = {2, 0, 0, 1, 0, 0};
  void *scratch = malloc(dnmf_bpp_kernel_double_portable.scratch_bytes(3));
  assert_non_null(scratch);
  assert_int_equal(dnmf_bpp_kernel_double_portable.update(&prepared, 2, x, b, scratch, NULL), 0);
  for (int i = 0; i < 6; i++)
    assert_near("x", x[i], expected[i], 1e-12);
  free(scratch);
}

static void overflowed_gram_is_an_error(void **state) {
  (void)state;
  problem p = make_problem(8, DNMF_SINGLE, 2, 3, 3);
  p.gram[4] = 1e39;
  assert_int_equal(try_update(&p, DNMF_SOLVER_BPP, DNMF_SINGLE, dnmf_isa_detect(), 1), DNMF_ERROR_INPUT);
  assert_non_null(strstr(test_context()->error.text, "single precision"));
  free_problem(&p);
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  check_threads(DNMF_SOLVER_BPP, 3);
  check_threads(DNMF_SOLVER_BPP, 17);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(every_passive_set_tried_gives_the_same),
      mpi_test(optimum_satisfies_kkt),
      mpi_test(penalties_are_applied),
      mpi_test(optimum_is_kept),
      mpi_test(repeated_components_still_give_an_optimum),
      mpi_test(zero_gram_gives_zeros),
      mpi_test(dead_component_gets_zero),
      mpi_test(scales_of_components_do_not_matter),
      mpi_test(unsettled_rows_get_coordinate_sweeps),
      mpi_test(overflowed_gram_is_an_error),
      mpi_test(threads_do_not_change_a_bit),
  };
  return cmocka_run_group_tests_name("bpp", tests, NULL, NULL);
}
