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

static void descend(int components, const real *gram, real l1, real *x, const real *b, double *violation) {
  for (int t = 0; t < components; t++) {
    const real *gram_row = gram + (int64_t)t * components;
    real *x_t = x + (int64_t)t * LANES;
    const real *b_t = b + (int64_t)t * LANES;
    real gradient[LANES];
    for (int i = 0; i < LANES; i++)
      gradient[i] = l1 - b_t[i];
    add_gram_row(components, gram_row, x, gradient);
    if (violation)
      add_violation(x_t, gradient, violation);
    real curvature = gram_row[t];
    if (curvature != 0) {
#pragma omp simd
      for (int i = 0; i < LANES; i++) {
        real moved = x_t[i] - gradient[i] / curvature;
        x_t[i] = moved > 0 ? moved : 0;
      }
    }
  }
}

static bool hals_update_rows(const dnmf_row_problem *problem, int64_t rows, void *x, const void *products,
                             void *scratch, double *violation) {
  const int components = problem->components;
  real *x_strip = scratch;
  real *b_strip = x_strip + (int64_t)components * LANES;
  for (int64_t begin = 0; begin < rows; begin += LANES) {
    int64_t count = rows - begin < LANES ? rows - begin : LANES;
    real *x_rows = (real *)x + begin * components;
    double lanes[LANES] = {0};
    load_strip(components, count, x_rows, x_strip);
    load_strip(components, count, (const real *)products + begin * components, b_strip);
    descend(components, problem->gram, (real)problem->l1, x_strip, b_strip, violation ? lanes : NULL);
    for (int sweep = 1; sweep < problem->sweeps; sweep++)
      descend(components, problem->gram, (real)problem->l1, x_strip, b_strip, NULL);
    store_strip(components, count, x_strip, x_rows);
    if (violation)
      *violation += sum_lanes(count, lanes);
  }
  return true;
}

const dnmf_row_kernel VARIANT(dnmf_hals_kernel) = {LANES, hals_scratch_bytes, hals_update_rows};
