/*
 * What the tests of rows over observed entries share. Nothing here shares code with src/solve.
 */
#ifndef TEST_SOLVE_ROWS_H
#define TEST_SOLVE_ROWS_H

#include "base/random.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

/* What an update adds up. */
typedef struct sums {
  double loss;
  double penalty;
  double violation;
} sums;

/* Between 0 and 1; the precision of the run can represent it. */
static inline double number(dnmf_precision precision, uint64_t stream, int64_t i) {
  const double u = dnmf_random_uniform(stream, DNMF_STREAM_VALUES, (uint64_t)i, 0);
  return precision == DNMF_DOUBLE ? u : (double)(float)u;
}

/* The numbers in the precision of the run; freed by the caller. */
static inline void *narrow(dnmf_precision precision, const double *from, int64_t count) {
  double *doubles = calloc((size_t)count, sizeof *doubles);
  float *floats = calloc((size_t)count, sizeof *floats);
  assert_true(doubles && floats);
  for (int64_t i = 0; i < count; i++) {
    doubles[i] = from[i];
    floats[i] = (float)from[i];
  }
  free(precision == DNMF_DOUBLE ? (void *)floats : (void *)doubles);
  return precision == DNMF_DOUBLE ? (void *)doubles : (void *)floats;
}

/* And back. */
static inline void widen(dnmf_precision precision, const void *from, int64_t count, double *to) {
  for (int64_t i = 0; i < count; i++)
    to[i] = precision == DNMF_DOUBLE ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

static inline void assert_near(double found, double expected, double tolerance) {
  if (!(fabs(found - expected) <= tolerance * (1 + fabs(expected))))
    fail_msg("%.17g is not %.17g", found, expected);
}

#endif
