/*
 * mu: the multiplicative update of Lee & Seung (2001),
 *   x_t <- x_t * b_t / ((G + l2 I)_t . x + l1),
 * every component from the values before the update. Zeros stay zeros. A denominator of 0 becomes FLOOR, as in
 * scikit-learn.
 */
#include "solve/tile.h"

static size_t mu_scratch_bytes(int components) {
  return 2 * (size_t)components * LANES * sizeof(real);
}

/* The updated values replace b: x is needed until the last component is done. */
static void mu_multiply_row(int components, const real *gram, real l1, const real *x, real *b, double *violation) {
  for (int t = 0; t < components; t++) {
    const real *x_t = x + (int64_t)t * LANES;
    real *b_t = b + (int64_t)t * LANES;
    real denominator[LANES];
    for (int i = 0; i < LANES; i++)
      denominator[i] = l1;
    add_gram_row(components, gram + (int64_t)t * components, x, denominator);
    if (violation) {
      real gradient[LANES];
      for (int i = 0; i < LANES; i++)
        gradient[i] = denominator[i] - b_t[i];
      add_violation(x_t, gradient, violation);
    }
#pragma omp simd
    for (int i = 0; i < LANES; i++)
      b_t[i] = x_t[i] * (b_t[i] / (denominator[i] == 0 ? FLOOR : denominator[i]));
  }
}

static bool mu_update_rows(const dnmf_row_problem *problem, int64_t rows, void *x, const void *products, void *scratch,
                           dnmf_row_sums *sums) {
  const int components = problem->components;
  real *x_strip = scratch;
  real *b_strip = x_strip + (int64_t)components * LANES;
  for (int64_t begin = 0; begin < rows; begin += LANES) {
    int64_t count = rows - begin < LANES ? rows - begin : LANES;
    real *x_rows = (real *)x + begin * components;
    double lanes[LANES] = {0};
    load_strip(components, count, x_rows, x_strip);
    load_strip(components, count, (const real *)products + begin * components, b_strip);
    mu_multiply_row(components, problem->gram, (real)problem->l1, x_strip, b_strip, sums ? lanes : NULL);
    store_strip(components, count, b_strip, x_rows);
    if (sums)
      sums->violation += sum_lanes(count, lanes);
  }
  return true;
}

const dnmf_row_kernel VARIANT(dnmf_mu_kernel) = {LANES, mu_scratch_bytes, mu_update_rows};
