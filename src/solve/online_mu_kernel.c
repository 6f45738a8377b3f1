/*
 * The online multiplicative update (Lefevre, Bach, Fevotte 2011; scikit-learn's MiniBatchNMF): numerators and
 * denominators of all batches so far, older ones weighing less, are kept apart and divided,
 *   n_t <- rho n_t + x_t b_t,   d_t <- rho d_t + (G + l2 I)_t . x + l1,   x_t <- n_t / d_t,
 * every component from the values before the update.
 */
#include "solve/tile.h"

static void update_row(int components, const dnmf_online_update *update, const real *b, real *x, real *n, real *d) {
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
    update_row(components, update, (const real *)update->products + at, (real *)update->x + at,
               (real *)update->numerators + at, (real *)update->denominators + at);
  }
}

const dnmf_online_kernel VARIANT(dnmf_online_mu_kernel) = {update_rows};
