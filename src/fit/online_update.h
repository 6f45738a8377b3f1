/*
 * The update of H after a batch, which fits in batches and online fits share: what it needs of H and the loss.
 */
#ifndef DNMF_FIT_ONLINE_UPDATE_H
#define DNMF_FIT_ONLINE_UPDATE_H

#include "factor/factor.h"
#include "solve/loss.h"
#include "solve/update.h"

/* Of the owned columns of H, whose products and denominators are the batch's. `gram`: the batch's Gram matrix, or the
 * sums that a divergence takes; `mean`: of A's cells. Numerators and denominators that are kept, their weight and the
 * penalties are the caller's to set. local */
dnmf_online_update dnmf_online_update_of(const dnmf_factor *h, dnmf_loss loss, double mean, const double *gram);

#endif
