/*
 * A fit from several seeds, of which the best is kept (fit/restarts.h).
 */
#ifndef DNMF_API_JOB_RESTARTS_H
#define DNMF_API_JOB_RESTARTS_H

#include "api/fitting.h"

/* Whether there are several, and how many are fitted side by side; all of them, which leave the best in f->w, f->h and
 * f->result. collective */
dnmf_status dnmf_fitting_plan_restarts(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_iterate_restarts(dnmf_context *context, dnmf_fitting *f);

#endif
