/*
 * Small symmetric positive definite systems, one in each lane of a vector, and products with a small symmetric
 * matrix: the arithmetic of bpp. All in double.
 *
 * A system is a principal submatrix, named by its members, of a matrix that all lanes share. Lanes may hold systems of
 * different sizes; each is filled up by rows of the identity.
 */
#ifndef DNMF_SOLVE_LANES_H
#define DNMF_SOLVE_LANES_H

#include "base/variant.h"

#include <stdbool.h>
#include <stddef.h>

/* A stride is a multiple of DNMF_LANES_UNIT; lists of members are filled up to a multiple of DNMF_LANES_BLOCK. */
enum { DNMF_LANES_MOST = 8, DNMF_LANES_BLOCK = 4, DNMF_LANES_UNIT = 8 };

typedef struct dnmf_lane_matrix {
  int order;
  int stride;            /* doubles between rows: order, rounded up; what it adds is zero */
  const double *entries; /* order rows, then dnmf_lanes_matrix_doubles's remainder of zeros */
} dnmf_lane_matrix;

typedef struct dnmf_lane_systems {
  const dnmf_lane_matrix *matrix;
  int size;                              /* of the largest, rounded up to DNMF_LANES_BLOCK */
  const int *members[DNMF_LANES_MOST];   /* of every lane: `size` numbers; the matrix's order where there is none */
  const double *target[DNMF_LANES_MOST]; /* of every lane: the right-hand side of member t is target[t] */
} dnmf_lane_systems;

typedef struct dnmf_lanes_kernel {
  int lanes;

  /* Solves all lanes: solution (size x lanes). `work`: what work_doubles says. False if a matrix is not positive
   * definite. local */
  bool (*solve)(const dnmf_lane_systems *systems, double *work, double *solution);

  /* out[t] = sum over m < size of values[m * lanes] matrix[members[m]][t] - target[t], for `stride` t. local */
  void (*combine)(const dnmf_lane_matrix *matrix, int size, const int *members, const double *values,
                  const double *target, double *out);

  /* to[i] = sign * matrix from[i], for `count` rows of `stride` doubles; to[i] is not one of them. local */
  void (*multiply)(const dnmf_lane_matrix *matrix, double sign, int count, const double *const *from,
                   double *const *to);
} dnmf_lanes_kernel;

DNMF_DECLARE_VARIANTS(dnmf_lanes_kernel, dnmf_lanes_kernel);

static inline int dnmf_lanes_round_up(int count, int multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

/* Doubles of a matrix's entries: one more row, and its column `order`, stand for lanes that have no member. */
static inline size_t dnmf_lanes_matrix_doubles(int order, int stride) {
  return ((size_t)order + 1) * (size_t)stride + DNMF_LANES_UNIT;
}

/* Doubles of work memory for systems of up to `size`, in any instruction set. */
static inline size_t dnmf_lanes_work_doubles(int size) {
  const size_t n = (size_t)dnmf_lanes_round_up(size, DNMF_LANES_BLOCK);
  return n * (n + 1) / 2 * DNMF_LANES_MOST;
}

#endif
