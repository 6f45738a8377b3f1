/*
 * Fits in which unstored entries are zeros: blocks of A on a process grid, one loop for all losses.
 */
#ifndef DNMF_ZEROS_FIT_H
#define DNMF_ZEROS_FIT_H

#include "factor/factor.h"
#include "fit/loop.h"

/* Fits from the start in w and h, which hold the factors afterwards. Released with dnmf_fit_result_free. collective */
dnmf_status dnmf_fit_zeros(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                           dnmf_factor *h, dnmf_fit_result *result);

#endif
