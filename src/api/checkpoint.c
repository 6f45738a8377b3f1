#include "api/checkpoint.h"

#include "api/job_batches.h"
#include "api/job_model.h"
#include "base/seconds.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "50", or a time with a unit: "30s", "10min", "2h", "00:10:00". */
static dnmf_status parse_interval(dnmf_error *error, const char *text, dnmf_fit_host *host) {
  double number = 0;
  bool is_time = false;
  bool positive = dnmf_parse_seconds(text, &number, &is_time) && number > 0;
  host->every_iterations = 0;
  host->every_seconds = INFINITY;
  if (positive && is_time)
    host->every_seconds = number;
  else if (positive && number == floor(number) && number <= 1e9)
    host->every_iterations = (int)number;
  else
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--checkpoint-every %s: give a number of iterations, e.g. 50, or a time, e.g. 30s, 10min, 2h, "
                     "00:10:00",
                     text);
  return DNMF_OK;
}

/* A failure that the fit survives: told once, until one has succeeded again. */
static void tell_failure(dnmf_checkpoint *c) {
  char kept[128] = "";
  if (c->saved_iteration >= 0)
    snprintf(kept, sizeof kept, "; the one of iteration %d stays", c->saved_iteration);
  if (!c->failing)
    dnmf_warn(c->context, "no checkpoint: %s%s; the fit goes on and tries again", c->context->error.text, kept);
  c->failing = true;
  c->context->error = (dnmf_error){0};
}

/* The last one has to succeed. */
static dnmf_status fail_last(dnmf_checkpoint *c, dnmf_status status) {
  dnmf_error *error = &c->context->error;
  dnmf_error cause = *error;
  char kept[256] = "";
  if (c->saved_iteration >= 0)
    snprintf(kept, sizeof kept, "; the checkpoint of iteration %d is still there", c->saved_iteration);
  *error = (dnmf_error){0};
  return dnmf_fail(error, status, "the fit was told to stop, but could not be saved: %s%s", cause.text, kept);
}

/* dnmf_fit_host.save: every error but MPI's is everybody's (dnmf_output_end agrees). */
static dnmf_status save_checkpoint(void *state, const dnmf_fit_state *now, bool last) {
  dnmf_checkpoint *c = state;
  dnmf_context *context = c->context;
  if (c->f->in_batches)
    DNMF_TRY(dnmf_fitting_gather_batches(context, c->f));
  dnmf_status status = c->output.partial ? DNMF_OK : dnmf_output_begin(context, c->path, &c->output);
  if (status == DNMF_OK)
    status = dnmf_output_end(context, &c->output, dnmf_fitting_write(context, c->f, now, c->output.partial));
  if (status == DNMF_OK) {
    c->saved_iteration = now->result.iterations;
    c->failing = false;
    if (!last)
      status = dnmf_output_begin(context, c->path, &c->output);
  }
  if (status == DNMF_ERROR_MPI || status == DNMF_OK)
    return status;
  if (last)
    return fail_last(c, status);
  tell_failure(c);
  return DNMF_OK;
}

static bool told_to_stop(void *state) {
  const dnmf_job_host *host = ((const dnmf_checkpoint *)state)->f->host;
  return host->told_to_stop && host->told_to_stop(host->state);
}

dnmf_status dnmf_checkpoint_begin(dnmf_context *context, dnmf_fitting *f, dnmf_checkpoint *checkpoint) {
  const char *path = f->asked.files.checkpoint;
  const char *every = f->asked.files.checkpoint_every;
  memset(checkpoint, 0, sizeof *checkpoint);
  checkpoint->context = context;
  checkpoint->f = f;
  checkpoint->output.lock = -1;
  checkpoint->host.state = checkpoint;
  checkpoint->host.told_to_stop = told_to_stop;
  checkpoint->host.every_seconds = INFINITY;
  if (!path)
    return DNMF_OK;
  checkpoint->path = path;
  checkpoint->saved_iteration = -1;
  checkpoint->host.save = save_checkpoint;
  DNMF_TRY(dnmf_agree(context, parse_interval(&context->error, every ? every : "10min", &checkpoint->host)));
  if (f->resume.path) {
    checkpoint->host.resume = &f->resume.state;
    if (strcmp(f->resume.path, path) == 0)
      checkpoint->saved_iteration = f->resume.state.result.iterations;
  }
  return dnmf_output_begin(context, path, &checkpoint->output);
}

void dnmf_checkpoint_end(dnmf_checkpoint *checkpoint, dnmf_status reason) {
  dnmf_output_discard(&checkpoint->output, reason);
}
