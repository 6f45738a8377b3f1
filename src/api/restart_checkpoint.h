/*
 * Restarts in a checkpoint, which is one of the best so far: beside it, five curves and up to three parts.
 *
 * "restarts" is a row of numbers for each restart; "restarts_objective", "restarts_seconds", "restarts_error" and
 * "restarts_validation" are the histories of those that have begun one after another; the panels "restarts_w" and
 * "restarts_h" are their factors side by side.
 */
#ifndef DNMF_API_RESTART_CHECKPOINT_H
#define DNMF_API_RESTART_CHECKPOINT_H

#include "api/fitting.h"

/* Their state into a model that becomes a checkpoint, and out of the one that the fit goes on from. local, collective
 */
dnmf_status dnmf_restarts_describe(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model);
dnmf_status dnmf_restarts_read(dnmf_context *context, dnmf_fitting *f);

/* What restarts need to be saved: the checkpoint of all so far, of which the first group writes the factors; the best
 * into f->w, f->h and f->result, which stays the restart's. collective; local */
typedef struct dnmf_restarts_host {
  dnmf_context *context;
  dnmf_fitting *f;
} dnmf_restarts_host;
dnmf_status dnmf_restarts_save(const dnmf_restarts_host *host, bool last);
void dnmf_restarts_take_best(dnmf_fitting *f);

/* The start of a seed, as dnmf_restarts has it; `state` is a dnmf_restarts_host. collective */
dnmf_status dnmf_restarts_start(dnmf_context *context, void *state, uint64_t seed, dnmf_factor *w, dnmf_factor *h);

#endif
