/*
 * Fitting: options -> loop -> factors. The update loop itself is src/fit/loop.c.
 */
#ifndef DNMF_FIT_H
#define DNMF_FIT_H

#include "cost/cost.h"
#include "factor/factor.h"
#include "matrix/matrix.h"
#include "solve/loss.h"
#include "solve/solver.h"

typedef enum dnmf_stop { DNMF_STOP_GRADIENT = 0, DNMF_STOP_OBJECTIVE, DNMF_STOP_VALIDATION } dnmf_stop;

typedef enum dnmf_penalty_scale { DNMF_PENALTY_RAW = 0, DNMF_PENALTY_DIMENSION } dnmf_penalty_scale;

typedef struct dnmf_penalties {
  double l1_w, l1_h, l2_w, l2_h;
  dnmf_penalty_scale scale; /* dimension: W's times the columns of A, H's times its rows */
} dnmf_penalties;

/* A factor that stays as it starts: no half-step of its own, and only the other counts for the stopping rule. */
typedef enum dnmf_fixed { DNMF_FIXED_NONE = 0, DNMF_FIXED_W, DNMF_FIXED_H } dnmf_fixed;

typedef struct dnmf_checkpointing dnmf_checkpointing;

typedef struct dnmf_fit_options {
  int components;
  dnmf_loss loss; /* other than the squared error: fitted by mu, whatever `solver` says */
  dnmf_solver solver;
  int more_sweeps; /* hals: of a half-step, after the first */
  dnmf_fixed fixed;
  dnmf_stop stop;
  double tolerance;   /* 0: never stop early */
  int max_iterations; /* 0: keep the start */
  double time_limit;  /* seconds of iterating in this job; infinity: none */
  dnmf_penalties penalties;
  const dnmf_checkpointing *checkpointing; /* fit_state.h; NULL: none */
} dnmf_fit_options;

typedef struct dnmf_fit_result {
  int iterations;
  int passes;             /* readings of A an iteration takes: 1 or 2 */
  int resumed_iterations; /* of these, those of the jobs that this one goes on from */
  bool converged;
  bool interrupted;           /* stopped before it was done, with a checkpoint to go on from */
  const char *stop_reason;    /* "gradient", "objective", "validation", "max-iter", "time-limit", "signal"; while the
                                 fit runs "unfinished" */
  double objective;           /* with penalties, of the model kept; NaN when that is an observed-only start */
  double residual_squares;    /* |A - WH|^2 over the fitted entries, from the loop's own products; never negative;
                                 NaN like the objective, and for other losses than the squared error */
  bool below_rounding;        /* the residual is lost in the rounding of its three terms */
  double violation;           /* of the last iteration relative to the first */
  double validation_rmse;     /* of the model kept; NaN without held-out entries */
  int best_iteration;         /* the model kept: the last, or with held-out entries the best on them */
  dnmf_fit_seconds seconds;   /* of this job: the mean over processes; the total is the slowest one's */
  dnmf_traffic traffic;       /* of this job's loop, summed over processes */
  int64_t history_count;      /* iterations + 1: the start first */
  double *objective_history;  /* owned */
  double *seconds_history;    /* owned; of iterating, all jobs together */
  double *validation_history; /* owned; NaN where not computed */
} dnmf_fit_result;

/* Runs the loop from the start in w and h, which hold the factors afterwards. Released with
 * dnmf_fit_result_free. collective */
dnmf_status dnmf_fit(dnmf_context *context, const dnmf_fit_options *options, const dnmf_matrix *a, dnmf_factor *w,
                     dnmf_factor *h, dnmf_fit_result *result);
void dnmf_fit_result_free(dnmf_fit_result *result);

#endif
