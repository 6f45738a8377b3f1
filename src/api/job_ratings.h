/*
 * The phases of a fit that belong to ratings: settings, the held-out share, the model's biases.
 */
#ifndef DNMF_API_JOB_RATINGS_H
#define DNMF_API_JOB_RATINGS_H

#include "api/fitting.h"

/* Ratings: their settings; their entries, of which f->a.matrix has the figures; the factors into a model. collective */
dnmf_status dnmf_fitting_plan_ratings(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_load_ratings(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_fill_ratings(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

/* Chains: how many groups of processes run them side by side, as many as pay and there is memory for. collective */
dnmf_status dnmf_fitting_choose_groups(dnmf_context *context, dnmf_fitting *f);

#endif
