/* What both loops share, and the cost model must know of them: history, sums over processes. */
#ifndef DNMF_FIT_RESULT_H
#define DNMF_FIT_RESULT_H

#include "pace.h"

#include "dnmf/fit.h"

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

/* Times become the mean over processes, the total the slowest's; traffic is everybody's. collective */
dnmf_status dnmf_fit_collect(dnmf_context *context, const dnmf_fit_seconds *seconds, dnmf_fit_result *result);

#endif
