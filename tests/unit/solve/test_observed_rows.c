/*
 * Rows over observed entries against coordinate descent written out in plain double loops: the objective of observed.h
 * is minimized by its own formulas, coordinate by coordinate, the bias at its minimum each time.
 * Enough components that rows are swept on their residual, and few enough that equations are made; both must agree.
 */
#include "rows.h"

#include "solve/observed.h"
#include "solve/observed_fixed.h"

#include <string.h>

enum { FIXED_ROWS = 90, MOST_COMPONENTS = 70, MOST_ROWS = 8, MOST_ENTRIES = 1000 };

/* Numbers in double, representable in the precision of the run. */
typedef struct rows {
  dnmf_precision precision;
  int k;
  int stride;
  int count;
  int64_t start[MOST_ROWS + 1];
  int32_t index[MOST_ENTRIES];
  double value[MOST_ENTRIES];
  double fixed[FIXED_ROWS * (MOST_COMPONENTS + 1) + DNMF_OBSERVED_SLACK];
  double x[MOST_ROWS * (MOST_COMPONENTS + 1)];
  double center[MOST_COMPONENTS];
} rows;

typedef struct way {
  double l1;
  int sweeps;
  bool bias;
  bool fit_bias;
  bool centered;
  double level; /* of deviations; the center is then the constant row of it */
} way;

static void make(dnmf_precision precision, int k, rows *r) {
  static const int lengths[MOST_ROWS] = {0, 1, 3, 8, 31, 64, 65, 600};
  memset(r, 0, sizeof *r);
  *r = (rows){.precision = precision, .k = k, .stride = k + 1, .count = MOST_ROWS};
  for (int row = 0; row < MOST_ROWS; row++)
    r->start[row + 1] = r->start[row] + lengths[row];
  for (int64_t e = 0; e < r->start[MOST_ROWS]; e++) {
    r->index[e] = (int32_t)(e * 37 % FIXED_ROWS);
    r->value[e] = (double)(1 + e * 7 % 9) / 2;
  }
  for (int i = 0; i < FIXED_ROWS * r->stride; i++)
    r->fixed[i] = number(precision, 1, i);
  for (int i = 0; i < MOST_ROWS * r->stride; i++)
    r->x[i] = i % 3 == 0 ? 0 : number(precision, 2, i);
  for (int t = 0; t < k; t++)
    r->center[t] = number(precision, 3, t);
}

static const double MEAN = 1.5, L2 = 0.25, L2_BIAS = 2, POWER = 0.5, BIAS_POWER = 0.25;
static const double EXTRA = 5; /* entries; around a level */
static const dnmf_bias_line LINE = {0.3, -0.8};

static int64_t entries_of(const rows *r, int row) {
  return r->start[row + 1] - r->start[row];
}

/* Around a level centers move with the entries, by r->center's numbers. */
static double center_of(const rows *r, const way *w, int row, int t) {
  const double place = log(1 + (double)entries_of(r, row) / 200);
  return w->level > 0 ? w->level + place * r->center[t] : w->centered ? r->center[t] : 0;
}

static double l2_of(const rows *r, const way *w, int row) {
  return L2 * pow((double)entries_of(r, row) + (w->level > 0 ? EXTRA : 0), POWER);
}

static double l2_bias_of(const rows *r, const way *w, int row) {
  return L2_BIAS * (w->level > 0 ? pow((double)entries_of(r, row), BIAS_POWER) : 1);
}

static double expected_bias(const rows *r, const way *w, int row) {
  const double place = log(1 + (double)entries_of(r, row) / 200);
  return w->level > 0 && w->fit_bias ? LINE.at_none + LINE.slope * place : 0;
}

/* The number that stands for bias b. */
static double stored_bias(const rows *r, const way *w, int row, double b) {
  for (int t = 0; t < r->k; t++)
    b -= w->level * r->x[row * r->stride + t];
  return b;
}

/* What is left of the row's entries without its own bias. */
static void residuals(const rows *r, const way *w, int row, double *left) {
  const double *x = r->x + row * r->stride;
  const double no_bias = stored_bias(r, w, row, 0);
  for (int64_t e = r->start[row]; e < r->start[row + 1]; e++) {
    const double *f = r->fixed + r->index[e] * r->stride;
    double explained = MEAN + (w->bias ? f[r->k] : 0) + no_bias;
    for (int t = 0; t < r->k; t++)
      explained += x[t] * f[t];
    left[e - r->start[row]] = r->value[e] - explained;
  }
}

static double best_bias(const rows *r, const way *w, int row, const double *left) {
  const int64_t count = entries_of(r, row);
  const double weight = l2_bias_of(r, w, row);
  double sum = weight * expected_bias(r, w, row);
  for (int64_t e = 0; e < count; e++)
    sum += left[e];
  return w->fit_bias ? sum / ((double)count + weight) : 0;
}

/* One coordinate at its turn: the slope and curvature of the objective, minimized over the bias. */
static void step(rows *r, const way *w, int row, int t, double *violation) {
  double left[MOST_ENTRIES] = {0};
  double *x = r->x + row * r->stride;
  const int64_t count = entries_of(r, row);
  const double l2 = l2_of(r, w, row);
  residuals(r, w, row, left);
  const double b = best_bias(r, w, row, left);
  double slope = w->l1 + l2 * (x[t] - center_of(r, w, row, t));
  double curvature = l2;
  double sum = 0;
  for (int64_t e = 0; e < count; e++) {
    const double f = r->fixed[r->index[r->start[row] + e] * r->stride + t] - w->level;
    slope -= (left[e] - b) * f;
    curvature += f * f;
    sum += f;
  }
  if (w->fit_bias)
    curvature -= sum * sum / ((double)count + l2_bias_of(r, w, row));
  *violation += slope < 0 || x[t] > 0 ? fabs(slope) : 0;
  x[t] = fmax(x[t] - slope / curvature, 0);
}

static void finish(rows *r, const way *w, int row, sums *total) {
  double left[MOST_ENTRIES] = {0};
  double *x = r->x + row * r->stride;
  const int64_t count = entries_of(r, row);
  const double l2 = l2_of(r, w, row);
  residuals(r, w, row, left);
  const double b = best_bias(r, w, row, left);
  if (w->bias)
    x[r->k] = stored_bias(r, w, row, b);
  for (int64_t e = 0; e < count; e++)
    total->loss += 0.5 * (left[e] - b) * (left[e] - b);
  for (int t = 0; t < r->k; t++) {
    const double away = x[t] - center_of(r, w, row, t);
    total->penalty += 0.5 * l2 * away * away + w->l1 * x[t];
  }
  const double off = b - expected_bias(r, w, row);
  total->penalty += w->fit_bias ? 0.5 * l2_bias_of(r, w, row) * off * off : 0;
}

static sums reference(rows *r, const way *w) {
  sums total = {0, 0, 0};
  for (int row = 0; row < r->count; row++) {
    double later = 0;
    if (entries_of(r, row) == 0) {
      for (int t = 0; t < r->k; t++)
        r->x[row * r->stride + t] = center_of(r, w, row, t);
      if (w->bias)
        r->x[row * r->stride + r->k] = stored_bias(r, w, row, expected_bias(r, w, row));
      continue;
    }
    for (int s = 0; s < w->sweeps; s++)
      for (int t = 0; t < r->k; t++)
        step(r, w, row, t, s == 0 ? &total.violation : &later);
    finish(r, w, row, &total);
  }
  return total;
}

/* `kept`: the type that values are kept in, 0: numbers of the precision. `told`: how many fixed rows there are, or 0:
 * they are enough for a copy, each row at a cache line. */
static sums run(const rows *r, const way *w, dnmf_isa isa, int threads, dnmf_number kept, int64_t told, double *x) {
  dnmf_error error = {0};
  const int64_t numbers = r->count * r->stride;
  double value[MOST_ENTRIES];
  for (int e = 0; e < MOST_ENTRIES; e++)
    dnmf_number_put(dnmf_number_of(r->precision, kept), value, e, r->value[e]);
  void *fixed = narrow(r->precision, r->fixed, FIXED_ROWS * r->stride + DNMF_OBSERVED_SLACK);
  void *moved = narrow(r->precision, r->x, numbers);
  double center[MOST_COMPONENTS];
  for (int t = 0; t < r->k; t++)
    center[t] = w->level > 0 ? w->level : r->center[t];
  const bool level = w->level > 0;
  dnmf_observed_update update = {.rows = r->count,
                                 .start = r->start,
                                 .index = r->index,
                                 .value = value,
                                 .narrow = kept,
                                 .components = r->k,
                                 .stride = r->stride,
                                 .fixed = fixed,
                                 .fixed_rows = told,
                                 .x = moved,
                                 .bias = w->bias,
                                 .fit_bias = w->fit_bias,
                                 .mean = MEAN,
                                 .l1 = w->l1,
                                 .l2 = L2,
                                 .count_power = POWER,
                                 .count_extra = level ? EXTRA : 0,
                                 .level = w->level,
                                 .center = w->centered ? center : NULL,
                                 .slope = level ? r->center : NULL,
                                 .l2_bias = L2_BIAS,
                                 .bias_power = level ? BIAS_POWER : 0,
                                 .bias_line = level ? LINE : (dnmf_bias_line){0, 0},
                                 .sweeps = w->sweeps};
  assert_int_equal(dnmf_observed_rows(DNMF_SOLVER_HALS, r->precision, isa, threads, &update, &error), DNMF_OK);
  widen(r->precision, moved, numbers, x);
  free(fixed);
  free(moved);
  return (sums){update.loss, update.penalty, update.violation};
}

static void check(dnmf_precision precision, int k, const way *w) {
  const double tolerance = precision == DNMF_DOUBLE ? 1e-10 : 2e-3;
  static rows given, expected;
  static double x[MOST_ROWS * (MOST_COMPONENTS + 1)], again[MOST_ROWS * (MOST_COMPONENTS + 1)];
  make(precision, k, &given);
  expected = given;
  const sums wanted = reference(&expected, w);
  assert_true(dnmf_observed_fixed_bytes(precision, k, given.stride, FIXED_ROWS, (double)given.start[MOST_ROWS]) > 0);
  for (int isa = 0; isa <= (int)dnmf_isa_detect(); isa++) {
    const sums found = run(&given, w, (dnmf_isa)isa, 1, (dnmf_number)0, 0, x);
    for (int row = 0; row < given.count; row++)
      for (int t = 0; t < k + (w->bias ? 1 : 0); t++)
        assert_near(x[row * given.stride + t], expected.x[row * given.stride + t], tolerance);
    assert_near(found.loss, wanted.loss, tolerance);
    assert_near(found.penalty, wanted.penalty, tolerance);
    assert_near(found.violation, wanted.violation, tolerance);
    run(&given, w, (dnmf_isa)isa, 3, (dnmf_number)0, FIXED_ROWS, again);
    assert_memory_equal(x, again, sizeof(double) * (size_t)(given.count * given.stride));
    run(&given, w, (dnmf_isa)isa, 1, DNMF_NUMBER_HALVES, 0, again);
    assert_memory_equal(x, again, sizeof(double) * (size_t)(given.count * given.stride));
  }
}

static void rows_are_those_of_coordinate_descent(void **state) {
  (void)state;
  static const int components[] = {1, 5, 16, 17, 24, 33, 35, 50, 64, 70};
  static const way ways[] = {{0, 1, false, false, false, 0},   {0, 1, true, true, true, 0},
                             {0.1, 1, true, false, true, 0},   {0.2, 1, true, true, false, 0},
                             {0.1, 3, true, true, true, 0},    {0, 1, true, true, true, 0.4},
                             {0.1, 1, true, false, true, 0.4}, {0, 3, true, true, true, 0.4}};
  for (size_t c = 0; c < sizeof components / sizeof *components; c++)
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
        check((dnmf_precision)precision, components[c], &ways[i]);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(rows_are_those_of_coordinate_descent),
  };
  return cmocka_run_group_tests_name("observed_rows", tests, NULL, NULL);
}
