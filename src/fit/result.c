#include "fit/result.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status append_value(dnmf_error *error, double **values, int64_t count, double value) {
  double *longer = realloc(*values, (size_t)(count + 1) * sizeof *longer);
  if (!longer)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the history of the fit");
  longer[count] = value;
  *values = longer;
  return DNMF_OK;
}

dnmf_status dnmf_fit_record(dnmf_context *context, dnmf_fit_result *result, const dnmf_step *step) {
  dnmf_error *error = &context->error;
  DNMF_TRY(append_value(error, &result->objective_history, result->history_count, step->objective));
  DNMF_TRY(append_value(error, &result->seconds_history, result->history_count, step->seconds));
  DNMF_TRY(append_value(error, &result->error_history, result->history_count, step->relative_error));
  DNMF_TRY(append_value(error, &result->validation_history, result->history_count, step->validation_rmse));
  result->history_count++;
  return DNMF_OK;
}

void dnmf_fit_report(dnmf_context *context, const dnmf_step *step) {
  if (context->rank == 0 && context->reporter.step)
    context->reporter.step(context->reporter.state, step);
}

dnmf_status dnmf_fit_collect(dnmf_context *context, const dnmf_fit_seconds *seconds, dnmf_fit_result *result) {
  double times[] = {seconds->product, seconds->gram, seconds->update, seconds->exchange, seconds->read};
  double total = seconds->total;
  const dnmf_traffic *sent = &context->traffic;
  double words[] = {sent->gather_words, sent->scatter_words, sent->gram_words, sent->control_words, sent->messages};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, times, 5));
  DNMF_TRY(dnmf_max_doubles(context, context->comm, &total, 1));
  for (int t = 0; t < 5; t++)
    times[t] /= context->size;
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, words, 5));
  result->seconds = (dnmf_fit_seconds){times[0], times[1], times[2], times[3], times[4], total};
  result->traffic = (dnmf_traffic){words[0], words[1], words[2], words[3], words[4]};
  return DNMF_OK;
}

double dnmf_relative_error(double residual_squares, double sum_squares) {
  return sum_squares > 0 ? sqrt(residual_squares / sum_squares) : NAN;
}

void dnmf_fit_result_move(dnmf_fit_result *from, dnmf_fit_result *to) {
  *to = *from;
  from->objective_history = from->seconds_history = from->error_history = from->validation_history = NULL;
  from->history_count = 0;
}

void dnmf_fit_result_free(dnmf_fit_result *result) {
  free(result->objective_history);
  free(result->seconds_history);
  free(result->error_history);
  free(result->validation_history);
  memset(result, 0, sizeof *result);
}
