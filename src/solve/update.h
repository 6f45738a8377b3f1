/*
 * What a solver is given: rows of a factor to update, and what the other factor and A make of them (solver.h).
 */
#ifndef DNMF_UPDATE_H
#define DNMF_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum dnmf_solver {
  DNMF_SOLVER_HALS = 0,
  DNMF_SOLVER_MU,
  DNMF_SOLVER_BPP,
  DNMF_SOLVERS,                      /* those of the squared error */
  DNMF_SOLVER_NEWTON = DNMF_SOLVERS, /* of Kullback-Leibler with zeros (newton.h), as mu */
  DNMF_SOLVER_AHALS                  /* hals with sweeps and extrapolation as they pay (ahead.h), of fits with zeros */
} dnmf_solver;

/* The solver whose rows it updates: of those of the squared error. */
static inline dnmf_solver dnmf_solver_of_rows(dnmf_solver solver) {
  return solver == DNMF_SOLVER_AHALS ? DNMF_SOLVER_HALS : solver;
}

/* By how much an update lowers the objective. */
typedef struct dnmf_decrease {
  double first; /* the first sweep; not of bpp */
  double last;  /* the last; of one sweep the same; not of bpp */
  double all;   /* all of it */
} dnmf_decrease;

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
  double violation;       /* when wanted, grows by the sum of |projected gradient| at the values before the update; for
                             hals, at each coordinate's turn in the first sweep, as scikit-learn's `cd` counts it. Rows
                             updated in several calls, cut at multiples of DNMF_SOLVER_STEP, give the same bits */
  bool want_decrease;     /* hals, bpp */
  dnmf_decrease decrease; /* when wanted, grows likewise by what the rows lower */
} dnmf_update;

enum { DNMF_SOLVER_STEP = 128 };

/* Of mu under a beta-divergence. */
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

/* Rows of H after a batch: what mu divides is kept over the batches. */
typedef struct dnmf_online_update {
  int64_t rows;
  int components;
  void *x;              /* rows x components, updated in place */
  void *numerators;     /* rows x components: start with x */
  void *denominators;   /* rows x components: start with ones */
  const void *products; /* rows x components: the batch's */
  const double *gram;   /* components x components: the batch's, of the squared error; NULL: a divergence's */
  const void *divisors; /* of a divergence: its denominators, rows x components; NULL: `sums` for every row */
  const double *sums;   /* components */
  double exponent;      /* of a divergence (solver.h) */
  double smallest;      /* of a divergence: what falls below it becomes 0 */
  double keep;          /* weight of what was before, 0 to 1 */
  double l1;            /* the batch's share of the penalties */
  double l2;
} dnmf_online_update;

#endif
