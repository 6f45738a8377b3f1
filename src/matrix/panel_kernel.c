/* Sums over the numbers of panels, and of them. */
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

static void panel_combine(double a, void *x, double b, const void *y, int64_t count) {
  const real scale = (real)a;
  const real weight = (real)b;
  real *to = x;
  const real *from = y;
#pragma omp simd
  for (int64_t i = 0; i < count; i++)
    to[i] = scale * to[i] + weight * from[i];
}

static void panel_extrapolate(double share, void *x, void *ahead, int64_t count) {
  const real weight = (real)share;
  real *model = x;
  real *further = ahead;
#pragma omp simd
  for (int64_t i = 0; i < count; i++) {
    const real now = further[i];
    const real to = now + weight * (now - model[i]);
    model[i] = now;
    further[i] = to > 0 ? to : 0;
  }
}

const dnmf_panel_kernel VARIANT(dnmf_panel_kernel) = {
    .dot = dot, .combine = panel_combine, .extrapolate = panel_extrapolate};
