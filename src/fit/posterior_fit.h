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
#include "fit/posterior.h"

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
