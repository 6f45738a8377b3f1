/*
 * What chains of dependent draws say of their own convergence: split R-hat and effective sample size (Vehtari, Gelman,
 * Simpson, Carpenter & Buerkner, Rank-normalization, folding, and localization: an improved R-hat, Bayesian Analysis 16
 * (2021), equations 1 to 4 and 10 to 13; without the ranks, as the series have a variance).
 *
 * Each chain is cut into halves, the number in the middle of an odd count left out. The M halves of n values have the
 * means m_i and the variances s_i^2 (over n - 1):
 *   W     = mean of s_i^2
 *   B / n = variance of m_i (over M - 1)
 *   V     = (n - 1) / n W + B / n
 *   R-hat = sqrt(V / W)
 *   rho_t = 1 - (W - mean of s_i^2 rho_it) / V, rho_it the autocorrelation of half i at lag t
 *   effective samples = M n / (2 sum of P_j - 1), P_j = rho_2j + rho_2j+1 as long as that is positive, and none larger
 *                       than the one before (Geyer 1992)
 */
#ifndef DNMF_FIT_CHAIN_FIGURES_H
#define DNMF_FIT_CHAIN_FIGURES_H

#include <stdint.h>

/* `values` are those of one chain after another, `count` each. */

/* About 1 where all chains have forgotten their starts. NaN for fewer than 4 values a chain, 1 where all are alike.
 * local */
double dnmf_split_r_hat(int chains, int64_t count, const double *values);

/* Independent draws that tell as much about the mean, at most chains * count. NaN for fewer than 4 values a chain.
 * local */
double dnmf_effective_samples(int chains, int64_t count, const double *values);

#endif
