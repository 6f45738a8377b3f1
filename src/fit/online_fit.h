/*
 * Online fits with zeros: rows come in batches, each to be used once and then gone.
 *
 * A batch A_b of rows is
 *   W_b <- multiplicative updates(W_b; A_b, H),   n <- keep n + H * N_b,   d <- keep d + D_b,   H <- n / d
 * with the numerators N_b and denominators D_b of the multiplicative update of H for this batch alone, penalties
 * included: of the squared error A_b' W_b and H W_b' W_b, of a beta-divergence those of matrix/divergence.h, whose
 * exponent is applied as in solve/solver.h (Mairal, Bach, Ponce, Sapiro 2010; Lefevre, Bach, Fevotte 2011;
 * scikit-learn's MiniBatchNMF). Batches of a matrix that is read again and again are batch_fit.h's.
 *
 * All processes share the rows of a batch evenly, and the columns of H; every one holds all of H while it works.
 */
#ifndef DNMF_ONLINE_FIT_H
#define DNMF_ONLINE_FIT_H

#include "comm/grid.h"
#include "factor/factor.h"
#include "matrix/matrix.h"
#include "solve/loss.h"

typedef struct dnmf_online {
  dnmf_loss loss;
  dnmf_precision precision;
  double l1_w; /* W's are multiplied by the columns of A, H's by the rows of the batch */
  double l1_h;
  double l2_w;
  double l2_h;
  double keep;      /* weight that a batch leaves to those before it */
  int updates;      /* most updates of the rows of a batch that start flat */
  double tolerance; /* relative change of the rows that ends them before; 0: none does */
  dnmf_grid grid;   /* of one column */
  dnmf_layout layout;
  dnmf_factor h;
  dnmf_panel numerators; /* n and d, owned columns */
  dnmf_panel divisors;
} dnmf_online;

/* What a batch came to. */
typedef struct dnmf_online_reached {
  double loss;   /* of the batch with its new rows and the H before, */
  double change; /* and by how much that H changed then, relative to its norm */
} dnmf_online_reached;

/* Memory, which is refused where there is not as much, and the grid; the settings above `grid` are the caller's.
 * Numerators are 0 and divisors 1. Released with dnmf_online_close, also after a failure. collective */
dnmf_status dnmf_online_open(dnmf_context *context, int64_t cols, int components, dnmf_online *online);
void dnmf_online_close(dnmf_online *online); /* accepts a zeroed one; collective */

/* Fails when W of a batch of `rows` on this process needs more memory than there is. collective */
dnmf_status dnmf_online_check_rows(dnmf_context *context, const dnmf_online *online, int64_t rows);

/* All of H on every process, after the owned columns were set. collective */
dnmf_status dnmf_online_share_h(dnmf_context *context, dnmf_online *online);

/* Rows for a batch, with H as it is: from a flat start with all updates, or one update of what is in `w`. collective */
dnmf_status dnmf_online_fit_rows(dnmf_context *context, dnmf_online *online, const dnmf_matrix *a, bool from_flat,
                                 dnmf_panel *w);

/* Takes the batch with its rows into H. collective */
dnmf_status dnmf_online_learn(dnmf_context *context, dnmf_online *online, const dnmf_matrix *a, const dnmf_panel *w,
                              dnmf_online_reached *reached);

#endif
