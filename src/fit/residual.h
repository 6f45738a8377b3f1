/*
 * The residual |A - W H|^2, entry by entry.
 *
 * The loop knows it as |A|^2 - 2 <A H', W> + <W'W, H H'>, at no extra cost; but of a fit that is nearly exact the three
 * terms leave nothing except their rounding. Here W H is computed a tile at a time, in double whatever the precision
 * of the run, A is subtracted and the squares are summed: 2 m n k operations over all processes, as many as two
 * iterations' products with a dense A, also when A is sparse. Memory: some megabytes.
 */
#ifndef DNMF_RESIDUAL_H
#define DNMF_RESIDUAL_H

#include "factor/factor.h"
#include "matrix/matrix.h"

/* *squares = |A - W H|^2 over all entries, unstored ones being zeros. Does not depend on the number of threads.
 * collective */
dnmf_status dnmf_exact_residual(dnmf_context *context, const dnmf_matrix *a, dnmf_factor *w, dnmf_factor *h,
                                double *squares);

#endif
