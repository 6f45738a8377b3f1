/*
 * Ratings: the observed entries of a matrix, held twice, by rows and by columns.
 *
 * Each view is split into contiguous ranges with about the same number of stored entries, one range a process,
 * whatever the process grid; a process owns the factor rows of its range in each view. A view's indices point
 * into the list of the other factor's rows that this process needs, which are fetched from their owners before
 * a half-step (gather) and are the only ones ever sent.
 */
#ifndef DNMF_RATINGS_H
#define DNMF_RATINGS_H

#include "matrix/fetch.h"
#include "matrix/matrix.h"

typedef struct dnmf_ratings_view {
  dnmf_range owned;     /* global rows of this view held here */
  int64_t *bounds;      /* size + 1: the ranges of all processes */
  dnmf_csr entries;     /* size(owned) rows; index is a place in `needed` */
  int64_t needed_count; /* rows of the other factor needed here */
  int64_t *needed;      /* their global indices, ascending */
  dnmf_fetch fetch;     /* brings them */
  bool *needed_known;   /* dnmf_ratings_attach only: of the needed rows, those that have entries in the ratings */
  double imbalance;     /* the largest share of entries over the mean share, same on every process */
} dnmf_ratings_view;

typedef struct dnmf_ratings {
  int64_t rows;
  int64_t cols;
  int64_t stored; /* observed entries, over all processes */
  dnmf_precision precision;
  double mean; /* of the observed values */
  double deviation;
  double smallest;
  double largest;
  int64_t empty_rows; /* without an entry, over all processes */
  int64_t empty_cols;
  dnmf_ratings_view by_rows;
  dnmf_ratings_view by_cols; /* rows of this view are columns of A */
} dnmf_ratings;

/* A share of the entries that is held out, chosen by a random number of each entry's own: the same on any number of
 * processes. */
typedef struct dnmf_ratings_split {
  double fraction; /* 0: none are held out */
  uint64_t seed;
} dnmf_ratings_split;

/* Ratings from a matrix that dnmf_matrix_assemble_ratings has made on `layout`, with the ranges it has there; its rows
 * become those of the ratings, and it keeps none. With a split, `held_out` is a view of the entries held out (else left
 * alone); fails when it holds out none or all. Both are released also after a failure. collective */
dnmf_status dnmf_ratings_from_rows(dnmf_context *context, const dnmf_layout *layout, dnmf_matrix *matrix,
                                   const dnmf_ratings_split *split, dnmf_ratings *ratings, dnmf_ratings_view *held_out);

/* Distributes `entries`, which are distinct and lie inside rows x cols, wherever they are now. Consumes them,
 * also on failure. Released with dnmf_ratings_free. collective */
dnmf_status dnmf_ratings_create(dnmf_context *context, int64_t rows, int64_t cols, dnmf_precision precision,
                                dnmf_entries *entries, dnmf_ratings *ratings);
void dnmf_ratings_free(dnmf_ratings *ratings); /* local; accepts zeroed ratings */

/* Other entries of the same rows and columns (held-out ratings, pairs to predict; consumed), each with the process
 * that owns its row in ratings->by_rows. Released with dnmf_ratings_view_free. collective */
dnmf_status dnmf_ratings_attach(dnmf_context *context, const dnmf_ratings *ratings, dnmf_entries *entries,
                                dnmf_ratings_view *view);
void dnmf_ratings_view_free(dnmf_ratings_view *view); /* local; accepts a zeroed view */

/* needed (view->needed_count rows) = the rows of the other factor this process needs; `mine` are the rows this
 * process owns of it. collective */
dnmf_status dnmf_ratings_gather(dnmf_context *context, const dnmf_ratings_view *view, const dnmf_panel *mine,
                                dnmf_panel *needed);

#endif
