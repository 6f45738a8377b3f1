/*
 * Sums of rows that have arrived from other processes. Only for kernel files (base/variant.h).
 */
#ifndef DNMF_SOLVE_ARRIVED_ROWS_H
#define DNMF_SOLVE_ARRIVED_ROWS_H

#include "base/variant.h"
#include "base/vector.h"
#include "observed_update.h"

#include <stdint.h>

/* A vector of doubles, and as many numbers of the run's precision. */
enum { ARRIVED_LANES = VECTOR_BYTES / (int)sizeof(double), ARRIVED_VECTORS = DNMF_OBSERVED_SLACK / ARRIVED_LANES };
typedef double arrived_sums __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(double)), may_alias));
typedef real arrived_numbers
    __attribute__((vector_size(ARRIVED_LANES * sizeof(real)), aligned(sizeof(real)), may_alias));

/* DNMF_OBSERVED_SLACK numbers of each row, in registers. */
TEMPLATE void sum_arrived_part(const real *arrived, const int32_t *index, int64_t begin, int64_t end, int stride,
                               arrived_sums part[ARRIVED_VECTORS]) {
  enum { AHEAD = 16 };
  for (int v = 0; v < ARRIVED_VECTORS; v++)
    part[v] = (arrived_sums){0};
  for (int64_t e = begin; e < end; e++) {
    const real *from = arrived + (int64_t)index[e] * stride;
    const real *soon = arrived + (int64_t)index[e + AHEAD < end ? e + AHEAD : end - 1] * stride;
    for (int i = 0; i < DNMF_OBSERVED_SLACK; i += CACHE_LINE)
      __builtin_prefetch(soon + i);
    for (int v = 0; v < ARRIVED_VECTORS; v++)
      part[v] += __builtin_convertvector(*(const arrived_numbers *)(from + (ptrdiff_t)v * ARRIVED_LANES), arrived_sums);
  }
}

/* sums = the sum of the arrived rows at the entries `begin` to `end`, in double, one entry after another. Rows are
 * readable for DNMF_OBSERVED_SLACK numbers past the last. */
static inline void sum_arrived(const real *arrived, const int32_t *index, int64_t begin, int64_t end, int stride,
                               double *sums) {
  for (int first = 0; first < stride; first += DNMF_OBSERVED_SLACK) {
    arrived_sums part[ARRIVED_VECTORS];
    sum_arrived_part(arrived + first, index, begin, end, stride, part);
    for (int i = first; i < stride && i < first + DNMF_OBSERVED_SLACK; i++)
      sums[i] = part[(i - first) / ARRIVED_LANES][(i - first) % ARRIVED_LANES];
  }
}

#endif
