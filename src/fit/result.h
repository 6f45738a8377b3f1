/*
 * What a fit has come to: its course, its times, its traffic.
 */
#ifndef DNMF_FIT_RESULT_H
#define DNMF_FIT_RESULT_H

#include "comm/context.h"
#include "cost/cost.h"
#include "solve/ahead.h"

typedef struct dnmf_fit_result {
  int iterations;
  int passes;             /* readings of A an iteration takes: 1 or 2; 0: no block of A is read */
  int resumed_iterations; /* of these, those of the jobs that this one goes on from */
  bool converged;
  bool interrupted;           /* stopped before it was done, with a checkpoint to go on from */
  const char *stop_reason;    /* "gradient", "objective", "validation", "max-iter", "time-limit", "signal"; while the
                                 fit runs "unfinished" */
  double loss;                /* without penalties, of the last iteration; NaN where it is not known of a start */
  double objective;           /* with penalties, of the model kept; NaN where it is not known of a start */
  double residual_squares;    /* |A - WH|^2 over the fitted entries, from the loop's own products; never negative;
                                 NaN like the objective, and for other losses than the squared error */
  bool below_rounding;        /* the residual is lost in the rounding of its three terms */
  dnmf_ahead ahead;           /* ahals: as the last iteration left it */
  double violation;           /* of the last iteration relative to the first */
  double validation_rmse;     /* of the model kept; NaN without held-out entries */
  double validation_loss;     /* likewise, of held-out cells of a fit with zeros: mean of D(a | p), 1/2 (a - p)^2 */
  int best_iteration;         /* the model kept: the last, or with held-out entries the best on them */
  dnmf_fit_seconds seconds;   /* of this job: the mean over processes; the total is the slowest one's */
  dnmf_traffic traffic;       /* of this job's loop, summed over processes */
  int64_t history_count;      /* iterations + 1: the start first */
  double *objective_history;  /* owned */
  double *seconds_history;    /* owned; of iterating, all jobs together */
  double *error_history;      /* owned; the relative error; NaN where not computed */
  double *validation_history; /* owned; likewise */
} dnmf_fit_result;

/* The square root of residual over sum of squares; NaN where there is nothing to compare with. local */
double dnmf_relative_error(double residual_squares, double sum_squares);

void dnmf_fit_result_free(dnmf_fit_result *result);

/* `to` becomes the result, and its histories' owner; what is left is its figures. local */
void dnmf_fit_result_move(dnmf_fit_result *from, dnmf_fit_result *to);

/* Appends a step to the histories. local */
dnmf_status dnmf_fit_record(dnmf_context *context, dnmf_fit_result *result, const dnmf_step *step);

/* Tells the reporter. local */
void dnmf_fit_report(dnmf_context *context, const dnmf_step *step);

/* Times become the mean over processes, the total the slowest's; traffic is everybody's. collective */
dnmf_status dnmf_fit_collect(dnmf_context *context, const dnmf_fit_seconds *seconds, dnmf_fit_result *result);

#endif
