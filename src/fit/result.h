/* What both loops do with a result: history, sums over processes. */
#ifndef DNMF_FIT_RESULT_H
#define DNMF_FIT_RESULT_H

#include "dnmf/fit.h"

/* Appends a step to the histories and tells the reporter. local */
dnmf_status dnmf_fit_record(dnmf_context *context, dnmf_fit_result *result, const dnmf_step *step);

/* Times become the mean over processes, the total the slowest's; traffic is everybody's. collective */
dnmf_status dnmf_fit_collect(dnmf_context *context, const dnmf_fit_seconds *seconds, dnmf_fit_result *result);

#endif
