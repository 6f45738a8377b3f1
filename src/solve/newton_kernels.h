/*
 * What newton.c and its kernels share: one row of a factor, whose positive entries have been brought together.
 */
#ifndef DNMF_NEWTON_KERNELS_H
#define DNMF_NEWTON_KERNELS_H

#include "base/precision.h"
#include "base/variant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is the same for every row. */
typedef struct newton_problem {
  int components;
  int64_t padded;    /* components rounded up to a multiple of the kernel's `step` */
  const void *fixed; /* rows of `padded` numbers, the padding zero */
  int64_t enough;    /* entries that M is summed over, about, where a row has more: those whose rows come first in */
  const uint32_t *order; /* an order of the fixed factor's rows by chance; NULL: no row has more */
  int64_t entries;       /* of a row of a dense matrix: rows of the fixed factor; */
  const void *turned;    /* the fixed factor by columns, as newton_block_kernel has it; NULL: rows are not taken so; */
  int64_t listed;        /* the entries that M is summed over */
  const int32_t *list;
  const void *linear; /* padded: sums of the fixed factor's columns + l1; the padding is not read */
  double l2;
  double floor;
  int steps;
  bool want_violation;
  bool want_loss;
} newton_problem;

typedef struct newton_sums {
  double violation;
  double loss;
  double held_squares; /* as dnmf_newton_update has them */
  double held_loss;
  double sum;
} newton_sums;

typedef struct newton_kernel {
  int step; /* that panels are padded to */

  /* Bytes of a thread's scratch memory for rows of at most `longest` entries; whole cache lines. */
  size_t (*scratch_bytes)(int64_t padded, int64_t longest);

  /* Brings together the positive ones of `count` values, `stride` from one to the next, with their places, those in
   * `index` or, without one, their numbers; returns how many there are. */
  int64_t (*pack)(int64_t count, const void *from, int64_t stride, const int32_t *index, void *values, int32_t *places);

  /* Updates the row x (components numbers), which has `count` entries a > 0 at rows `index` of the fixed factor. */
  newton_sums (*update)(const newton_problem *problem, int64_t count, const void *a, const int32_t *index, void *x,
                        void *scratch);

  /* sums (padded) = those of rows of the fixed factor. */
  void (*sum_rows)(const newton_problem *problem, int64_t count, const int32_t *index, double *sums);

  /* Adds what the row x makes of `count` cells that were taken out. */
  void (*look_at_held)(const newton_problem *problem, int64_t count, const void *a, const int32_t *index, const void *x,
                       void *scratch, newton_sums *sums);
} newton_kernel;

enum { NEWTON_BLOCK_ROWS = 4 };

/* Rows of a dense matrix most of whose entries are positive, side by side. */
typedef struct newton_block_kernel {
  int piece; /* entries of a piece of the turned factor: components times so many, component by component */

  /* Bytes of a thread's scratch memory; whole cache lines. */
  size_t (*scratch_bytes)(int components, int64_t padded, int64_t entries);

  /* The fixed factor's rows by pieces, the last one ending in zeros. */
  void (*turn)(int64_t entries, int components, int64_t padded, const void *rows, void *turned);

  /* Whether a row is one for this kernel: that depends on the row alone. */
  bool (*takes)(int64_t entries, const void *values);

  /* to (rows x entries) = columns of a matrix whose rows are `stride` apart. */
  void (*spread)(int64_t entries, const void *from, int64_t stride, int64_t rows, void *to);

  /* Updates so many rows x (at most NEWTON_BLOCK_ROWS, of components numbers) of the values, all entries of them, zeros
   * too. */
  void (*update)(const newton_problem *problem, int rows, const void *const values[], void *const x[], void *scratch,
                 newton_sums *const sums[]);
} newton_block_kernel;

DNMF_DECLARE_VARIANTS(newton_kernel, dnmf_newton_kernel);
DNMF_DECLARE_VARIANTS(newton_block_kernel, dnmf_newton_block_kernel);

#endif
