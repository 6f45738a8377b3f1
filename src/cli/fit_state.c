/* The state of a fit as attributes of a checkpoint: one table for both ways. */
#include "fit_checkpoint.h"
#include "fit_run.h"
#include "options_saved.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

typedef struct state_value {
  const char *name;
  size_t offset; /* of a double in dnmf_fit_state */
} state_value;

#define STATE(name, member)                                                                                            \
  { "state_" name, offsetof(dnmf_fit_state, member) }
static const state_value state_values[] = {
    STATE("objective", result.objective),
    STATE("residual_squares", result.residual_squares),
    STATE("violation", result.violation),
    STATE("validation_rmse", result.validation_rmse),
    STATE("first_violation", memory.first_violation),
    STATE("start_error", memory.start_error),
    STATE("checked_error", memory.checked_error),
    STATE("best_objective", memory.best_objective),
    STATE("best_residual_squares", memory.best_residual_squares),
    STATE("batches_visited", memory.batches_visited),
    STATE("batches_inner", memory.batches_inner),
    STATE("batches_crossed", memory.batches_crossed),
    STATE("batches_seen", memory.batches_seen),
};
enum { STATE_VALUES = sizeof state_values / sizeof *state_values };

dnmf_status cli_checkpoint_describe(cli_session *session, const cli_fit_options *options, const dnmf_fit_state *now,
                                    dnmf_model *model) {
  dnmf_error *error = &session->context->error;
  json_t *saved = cli_options_save(session->command, options, session->given, cli_job_options);
  char *text = saved ? json_dumps(saved, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  dnmf_status status = DNMF_OK;
  if (!text)
    status = dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the options in a checkpoint");
  if (status == DNMF_OK)
    status = dnmf_model_set_text(error, model, "options", text);
  free(text);
  json_decref(saved);
  DNMF_TRY(status);
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

static dnmf_status damaged(dnmf_error *error, const char *path, const char *what) {
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

dnmf_status cli_checkpoint_state(dnmf_error *error, const char *path, const dnmf_model *saved, dnmf_fit_state *state) {
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
    return damaged(error, path, "number of iterations");
  if (!whole(saved, "state_best_iteration", result->iterations, &result->best_iteration) ||
      !whole(saved, "state_below_rounding", 1, &below_rounding))
    return damaged(error, path, "state");
  result->below_rounding = below_rounding != 0;
  for (int i = 0; i < STATE_VALUES; i++) {
    double value = NAN;
    if (!dnmf_model_number(saved, state_values[i].name, &value))
      return damaged(error, path, state_values[i].name);
    memcpy((char *)state + state_values[i].offset, &value, sizeof value);
  }
  result->history_count = result->iterations + 1;
  result->objective_history = curve_of(saved, "objective", result->history_count);
  result->seconds_history = curve_of(saved, "seconds", result->history_count);
  result->validation_history = curve_of(saved, "validation_rmse", result->history_count);
  if (!result->objective_history || !result->seconds_history)
    return damaged(error, path, "history");
  return DNMF_OK;
}
