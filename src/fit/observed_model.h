/* The model of a fit of observed entries, and of the draws of a chain. */
#ifndef DNMF_FIT_OBSERVED_MODEL_H
#define DNMF_FIT_OBSERVED_MODEL_H

#include "fit/observed_fit.h"

/* dnmf_observed_fill_model of `draws` draws: settings->components numbers are those of all of them, one draw after
 * another, those in w over `draws`, and the biases the means; of `evidence` of draws
 * the terms of the biases alone, their means. collective */
dnmf_status observed_model_fill(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                const dnmf_panel *w, const dnmf_panel *h, const dnmf_evidence *evidence, int draws,
                                dnmf_model *model);

#endif
