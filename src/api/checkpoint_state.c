#include "api/checkpoint_state.h"

#include "api/restart_checkpoint.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { FORMAT = 1 };

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
