/*
 * Sums of rows that have arrived from other processes. Only for kernel files (base/variant.h).
 */
#ifndef DNMF_SOLVE_ARRIVED_ROWS_H
#define DNMF_SOLVE_ARRIVED_ROWS_H

#include "base/variant.h"
#include "base/vector.h"

#include <stdint.h>

/* sums = the sum of the arrived rows at the entries `begin` to `end`, in double. */
static inline void sum_arrived(const real *arrived, const int32_t *index, int64_t begin, int64_t end, int stride,
                               double *sums) {
  enum { AHEAD = 16 };
  for (int i = 0; i < stride; i++)
    sums[i] = 0;
  for (int64_t e = begin; e < end; e++) {
    const real *from = arrived + (int64_t)index[e] * stride;
    const real *soon = arrived + (int64_t)index[e + AHEAD < end ? e + AHEAD : end - 1] * stride;
    for (int i = 0; i < stride; i += CACHE_LINE)
      __builtin_prefetch(soon + i);
    for (int i = 0; i < stride; i++)
      sums[i] += (double)from[i];
  }
}

#endif
