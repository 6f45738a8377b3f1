#include "fit/loop.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { CHECK_EVERY = 10 }; /* iterations between two checks of the objective rule */

void dnmf_loop_keep_failure(dnmf_loop *loop, dnmf_status status) {
  if (loop->failure == DNMF_OK)
    loop->failure = status;
}

void dnmf_loop_ask(const dnmf_loop *loop, double asks[DNMF_ASKS]) {
  const dnmf_fit_host *host = loop->settings->host;
  const double now = MPI_Wtime();
  asks[DNMF_ASK_STOP] = host && host->told_to_stop && host->told_to_stop(host->state);
  asks[DNMF_ASK_SAVE] = host && host->save && now - loop->saved >= host->every_seconds;
  asks[DNMF_ASK_EXPIRED] = now - loop->began > loop->settings->time_limit;
}

void dnmf_reached_from_terms(dnmf_reached *reached, dnmf_precision precision, double sum_squares, double inner,
                             double crossed) {
  const double residual = sum_squares - 2 * inner + crossed;
  const double epsilon = 8 * dnmf_precision_epsilon(precision);
  const double rounding = epsilon * sum_squares + epsilon * (2 * inner) + epsilon * crossed;
  reached->has_loss = true;
  reached->below_rounding = residual < rounding;
  reached->squares = residual < 0 ? 0 : residual;
  reached->loss = 0.5 * reached->squares;
}

/* --- Checks ------------------------------------------------------------------------------------------------ */

/* Factors are about the root of A's values, products of A with a factor their power 3/2, all in the run's precision;
 * the objective is their square, in double. Outside of these, the digits of one of them fall out of its range. */
static double smallest_value(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? sqrt(DBL_MIN / DBL_EPSILON) : pow((double)FLT_MIN / (double)FLT_EPSILON, 2.0 / 3);
}

static double largest_value(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? sqrt(DBL_MAX) : pow((double)FLT_MAX * (double)FLT_EPSILON, 2.0 / 3);
}

/* Values so small, or so large, that what is computed of them is not there. A divergence needs no squares, and has only
 * its sums to keep finite. */
static dnmf_status check_scale(dnmf_error *error, const dnmf_problem *problem, bool divergence) {
  const double least = smallest_value(problem->precision);
  const double most = largest_value(problem->precision);
  const double typical = problem->sum_squares / problem->sum; /* the mean value, each weighted with itself */
  const bool large = !isfinite(problem->sum) || (!divergence && !(problem->sum == 0 || typical <= most));
  if (!large && (problem->sum == 0 || typical >= least))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the values of the matrix are too %s: sums of their products in %s precision need values from %.2g "
                   "to %.2g; scale the matrix%s",
                   large ? "large" : "small", dnmf_precision_name(problem->precision), least, most,
                   problem->precision == DNMF_SINGLE ? " or use --precision double" : "");
}

/* The same on all processes, which therefore fail together. */
static dnmf_status check_range(dnmf_error *error, const dnmf_problem *problem, const dnmf_reached *reached) {
  if (!reached->has_loss || (isfinite(reached->loss) && isfinite(reached->penalty)))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the objective is beyond the range of %s precision: the values of the matrix or the penalties are "
                   "too large, or the values too small; scale the matrix%s",
                   dnmf_precision_name(problem->precision),
                   problem->precision == DNMF_SINGLE ? " or use --precision double" : "");
}

static dnmf_status check_held_out(dnmf_error *error, const dnmf_problem *problem, const dnmf_reached *reached) {
  if (!problem->holds_out || reached->held_out_count > 0)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "no entry is held out for validation, so nothing can decide when to stop: hold out a larger share, "
                   "or fit without one");
}

/* --- What has been reached --------------------------------------------------------------------------------- */

static void take_reached(const dnmf_reached *reached, dnmf_fit_result *result) {
  result->loss = reached->has_loss ? reached->loss : NAN;
  result->objective = result->loss + reached->penalty;
  result->residual_squares = reached->has_loss ? reached->squares : NAN;
  result->below_rounding = reached->has_loss && reached->below_rounding;
}

/* The first loss that is known is what the objective rule compares with. */
static void remember_start(dnmf_loop *l, const dnmf_reached *reached) {
  if (isnan(l->memory.start_error) && reached->has_loss)
    l->memory.start_error = l->memory.checked_error = sqrt(2 * reached->watched);
}

static double held_out_rmse(const dnmf_reached *reached) {
  return reached->held_out_count > 0 ? sqrt(reached->held_out_squares / reached->held_out_count) : NAN;
}

static double held_out_loss(const dnmf_reached *reached) {
  return reached->held_out_count > 0 ? reached->held_out_loss / reached->held_out_count : NAN;
}

/* Without held-out entries, or where they do not decide, the last model is the best. */
static void keep_best(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached, dnmf_fit_result *result) {
  const double rmse = held_out_rmse(reached);
  if (!problem->holds_out) {
    result->validation_rmse = rmse;
    result->validation_loss = held_out_loss(reached);
    result->best_iteration = result->iterations;
  } else if (result->iterations == 0 || rmse < result->validation_rmse) {
    result->validation_rmse = rmse;
    result->validation_loss = held_out_loss(reached);
    result->best_iteration = result->iterations;
    l->memory.best_objective = result->objective;
    l->memory.best_residual_squares = result->residual_squares;
    problem->kind->keep_best(l, problem->state);
  }
}

static double seconds_so_far(const dnmf_loop *l) {
  return l->earlier + MPI_Wtime() - l->began;
}

static dnmf_step step_now(const dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                          const dnmf_fit_result *result) {
  return (dnmf_step){.iteration = result->iterations,
                     .max_iterations = l->settings->max_iterations,
                     .objective = result->objective,
                     .relative_error = dnmf_relative_error(result->residual_squares, problem->sum_squares),
                     .violation = l->settings->stop == DNMF_STOP_GRADIENT ? result->violation : NAN,
                     .validation_rmse = held_out_rmse(reached),
                     .seconds = seconds_so_far(l),
                     .batch = reached->batch,
                     .batches = reached->batch > 0 ? reached->batches : 0};
}

static void record(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached, double seconds,
                   dnmf_fit_result *result) {
  dnmf_step step = step_now(l, problem, reached, result);
  step.iteration_seconds = seconds;
  dnmf_loop_keep_failure(l, dnmf_fit_record(l->context, result, &step));
}

static void report_batch(const dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                         const dnmf_fit_result *result) {
  const dnmf_step step = step_now(l, problem, reached, result);
  dnmf_fit_report(l->context, &step);
}

/* --- Stopping ---------------------------------------------------------------------------------------------- */

static bool stop(dnmf_fit_result *result, bool converged, const char *reason) {
  result->converged = converged;
  result->stop_reason = reason;
  return true;
}

/* Whether ten iterations have lowered the error by less than the tolerance. */
static bool stands_still(dnmf_loop *l, const dnmf_reached *reached) {
  const double error = sqrt(2 * reached->watched);
  const double progress = (l->memory.checked_error - error) / l->memory.start_error;
  l->memory.checked_error = error;
  return !(progress >= l->settings->tolerance);
}

static bool has_converged(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                          dnmf_fit_result *result) {
  const dnmf_settings *settings = l->settings;
  if (result->iterations == 1)
    l->memory.first_violation = reached->violation;
  result->violation = l->memory.first_violation > 0 ? reached->violation / l->memory.first_violation : 0;
  if (problem->holds_out && result->iterations - result->best_iteration >= settings->observed.patience)
    return stop(result, true, "validation");
  if (settings->tolerance > 0 && settings->stop == DNMF_STOP_GRADIENT && result->violation <= settings->tolerance)
    return stop(result, true, "gradient");
  if (settings->tolerance > 0 && settings->stop == DNMF_STOP_OBJECTIVE && result->iterations % CHECK_EVERY == 0 &&
      stands_still(l, reached))
    return stop(result, true, "objective");
  return result->iterations >= settings->max_iterations && stop(result, false, "max-iter");
}

/* Whether somebody asks for an end, also in the middle of a pass. */
static bool is_told_to_stop(const dnmf_loop *l, const dnmf_reached *reached, dnmf_fit_result *result) {
  const dnmf_fit_host *host = l->settings->host;
  const bool told = reached->asks[DNMF_ASK_STOP] > 0;
  if (!told && reached->asks[DNMF_ASK_EXPIRED] == 0)
    return false;
  result->interrupted = host && host->save;
  return stop(result, false, told ? "signal" : "time-limit");
}

/* --- Saving and resuming ----------------------------------------------------------------------------------- */

static bool save_is_due(const dnmf_loop *l, const dnmf_reached *reached, const dnmf_fit_result *result, bool running) {
  const dnmf_fit_host *host = l->settings->host;
  if (!host || !host->save)
    return false;
  if (!running)
    return result->interrupted;
  const bool counted =
      host->every_iterations > 0 && reached->batch == 0 && result->iterations % host->every_iterations == 0;
  return counted || reached->asks[DNMF_ASK_SAVE] > 0;
}

static dnmf_status save(dnmf_loop *l, const dnmf_problem *problem, const dnmf_fit_result *result) {
  const dnmf_fit_host *host = l->settings->host;
  dnmf_fit_state now = {.result = *result, .memory = l->memory};
  if (problem->kind->save)
    problem->kind->save(l, problem->state, &now);
  DNMF_TRY(host->save(host->state, &now, result->interrupted));
  l->saved = MPI_Wtime();
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

/* The result and the memory as they were saved. */
static dnmf_status take_up(dnmf_loop *l, dnmf_fit_result *result) {
  const dnmf_fit_result *saved = &l->resume->result;
  dnmf_error *error = &l->context->error;
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

/* --- The loop ---------------------------------------------------------------------------------------------- */

static void start_clocks(dnmf_loop *l, const dnmf_fit_result *result) {
  const int64_t count = result->history_count;
  memset(&l->seconds, 0, sizeof l->seconds);
  memset(&l->context->traffic, 0, sizeof l->context->traffic);
  l->began = l->saved = MPI_Wtime();
  l->earlier = count > 0 ? result->seconds_history[count - 1] : 0;
}

/* Where the fit begins: at its start, or with the result and memory of the jobs before. */
static dnmf_status begin(dnmf_loop *l, const dnmf_problem *problem, dnmf_fit_result *result) {
  dnmf_reached reached = {.squares = NAN, .held_out_loss = NAN};
  if (l->resume)
    l->memory = l->resume->memory;
  DNMF_TRY(problem->kind->begin(l, problem->state, &reached));
  if (l->resume) {
    dnmf_loop_keep_failure(l, take_up(l, result));
    start_clocks(l, result);
    return DNMF_OK;
  }
  DNMF_TRY(check_held_out(&l->context->error, problem, &reached));
  DNMF_TRY(check_range(&l->context->error, problem, &reached));
  take_reached(&reached, result);
  remember_start(l, &reached);
  keep_best(l, problem, &reached, result);
  start_clocks(l, result);
  record(l, problem, &reached, 0, result);
  return DNMF_OK;
}

/* What an iteration has come to, and whether it is the last. */
static dnmf_status end_iteration(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                                 dnmf_fit_result *result, bool *done) {
  result->iterations++;
  DNMF_TRY(check_range(&l->context->error, problem, reached));
  take_reached(reached, result);
  remember_start(l, reached);
  keep_best(l, problem, reached, result);
  *done = has_converged(l, problem, reached, result);
  return DNMF_OK;
}

static dnmf_status iterate(dnmf_loop *l, const dnmf_problem *problem, dnmf_fit_result *result) {
  DNMF_TRY(begin(l, problem, result));
  double clock = l->began;
  bool done = result->iterations >= l->settings->max_iterations && stop(result, false, "max-iter");
  while (!done) {
    dnmf_reached reached = {.squares = NAN, .held_out_loss = NAN};
    DNMF_TRY(problem->kind->step(l, problem->state, &reached));
    if (reached.batch == 0)
      DNMF_TRY(end_iteration(l, problem, &reached, result, &done));
    const bool running = !done;
    done = done || is_told_to_stop(l, &reached, result);
    if (reached.batch == 0)
      record(l, problem, &reached, dnmf_lap(&clock), result);
    else
      report_batch(l, problem, &reached, result);
    if (save_is_due(l, &reached, result, running && !done))
      DNMF_TRY(save(l, problem, result));
  }
  l->seconds.total = MPI_Wtime() - l->began;
  return dnmf_agree(l->context, l->failure);
}

/* The model to keep, once the fit is done. */
static dnmf_status settle(dnmf_loop *l, const dnmf_problem *problem, dnmf_fit_result *result) {
  dnmf_reached reached = {.squares = NAN, .held_out_loss = NAN};
  if (problem->kind->settle && !result->interrupted) {
    DNMF_TRY(problem->kind->settle(l, problem->state, &reached));
    DNMF_TRY(check_range(&l->context->error, problem, &reached));
  }
  if (reached.has_loss)
    take_reached(&reached, result);
  if (problem->holds_out) {
    result->objective = l->memory.best_objective;
    result->residual_squares = l->memory.best_residual_squares;
  }
  return DNMF_OK;
}

dnmf_status dnmf_loop_run(dnmf_context *context, const dnmf_settings *settings, const dnmf_problem *problem,
                          dnmf_fit_result *result) {
  dnmf_loop l = {.context = context,
                 .settings = settings,
                 .resume = settings->host ? settings->host->resume : NULL,
                 .memory = {.start_error = NAN},
                 .began = MPI_Wtime()};
  memset(result, 0, sizeof *result);
  result->validation_rmse = result->validation_loss = NAN;
  result->stop_reason = "unfinished";
  dnmf_status status = check_scale(&context->error, problem, settings->loss.divergence);
  if (status == DNMF_OK)
    status = problem->kind->open(&l, problem->state);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = iterate(&l, problem, result);
  if (status == DNMF_OK)
    status = dnmf_fit_collect(context, &l.seconds, result);
  if (status == DNMF_OK)
    status = settle(&l, problem, result);
  result->passes = problem->passes;
  problem->kind->close(problem->state);
  return status;
}
