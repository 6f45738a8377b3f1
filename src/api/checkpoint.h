/*
 * Checkpoints of a fit, written while it iterates.
 *
 * A checkpoint is a model file. Beside a model's provenance it has the attributes `checkpoint` (the format's number),
 * `options` (what was given on the command line, as JSON) and `state_...` (what the loop and the stopping rules
 * remember), and what the kind of fit keeps beside W and H.
 */
#ifndef DNMF_API_CHECKPOINT_H
#define DNMF_API_CHECKPOINT_H

#include "api/fitting.h"
#include "store/output.h"

/* Writing checkpoints (checkpoint.c). */
typedef struct dnmf_checkpoint {
  dnmf_context *context;
  dnmf_fitting *f;
  const char *path;    /* NULL: none are written */
  dnmf_output output;  /* of the next one: begun ahead, so that its lock keeps other jobs away */
  int saved_iteration; /* of the file at `path`; negative: there is none of this fit */
  bool failing;        /* the last attempt failed, which has been told */
  dnmf_fit_host host;
} dnmf_checkpoint;

/* Checks --checkpoint-every and makes sure that the file can be written. Released with dnmf_checkpoint_end. collective
 */
dnmf_status dnmf_checkpoint_begin(dnmf_context *context, dnmf_fitting *f, dnmf_checkpoint *checkpoint);
void dnmf_checkpoint_end(dnmf_checkpoint *checkpoint, dnmf_status reason); /* local; accepts a zeroed one */

#endif
