/*
 * Random numbers of other distributions than base/random.h has, each a pure function of a key and a number `j` below
 * 2^32. Where some are rejected, the next ones are of the same key and j.
 */
#ifndef DNMF_DRAWS_H
#define DNMF_DRAWS_H

#include "base/random.h"

typedef struct dnmf_draw_key {
  uint64_t seed;
  dnmf_stream stream;
  uint64_t i; /* of a row and a sweep: dnmf_draw_place */
} dnmf_draw_key;

/* One number for a row below 2^40 and a sweep below 2^24. */
static inline uint64_t dnmf_draw_place(int64_t row, int64_t sweep) {
  return (uint64_t)row | ((uint64_t)sweep << 40);
}

/* `count` standard normal numbers, j from 0 on (Box & Muller 1958, both of a pair). local */
void dnmf_draw_normals(const dnmf_draw_key *key, int count, double *normals);

/* A normal number of this mean and standard deviation given that it is not negative. `normal` is a standard normal one
 * that nothing else depends on: it is used where it leads to a positive number; else, far below the mean by rejection
 * of normals, in the tail by rejection of exponentials (Robert 1995). Exact in every regime; finite for finite
 * arguments. local */
double dnmf_draw_positive_normal(const dnmf_draw_key *key, uint64_t j, double mean, double deviation, double normal);

/* A gamma number of this shape and rate 1 (Marsaglia & Tsang 2000). local */
double dnmf_draw_gamma(const dnmf_draw_key *key, uint64_t j, double shape);

#endif
