/* Sums over cells as arrays: values and predictions of one row's cells, one after another. */
#include "fit/held_cells_kernel.h"

static void squares(int64_t count, const void *values, const void *predictions, dnmf_held_sums *sums) {
  const real *a = values;
  const real *p = predictions;
  double errors = 0;
  double filled = 0;
#pragma omp simd reduction(+ : errors, filled)
  for (int64_t i = 0; i < count; i++) {
    const double error = (double)a[i] - (double)p[i];
    errors += error == error ? error * error : 0; /* NaN: no value */
    filled += (double)p[i] * (double)p[i];
  }
  sums->squares += errors;
  sums->filled += filled;
}

static int64_t pack(int64_t count, const void *values, const void *predictions, void *values_to, void *predictions_to) {
  const real *a = values;
  const real *p = predictions;
  real *to_a = values_to;
  real *to_p = predictions_to;
  int64_t kept = 0;
  for (int64_t i = 0; i < count; i++)
    if (a[i] == a[i]) {
      to_a[kept] = a[i];
      to_p[kept++] = p[i];
    }
  return kept;
}

static double sum(int64_t count, const void *numbers) {
  const real *p = numbers;
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < count; i++)
    total += (double)p[i];
  return total;
}

static void subtract(int64_t count, const void *numbers, double filler, void *to) {
  const real *p = numbers;
  real *above = to;
#pragma omp simd
  for (int64_t i = 0; i < count; i++)
    above[i] = p[i] - (real)filler;
}

static void fill(int64_t count, double filler, void *to) {
  real *numbers = to;
  for (int64_t i = 0; i < count; i++)
    numbers[i] = (real)filler;
}

static void add_row(int64_t count, const void *numbers, void *to) {
  const real *x = numbers;
  real *sums = to;
#pragma omp simd
  for (int64_t i = 0; i < count; i++)
    sums[i] += x[i];
}

const dnmf_held_kernel VARIANT(dnmf_held_kernel) = {
    .squares = squares, .pack = pack, .sum = sum, .subtract = subtract, .fill = fill, .add = add_row};
