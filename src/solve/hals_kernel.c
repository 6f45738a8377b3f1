/*
 * hals: sweeps of coordinate descent over the components (Cichocki & Phan 2009), in the order and with the formulas of
 * scikit-learn's `cd` without shuffling:
 *   gradient_t = (G + l2 I)_t . x - (b_t - l1)
 *   x_t        = max(x_t - gradient_t / (G + l2 I)_tt, 0), unchanged where that diagonal is 0
 */
#include "solve/tile.h"

static size_t hals_scratch_bytes(int components) {
  return 2 * (size_t)components * LANES * sizeof(real);
}

/* fall += how much the steps from x to `moved` lower the objective: -(gradient d + curvature d^2 / 2). */
static inline void add_fall(const real *restrict x, const real *restrict moved, const real *restrict gradient,
                            real curvature, double *restrict fall) {
#pragma omp simd
  for (int i = 0; i < LANES; i++) {
    real step = moved[i] - x[i];
    fall[i] -= (double)(step * (gradient[i] + curvature * step / 2));
  }
}

/* One sweep; adds to `violation` and `fall` unless they are NULL. */
static void descend(int components, const real *gram, real l1, real *x, const real *b, double *violation,
                    double *fall) {
  for (int t = 0; t < components; t++) {
    const real *gram_row = gram + (int64_t)t * components;
    real *x_t = x + (int64_t)t * LANES;
    const real *b_t = b + (int64_t)t * LANES;
    real gradient[LANES];
    real moved[LANES];
    for (int i = 0; i < LANES; i++)
      gradient[i] = l1 - b_t[i];
    add_gram_row(components, gram_row, x, gradient);
    if (violation)
      add_violation(x_t, gradient, violation);
    real curvature = gram_row[t];
    if (curvature == 0)
      continue;
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
      real to = x_t[i] - gradient[i] / curvature;
      moved[i] = to > 0 ? to : 0;
    }
    if (fall)
      add_fall(x_t, moved, gradient, curvature, fall);
    for (int i = 0; i < LANES; i++)
      x_t[i] = moved[i];
  }
}

/* All sweeps of a strip. */
static void descend_strip(const dnmf_row_problem *problem, int64_t count, real *x, const real *b, dnmf_row_sums *sums) {
  const int sweeps = problem->sweeps > 1 ? problem->sweeps : 1;
  for (int sweep = 0; sweep < sweeps; sweep++) {
    const bool counts = sums && sweep == 0;
    const bool measured = sums && problem->want_decrease;
    double violation[LANES] = {0};
    double fall[LANES] = {0};
    descend(problem->components, problem->gram, (real)problem->l1, x, b, counts ? violation : NULL,
            measured ? fall : NULL);
    const double fallen = measured ? sum_lanes(count, fall) : 0;
    if (counts) {
      sums->violation += sum_lanes(count, violation);
      sums->decrease.first += fallen;
    }
    if (measured && sweep + 1 == sweeps)
      sums->decrease.last += fallen;
    if (measured)
      sums->decrease.all += fallen;
  }
}

static bool hals_update_rows(const dnmf_row_problem *problem, int64_t rows, void *x, const void *products,
                             void *scratch, dnmf_row_sums *sums) {
  const int components = problem->components;
  real *x_strip = scratch;
  real *b_strip = x_strip + (int64_t)components * LANES;
  for (int64_t begin = 0; begin < rows; begin += LANES) {
    int64_t count = rows - begin < LANES ? rows - begin : LANES;
    real *x_rows = (real *)x + begin * components;
    load_strip(components, count, x_rows, x_strip);
    load_strip(components, count, (const real *)products + begin * components, b_strip);
    descend_strip(problem, count, x_strip, b_strip, sums);
    store_strip(components, count, x_strip, x_rows);
  }
  return true;
}

const dnmf_row_kernel VARIANT(dnmf_hals_kernel) = {LANES, hals_scratch_bytes, hals_update_rows};
