/*
 * The Gibbs sampler of posterior_fit.h by itself: a state, and one sweep after another.
 *
 * The state is W, H with their biases, the noise precision and the priors. After a sweep the last two are drawn, and
 * before them what brings implicit terms, so that the next one begins with them; they are functions of W, H, the
 * squared error and the number of the sweep, which are all that has to be kept to go on.
 */
#ifndef DNMF_FIT_SAMPLER_H
#define DNMF_FIT_SAMPLER_H

#include "fit/evidence_draw.h"
#include "fit/loop.h"
#include "fit/observed_start.h"
#include "fit/posterior_prior.h"
#include "matrix/ratings.h"
#include "solve/observed.h"

typedef struct dnmf_sampler_side {
  const dnmf_ratings_view *view;
  dnmf_panel *x; /* owned rows, each with its bias */
  dnmf_panel *other;
  dnmf_panel needed; /* rows of the other factor */
  bool fit_bias;
  dnmf_stream stream;
  dnmf_prior prior;
  double *l2;          /* of each component: its precision over the noise's */
  double *center;      /* of each component: level and mean */
  evidence_draw terms; /* implicit */
} dnmf_sampler_side;

typedef struct dnmf_sampler {
  dnmf_context *context;
  const dnmf_settings *settings;
  const dnmf_ratings *ratings;
  double mean; /* the constant part of every prediction */
  double level;
  double unit;    /* deviation of the ratings; where they are all alike, their size */
  int64_t sweeps; /* done */
  double noise_precision;
  double squares;      /* squared error after the last sweep */
  dnmf_status failure; /* of local work, shared with the next sums */
  dnmf_sampler_side rows;
  dnmf_sampler_side cols;
  double loss[DNMF_EXACT_PARTS]; /* this process's, of the sweep under way */
  double loss_unit;
  double *shared; /* what is summed over all processes */
} dnmf_sampler;

/* A chain whose state is in w, h and, with implicit terms, `evidence`, else NULL. `extra` numbers of the caller's
 * travel with the sums. Released with dnmf_sampler_free, also after a failure. local */
dnmf_status dnmf_sampler_create(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                dnmf_panel *w, dnmf_panel *h, dnmf_evidence *evidence, int64_t extra,
                                dnmf_sampler *sampler);
void dnmf_sampler_free(dnmf_sampler *sampler);

/* Noise and priors of the state after `sweeps` sweeps with this squared error; negative: it is not known, and half of
 * the ratings' variance is taken. extra[0 ... extra_count - 1] become their sums over all processes. collective */
dnmf_status dnmf_sampler_begin(dnmf_sampler *sampler, int64_t sweeps, double squares, int64_t extra_count,
                               double *extra);

/* A sweep in two steps, between which the new W and H can be looked at; `seconds` are added to. collective */
dnmf_status dnmf_sampler_draw_factors(dnmf_sampler *sampler, dnmf_fit_seconds *seconds);
dnmf_status dnmf_sampler_draw_priors(dnmf_sampler *sampler, int64_t extra_count, double *extra);

#endif
