/*
 * The state of a fit as attributes of its checkpoint: one table for both ways.
 */
#ifndef DNMF_API_CHECKPOINT_STATE_H
#define DNMF_API_CHECKPOINT_STATE_H

#include "api/fitting.h"

/* Adds to a model's provenance what makes it a checkpoint. local */
dnmf_status dnmf_checkpoint_describe(dnmf_error *error, const dnmf_fitting *f, const dnmf_fit_state *now,
                                     dnmf_model *model);

/* The state in the provenance of a checkpoint; its histories stay `saved`'s. local */
dnmf_status dnmf_checkpoint_state(dnmf_error *error, const char *path, const dnmf_model *saved, dnmf_fit_state *state);

#endif
