/*
 * Rows with weak zeros against coordinate descent written out in plain double loops over every row of the fixed factor,
 * observed or not: no Gram matrix, no residual kept. Enough components that rows are swept on their residual, and few
 * enough that equations are made; exact rows satisfy the conditions of the minimum.
 */
#include "rows.h"

#include "solve/observed.h"

#include <string.h>

enum { FIXED_ROWS = 211, MOST_COMPONENTS = 70, ROWS = 8, ENTRIES = 372 };

/* Numbers in double, representable in the precision of the run. */
typedef struct problem {
  dnmf_precision precision;
  int k;
  int64_t start[ROWS + 1];
  int32_t index[ENTRIES];
  double value[ENTRIES];
  double confidence[ENTRIES];
  double fixed[FIXED_ROWS * MOST_COMPONENTS + DNMF_OBSERVED_SLACK];
  double x[ROWS * MOST_COMPONENTS];
} problem;

typedef struct way {
  double weight;
  bool target_one;
  bool confident; /* a confidence of its own for each entry */
  double l1;
  double power;
  int sweeps;
} way;

static const double L2 = 0.25;

static void make(dnmf_precision precision, int k, const way *w, problem *p) {
  static const int lengths[ROWS] = {0, 1, 3, 8, 31, 64, 65, 200};
  memset(p, 0, sizeof *p);
  p->precision = precision;
  p->k = k;
  for (int row = 0; row < ROWS; row++)
    p->start[row + 1] = p->start[row] + lengths[row];
  for (int e = 0; e < ENTRIES; e++) {
    p->index[e] = e * 37 % FIXED_ROWS; /* distinct in every row */
    p->value[e] = (double)(1 + e * 7 % 9) / 2;
    p->confidence[e] = w->confident ? 1 + p->value[e] : 1;
  }
  for (int i = 0; i < FIXED_ROWS * k; i++)
    p->fixed[i] = number(precision, 1, i);
  for (int i = 0; i < ROWS * k; i++)
    p->x[i] = i % 3 == 0 ? 0 : number(precision, 2, i);
}

/* Target and weight of every row of the fixed factor, as this row sees it. */
static void spread(const problem *p, const way *w, int row, double target[FIXED_ROWS], double weight[FIXED_ROWS]) {
  for (int f = 0; f < FIXED_ROWS; f++) {
    target[f] = 0;
    weight[f] = w->weight;
  }
  for (int64_t e = p->start[row]; e < p->start[row + 1]; e++) {
    target[p->index[e]] = w->target_one ? 1 : p->value[e];
    weight[p->index[e]] = p->confidence[e];
  }
}

static double row_l2(const problem *p, const way *w, int row) {
  const double entries = (double)(p->start[row + 1] - p->start[row]);
  return L2 * pow(entries + w->weight * (FIXED_ROWS - entries), w->power);
}

static double product(const problem *p, const double *x, int f) {
  double sum = 0;
  for (int t = 0; t < p->k; t++)
    sum += x[t] * p->fixed[f * p->k + t];
  return sum;
}

static double slope_at(const problem *p, const way *w, int row, int t, const double *x, double *curvature) {
  double target[FIXED_ROWS];
  double weight[FIXED_ROWS];
  double slope = w->l1 + row_l2(p, w, row) * x[t];
  *curvature = row_l2(p, w, row);
  spread(p, w, row, target, weight);
  for (int f = 0; f < FIXED_ROWS; f++) {
    slope -= weight[f] * (target[f] - product(p, x, f)) * p->fixed[f * p->k + t];
    *curvature += weight[f] * p->fixed[f * p->k + t] * p->fixed[f * p->k + t];
  }
  return slope;
}

static void finish(const problem *p, const way *w, int row, sums *total) {
  double target[FIXED_ROWS];
  double weight[FIXED_ROWS];
  const double *x = p->x + row * p->k;
  spread(p, w, row, target, weight);
  for (int f = 0; f < FIXED_ROWS; f++)
    total->loss += 0.5 * weight[f] * pow(target[f] - product(p, x, f), 2);
  for (int t = 0; t < p->k; t++)
    total->penalty += 0.5 * row_l2(p, w, row) * x[t] * x[t] + w->l1 * x[t];
}

static sums reference(problem *p, const way *w) {
  sums total = {0, 0, 0};
  for (int row = 0; row < ROWS; row++) {
    double *x = p->x + row * p->k;
    if (p->start[row] == p->start[row + 1] && w->weight == 0) {
      memset(x, 0, (size_t)p->k * sizeof *x);
      continue;
    }
    for (int s = 0; s < w->sweeps; s++)
      for (int t = 0; t < p->k; t++) {
        double curvature = 0;
        const double slope = slope_at(p, w, row, t, x, &curvature);
        total.violation += s == 0 && (slope < 0 || x[t] > 0) ? fabs(slope) : 0;
        x[t] = fmax(x[t] - slope / curvature, 0);
      }
    finish(p, w, row, &total);
  }
  return total;
}

static void make_gram(const problem *p, double *gram) {
  for (int i = 0; i < p->k; i++)
    for (int j = 0; j < p->k; j++) {
      gram[i * p->k + j] = 0;
      for (int f = 0; f < FIXED_ROWS; f++)
        gram[i * p->k + j] += p->fixed[f * p->k + i] * p->fixed[f * p->k + j];
    }
}

static sums run(const problem *p, const way *w, dnmf_solver solver, dnmf_isa isa, int threads, double *x) {
  static double gram[MOST_COMPONENTS * MOST_COMPONENTS];
  double root[ENTRIES];
  dnmf_error error = {0};
  make_gram(p, gram);
  for (int e = 0; e < ENTRIES; e++)
    root[e] = sqrt(p->confidence[e] - w->weight);
  void *roots = narrow(p->precision, root, ENTRIES);
  void *value = narrow(p->precision, p->value, ENTRIES);
  void *fixed = narrow(p->precision, p->fixed, FIXED_ROWS * p->k + DNMF_OBSERVED_SLACK);
  void *moved = narrow(p->precision, p->x, ROWS * p->k);
  const dnmf_weak weak = {.weight = w->weight,
                          .target_one = w->target_one,
                          .fixed_rows = FIXED_ROWS,
                          .gram = gram,
                          .root = root[0],
                          .roots = w->confident ? roots : NULL};
  dnmf_observed_update update = {.rows = ROWS,
                                 .start = p->start,
                                 .index = p->index,
                                 .value = value,
                                 .components = p->k,
                                 .stride = p->k,
                                 .fixed = fixed,
                                 .x = moved,
                                 .l1 = w->l1,
                                 .l2 = L2,
                                 .count_power = w->power,
                                 .weak = &weak,
                                 .sweeps = w->sweeps};
  assert_int_equal(dnmf_observed_rows(solver, p->precision, isa, threads, &update, &error), DNMF_OK);
  widen(p->precision, moved, ROWS * p->k, x);
  free(roots);
  free(value);
  free(fixed);
  free(moved);
  return (sums){update.loss, update.penalty, update.violation};
}

static const int components[] = {1, 5, 16, 17, 33, 50, 70};
static const way ways[] = {{0.3, false, false, 0, 0, 1},  {0.3, true, true, 0.1, 0.5, 1}, {1, false, false, 0, 1, 1},
                           {0, true, true, 0.1, 0.25, 1}, {0.02, true, false, 0, 1, 3},   {1, true, true, 0, 0, 2}};

static void check_sweeps(dnmf_precision precision, int k, const way *w) {
  const double tolerance = precision == DNMF_DOUBLE ? 1e-10 : 2e-3;
  static problem given, expected;
  static double x[ROWS * MOST_COMPONENTS], again[ROWS * MOST_COMPONENTS];
  make(precision, k, w, &given);
  expected = given;
  const sums wanted = reference(&expected, w);
  for (int isa = 0; isa <= (int)dnmf_isa_detect(); isa++) {
    const sums found = run(&given, w, DNMF_SOLVER_HALS, (dnmf_isa)isa, 1, x);
    for (int i = 0; i < ROWS * k; i++)
      assert_near(x[i], expected.x[i], tolerance);
    assert_near(found.loss, wanted.loss, tolerance);
    assert_near(found.penalty, wanted.penalty, tolerance);
    assert_near(found.violation, wanted.violation, tolerance);
    run(&given, w, DNMF_SOLVER_HALS, (dnmf_isa)isa, 3, again);
    assert_memory_equal(x, again, sizeof(double) * (size_t)(ROWS * k));
  }
}

static void rows_are_those_of_coordinate_descent_over_all_rows(void **state) {
  (void)state;
  for (size_t c = 0; c < sizeof components / sizeof *components; c++)
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
        check_sweeps((dnmf_precision)precision, components[c], &ways[i]);
}

/* At the minimum no slope is negative, and none is positive but at zero. Few components: with many, whose columns are
 * almost alike here, sweeps end before. */
static void exact_rows_satisfy_the_conditions_of_the_minimum(void **state) {
  (void)state;
  static problem p;
  static double x[ROWS * MOST_COMPONENTS];
  for (size_t c = 0; components[c] <= 17; c++)
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
      make(DNMF_DOUBLE, components[c], &ways[i], &p);
      run(&p, &ways[i], DNMF_SOLVER_BPP, dnmf_isa_detect(), 1, x);
      for (int row = ways[i].weight > 0 ? 0 : 1; row < ROWS; row++)
        for (int t = 0; t < p.k; t++) {
          double curvature = 0;
          const double slope = slope_at(&p, &ways[i], row, t, x + row * p.k, &curvature);
          assert_true(slope > -1e-4 * curvature);
          assert_true(x[row * p.k + t] == 0 || slope < 1e-4 * curvature);
        }
    }
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(rows_are_those_of_coordinate_descent_over_all_rows),
      mpi_test(exact_rows_satisfy_the_conditions_of_the_minimum),
  };
  return cmocka_run_group_tests_name("weak_rows", tests, NULL, NULL);
}
