/* What both loops share, and the cost model must know of them: history, sums over processes. */
#ifndef DNMF_FIT_RESULT_H
#define DNMF_FIT_RESULT_H

#include "pace.h"

#include "fit/fit.h"

/* Sums over all processes at the end of an iteration over observed entries. */
typedef struct dnmf_observed_sums {
  double loss;    /* after the columns' turn */
  double penalty; /* of both factors */
  double violation;
  double held_out_squares;
  double held_out_count;
  double failed;
  double asks[DNMF_ASKS];
} dnmf_observed_sums;

enum { OBSERVED_SUMS = sizeof(dnmf_observed_sums) / sizeof(double) };

/* Appends a step to the histories and tells the reporter. local */
dnmf_status dnmf_fit_record(dnmf_context *context, dnmf_fit_result *result, const dnmf_step *step);

/* Tells the reporter only. local */
void dnmf_fit_report(dnmf_context *context, const dnmf_step *step);

/* Times become the mean over processes, the total the slowest's; traffic is everybody's. collective */
dnmf_status dnmf_fit_collect(dnmf_context *context, const dnmf_fit_seconds *seconds, dnmf_fit_result *result);

/* |A - WH|^2 = |A|^2 - 2 <A, WH> + |WH|^2 from its terms: residual_squares, and whether it is lost in their rounding.
 * local */
void dnmf_fit_set_residual(dnmf_fit_result *result, const dnmf_matrix *a, double inner, double crossed);

/* Fails when the loss is not a finite number; where it is the same everywhere, all processes fail together. local */
dnmf_status dnmf_fit_check_range(dnmf_error *error, dnmf_precision precision, bool divergence, double loss);

#endif
