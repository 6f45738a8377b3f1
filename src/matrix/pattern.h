/*
 * Which places of a generated matrix hold a value.
 *
 * Place (i, j) holds one with probability min(1, a_i b_j), independently. A row is walked by geometric skips
 * over its columns in order of falling b, thinned to the right probability (Miller & Hagberg 2011), so a row
 * costs about as much as it has values, and is a pure function of (seed, row).
 */
#ifndef DNMF_PATTERN_H
#define DNMF_PATTERN_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct dnmf_pattern {
  uint64_t seed;
  int64_t rows;
  int64_t cols;
  bool power_law;     /* else a_i b_j = density everywhere */
  double density;     /* of an even pattern */
  double row_scale;   /* power law: multiplies the row weights so that the density comes out */
  double *weights;    /* power law: b by popularity rank */
  int64_t *col_ranks; /* power law: the column at each popularity rank */
} dnmf_pattern;

/* Released with dnmf_pattern_free, also after a failure. local */
dnmf_status dnmf_pattern_create(dnmf_error *error, uint64_t seed, int64_t rows, int64_t cols, double density,
                                bool power_law, dnmf_pattern *pattern);
void dnmf_pattern_free(dnmf_pattern *pattern);

/* A walk along one row. */
typedef struct dnmf_pattern_walk {
  const dnmf_pattern *pattern;
  int64_t row;
  double row_weight;
  double bound; /* at least the probability of every rank still ahead */
  double log_miss;
  int64_t rank; /* the next one to look at */
  uint64_t draws;
} dnmf_pattern_walk;

dnmf_pattern_walk dnmf_pattern_begin(const dnmf_pattern *pattern, int64_t row);

/* The next column of the row that holds a value; false at its end. Columns come in no particular order. */
bool dnmf_pattern_next(dnmf_pattern_walk *walk, int64_t *col);

#endif
