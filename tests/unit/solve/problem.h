/*
 * Problems for the solver tests, and the quantities a solver is judged by, computed with plain double loops
 * from the equations of solver.h. Nothing here shares code with src/solve.
 */
#ifndef TEST_SOLVE_PROBLEM_H
#define TEST_SOLVE_PROBLEM_H

#include "base/random.h"
#include "mpi_test.h"
#include "solve/solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers in double; for a single-precision run they are representable in float, so that the reference solves
 * the same problem. */
typedef struct problem {
  int rows, k;
  double l1, l2;
  double *x, *b, *gram;
  double violation;
  double lowered; /* the objective, by the update */
} problem;

static inline double *zeros(int64_t count) {
  double *values = calloc((size_t)count + 1, sizeof *values);
  assert_non_null(values);
  return values;
}

static inline double representable(dnmf_precision precision, double value) {
  return precision == DNMF_DOUBLE ? value : (double)(float)value;
}

static inline double uniform(uint64_t seed, int64_t i, int64_t j) {
  return dnmf_random_uniform(seed, DNMF_STREAM_VALUES, (uint64_t)i, (uint64_t)j);
}

static inline double entry(uint64_t seed, int64_t i, int64_t j, double share_of_zeros) {
  double u = uniform(seed, i, j);
  return u < share_of_zeros ? 0 : u;
}

/* From nonnegative F (m x k), data rows a: G = F'F, B = a F. With `rank` < k the last columns of F repeat the
 * first; with rank 0, F is zero. */
static inline problem make_problem(uint64_t seed, dnmf_precision precision, int rows, int k, int rank) {
  const int m = 2 * k + 5;
  problem p = {.rows = rows, .k = k};
  double *f = zeros((int64_t)m * k);
  double *data = zeros(m);
  p.x = zeros((int64_t)rows * k);
  p.b = zeros((int64_t)rows * k);
  p.gram = zeros((int64_t)k * k);
  for (int i = 0; i < m && rank > 0; i++)
    for (int t = 0; t < k; t++)
      f[i * k + t] = entry(seed, i, t % rank, 0.4);
  for (int s = 0; s < k; s++)
    for (int t = 0; t < k; t++)
      for (int i = 0; i < m; i++)
        p.gram[s * k + t] += f[i * k + s] * f[i * k + t];
  for (int r = 0; r < rows; r++) {
    for (int i = 0; i < m; i++)
      data[i] = 3 * entry(seed + 1, r, i, 0.5);
    for (int t = 0; t < k; t++) {
      double product = 0;
      for (int i = 0; i < m; i++)
        product += data[i] * f[i * k + t];
      p.b[r * k + t] = representable(precision, product);
      p.x[r * k + t] = representable(precision, entry(seed + 2, r, t, 0.3));
    }
  }
  free(data);
  free(f);
  return p;
}

static inline problem copy_problem(const problem *p) {
  problem copy = *p;
  size_t factor = sizeof(double) * (size_t)p->rows * (size_t)p->k;
  size_t square = sizeof(double) * (size_t)p->k * (size_t)p->k;
  copy.x = memcpy(zeros((int64_t)p->rows * p->k), p->x, factor);
  copy.b = memcpy(zeros((int64_t)p->rows * p->k), p->b, factor);
  copy.gram = memcpy(zeros((int64_t)p->k * p->k), p->gram, square);
  return copy;
}

static inline void free_problem(problem *p) {
  free(p->x);
  free(p->b);
  free(p->gram);
}

static inline float *to_float(const double *values, int64_t count) {
  float *narrow = calloc((size_t)count + 1, sizeof *narrow);
  assert_non_null(narrow);
  for (int64_t i = 0; i < count; i++)
    narrow[i] = (float)values[i];
  return narrow;
}

static inline dnmf_status try_update(problem *p, dnmf_solver solver, dnmf_precision precision, dnmf_isa isa,
                                     int threads) {
  const int64_t count = (int64_t)p->rows * p->k;
  float *x = to_float(p->x, count);
  float *b = to_float(p->b, count);
  bool single = precision == DNMF_SINGLE;
  dnmf_update update = {.rows = p->rows,
                        .components = p->k,
                        .x = single ? (void *)x : p->x,
                        .products = single ? (void *)b : p->b,
                        .gram = p->gram,
                        .l1 = p->l1,
                        .l2 = p->l2,
                        .want_violation = true,
                        .want_decrease = true};
  dnmf_status status = dnmf_solver_update(solver, precision, isa, threads, &update, &test_context()->error);
  for (int64_t i = 0; i < count && single; i++)
    p->x[i] = (double)x[i];
  p->violation = update.violation;
  p->lowered = update.decrease.all;
  free(x);
  free(b);
  return status;
}

/* Runs the solver under test; x and violation become its results. */
static inline void run(problem *p, dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads) {
  assert_ok(try_update(p, solver, precision, isa, threads));
}

static inline double gradient_at(const problem *p, const double *x, const double *b, int t) {
  double gradient = p->l1 + p->l2 * x[t] - b[t];
  for (int s = 0; s < p->k; s++)
    gradient += p->gram[t * p->k + s] * x[s];
  return gradient;
}

static inline double objective(const problem *p, const double *x, const double *b) {
  double sum = 0;
  for (int t = 0; t < p->k; t++)
    sum += 0.5 * x[t] * (gradient_at(p, x, b, t) + p->l1 - b[t]);
  return sum;
}

static inline double projected(double x, double gradient) {
  return x == 0 ? fmin(0, gradient) : gradient;
}

/* Sum of |projected gradient| over all rows at x. */
static inline double violation_at(const problem *p) {
  double sum = 0;
  for (int r = 0; r < p->rows; r++)
    for (int t = 0; t < p->k; t++)
      sum += fabs(projected(p->x[r * p->k + t], gradient_at(p, p->x + r * p->k, p->b + r * p->k, t)));
  return sum;
}

static inline void assert_near(const char *what, double got, double wanted, double tolerance) {
  if (!(fabs(got - wanted) <= tolerance * (1 + fabs(wanted))))
    fail_msg("%s: %.17g instead of %.17g", what, got, wanted);
}

static inline void assert_same_x(const problem *got, const problem *wanted, double tolerance) {
  for (int i = 0; i < got->rows * got->k; i++)
    if (!(fabs(got->x[i] - wanted->x[i]) <= tolerance * (1 + fabs(wanted->x[i]))))
      fail_msg("k = %d, row %d, component %d: %.17g instead of %.17g", got->k, i / got->k, i % got->k, got->x[i],
               wanted->x[i]);
}

/* Nonnegative, finite, and no row's objective above what it was. */
static inline void assert_no_worse(const problem *after, const problem *before, double tolerance) {
  for (int r = 0; r < after->rows; r++) {
    const double *x = after->x + r * after->k;
    const double *b = after->b + r * after->k;
    double scale = 1;
    for (int t = 0; t < after->k; t++) {
      assert_true(x[t] >= 0 && isfinite(x[t]));
      scale += fabs(b[t]) * (x[t] + before->x[r * after->k + t]);
    }
    double old = objective(before, before->x + r * after->k, b);
    double new = objective(after, x, b);
    if (!(new <= old + tolerance *scale))
      fail_msg("k = %d, row %d: the objective rose from %.17g to %.17g", after->k, r, old, new);
  }
}

/* What the update says that it lowers the objective by is what it does, beside the size of its terms. */
static inline void assert_lowered(const problem *after, const problem *before, double tolerance) {
  double lowered = 0;
  double scale = 1e-12;
  for (int r = 0; r < after->rows; r++) {
    const double *b = after->b + r * after->k;
    const double *from = before->x + r * after->k;
    lowered += objective(before, from, b) - objective(after, after->x + r * after->k, b);
    for (int t = 0; t < after->k; t++)
      scale += fabs(b[t]) * (from[t] + after->x[r * after->k + t]);
  }
  if (!(fabs(after->lowered - lowered) <= tolerance * scale))
    fail_msg("k = %d: the objective is lowered by %.17g, not %.17g", after->k, lowered, after->lowered);
}

/* Calls `check` for every shape, precision and instruction set that this machine has. */
static inline void for_every_case(void (*check)(int rows, int k, dnmf_precision precision, dnmf_isa isa)) {
  static const int row_counts[] = {0, 1, 17, 150};
  static const int components[] = {1, 2, 3, 16, 17, 50, 64, 100};
  for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts; i++)
    for (size_t j = 0; j < sizeof components / sizeof *components; j++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
        for (int isa = 0; isa <= (int)dnmf_isa_detect(); isa++)
          check(row_counts[i], components[j], (dnmf_precision)precision, (dnmf_isa)isa);
}

/* The same bits from 1, 2 and 3 threads, on more rows than a tile of any solver holds. */
static inline void check_threads(dnmf_solver solver, int k) {
  problem start = make_problem(5, DNMF_DOUBLE, 9001, k, k);
  problem one = copy_problem(&start);
  run(&one, solver, DNMF_DOUBLE, dnmf_isa_detect(), 1);
  for (int threads = 2; threads <= 3; threads++) {
    problem many = copy_problem(&start);
    run(&many, solver, DNMF_DOUBLE, dnmf_isa_detect(), threads);
    assert_memory_equal(many.x, one.x, sizeof(double) * (size_t)one.rows * (size_t)one.k);
    assert_memory_equal(&many.violation, &one.violation, sizeof(double));
    free_problem(&many);
  }
  free_problem(&one);
  free_problem(&start);
}

#endif
