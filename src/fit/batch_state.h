/* A mini-batch fit at work (batch_fit.c), and its parts. */
#ifndef DNMF_BATCH_STATE_H
#define DNMF_BATCH_STATE_H

#include "factor/factor.h"
#include "fit/loop.h"
#include "store/hdf5/row_blocks.h"

/* Values that ride along with a Gram matrix, summed over all processes. */
enum { BATCH_INNER = 0, BATCH_SUM, BATCH_SQUARES, BATCH_FAILED, BATCH_ASKS, BATCH_CONTROLS = BATCH_ASKS + DNMF_ASKS };

enum { BATCH_LAST_UPDATES = 10 /* of rows, with H fixed, under a divergence */ };

typedef struct batch_fit {
  dnmf_loop *loop;
  dnmf_context *context;
  const dnmf_settings *settings;
  const dnmf_matrix *a; /* its figures */
  dnmf_row_blocks *blocks;
  dnmf_panel *w; /* rows in batch order */
  dnmf_factor *h;
  double l1_w;
  double l2_w;
  double l1_h;
  double l2_h;
  int64_t batches;
  int64_t visited;   /* over all passes */
  int64_t pass_ends; /* the batch a pass ends before: 0, or where a limit cut the one before off */

  /* This batch. */
  dnmf_matrix *block;  /* A_b */
  dnmf_panel rows;     /* W_b, a part of w */
  dnmf_panel products; /* A_b H' */
  dnmf_panel before;   /* W_b before its update; then its change */
  double *gram_b;      /* what G changes by, then control values */
  double *gram_before; /* W_b' W_b before the update */

  /* Under a divergence, where the Gram matrices hold sums of columns or of powers instead. */
  dnmf_panel denominators; /* of W_b; but for Kullback-Leibler */
  dnmf_csr columns;        /* a sparse A_b by columns */
  int64_t columns_room;    /* entries */

  /* Over batches. */
  double keep;         /* weight that a batch leaves to those before it */
  double seen;         /* rows of A that S and G stand for */
  dnmf_panel sums;     /* S, owned columns; the online mu's numerators */
  dnmf_panel divisors; /* the online mu's denominators */
  double *gram_w;      /* G */
  double *gram_h;      /* H H', then control values */
  dnmf_panel gram;     /* G as a panel, to be saved */
  double inner;        /* <A, W H> (the loss, of a divergence) and |W H|^2, each batch's when its turn was, in this pass
                        */
  double crossed;
  double *grams; /* owns the memory of all four */
} batch_fit;

/* Numbers of a Gram matrix. */
static inline int64_t dnmf_batch_squares(const batch_fit *b) {
  return (int64_t)b->h->components * b->h->components;
}

/* The control values behind a Gram matrix. */
static inline double *dnmf_batch_control(const batch_fit *b, double *gram) {
  return gram + dnmf_batch_squares(b);
}

/* Where the rows of W of a batch are among this process's. local */
dnmf_range dnmf_batch_place(const dnmf_context *context, int64_t rows, int64_t batch_rows, int64_t batch);

/* Rows of the batch whose turn it is, on all processes. local */
double dnmf_batch_size(const batch_fit *b);

/* H whole on every process. collective */
dnmf_status dnmf_batch_gather_h(batch_fit *b);

/* Sums a Gram matrix and its control values over all processes; fails when one of them has failed. collective */
dnmf_status dnmf_batch_sum(batch_fit *b, double *gram);

/* Behind gram_b what the penalties need of all W, at the end of a pass. local */
void dnmf_batch_sum_penalties_of_w(batch_fit *b);

/* H by mu: what it divides is kept over the batches, instead of S and G. local */
void dnmf_batch_update_online(batch_fit *b);

/* Under the squared error: all that a batch that has been read is used for; with H fixed W_b becomes the exact
 * minimizer. collective */
dnmf_status dnmf_batch_squared_error_step(batch_fit *b);
dnmf_status dnmf_batch_squared_error_last_look(batch_fit *b);

/* Under a divergence: memory; all that a batch that has been read is used for; with H fixed W_b is updated
 * BATCH_LAST_UPDATES times. Released also after a failure. collective */
dnmf_status dnmf_batch_divergence_open(batch_fit *b);
void dnmf_batch_divergence_close(batch_fit *b);
dnmf_status dnmf_batch_divergence_step(batch_fit *b);
dnmf_status dnmf_batch_divergence_last_look(batch_fit *b);

/* Everything that is done with the batch whose turn it is. collective */
dnmf_status dnmf_batch_step(batch_fit *b);

/* A batch with H fixed: W_b becomes the exact minimizer, or of a divergence comes closer to it, its terms are added.
 * Without `read_on` it is the last. collective */
dnmf_status dnmf_batch_last_look(batch_fit *b, bool read_on);

/* gram_h = H H', with <S, H>; of a divergence the sums of H's columns. collective */
dnmf_status dnmf_batch_sum_h(batch_fit *b);

#endif
