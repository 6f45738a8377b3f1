/*
 * Averages over the posterior distribution of a model of ratings: Gibbs chains from the converged fit.
 *
 * The model is
 *   a_ij ~ N(mean + b_i + b_j + (w_i - c)(h_j - c), 1 / noise precision),   w_i, h_j >= 0,
 * with the priors of posterior_prior.h (Salakhutdinov & Mnih 2008; Schmidt, Winther & Hansen 2009 of factors that are
 * not negative), c the level of solve/observed.h. A sweep draws
 *   every row of W and its bias    given H, its biases, priors and noise
 *   every row of H and its bias    given W, ...
 *   the noise precision            given the squared error; prior Gamma(1/2, variance of the ratings / 2)
 *   the priors of W and of H       given W, and H
 * each from its exact conditional distribution. Random numbers are functions of (seed, chain, sweep, row, component),
 * and sums do not depend on their order (base/exact_sum.h): the chain is the same to the last bit on any number of
 * processes and threads, as long as the fit before it takes as many iterations.
 *
 * Several chains all begin at that fit, so that their components are the same ones, and go on with random numbers of
 * their own; the first is the chain that would be there alone. They take their sweeps together, side by side in groups
 * of processes (chain_groups.h) or one after another. What is kept, averaged and told is of all of them.
 *
 * The mean of the kept draws' predictions is that of one model with components * kept components (multiplied out, the
 * level is in the biases as always): W = [W_1 ... W_kept] / kept, H = [H_1; ...; H_kept], and the mean biases.
 */
#ifndef DNMF_FIT_POSTERIOR_FIT_H
#define DNMF_FIT_POSTERIOR_FIT_H

#include "fit/observed_fit.h"

/* What chains leave beside their last draws. */
typedef struct dnmf_posterior {
  int kept;          /* draws of all chains; 0: there was no chain */
  int groups;        /* of processes, in which the chains ran */
  bool is_mean;      /* they are one, the mean of all */
  dnmf_panel kept_w; /* owned rows x kept * (components + 1): one draw of each chain after another, each with its stored
                        bias last */
  dnmf_panel kept_h;
  dnmf_panel
      kept_of_cols;     /* implicit terms: owned columns x kept * (components + 1) likewise, what each column brings */
  dnmf_panel row_terms; /* owned rows x 1: the mean of their biases' terms over the draws kept */
  dnmf_panel col_terms; /* owned columns x 1 likewise */
  double noise_precision; /* mean over the sweeps that count */
  int start_iterations;   /* of the fit that the chain starts from */
  double noise_r_hat;     /* convergence (chain_figures.h) over the sweeps that count: of the noise precision */
  double noise_effective;
  double watched_r_hat; /* ... of the squared error of each draw on the held-out entries, or, without, of a sum of
                           predictions of fitted entries, one of each column, added or subtracted by chance */
  double watched_effective;
} dnmf_posterior;

void dnmf_posterior_free(dnmf_posterior *posterior); /* local; accepts a zeroed one */

/* Chains, at least 1; draws that each has kept after so many sweeps; draws of all at the end; numbers of the trace that
 * a checkpoint has. local */
int dnmf_posterior_chains(const dnmf_posterior_settings *settings);
int dnmf_posterior_kept(const dnmf_posterior_settings *settings, int sweeps);
int dnmf_posterior_draws(const dnmf_posterior_settings *settings);
int dnmf_posterior_trace(const dnmf_posterior_settings *settings);

/* The default thinning: as little as keeps at most 100 draws of all chains, but at least one of each. local */
int dnmf_posterior_thin(int samples, int chains);

/* The fit of dnmf_fit_observed, then the chains; w and h hold the last draw of the first afterwards. The result is that
 * of the chains: an iteration is a sweep of each, its squared residual the mean of those of their last draws, the
 * validation RMSE that of the model kept. Released with dnmf_fit_result_free and dnmf_posterior_free, also after a
 * failure. collective */
dnmf_status dnmf_fit_posterior(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                               const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h, dnmf_evidence *evidence,
                               dnmf_posterior *posterior, dnmf_fit_result *result);

/* The model of the draws kept, as dnmf_observed_fill_model. collective */
dnmf_status dnmf_posterior_fill_model(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                      const dnmf_posterior *posterior, dnmf_model *model);

#endif
