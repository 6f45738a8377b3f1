/*
 * Checkpoints of a fit, written while it iterates.
 *
 * A checkpoint is a model file. Beside a model's provenance it has the attributes `checkpoint` (the format's number),
 * `options` (what was given on the command line, as JSON) and `state_...` (what the loop and the stopping rules
 * remember), and what the kind of fit keeps beside W and H.
 */
#include "api/job.h"

#include "base/seconds.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

/* --- Writing ----------------------------------------------------------------------------------------------- */

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

/* --- The state of a fit as attributes: one table for both ways --------------------------------------------- */

typedef struct state_value {
  const char *name;
  size_t offset; /* of a double in dnmf_fit_state */
  bool newer;    /* checkpoints of earlier versions do not have it: NaN */
} state_value;

#define STATE(name, member)                                                                                            \
  { "state_" name, offsetof(dnmf_fit_state, member), false }
#define NEWER_STATE(name, member)                                                                                      \
  { "state_" name, offsetof(dnmf_fit_state, member), true }
static const state_value state_values[] = {
    STATE("objective", result.objective),
    STATE("residual_squares", result.residual_squares),
    STATE("violation", result.violation),
    STATE("validation_rmse", result.validation_rmse),
    NEWER_STATE("validation_loss", result.validation_loss),
    STATE("first_violation", memory.first_violation),
    STATE("start_error", memory.start_error),
    STATE("checked_error", memory.checked_error),
    STATE("best_objective", memory.best_objective),
    STATE("best_residual_squares", memory.best_residual_squares),
    STATE("batches_visited", memory.batches_visited),
    STATE("batches_inner", memory.batches_inner),
    STATE("batches_crossed", memory.batches_crossed),
    STATE("batches_seen", memory.batches_seen),
    NEWER_STATE("chain_start", memory.chain_start),
    NEWER_STATE("momentum", memory.ahead.momentum),
    NEWER_STATE("most_momentum", memory.ahead.most_momentum),
    NEWER_STATE("most_sweeps", memory.ahead.most_sweeps),
    NEWER_STATE("sweeps_w", memory.ahead.sweeps_w),
    NEWER_STATE("sweeps_h", memory.ahead.sweeps_h),
    NEWER_STATE("ahead_objective", memory.ahead.objective),
};
enum { STATE_VALUES = sizeof state_values / sizeof *state_values };

dnmf_status dnmf_checkpoint_describe(dnmf_error *error, const dnmf_fitting *f, const dnmf_fit_state *now,
                                     dnmf_model *model) {
  if (!f->host->options)
    DNMF_TRY(dnmf_model_set_text(error, model, "options", "{}"));
  if (f->restart_count > 0)
    DNMF_TRY(dnmf_restarts_describe(error, f, model));
  DNMF_TRY(dnmf_model_set_integer(error, model, "checkpoint", FORMAT));
  DNMF_TRY(dnmf_model_set_integer(error, model, "state_best_iteration", now->result.best_iteration));
  DNMF_TRY(dnmf_model_set_integer(error, model, "state_below_rounding", now->result.below_rounding));
  for (int i = 0; i < STATE_VALUES; i++) {
    double value = 0;
    memcpy(&value, (const char *)now + state_values[i].offset, sizeof value);
    DNMF_TRY(dnmf_model_set_real(error, model, state_values[i].name, value));
  }
  return DNMF_OK;
}
static dnmf_status checkpoint_damaged(dnmf_error *error, const char *path, const char *what) {
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its %s is missing or not what a checkpoint has", path,
                   what);
}

static double *curve_of(const dnmf_model *saved, const char *name, int64_t count) {
  for (int64_t i = 0; i < saved->curve_count; i++)
    if (strcmp(saved->curves[i].name, name) == 0 && saved->curves[i].count == count)
      return saved->curves[i].values;
  return NULL;
}

/* A whole number from 0 to `most`; false when there is none. */
static bool whole(const dnmf_model *saved, const char *name, int64_t most, int *value) {
  const dnmf_attribute *attribute = dnmf_model_attribute(saved, name);
  bool found =
      attribute && attribute->kind == DNMF_ATTRIBUTE_INTEGER && attribute->integer >= 0 && attribute->integer <= most;
  *value = found ? (int)attribute->integer : 0;
  return found;
}

dnmf_status dnmf_checkpoint_state(dnmf_error *error, const char *path, const dnmf_model *saved, dnmf_fit_state *state) {
  enum { MOST_ITERATIONS = 1000000000 };
  dnmf_fit_result *result = &state->result;
  int format = 0;
  int below_rounding = 0;
  if (!dnmf_model_attribute(saved, "checkpoint"))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%s is a model, not a checkpoint, and has no state to go on from; --init file:%s starts a new fit "
                     "from its factors",
                     path, path);
  if (!whole(saved, "checkpoint", FORMAT, &format) || format != FORMAT)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is a checkpoint of another version of dnmf", path);
  if (!whole(saved, "iterations", MOST_ITERATIONS, &result->iterations))
    return checkpoint_damaged(error, path, "number of iterations");
  if (!whole(saved, "state_best_iteration", result->iterations, &result->best_iteration) ||
      !whole(saved, "state_below_rounding", 1, &below_rounding))
    return checkpoint_damaged(error, path, "state");
  result->below_rounding = below_rounding != 0;
  for (int i = 0; i < STATE_VALUES; i++) {
    double value = NAN;
    if (!dnmf_model_number(saved, state_values[i].name, &value) && !state_values[i].newer)
      return checkpoint_damaged(error, path, state_values[i].name);
    memcpy((char *)state + state_values[i].offset, &value, sizeof value);
  }
  result->history_count = result->iterations + 1;
  result->objective_history = curve_of(saved, "objective", result->history_count);
  result->seconds_history = curve_of(saved, "seconds", result->history_count);
  result->error_history = curve_of(saved, "relative_error", result->history_count); /* older ones have none */
  result->validation_history = curve_of(saved, "validation_rmse", result->history_count);
  if (!result->objective_history || !result->seconds_history)
    return checkpoint_damaged(error, path, "history");
  return DNMF_OK;
}
