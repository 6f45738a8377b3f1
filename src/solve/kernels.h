/*
 * What the solvers share: the problem of one call, and the kernels that update a tile of rows.
 *
 * solver.c prepares a problem, cuts the rows into tiles of a size that depends on nothing but the solver, and
 * lets threads take tiles. A kernel sees one tile and its thread's scratch memory; it allocates nothing.
 */
#ifndef DNMF_SOLVE_KERNELS_H
#define DNMF_SOLVE_KERNELS_H

#include "base/precision.h"
#include "base/variant.h"
#include "solve/lanes.h"
#include "solve/update.h"

#include <stddef.h>

/* What is the same for every row. The two grams are private copies, l2 included on the diagonal. */
typedef struct dnmf_row_problem {
  int components;
  double l1;
  int sweeps; /* hals: 0 and 1: one */
  bool want_decrease;

  const void *gram; /* hals, mu: G + l2 I in the run's precision, components x components */

  /* bpp, all in double; see bpp.h. */
  dnmf_lane_matrix scaled;  /* S (G + l2 I) S + damping I: unit diagonal before the damping */
  dnmf_lane_matrix inverse; /* of that, on the components alive; entries NULL where it is not to be trusted */
  const double *scale;      /* the diagonal of S: 1/sqrt((G + l2 I)_tt), 1 for a dead component */
  const double *unscale;    /* 1 / scale */
  const uint64_t *alive;    /* bit t: (G + l2 I)_tt > 0 */
  double damping;           /* weight of 1/2 |x - x before|^2 in scaled variables; 0 unless nearly singular */
  int max_rounds;           /* of exchanges; what is left then gets coordinate sweeps */
} dnmf_row_problem;

/* Of a tile of rows. */
typedef struct dnmf_row_sums {
  double violation;
  dnmf_decrease decrease; /* where the problem wants it */
} dnmf_row_sums;

typedef struct dnmf_row_kernel {
  int64_t tile_rows;
  size_t (*scratch_bytes)(int components); /* of a thread; whole cache lines */

  /* Updates `rows` <= tile_rows rows of x; adds the sum of |projected gradient| and what is wanted to `*sums`, if not
   * NULL. False when a matrix that should be is not positive definite. */
  bool (*update)(const dnmf_row_problem *problem, int64_t rows, void *x, const void *products, void *scratch,
                 dnmf_row_sums *sums);
} dnmf_row_kernel;

/* What is the same for every row of a multiplicative step under a divergence. */
typedef struct dnmf_ratio_row {
  int components;
  double l1;
  double l2;
  double exponent;
  double smallest;
} dnmf_ratio_row;

typedef struct dnmf_ratio_kernel {
  /* Updates one row from its numerators and denominators; returns its |projected gradient|, 0 unless wanted. */
  double (*update)(const dnmf_ratio_row *row, void *x, const void *n, const void *d, bool want_violation);
} dnmf_ratio_kernel;

DNMF_DECLARE_VARIANTS(dnmf_ratio_kernel, dnmf_ratio_kernel);
typedef struct dnmf_online_kernel {
  /* Updates rows `begin` to `end`. */
  void (*update)(const dnmf_online_update *update, int64_t begin, int64_t end);
} dnmf_online_kernel;

DNMF_DECLARE_VARIANTS(dnmf_row_kernel, dnmf_hals_kernel);
DNMF_DECLARE_VARIANTS(dnmf_row_kernel, dnmf_mu_kernel);
DNMF_DECLARE_VARIANTS(dnmf_row_kernel, dnmf_bpp_kernel);
DNMF_DECLARE_VARIANTS(dnmf_online_kernel, dnmf_online_mu_kernel);

#endif
