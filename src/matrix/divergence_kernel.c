/*
 * Beta-divergences entry by entry, and the sparse sums of Kullback-Leibler.
 *
 * Entries come as arrays: a row of a dense tile, or the stored entries of a sparse row brought together.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "base/vector_math.h"
#include "matrix/divergence.h"

static const real FLOOR = (real)DNMF_DIVERGENCE_FLOOR;

/* p, where it is divided by */
TEMPLATE real above_zero(real p) {
  return p == 0 ? FLOOR : p;
}

static void kullback_leibler_ratios(int64_t count, const real *restrict a, const real *restrict p, real *restrict n) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++)
    n[i] = a[i] / above_zero(p[i]);
}

static void itakura_saito_ratios(int64_t count, const real *restrict a, real *restrict p, real *restrict n) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    p[i] = 1 / above_zero(p[i]);
    n[i] = a[i] * (p[i] * p[i]);
  }
}

/* With beta >= 2 nothing is divided by p; with beta >= 1 only the numerator. */
static void other_ratios(real beta, int64_t count, const real *restrict a, real *restrict p, real *restrict n) {
  const real numerator_floor = beta < 2 ? FLOOR : 0;
  const real denominator_floor = beta < 1 ? FLOOR : 0;
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    real power = real_pow(p[i] == 0 ? numerator_floor : p[i], beta - 2);
    n[i] = a[i] * power;
    p[i] = (p[i] == 0 ? denominator_floor : p[i]) * power;
  }
}

/* The same, with what the loss is made of: a p^(beta-1) is n p, and p^beta is p^(beta-1) p, 0 where p is and may be. */
static void other_ratios_and_sums(real beta, int64_t count, const real *restrict a, real *restrict p, real *restrict n,
                                  dnmf_divergence_sums *sums) {
  const real numerator_floor = beta < 2 ? FLOOR : 0;
  const real denominator_floor = beta < 1 ? FLOOR : 0;
  const real power_floor = beta < 0 ? FLOOR : 0;
  const real alone = 1 / (beta * (beta - 1));
  const real mixed = 1 / (beta - 1);
  double stored = 0;
  double powers = 0;
#pragma omp simd reduction(+ : stored, powers)
  for (int64_t i = 0; i < count; i++) {
    real above = p[i] == 0 ? numerator_floor : p[i];
    real below = p[i] == 0 ? denominator_floor : p[i];
    real power = real_pow(above, beta - 2);
    real difference = alone * real_pow(a[i] > 0 ? a[i] : 1, beta) - mixed * (a[i] * power) * above;
    real counted = p[i] == 0 ? power_floor : p[i];
    n[i] = a[i] * power;
    p[i] = below * power;
    stored += a[i] > 0 ? (double)difference : 0;
    powers += (double)(p[i] * counted);
  }
  sums->stored += stored;
  sums->powers += powers;
}

static double kullback_leibler_stored(int64_t count, const real *restrict a, const real *restrict p) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) {
    real ratio = (a[i] > 0 ? a[i] : 1) / above_zero(p[i]);
    sum += (double)(a[i] * real_log(ratio) - a[i]);
  }
  return sum;
}

static double itakura_saito_stored(int64_t count, const real *restrict a, const real *restrict p) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) {
    real ratio = a[i] / above_zero(p[i]);
    sum += (double)(ratio - real_log(ratio) - 1);
  }
  return sum;
}

static void ratios(double beta, int64_t count, const void *a, void *p, void *n, dnmf_divergence_sums *sums) {
  if (beta == 1) {
    if (sums)
      sums->stored += kullback_leibler_stored(count, a, p);
    kullback_leibler_ratios(count, a, p, n);
  } else if (beta == 0) {
    if (sums)
      sums->stored += itakura_saito_stored(count, a, p);
    itakura_saito_ratios(count, a, p, n);
  } else if (sums) {
    other_ratios_and_sums((real)beta, count, a, p, n, sums);
  } else {
    other_ratios((real)beta, count, a, p, n);
  }
}

static double denominators(double given, int64_t count, void *row) {
  const real beta = (real)given;
  const real denominator_floor = beta < 1 ? FLOOR : 0;
  const real power_floor = beta < 0 ? FLOOR : 0;
  real *p = row;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) {
    real counted = p[i] == 0 ? power_floor : p[i];
    p[i] = real_pow(p[i] == 0 ? denominator_floor : p[i], beta - 1);
    sum += (double)(p[i] * counted);
  }
  return sum;
}

static void dots(const void *row, const void *panel, int64_t padded, const int32_t *index, int64_t count, void *to) {
  const real *x = row;
  real *p = to;
  for (int64_t e = 0; e < count; e++) {
    const real *f = (const real *)panel + index[e] * padded;
    vec sum = {0};
    real total = 0;
    for (int64_t t = 0; t < padded; t += VECTOR)
      sum += vec_load(x + t) * vec_load(f + t);
    for (int t = 0; t < VECTOR; t++)
      total += sum[t];
    p[e] = total;
  }
}

static void add_rows(const void *factor, const void *panel, int64_t padded, const int32_t *index, int64_t count,
                     void *to) {
  const real *n = factor;
  real *sums = to;
  for (int64_t e = 0; e < count; e++) {
    const real *f = (const real *)panel + index[e] * padded;
    for (int64_t t = 0; t < padded; t += VECTOR)
      vec_store(sums + t, vec_load(sums + t) + n[e] * vec_load(f + t));
  }
}

const dnmf_divergence_kernel VARIANT(dnmf_divergence_kernel) = {
    .ratios = ratios, .denominators = denominators, .dots = dots, .add_rows = add_rows};
