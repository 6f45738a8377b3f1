/* A mini-batch fit at work (stream.c), and its parts. */
#ifndef DNMF_FIT_STREAM_STATE_H
#define DNMF_FIT_STREAM_STATE_H

#include "fit/fit_stream.h"

/* Values that ride along with a Gram matrix, summed over all processes. */
enum { CONTROL_INNER = 0, CONTROL_SUM, CONTROL_SQUARES, CONTROL_EXPIRED, CONTROL_FAILED, CONTROLS };

typedef struct stream {
  dnmf_context *context;
  const dnmf_stream_options *options;
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
  int64_t pass_ends; /* the batch a pass ends before: 0, or where a time limit cut the one before off */

  /* This batch. */
  dnmf_matrix *block;  /* A_b */
  dnmf_panel rows;     /* W_b, a part of w */
  dnmf_panel products; /* A_b H' */
  dnmf_panel before;   /* W_b before its update; then its change */
  double *gram_b;      /* what G changes by, then control values */
  double *gram_before; /* W_b' W_b before the update */

  /* Over batches. */
  double keep;         /* weight that a batch leaves to those before it */
  double seen;         /* rows of A that S and G stand for */
  dnmf_panel sums;     /* S, owned columns; the online mu's numerators */
  dnmf_panel divisors; /* the online mu's denominators */
  double *gram_w;      /* G */
  double *gram_h;      /* H H', then control values */
  double inner;        /* <A, W H> and |W H|^2, each batch's when its turn was, in this pass */
  double crossed;
  double *grams; /* owns the memory of all four */

  dnmf_status failure; /* of local work; shared with the next Gram matrix, so that nobody waits */
  double began;
  double checked_error; /* |A - W H| / |A| at the last check of the stopping rule; 1 before the first */
  dnmf_fit_seconds seconds;
} stream;

/* The control values behind a Gram matrix. */
static inline double *dnmf_stream_control(const stream *s, double *gram) {
  return gram + (int64_t)s->h->components * s->h->components;
}

void dnmf_stream_keep_failure(stream *s, dnmf_status status);

/* Where the rows of W of a batch are among this process's. local */
dnmf_range dnmf_stream_place(const dnmf_context *context, int64_t rows, int64_t batch_rows, int64_t batch);

/* Everything that is done with the batch whose turn it is. collective */
dnmf_status dnmf_stream_batch(stream *s);

/* A batch with H fixed: W_b becomes the exact minimizer, its terms are added. Without `read_on` it is the last.
 * collective */
dnmf_status dnmf_stream_last_look(stream *s, bool read_on);

/* gram_h = H H', with <S, H>. collective */
dnmf_status dnmf_stream_sum_h(stream *s);

#endif
