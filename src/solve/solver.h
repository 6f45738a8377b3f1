/*
 * Solvers: how owned rows of one factor are updated while the other is fixed. Local arithmetic only.
 *
 * With X the rows to update, B = A F the products with the fixed factor F and G = F'F, every solver works on
 *   minimize over X >= 0   1/2 <X (G + l2 I), X> - <B - l1, X>
 * row by row:
 *   hals  sweeps of coordinate descent over the components (Cichocki & Phan 2009)
 *   mu    X <- X * B / (X G + l1 + l2 X) (Lee & Seung 2001)
 *   bpp   the exact minimizer by block principal pivoting (Kim & Park 2011)
 */
#ifndef DNMF_SOLVER_H
#define DNMF_SOLVER_H

#include "base/precision.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum dnmf_solver { DNMF_SOLVER_HALS = 0, DNMF_SOLVER_MU, DNMF_SOLVER_BPP, DNMF_SOLVERS } dnmf_solver;

typedef struct dnmf_update {
  int64_t rows;
  int components;
  void *x;              /* rows x components, row-major, updated in place */
  const void *products; /* rows x components: B */
  const double *gram;   /* components x components: G */
  double l1;            /* in the objective's own scale: already multiplied by the penalty scale */
  double l2;
  int sweeps; /* hals: more than one is accelerated HALS (Gillis & Glineur 2012); 0 and 1: one */
  bool want_violation;
  double violation; /* when wanted, grows by the sum of |projected gradient| at the values before the update; for
                       hals, at each coordinate's turn in the first sweep, as scikit-learn's `cd` counts it. Rows
                       updated in several calls, cut at multiples of DNMF_SOLVER_STEP, give the same bits */
} dnmf_update;

enum { DNMF_SOLVER_STEP = 128 };

/* Updates the rows. `threads` OpenMP threads are used; the result does not depend on how many. local */
dnmf_status dnmf_solver_update(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                               dnmf_update *update, dnmf_error *error);

/* Operations of a row's update, as a cost model counts them: 2 k^2 a sweep; for bpp 4 k^2 + k^3 / 12, a product each
 * with the Gram matrix and its inverse and two systems of k / 2, the larger ones being solved on their complement.
 * local */
double dnmf_solver_operations(dnmf_solver solver, int components, int sweeps);

/* Work memory that dnmf_solver_update takes while it runs, in bytes. local */
double dnmf_solver_bytes(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads, int64_t rows,
                         int components);

/*
 * mu under a beta-divergence (Févotte & Idier 2011): X <- X * (N / (D + l1 + l2 X))^exponent, with the numerators N and
 * denominators D of divergence.h. The exponent 1/(2 - beta) for beta < 1, 1/(beta - 1) for beta > 2 and 1 between makes
 * the divergence fall in every step.
 */
typedef struct dnmf_ratio {
  int64_t rows;
  int components;
  void *x;                  /* rows x components, row-major, updated in place */
  const void *numerators;   /* rows x components */
  const void *denominators; /* rows x components; NULL: `sums` for every row */
  const double *sums;       /* components */
  double l1;                /* already multiplied by the penalty scale */
  double l2;
  double exponent;
  double smallest; /* what falls below it becomes 0 */
  bool want_violation;
  double violation; /* out, when wanted: sum of |projected gradient| at the values before the update */
} dnmf_ratio;

/* Updates the rows. `threads` OpenMP threads are used; the result does not depend on how many. local */
dnmf_status dnmf_solver_multiply(dnmf_precision precision, dnmf_isa isa, int threads, dnmf_ratio *ratio,
                                 dnmf_error *error);

/* "hals", "mu" or "bpp". local */
const char *dnmf_solver_name(dnmf_solver solver);

/* Rows of H after a batch: what mu divides is kept over the batches. */
typedef struct dnmf_online_update {
  int64_t rows;
  int components;
  void *x;              /* rows x components, updated in place */
  void *numerators;     /* rows x components: start with x */
  void *denominators;   /* rows x components: start with ones */
  const void *products; /* rows x components: the batch's */
  const double *gram;   /* components x components: the batch's */
  double keep;          /* weight of what was before, 0 to 1 */
  double l1;            /* the batch's share of the penalties */
  double l2;
} dnmf_online_update;

/* The online multiplicative update (Lefevre, Bach, Fevotte 2011), as scikit-learn's MiniBatchNMF has it. local */
void dnmf_solver_update_online(dnmf_precision precision, dnmf_isa isa, int threads, const dnmf_online_update *update);

#endif
