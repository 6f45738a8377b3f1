/*
 * What a model says of the fit that it is from.
 */
#ifndef DNMF_API_JOB_DESCRIBE_H
#define DNMF_API_JOB_DESCRIBE_H

#include "api/fitting.h"

/* Provenance and history into `model`. local */
dnmf_status dnmf_fitting_describe(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

#endif
