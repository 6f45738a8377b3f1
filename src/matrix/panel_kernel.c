/* Sums over the numbers of panels. */
#include "matrix/kernels.h"

static double dot(const void *x, const void *y, int64_t count) {
  const real *a = x;
  const real *b = y;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; i++)
    sum += (double)a[i] * (double)b[i];
  return sum;
}

const dnmf_panel_kernel VARIANT(dnmf_panel_kernel) = {.dot = dot};
