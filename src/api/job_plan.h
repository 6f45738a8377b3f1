/*
 * From settings and data to what a fit is: values are checked, defaults settled, what has no use is refused.
 */
#ifndef DNMF_API_JOB_PLAN_H
#define DNMF_API_JOB_PLAN_H

#include "api/fitting.h"

/* Checks what can be checked before the data are opened. local */
dnmf_status dnmf_fitting_check(dnmf_error *error, dnmf_fitting *f);

/* Finds out what kind of fit it is, settles defaults, and chooses the grid. collective */
dnmf_status dnmf_fitting_plan(dnmf_context *context, dnmf_fitting *f);

/* The solver of a fit like this one from which some cells are held out: the one asked for, or the fastest then. local
 */
dnmf_solver dnmf_fitting_fold_solver(const dnmf_fitting *f);

#endif
