/*
 * Fits of observed entries: ratings by rows and by columns -> factors and biases. With weak zeros (weak_fit.h) what is
 * not stored counts, too, and there are no biases.
 *
 * The prediction for row i, column j is mean + bias_i + bias_j + w_i h_j, W, H >= 0. With biases, `mean` is the
 * mean of the observed values less one standard deviation, so that the product has something to explain from
 * above; without, it is 0. Factor panels have a number more a row than there are components when biases are
 * fitted: the row's bias.
 */
#ifndef DNMF_OBSERVED_FIT_H
#define DNMF_OBSERVED_FIT_H

#include "fit/loop.h"
#include "matrix/ratings.h"
#include "solve/observed.h"

/* Whether panels have a bias behind the components, and the numbers a panel row has. local */
bool dnmf_observed_has_biases(const dnmf_settings *settings);
int dnmf_observed_stride(const dnmf_settings *settings);

/* Multiplicative updates know no pull towards a mean row. local */
bool dnmf_observed_shrinks_to_mean(const dnmf_settings *settings);

/* The constant part of every prediction. local */
double dnmf_observed_mean(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* The L2 weight used when none is given, for the settings' scale and what it pulls towards: 1.1 of the ratings'
 * standard deviation with the square root of a row's count, 0.105 with its count, 14 raw; three quarters of it towards
 * zero. local */
double dnmf_observed_default_l2(const dnmf_settings *settings, const dnmf_ratings *ratings);

/* Creates the panels of the owned rows of W and columns of H with the random start, the same on any number of
 * processes: start_scale * sqrt(level / k) * |N(0,1)|, where `level` is what the product has to explain. Without
 * biases the first component of hals and bpp starts flat, sqrt(level) everywhere, so that it carries the mean and the
 * others what differs from it; multiplicative updates leave such a start too slowly. With
 * weak zeros no component is flat, and weight 1 at scale 1 gives the start of a fit with zeros. The caller releases the
 * panels with dnmf_panel_free. local */
dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                dnmf_panel *w, dnmf_panel *h);

/* The same panels with a start from what the ratings have in common (ratings_svd.h): two components, the positive and
 * the negative parts, for each pair of singular vectors of what biases leave; without biases the first component is the
 * mean and the biases, else the biases are. What is left over starts at random. Not for mu, which keeps zeros. The same
 * on any number of processes to rounding. collective */
dnmf_status dnmf_start_observed_svd(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                    dnmf_panel *w, dnmf_panel *h);

/* The mean of a factor's rows over all processes, each weighted as its penalty is: what `shrink_to_mean` pulls them
 * towards. Into `components` numbers of `mean`. collective */
dnmf_status dnmf_observed_mean_row(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings_view *view,
                                   const dnmf_panel *x, double *mean);

/* Fits from the start in w and h, which hold the model afterwards: the last, or, with `held_out` entries
 * (else NULL; from dnmf_ratings_attach), the best on them. Rows without entries become zero. The result's
 * residual and objective are over observed entries; with weak zeros over all, each times its confidence. Released with
 * dnmf_fit_result_free. collective */
dnmf_status dnmf_fit_observed(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h, dnmf_fit_result *result);

/* New rows under a model: H, its biases and the mean stay. */
typedef struct dnmf_observed_fold {
  const dnmf_ratings_view *view; /* the new rows' entries; its columns are those of `fixed` */
  dnmf_panel *fixed;             /* the owned columns of H, with their biases; unchanged */
  double mean;                   /* the constant part of every prediction */
  int64_t rows;                  /* new, over all processes */
  int64_t fixed_rows;            /* of `fixed`, over all processes */
  const double *mean_row;        /* what L2 pulls the rows towards; NULL: zero */
  double sum;                    /* of the entries of all processes */
  double sum_squares;
} dnmf_observed_fold;

/* Fits the rows of x with H fixed, from the start they hold. collective */
dnmf_status dnmf_fold_observed(dnmf_context *context, const dnmf_settings *settings, const dnmf_observed_fold *fold,
                               dnmf_panel *x, dnmf_fit_result *result);

#endif
