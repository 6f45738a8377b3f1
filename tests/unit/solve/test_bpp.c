/* bpp against trying every passive set (few components), and against the optimality conditions (many). */
#include "eliminate.h"
#include "problem.h"

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
  assert_lowered(p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-6);
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
  assert_lowered(&p, &before, precision == DNMF_DOUBLE ? 1e-13 : 1e-6);
  free_problem(&before);
  free_problem(&p);
}

static void repeated_components_still_give_an_optimum(void **state) {
  (void)state;
  for_every_case(check_rank_deficient);
}

/* Columns that share ever more: from where complements are solved with the inverse, to where they are not, to where the
 * matrix is singular as far as numbers tell. */
static problem make_alike(int k, double spread) {
  problem p = make_problem(9, DNMF_DOUBLE, 131, k, k);
  const int m = 2 * k + 5;
  double *f = zeros((int64_t)m * k);
  for (int i = 0; i < m; i++)
    for (int t = 0; t < k; t++)
      f[i * k + t] = uniform(11, i, m) + spread * entry(12, i, t, 0.4);
  memset(p.gram, 0, sizeof(double) * (size_t)k * (size_t)k);
  memset(p.b, 0, sizeof(double) * (size_t)p.rows * (size_t)k);
  for (int s = 0; s < k; s++)
    for (int t = 0; t < k; t++)
      for (int i = 0; i < m; i++)
        p.gram[s * k + t] += f[i * k + s] * f[i * k + t];
  for (int r = 0; r < p.rows; r++)
    for (int i = 0; i < m; i++) {
      double data = f[i * k + r % k] + 0.3 * entry(13, r, i, 0.5);
      for (int t = 0; t < k; t++)
        p.b[r * k + t] += data * f[i * k + t];
    }
  free(f);
  return p;
}

static void nearly_equal_components_still_give_an_optimum(void **state) {
  (void)state;
  static const int components[] = {2, 16, 33, 100};
  for (size_t i = 0; i < sizeof components / sizeof *components; i++)
    for (int isa = 0; isa <= (int)dnmf_isa_detect(); isa++)
      for (int power = 0; power < 7; power++) {
        const double spread = 10 * pow(20, -power);
        problem p = make_alike(components[i], spread);
        problem before = copy_problem(&p);
        run(&p, DNMF_SOLVER_BPP, DNMF_DOUBLE, (dnmf_isa)isa, 1);
        assert_optimal(&p, spread > 1e-3 ? 1e-11 : 1e-8);
        assert_no_worse(&p, &before, 1e-13);
        assert_lowered(&p, &before, 1e-13);
        free_problem(&before);
        free_problem(&p);
      }
}

/* Rows that end with all components, with none, and with one. */
static void extreme_passive_sets_are_found(void **state) {
  (void)state;
  for (int k = 1; k <= 100; k += 1 + k / 2) {
    problem p = make_problem(10, DNMF_DOUBLE, 3, k, k);
    for (int t = 0; t < k; t++) {
      p.b[t] = 0;
      for (int s = 0; s < k; s++)
        p.b[t] += p.gram[t * k + s] * (1 + s);
      p.b[k + t] = -1 - t;
      p.b[2 * k + t] = 2 * p.gram[t * k + k / 2] - (t == k / 2 ? 0 : 0.1);
    }
    run(&p, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
    for (int t = 0; t < k; t++) {
      assert_near("of all", p.x[t], 1 + t, 1e-9);
      assert_true(p.x[k + t] == 0);
      assert_near("of one", p.x[2 * k + t], t == k / 2 ? 2 : 0, 1e-12);
    }
    free_problem(&p);
  }
}

/* Products of nonnegative rows with zeros: at the optimum every gradient is 0 up to rounding, of either sign. */
static void check_degenerate(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  problem p = make_problem(14, precision, rows, k, k);
  double *exact = zeros((int64_t)rows * k);
  memset(p.b, 0, sizeof(double) * (size_t)rows * (size_t)k);
  for (int r = 0; r < rows; r++)
    for (int t = 0; t < k; t++) {
      exact[r * k + t] = entry(15, r, t, r % 5 * 0.2);
      for (int s = 0; s < k; s++)
        p.b[r * k + s] += exact[r * k + t] * p.gram[s * k + t];
    }
  run(&p, DNMF_SOLVER_BPP, precision, isa, 1);
  for (int i = 0; i < rows * k; i++)
    assert_near("x", p.x[i], exact[i], precision == DNMF_DOUBLE ? 1e-9 : 1e-2);
  assert_optimal(&p, precision == DNMF_DOUBLE ? 1e-12 : 1e-5);
  free(exact);
  free_problem(&p);
}

static void degenerate_rows_are_settled(void **state) {
  (void)state;
  for_every_case(check_degenerate);
}

/* The same bits in one call and alone. */
static void rows_do_not_depend_on_their_neighbours(void **state) {
  (void)state;
  problem p = make_problem(11, DNMF_DOUBLE, 300, 30, 30);
  problem together = copy_problem(&p);
  run(&together, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int r = 0; r < p.rows; r += 1 + r / 3) {
    problem alone = p;
    alone.rows = 1;
    alone.x += r * p.k;
    alone.b += r * p.k;
    run(&alone, DNMF_SOLVER_BPP, DNMF_DOUBLE, dnmf_isa_detect(), 1);
    assert_memory_equal(alone.x, together.x + r * p.k, sizeof(double) * (size_t)p.k);
  }
  free_problem(&together);
  free_problem(&p);
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
      mpi_test(nearly_equal_components_still_give_an_optimum),
      mpi_test(extreme_passive_sets_are_found),
      mpi_test(degenerate_rows_are_settled),
      mpi_test(rows_do_not_depend_on_their_neighbours),
      mpi_test(zero_gram_gives_zeros),
      mpi_test(dead_component_gets_zero),
      mpi_test(scales_of_components_do_not_matter),
      mpi_test(overflowed_gram_is_an_error),
      mpi_test(threads_do_not_change_a_bit),
  };
  return cmocka_run_group_tests_name("bpp", tests, NULL, NULL);
}
