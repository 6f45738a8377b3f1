/*
 * What a fit starts from: random numbers, singular vectors, or the factors in a file.
 */
#ifndef DNMF_API_JOB_START_H
#define DNMF_API_JOB_START_H

#include "api/fitting.h"

/* The first factors. collective */
dnmf_status dnmf_fitting_start(dnmf_context *context, dnmf_fitting *f);

/* The start of a seed into factors of f's layout, as --init has it. collective */
dnmf_status dnmf_fitting_start_seed(dnmf_context *context, const dnmf_fitting *f, uint64_t seed, dnmf_factor *w,
                                    dnmf_factor *h);

#endif
