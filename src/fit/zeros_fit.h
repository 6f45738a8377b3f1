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

/* The owned rows of a start and afterwards of the factors. */
typedef struct dnmf_zeros_panels {
  const dnmf_panel *w;
  const dnmf_panel *h;
  const dnmf_panel *ahead; /* ahals: like h, what that is extrapolated to; of a fit that goes on as it was */
} dnmf_zeros_panels;

/* The same for several starts side by side, under the squared error: each product with A, each gather, each
 * sum-and-scatter and each all-reduce is one for all that still run. `w` and `h` are work memory of `count` times as
 * many components, of which fewer may be left. What the fits come to is in `fits` (loop.h). collective */
dnmf_status dnmf_fit_zeros_together(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                    dnmf_factor *w, dnmf_factor *h, int count, const dnmf_zeros_panels *starts,
                                    dnmf_loop_fit *fits);

#endif
