/* The private contract between observed.c, which hands out rows, and its kernels. */
#ifndef DNMF_SOLVE_OBSERVED_H
#define DNMF_SOLVE_OBSERVED_H

#include "dnmf/observed.h"

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

#endif
