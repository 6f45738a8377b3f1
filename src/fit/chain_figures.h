/*
 * What a chain of dependent draws says of its own convergence (Gelman et al., Bayesian Data Analysis, 3rd ed., 11.4 and
 * 11.5).
 */
#ifndef DNMF_FIT_CHAIN_FIGURES_H
#define DNMF_FIT_CHAIN_FIGURES_H

#include <stdint.h>

/* Split R-hat of one chain: the two halves compared as if they were chains of their own; about 1 where the chain has
 * forgotten its start. NaN for fewer than 4 values, 1 where all are alike. local */
double dnmf_split_r_hat(int64_t count, const double *values);

/* Independent draws that tell as much about the mean: count / (1 + 2 sum of the autocorrelations), of pairs of lags as
 * long as their sums are positive, and none larger than the one before (Geyer 1992). NaN for fewer than 4 values. local
 */
double dnmf_effective_samples(int64_t count, const double *values);

#endif
