/*
 * Kullback-Leibler with zeros by Newton's method (solve/newton.h): rows of W from whole rows of A, rows of H from whole
 * columns (matrix/lines.h), so that several processes hold A twice, or three times on a grid of several rows and
 * columns.
 *
 * Cells taken out of A (settings->held) take no part; the fit is that of all others, which is not EM's but has the same
 * minimum.
 */
#ifndef DNMF_NEWTON_FIT_H
#define DNMF_NEWTON_FIT_H

#include "factor/factor.h"
#include "fit/loop.h"

/* Fits from the start in w and h, which hold the factors afterwards. Released with dnmf_fit_result_free. collective */
dnmf_status dnmf_fit_newton(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                            dnmf_factor *h, dnmf_fit_result *result);

/* One of several starts (fit/restarts.h): the panels are the owned rows, of the start and afterwards of the factors;
 * `w` and `h` are work memory of as many components. collective */
dnmf_status dnmf_fit_newton_start(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                  const dnmf_factor *w, const dnmf_factor *h, const dnmf_panel *w_start,
                                  const dnmf_panel *h_start, dnmf_loop_fit *fit);

#endif
