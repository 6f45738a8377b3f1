/*
 * The model of a fit: filled, written, given to the door.
 */
#ifndef DNMF_API_JOB_MODEL_H
#define DNMF_API_JOB_MODEL_H

#include "api/fitting.h"

/* The factors as they are now and everything that belongs to them, each process what it owns in the fit; with `now` a
 * checkpoint. `model` is zeroed, and afterwards borrows ids and factors: released with dnmf_fitting_release, also after
 * a failure. collective */
dnmf_status dnmf_fitting_fill(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                              dnmf_model *model);
void dnmf_fitting_release(const dnmf_fitting *f, dnmf_model *model); /* local */

/* Writes it to `path`, a partial name; of several groups the first does. collective */
dnmf_status dnmf_fitting_write(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                               const char *path);

/* A fit's model in the even shares that every model of the door is held in; provenance and history are moved.
 * collective */
dnmf_status dnmf_fitting_share(dnmf_context *context, dnmf_model *from, dnmf_model *to);

#endif
