/*
 * Predictions of held-out entries by the draws of a posterior's chains, and by the model that is kept of them.
 */
#ifndef DNMF_POSTERIOR_SCORES_H
#define DNMF_POSTERIOR_SCORES_H

#include "posterior_chains.h"

/* Held-out entries as one context has them, and room to score them. */
typedef struct held_out_room {
  dnmf_context *context;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *view;
  dnmf_panel needed;
  double *squares; /* of each owned row */
} held_out_room;

typedef struct posterior_scores {
  const posterior_chains *chains;
  held_out_room of_draws; /* in this process's group */
  held_out_room of_model; /* of all processes */
  double *arrived;        /* scores of one chain from its group */
  double *mean;           /* by the model that is kept: the mean of the draws' scores, or those of their mean */
} posterior_scores;

/* Memory. Released with posterior_scores_free, also after a failure; a zeroed one is accepted. local */
dnmf_status posterior_scores_create(const posterior_chains *chains, posterior_scores *scores);
void posterior_scores_free(posterior_scores *scores);

/* Entries of this process, as all processes have them. local */
int64_t posterior_scores_count(const posterior_scores *scores);

/* chain->scores by the draw at hand. collective in the group */
dnmf_status posterior_scores_of_draw(posterior_scores *scores, posterior_chain *chain);

/* This process's part of the sum of squared errors of chain->scores; NULL: of the model that is kept. local */
double posterior_scores_squares(const posterior_scores *scores, const posterior_chain *chain);

/* scores->mean once draw number `at` of each chain has been kept; and by what a job before has kept. collective over
 * all processes */
dnmf_status posterior_scores_renew(posterior_scores *scores, int at);
dnmf_status posterior_scores_restore(posterior_scores *scores, const dnmf_fit_state *saved);

#endif
