/*
 * Fitting what was observed: ratings -> loop -> factors and biases.
 *
 * The prediction for row i, column j is mean + bias_i + bias_j + w_i h_j, W, H >= 0. With biases, `mean` is the
 * mean of the observed values less one standard deviation, so that the product has something to explain from
 * above; without, it is 0. Factor panels have a number more a row than there are components when biases are
 * fitted: the row's bias.
 */
#ifndef DNMF_FIT_OBSERVED_H
#define DNMF_FIT_OBSERVED_H

#include "fit/fit.h"
#include "matrix/ratings.h"
#include "solve/observed.h"

typedef struct dnmf_observed_options {
  int components;
  dnmf_solver solver;
  bool kullback_leibler; /* mu only */
  bool bias_rows;
  bool bias_cols;
  int sweeps;         /* coordinate sweeps a half-step (hals) */
  double start_scale; /* of the random start; 1 predicts the mean at once */
  double l1_w, l1_h, l2_w, l2_h;
  double l2_bias;      /* in observations: shrinks a bias as that many observations of 0 would */
  double count_power;  /* a row's l2 is multiplied by its number of observations to this power */
  bool shrink_to_mean; /* L2 pulls a factor's rows towards their mean instead of zero; not for mu */
  dnmf_stop stop;
  double tolerance;
  int max_iterations;
  int patience;                            /* with held-out entries: iterations without improvement before stopping */
  double time_limit;                       /* seconds of iterating in this job */
  const dnmf_checkpointing *checkpointing; /* fit_state.h; NULL: none */
} dnmf_observed_options;

/* Numbers a panel row has: components, and 1 for the bias if any is fitted. local */
int dnmf_observed_stride(const dnmf_observed_options *options);

/* The constant part of every prediction. local */
double dnmf_observed_mean(const dnmf_observed_options *options, const dnmf_ratings *ratings);

/* The L2 weight used when none is given, for the options' scale and what it pulls towards: 1.1 of the ratings' standard
 * deviation with the square root of a row's count, 0.105 with its count, 14 raw; three quarters of it towards zero.
 * local */
double dnmf_observed_default_l2(const dnmf_observed_options *options, const dnmf_ratings *ratings);

/* Creates the panels of the owned rows of W and columns of H with the random start, the same on any number of
 * processes: start_scale * sqrt(level / k) * |N(0,1)|, where `level` is what the product has to explain. Without
 * biases the first component of hals and bpp starts flat, sqrt(level) everywhere, so that it carries the mean and the
 * others what differs from it; multiplicative updates leave such a start too slowly. The caller releases the panels
 * with dnmf_panel_free. local */
dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                                uint64_t seed, dnmf_panel *w, dnmf_panel *h);

/* The same panels with a start from what the ratings have in common (ratings_svd.h): two components, the positive and
 * the negative parts, for each pair of singular vectors of what biases leave; without biases the first component is the
 * mean and the biases, else the biases are. What is left over starts at random. Not for mu, which keeps zeros. The same
 * on any number of processes to rounding. collective */
dnmf_status dnmf_start_observed_svd(dnmf_context *context, const dnmf_observed_options *options,
                                    const dnmf_ratings *ratings, uint64_t seed, dnmf_panel *w, dnmf_panel *h);

/* The mean of a factor's rows over all processes, each weighted as its penalty is: what `shrink_to_mean` pulls them
 * towards. Into `components` numbers of `mean`. collective */
dnmf_status dnmf_observed_mean_row(dnmf_context *context, const dnmf_observed_options *options,
                                   const dnmf_ratings_view *view, const dnmf_panel *x, double *mean);

/* Runs the loop from the start in w and h, which hold the model afterwards: the last, or, with `held_out` entries
 * (else NULL; from dnmf_ratings_attach), the best on them. Rows without entries become zero. The result's
 * residual and objective are over observed entries. Released with dnmf_fit_result_free. collective */
dnmf_status dnmf_fit_observed(dnmf_context *context, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h, dnmf_fit_result *result);

#endif
