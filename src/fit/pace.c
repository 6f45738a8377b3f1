#include "pace.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

void dnmf_pace_begin(dnmf_pace *pace, const dnmf_fit_result *result) {
  int64_t count = result->history_count;
  pace->began = pace->saved = MPI_Wtime();
  pace->earlier = count > 0 ? result->seconds_history[count - 1] : 0;
}

void dnmf_pace_ask(const dnmf_pace *pace, double asks[DNMF_ASKS]) {
  const dnmf_checkpointing *plan = pace->plan;
  double now = MPI_Wtime();
  asks[DNMF_ASK_STOP] = plan && plan->told_to_stop(plan->state);
  asks[DNMF_ASK_SAVE] = plan && now - pace->saved >= plan->every_seconds;
  asks[DNMF_ASK_EXPIRED] = now - pace->began > pace->time_limit;
}

double dnmf_pace_seconds(const dnmf_pace *pace) {
  return pace->earlier + MPI_Wtime() - pace->began;
}

bool dnmf_fit_stop(dnmf_fit_result *result, bool converged, const char *reason) {
  result->converged = converged;
  result->stop_reason = reason;
  return true;
}

bool dnmf_pace_limits(const dnmf_pace *pace, const double asks[DNMF_ASKS], dnmf_fit_result *result) {
  if (result->iterations >= pace->max_iterations)
    return dnmf_fit_stop(result, false, "max-iter");
  if (asks[DNMF_ASK_STOP] == 0 && asks[DNMF_ASK_EXPIRED] == 0)
    return false;
  result->interrupted = pace->plan && pace->plan->save;
  return dnmf_fit_stop(result, false, asks[DNMF_ASK_STOP] > 0 ? "signal" : "time-limit");
}

dnmf_status dnmf_pace_save(dnmf_pace *pace, const double asks[DNMF_ASKS], const dnmf_fit_state *now) {
  const dnmf_checkpointing *plan = pace->plan;
  bool last = now->result.interrupted;
  bool running = strcmp(now->result.stop_reason, "unfinished") == 0;
  if (!plan || !plan->save || !(running || last))
    return DNMF_OK;
  bool counted = plan->every_iterations > 0 && now->result.iterations % plan->every_iterations == 0;
  if (!last && !counted && asks[DNMF_ASK_SAVE] == 0)
    return DNMF_OK;
  DNMF_TRY(plan->save(plan->state, now, last));
  pace->saved = MPI_Wtime();
  return DNMF_OK;
}

static dnmf_status copy_history(dnmf_error *error, int64_t count, const double *from, double **to) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the history of the fit", count, sizeof(double), &memory));
  *to = memory;
  for (int64_t i = 0; i < count; i++)
    (*to)[i] = from ? from[i] : NAN;
  return DNMF_OK;
}

dnmf_status dnmf_fit_resume(dnmf_error *error, const dnmf_checkpointing *plan, dnmf_fit_result *result,
                            dnmf_fit_memory *memory) {
  if (!plan || !plan->resume)
    return DNMF_OK;
  const dnmf_fit_result *saved = &plan->resume->result;
  *memory = plan->resume->memory;
  *result = *saved;
  result->history_count = 0; /* until the copies are there */
  result->resumed_iterations = saved->iterations;
  result->converged = result->interrupted = false;
  result->stop_reason = "unfinished";
  result->objective_history = result->seconds_history = result->validation_history = NULL;
  DNMF_TRY(copy_history(error, saved->history_count, saved->objective_history, &result->objective_history));
  DNMF_TRY(copy_history(error, saved->history_count, saved->seconds_history, &result->seconds_history));
  DNMF_TRY(copy_history(error, saved->history_count, saved->validation_history, &result->validation_history));
  result->history_count = saved->history_count;
  return DNMF_OK;
}
