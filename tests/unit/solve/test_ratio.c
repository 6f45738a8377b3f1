/* The multiplicative step of the divergences against its formula in plain loops. */
#include "problem.h"

#include <float.h>

/* Denominators of their own, or the same for every row. */
typedef struct ratio_case {
  bool shared;
  double exponent;
  double l1, l2;
  double smallest;
} ratio_case;

static const ratio_case cases[] = {
    {true, 1, 0, 0, 0}, {false, 1, 0.75, 0, 2}, {false, 0.5, 0, 1.5, 0}, {true, 2.0 / 3, 0.25, 0.5, 0}};
enum { CASES = sizeof cases / sizeof *cases };

/* p->b are the numerators, the first rows of p->gram or `d` the denominators. */
static void reference(problem *p, const double *d, const ratio_case *c) {
  p->violation = 0;
  for (int r = 0; r < p->rows; r++)
    for (int t = 0; t < p->k; t++) {
      double *x = &p->x[r * p->k + t];
      const double n = p->b[r * p->k + t];
      const double below = d[c->shared ? t : r * p->k + t] + c->l1 + c->l2 * *x;
      p->violation += fabs(projected(*x, below - n));
      *x *= pow(n / (below == 0 ? (double)FLT_EPSILON : below), c->exponent);
      *x = *x < c->smallest ? 0 : *x;
    }
}

static void step(problem *p, const double *d, const ratio_case *c, dnmf_precision precision, dnmf_isa isa,
                 int threads) {
  const int64_t count = (int64_t)p->rows * p->k;
  const bool single = precision == DNMF_SINGLE;
  float *x = to_float(p->x, count);
  float *b = to_float(p->b, count);
  float *below = to_float(d, c->shared ? p->k : count);
  dnmf_ratio ratio = {.rows = p->rows,
                      .components = p->k,
                      .x = single ? (void *)x : p->x,
                      .numerators = single ? (void *)b : p->b,
                      .denominators = c->shared ? NULL
                                      : single  ? (const void *)below
                                                : d,
                      .sums = d,
                      .l1 = c->l1,
                      .l2 = c->l2,
                      .exponent = c->exponent,
                      .smallest = c->smallest,
                      .want_violation = true};
  assert_ok(dnmf_solver_multiply(precision, isa, threads, &ratio, &test_context()->error));
  for (int64_t i = 0; i < count && single; i++)
    p->x[i] = (double)x[i];
  p->violation = ratio.violation;
  free(x);
  free(b);
  free(below);
}

/* A few zeros among them. */
static double *denominators(dnmf_precision precision, int64_t count) {
  double *d = zeros(count);
  for (int64_t i = 0; i < count; i++)
    d[i] = representable(precision, entry(7, i, 1, 0.1));
  return d;
}

static void check_step(int rows, int k, dnmf_precision precision, dnmf_isa isa) {
  const double tolerance = precision == DNMF_DOUBLE ? 1e-12 : 2e-5;
  for (int c = 0; c < CASES; c++) {
    double *d = denominators(precision, (int64_t)rows * k + k);
    problem p = make_problem(1, precision, rows, k, k);
    problem expected = copy_problem(&p);
    reference(&expected, d, &cases[c]);
    step(&p, d, &cases[c], precision, isa, 2);
    assert_same_x(&p, &expected, tolerance);
    assert_near("violation", p.violation, expected.violation, tolerance);
    free_problem(&expected);
    free_problem(&p);
    free(d);
  }
}

static void the_step_is_the_formula(void **state) {
  (void)state;
  for_every_case(check_step);
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  double *d = denominators(DNMF_DOUBLE, 2001 * 7);
  problem start = make_problem(3, DNMF_DOUBLE, 2001, 7, 7);
  problem one = copy_problem(&start);
  step(&one, d, &cases[2], DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int threads = 2; threads <= 3; threads++) {
    problem many = copy_problem(&start);
    step(&many, d, &cases[2], DNMF_DOUBLE, dnmf_isa_detect(), threads);
    assert_memory_equal(many.x, one.x, sizeof(double) * (size_t)one.rows * (size_t)one.k);
    assert_memory_equal(&many.violation, &one.violation, sizeof(double));
    free_problem(&many);
  }
  free_problem(&one);
  free_problem(&start);
  free(d);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {mpi_test(the_step_is_the_formula), mpi_test(threads_do_not_change_a_bit)};
  return cmocka_run_group_tests_name("ratio", tests, NULL, NULL);
}
