#include "fit_checkpoint.h"

#include "fit_run.h"
#include "signals.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const cli_job_options[] = {"threads",    "quiet",      "progress", "json",   "log", "grid",
                                       "time-limit", "checkpoint", "resume",   "memory", NULL};

/* "50", or a time with a unit: "30s", "10min", "2h", "00:10:00". */
static dnmf_status parse_interval(dnmf_error *error, const char *text, dnmf_fit_host *host) {
  double number = 0;
  bool is_time = false;
  bool positive = cli_parse_seconds(text, &number, &is_time) && number > 0;
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
static void tell_failure(cli_checkpoint *c) {
  dnmf_context *context = c->session->context;
  char kept[128] = "";
  if (c->saved_iteration >= 0)
    snprintf(kept, sizeof kept, "; the one of iteration %d stays", c->saved_iteration);
  if (!c->failing)
    dnmf_warn(context, "no checkpoint: %s%s; the fit goes on and tries again", context->error.text, kept);
  c->failing = true;
  context->error = (dnmf_error){0};
}

/* The last one has to succeed. */
static dnmf_status fail_last(cli_checkpoint *c, dnmf_status status) {
  dnmf_error *error = &c->session->context->error;
  dnmf_error cause = *error;
  char kept[256] = "";
  if (c->saved_iteration >= 0)
    snprintf(kept, sizeof kept, "; the checkpoint of iteration %d is still there", c->saved_iteration);
  *error = (dnmf_error){0};
  return dnmf_fail(error, status, "the fit was told to stop, but could not be saved: %s%s", cause.text, kept);
}

/* dnmf_fit_host.save: every error but MPI's is everybody's (dnmf_output_end agrees). */
static dnmf_status save(void *state, const dnmf_fit_state *now, bool last) {
  cli_checkpoint *c = state;
  dnmf_context *context = c->session->context;
  if (c->fit->in_batches)
    DNMF_TRY(cli_stream_gather_w(c->session, c->fit));
  dnmf_status status = c->output.partial ? DNMF_OK : dnmf_output_begin(context, c->path, &c->output);
  if (status == DNMF_OK)
    status =
        dnmf_output_end(context, &c->output, cli_fit_write(c->session, c->options, c->fit, c->output.partial, now));
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
  (void)state;
  return cli_signals_came();
}

dnmf_status cli_checkpoint_begin(cli_session *session, const cli_fit_options *options, cli_fit_run *fit,
                                 cli_checkpoint *checkpoint) {
  dnmf_error *error = &session->context->error;
  memset(checkpoint, 0, sizeof *checkpoint);
  checkpoint->host.state = checkpoint;
  checkpoint->host.told_to_stop = told_to_stop;
  checkpoint->host.every_seconds = INFINITY;
  if (!options->checkpoint)
    return DNMF_OK;
  checkpoint->session = session;
  checkpoint->options = options;
  checkpoint->fit = fit;
  checkpoint->path = options->checkpoint;
  checkpoint->saved_iteration = -1;
  checkpoint->host.save = save;
  DNMF_TRY(parse_interval(error, options->checkpoint_every, &checkpoint->host));
  if (fit->resume.path) {
    checkpoint->host.resume = &fit->resume.state;
    if (strcmp(fit->resume.path, checkpoint->path) == 0)
      checkpoint->saved_iteration = fit->resume.state.result.iterations;
  }
  DNMF_TRY(dnmf_output_begin(session->context, checkpoint->path, &checkpoint->output));
  cli_signals_watch();
  return DNMF_OK;
}

void cli_checkpoint_end(cli_checkpoint *checkpoint) {
  dnmf_output_discard(&checkpoint->output);
}
