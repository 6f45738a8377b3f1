/*
 * A strip: a few rows of a factor turned so that one component of all of them is contiguous.
 *
 * Rows are independent of each other, components are not; with rows as vector lanes every loop of a solver is
 * straight vector arithmetic for any number of components. Only for kernel files (base/variant.h).
 */
#ifndef DNMF_SOLVE_TILE_H
#define DNMF_SOLVE_TILE_H

#include "solve/kernels.h"

#include "base/vector.h"

/* Eight vectors of the widest kind: enough independent sums to hide the latency of an addition, and a strip
 * of 64 components still fits the first-level cache. */
enum { LANES = 512 / sizeof(real) };
_Static_assert(DNMF_SOLVER_STEP % LANES == 0, "a strip is whole");

/* What a denominator of 0 becomes in a multiplicative update: float32 machine epsilon, in both precisions. */
#define FLOOR ((real)1.1920928955078125e-07)

/* Squares of a strip are turned in registers; what is left of its components, or a strip with fewer rows, number by
 * number. */
static inline int64_t turned_components(int components, int64_t rows) {
  return rows == LANES ? components / VECTOR * VECTOR : 0;
}

/* to = transpose of a square of VECTOR rows; rows lie so many numbers apart. */
TEMPLATE void turn_square(const real *from, int64_t from_stride, real *to, int64_t to_stride) {
  vec square[VECTOR];
  for (int64_t r = 0; r < VECTOR; r++)
    square[r] = vec_load(from + r * from_stride);
  vec_transpose(square);
  for (int64_t r = 0; r < VECTOR; r++)
    vec_store(to + r * to_stride, square[r]);
}

/* strip (components x LANES) = transpose of rows; lanes without a row are 0. */
static inline void load_strip(int components, int64_t rows, const real *from, real *strip) {
  const int64_t turned = turned_components(components, rows);
  for (int64_t i = 0; i < LANES && turned > 0; i += VECTOR)
    for (int64_t t = 0; t < turned; t += VECTOR)
      turn_square(from + i * components + t, components, strip + t * LANES + i, LANES);
  for (int64_t t = turned; t < components; t++) {
    real *lanes = strip + t * LANES;
    for (int64_t i = 0; i < rows; i++)
      lanes[i] = from[i * components + t];
    for (int64_t i = rows; i < LANES; i++)
      lanes[i] = 0;
  }
}

static inline void store_strip(int components, int64_t rows, const real *strip, real *to) {
  const int64_t turned = turned_components(components, rows);
  for (int64_t i = 0; i < LANES && turned > 0; i += VECTOR)
    for (int64_t t = 0; t < turned; t += VECTOR)
      turn_square(strip + t * LANES + i, LANES, to + i * components + t, components);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t t = turned; t < components; t++)
      to[i * components + t] = strip[t * LANES + i];
}

/* sum += gram_row . x for every lane, in the order of the components; some lanes at a time, whose sums stay in
 * registers. */
static inline void add_gram_row(int components, const real *restrict gram_row, const real *restrict x,
                                real *restrict sum) {
  enum { AT_ONCE = 8 };
  for (int64_t i = 0; i < LANES; i += (int64_t)AT_ONCE * VECTOR) {
    vec partial[AT_ONCE];
#pragma GCC unroll 8
    for (int v = 0; v < AT_ONCE; v++)
      partial[v] = vec_load(sum + i + (int64_t)v * VECTOR);
    for (int s = 0; s < components; s++) {
      const real *lanes = x + (int64_t)s * LANES + i;
#pragma GCC unroll 8
      for (int v = 0; v < AT_ONCE; v++)
        partial[v] += gram_row[s] * vec_load(lanes + (int64_t)v * VECTOR);
    }
#pragma GCC unroll 8
    for (int v = 0; v < AT_ONCE; v++)
      vec_store(sum + i + (int64_t)v * VECTOR, partial[v]);
  }
}

/* violation += |projected gradient|: at x = 0 only a negative gradient counts. */
static inline void add_violation(const real *restrict x, const real *restrict gradient, double *restrict violation) {
#pragma omp simd
  for (int i = 0; i < LANES; i++) {
    real size = gradient[i] < 0 ? -gradient[i] : (x[i] == 0 ? (real)0 : gradient[i]);
    violation[i] += (double)size;
  }
}

static inline double sum_lanes(int64_t rows, const double *lanes) {
  double sum = 0;
  for (int64_t i = 0; i < rows; i++)
    sum += lanes[i];
  return sum;
}

#endif
