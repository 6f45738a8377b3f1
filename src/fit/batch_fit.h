/*
 * Mini-batch fits with zeros: the rows of A pass by in batches (row_blocks.h), W and H stay in memory.
 *
 * With the sums S = sum of A_b' W_b and G = sum of W_b' W_b over the batches b, a batch is
 *   W_b <- update(W_b; A_b H', H H'),   S, G <- with this batch's new share,   H <- update(H; S, G).
 * What becomes of the shares of earlier batches, `forget` says:
 *   0        a batch's old share is taken out when its new one comes in, at no product more: A_b' (W_b - old W_b).
 *            From the end of the first pass S and G are those of all of A, so every update is one of block coordinate
 *            descent on the whole objective, which never increases.
 *   above 0  the online way (Mairal, Bach, Ponce, Sapiro 2010): all shares lose weight with time, down to `forget` of
 *            it a pass. mu then keeps numerators and denominators instead (Lefevre, Bach, Fevotte 2011), as
 *            scikit-learn's MiniBatchNMF does.
 * Other beta-divergences go the online way of mu alone (forget above 0), with the numerators and denominators of
 * matrix/divergence.h: what an old share of theirs was, nobody knows any more when H has changed.
 * After the last pass, one more with H fixed makes W the exact minimizer for it; of a divergence W is updated ten times
 * more.
 *
 * The loop's iterations are passes; it can stop, save and go on between any two batches. The objective rule watches
 * the objective with its penalties, as MiniBatchNMF does.
 *
 * All processes share every batch, and the batches are the same on any number of them: so are the results, to
 * summation order.
 */
#ifndef DNMF_BATCH_FIT_H
#define DNMF_BATCH_FIT_H

#include "factor/factor.h"
#include "fit/loop.h"
#include "init/start.h"
#include "store/hdf5/row_blocks.h"

/* Most bytes that a mini-batch fit takes on any process, by what they are for. */
typedef struct dnmf_batch_memory {
  double blocks; /* of A, and what goes with a batch */
  double w;
  double h; /* with everything of its size */
  double ids;
  double total;
} dnmf_batch_memory;

/* The memory of a fit with these settings. collective */
dnmf_status dnmf_batch_count_memory(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                    const dnmf_settings *settings, dnmf_batch_memory *memory);

/* The rows of W that this process holds during the fit: its share of each batch, batch after batch. local */
int64_t dnmf_batch_w_rows(const dnmf_context *context, int64_t rows, int64_t batch_rows);

/* Fits from the start in w (dnmf_batch_w_rows rows) and h (on a grid of one column), which hold the factors afterwards.
 * `a` has the figures of the whole matrix and no block. The objectives in the history are, without forgetting, exact;
 * with it, each batch's is taken when its turn is. That of the start is NaN. The result's own is exact. collective */
dnmf_status dnmf_fit_batches(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                             dnmf_row_blocks *blocks, dnmf_panel *w, dnmf_factor *h, dnmf_fit_result *result);

/* A start from singular vectors. */
typedef struct dnmf_batch_start {
  int64_t batch_rows;
  dnmf_svd_fill fill;
  uint64_t seed;
} dnmf_batch_start;

/* The start of init/start.h's dnmf_start_svd, W in batch order; `a` has the figures of the whole matrix, `layout` is
 * the even one on a grid of one column. Reads the matrix 16 times. collective */
dnmf_status dnmf_batch_start_svd(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                                 const dnmf_matrix *a, const dnmf_batch_start *start, dnmf_panel *w, dnmf_factor *h);

/* Moves the rows of W from batch order to the even shares of a grid of one column, or back. collective */
dnmf_status dnmf_batch_w_to_shares(dnmf_context *context, int64_t rows, int64_t batch_rows, const dnmf_panel *w,
                                   dnmf_panel *shares);
dnmf_status dnmf_batch_w_from_shares(dnmf_context *context, int64_t rows, int64_t batch_rows, const dnmf_panel *shares,
                                     dnmf_panel *w);

#endif
