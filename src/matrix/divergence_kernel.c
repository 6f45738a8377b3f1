/*
 * Beta-divergences entry by entry, and the sparse sums of Kullback-Leibler.
 *
 * Entries come as arrays: a row of a dense tile, or the stored entries of a sparse row brought together.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "base/vector_math.h"
#include "matrix/divergence.h"

/* Numbers below it are subnormal, or near: their ratios with others may be 0, and the logarithms of those infinite. */
static const real SMALL = sizeof(real) == sizeof(double) ? (real)0x1p-512 : (real)0x1p-64;
static const real SMALL_LOG = sizeof(real) == sizeof(double) ? (real)-354.89135644669199 : (real)-44.361419555836498;

/* log(a / q) for a > 0, however small */
TEMPLATE real log_ratio(real a, real q) {
  const real scaled = a < SMALL ? a / SMALL : a;
  return real_log(scaled / q) + (a < SMALL ? SMALL_LOG : 0);
}

static void kullback_leibler_ratios(real floor, int64_t count, const real *restrict a, const real *restrict p,
                                    real *restrict n) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++)
    n[i] = a[i] / (p[i] < floor ? floor : p[i]);
}

/* The same, with the sum of a log(a / p) - a. A zero adds nothing; its logarithm is one of 1, for the vector form of a
 * logarithm of 0 is slow even where its value is not used. */
static double kullback_leibler_ratios_and_sum(real floor, int64_t count, const real *restrict a, const real *restrict p,
                                              real *restrict n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) {
    const real q = p[i] < floor ? floor : p[i];
    const real scale = a[i] < SMALL ? SMALL : 1; /* a power of 2: exact */
    const real ratio = (a[i] > 0 ? a[i] / scale : q) / q;
    n[i] = a[i] > 0 ? ratio * scale : 0;
    sum += (double)(a[i] * (real_log(ratio) + (a[i] < SMALL ? SMALL_LOG : 0)) - a[i]);
  }
  return sum;
}

static double itakura_saito_stored(real floor, int64_t count, const real *restrict a, const real *restrict p) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++) {
    const real q = p[i] < floor ? floor : p[i];
    sum += (double)(a[i] / q - log_ratio(a[i], q) - 1);
  }
  return sum;
}

static void itakura_saito_ratios(real floor, int64_t count, const real *restrict a, real *restrict p,
                                 real *restrict n) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    p[i] = 1 / (p[i] < floor ? floor : p[i]);
    n[i] = a[i] * (p[i] * p[i]);
  }
}

/* Which power of p the others are made of: p^beta, p^(beta-1) or p^(beta-2), none of them negative unless beta is. */
typedef enum base { BASE_POWER, BASE_SLOPE, BASE_RATIO } base;

static base base_of(double beta) {
  if (beta < 1)
    return BASE_POWER;
  return beta < 2 ? BASE_SLOPE : BASE_RATIO;
}

typedef struct constants {
  real beta;
  real floor;
  real floor_ratio;
  real floor_slope;
  real power_floor; /* with beta < 0 p^beta too is divided by */
} constants;

static constants constants_of(const dnmf_divergence_form *form) {
  return (constants){(real)form->beta, (real)form->floor, (real)form->floor_ratio, (real)form->floor_slope,
                     form->beta < 0 ? (real)form->floor : 0};
}

typedef struct powers {
  real ratio; /* p^(beta-2) */
  real slope; /* p^(beta-1) */
  real power; /* p^beta */
} powers;

/* All three from one, those with a negative exponent at the floor at least. */
TEMPLATE powers powers_of(base from, const constants *c, real p) {
  const bool low = p < c->floor;
  if (from == BASE_POWER) {
    const real power = real_pow(p < c->power_floor ? c->power_floor : p, c->beta);
    const real slope = low ? c->floor_slope : power / p;
    return (powers){low ? c->floor_ratio : slope / p, slope, power};
  }
  if (from == BASE_SLOPE) {
    const real slope = real_pow(p, c->beta - 1);
    return (powers){low ? c->floor_ratio : slope / p, slope, slope * p};
  }
  const real ratio = real_pow(p, c->beta - 2);
  return (powers){ratio, ratio * p, ratio * p * p};
}

TEMPLATE void power_ratios(base from, const constants *c, int64_t count, const real *restrict a, real *restrict p,
                           real *restrict n) {
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const powers of = powers_of(from, c, p[i]);
    n[i] = a[i] * of.ratio;
    p[i] = of.slope;
  }
}

/* The same, with what the loss is made of. */
TEMPLATE void power_ratios_and_sums(base from, const constants *c, int64_t count, const real *restrict a,
                                    real *restrict p, real *restrict n, dnmf_divergence_sums *sums) {
  const real alone = 1 / (c->beta * (c->beta - 1));
  const real mixed = 1 / (c->beta - 1);
  const real ratio_floor = from == BASE_RATIO ? 0 : c->floor;
  double stored = 0;
  double total = 0;
#pragma omp simd reduction(+ : stored, total)
  for (int64_t i = 0; i < count; i++) {
    const powers of = powers_of(from, c, p[i]);
    const real at = p[i] < ratio_floor ? ratio_floor : p[i];
    const real zero = (real)(a[i] > 0 ? 0 : 1); /* 1^beta - 1: a power of 0 is slow even where its value is not used */
    const real power = real_pow(a[i] + zero, c->beta) - zero;
    n[i] = a[i] * of.ratio;
    p[i] = of.slope;
    stored += (double)(alone * power - mixed * n[i] * at);
    total += (double)of.power;
  }
  sums->stored += stored;
  sums->powers += total;
}

TEMPLATE double power_denominators(base from, const constants *c, int64_t count, real *restrict p) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < count; i++) {
    const powers of = powers_of(from, c, p[i]);
    p[i] = of.slope;
    total += (double)of.power;
  }
  return total;
}

static void other_ratios(const dnmf_divergence_form *form, int64_t count, const real *a, real *p, real *n,
                         dnmf_divergence_sums *sums) {
  const constants c = constants_of(form);
  const base from = base_of(form->beta);
  if (from == BASE_POWER && sums)
    power_ratios_and_sums(BASE_POWER, &c, count, a, p, n, sums);
  else if (from == BASE_POWER)
    power_ratios(BASE_POWER, &c, count, a, p, n);
  else if (from == BASE_SLOPE && sums)
    power_ratios_and_sums(BASE_SLOPE, &c, count, a, p, n, sums);
  else if (from == BASE_SLOPE)
    power_ratios(BASE_SLOPE, &c, count, a, p, n);
  else if (sums)
    power_ratios_and_sums(BASE_RATIO, &c, count, a, p, n, sums);
  else
    power_ratios(BASE_RATIO, &c, count, a, p, n);
}

static void ratios(const dnmf_divergence_form *form, int64_t count, const void *a, void *p, void *n,
                   dnmf_divergence_sums *sums) {
  const real floor = (real)form->floor;
  if (form->beta == 1) {
    if (sums)
      sums->stored += kullback_leibler_ratios_and_sum(floor, count, a, p, n);
    else
      kullback_leibler_ratios(floor, count, a, p, n);
  } else if (form->beta == 0) {
    if (sums)
      sums->stored += itakura_saito_stored(floor, count, a, p);
    itakura_saito_ratios(floor, count, a, p, n);
  } else {
    other_ratios(form, count, a, p, n, sums);
  }
}

static double denominators(const dnmf_divergence_form *form, int64_t count, void *p) {
  const constants c = constants_of(form);
  switch (base_of(form->beta)) {
  case BASE_POWER:
    return power_denominators(BASE_POWER, &c, count, p);
  case BASE_SLOPE:
    return power_denominators(BASE_SLOPE, &c, count, p);
  default:
    return power_denominators(BASE_RATIO, &c, count, p);
  }
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
