/* The private contract between recommend.c, which hands out rows, and the kernels that score them. */
#ifndef DNMF_MODEL_SCORE_H
#define DNMF_MODEL_SCORE_H

#include "base/range.h"
#include "model/top.h"

#include <stddef.h>

/* Columns packed for scoring: groups of `dnmf_score_kernel.columns`, each its biases, then its factors component by
 * component. Columns that must not be listed have the bias minus infinity, and so have those that fill up the last
 * group. */
typedef struct dnmf_packed {
  int components;
  int64_t first; /* global index of the first column */
  int64_t groups;
  void *data;
} dnmf_packed;

/* One row to list columns for. */
typedef struct dnmf_listed {
  const void *factor;  /* its components */
  const int32_t *seen; /* columns left out, ascending */
  int64_t seen_count;
  dnmf_top top;
} dnmf_listed;

typedef struct dnmf_score_kernel {
  int columns; /* of a group */
  /* Packs group `group` from `count` columns' factors (row-major) and biases. */
  void (*pack)(const dnmf_packed *packed, int64_t group, int64_t count, const void *factors, const double *biases);
  /* Offers the columns to each of the rows. */
  void (*offer)(const dnmf_packed *packed, int64_t rows, dnmf_listed *listed);
} dnmf_score_kernel;

#endif
