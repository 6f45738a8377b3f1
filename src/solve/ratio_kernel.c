/*
 * The multiplicative step of the beta-divergences (Févotte & Idier 2011), a row at a time:
 *   x_t <- x_t * (n_t / (d_t + l1 + l2 x_t))^exponent
 * Zeros stay zeros. A denominator of 0 becomes FLOOR, as in scikit-learn, and so does a value below `smallest` become
 * 0.
 */
#include "solve/kernels.h"

#include "base/vector_math.h"

#define FLOOR ((real)1.1920928955078125e-07) /* float32 machine epsilon, in both precisions */

static double violation(int64_t count, const real *restrict x, const real *restrict n, const real *restrict d, real l1,
                        real l2) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t t = 0; t < count; t++) {
    real gradient = d[t] + l1 + l2 * x[t] - n[t];
    sum += (double)(gradient < 0 ? -gradient : x[t] > 0 ? gradient : 0);
  }
  return sum;
}

static void ratio_multiply_row(const dnmf_ratio_row *row, void *x_row, const void *n_row, const void *d_row) {
  real *restrict x = x_row;
  const real *restrict n = n_row;
  const real *restrict d = d_row;
  const real l1 = (real)row->l1;
  const real l2 = (real)row->l2;
  const real exponent = (real)row->exponent;
  const real smallest = (real)row->smallest;
  const bool plain = row->exponent == 1;
#pragma omp simd
  for (int64_t t = 0; t < row->components; t++) {
    real below = d[t] + l1 + l2 * x[t];
    real ratio = n[t] / (below == 0 ? FLOOR : below);
    real moved = x[t] * (plain ? ratio : real_pow(ratio, exponent));
    x[t] = moved < smallest ? 0 : moved;
  }
}

static double ratio_update_row(const dnmf_ratio_row *row, void *x, const void *n, const void *d, bool want_violation) {
  double sum = want_violation ? violation(row->components, x, n, d, (real)row->l1, (real)row->l2) : 0;
  ratio_multiply_row(row, x, n, d);
  return sum;
}

const dnmf_ratio_kernel VARIANT(dnmf_ratio_kernel) = {.update = ratio_update_row};
