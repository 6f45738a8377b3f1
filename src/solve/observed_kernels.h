/* The private contract between observed.c, which hands out rows, and its kernels. */
#ifndef DNMF_OBSERVED_KERNELS_H
#define DNMF_OBSERVED_KERNELS_H

#include "solve/observed_update.h"

#include <stddef.h>

/* What one row contributes to the sums. */
typedef struct observed_sums {
  double loss;
  double penalty;
  double violation;
} observed_sums;

typedef struct observed_kernels {
  /* Bytes of scratch one thread needs. */
  size_t (*scratch)(const dnmf_observed_update *update);
  /* Updates row `row`. */
  observed_sums (*least_squares)(const dnmf_observed_update *update, int64_t row, int sweeps, void *scratch);
  observed_sums (*multiplicative)(const dnmf_observed_update *update, int64_t row, void *scratch);
} observed_kernels;

/* Coordinate sweeps without normal equations: residual_kernel.c. */
typedef struct residual_kernels {
  /* Bytes of scratch one thread needs. */
  size_t (*scratch)(const dnmf_observed_update *update);
  /* The longest row for which so many sweeps are cheaper so; 0: none. */
  int64_t (*most_entries)(const dnmf_observed_update *update, int sweeps);
  /* Updates row `row`, which has entries, but no more than that. */
  observed_sums (*update)(const dnmf_observed_update *update, int64_t row, int sweeps, void *scratch);
} residual_kernels;

#endif
