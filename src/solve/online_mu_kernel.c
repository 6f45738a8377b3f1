/*
 * The online multiplicative update (Lefevre, Bach, Fevotte 2011; scikit-learn's MiniBatchNMF): numerators and
 * denominators of all batches so far, older ones weighing less, are kept apart and divided,
 *   n_t <- rho n_t + x_t b_t,   d_t <- rho d_t + (G + l2 I)_t . x + l1,   x_t <- n_t / d_t,
 * every component from the values before the update. Of a beta-divergence, whose numerators and denominators come from
 * the divergence, with its exponent g,
 *   n_t <- rho n_t + x_t^(1/g) b_t,   d_t <- rho d_t + e_t + l2 x_t + l1,   x_t <- (n_t / d_t)^g.
 */
#include "base/vector_math.h"
#include "solve/tile.h"

static void online_divergence_row(const dnmf_online_update *update, const real *b, const real *e, real *x, real *n,
                                  real *d) {
  const real rho = (real)update->keep;
  const real exponent = (real)update->exponent;
  const bool plain = update->exponent == 1;
  for (int t = 0; t < update->components; t++) {
    const real denominator = (e ? e[t] : (real)update->sums[t]) + (real)(update->l1 + update->l2 * (double)x[t]);
    n[t] = rho * n[t] + (plain ? x[t] : real_pow(x[t], 1 / exponent)) * b[t];
    d[t] = rho * d[t] + (denominator == 0 ? FLOOR : denominator);
    const real moved = plain ? n[t] / d[t] : real_pow(n[t] / d[t], exponent);
    x[t] = moved < (real)update->smallest ? 0 : moved;
  }
}

static void online_square_row(int components, const dnmf_online_update *update, const real *b, real *x, real *n,
                              real *d) {
  const real rho = (real)update->keep;
  for (int t = 0; t < components; t++) {
    const double *gram_row = update->gram + (int64_t)t * components;
    real denominator = (real)(update->l1 + update->l2 * (double)x[t]);
    for (int s = 0; s < components; s++)
      denominator += (real)gram_row[s] * x[s];
    n[t] = rho * n[t] + x[t] * b[t];
    d[t] = rho * d[t] + (denominator == 0 ? FLOOR : denominator);
  }
  for (int t = 0; t < components; t++)
    x[t] = n[t] / d[t];
}

static void update_rows(const dnmf_online_update *update, int64_t begin, int64_t end) {
  const int components = update->components;
  for (int64_t row = begin; row < end; row++) {
    const int64_t at = row * components;
    const real *b = (const real *)update->products + at;
    real *x = (real *)update->x + at;
    real *n = (real *)update->numerators + at;
    real *d = (real *)update->denominators + at;
    if (update->gram)
      online_square_row(components, update, b, x, n, d);
    else
      online_divergence_row(update, b, update->divisors ? (const real *)update->divisors + at : NULL, x, n, d);
  }
}

const dnmf_online_kernel VARIANT(dnmf_online_mu_kernel) = {update_rows};
