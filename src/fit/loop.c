#include "fit/loop.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
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
static void remember_start(dnmf_fit_memory *memory, const dnmf_reached *reached) {
  if (isnan(memory->start_error) && reached->has_loss)
    memory->start_error = memory->checked_error = sqrt(2 * reached->watched);
}

static double held_out_rmse(const dnmf_reached *reached) {
  return reached->held_out_count > 0 ? sqrt(reached->held_out_squares / reached->held_out_count) : NAN;
}

static double held_out_loss(const dnmf_reached *reached) {
  return reached->held_out_count > 0 ? reached->held_out_loss / reached->held_out_count : NAN;
}

/* Without held-out entries, or where they do not decide, the last model is the best. */
static void keep_best(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached, dnmf_loop_fit *fit) {
  const double rmse = held_out_rmse(reached);
  dnmf_fit_result *result = fit->result;
  if (!problem->holds_out) {
    result->validation_rmse = rmse;
    result->validation_loss = held_out_loss(reached);
    result->best_iteration = result->iterations;
  } else if (result->iterations == 0 || rmse < result->validation_rmse) {
    result->validation_rmse = rmse;
    result->validation_loss = held_out_loss(reached);
    result->best_iteration = result->iterations;
    fit->memory.best_objective = result->objective;
    fit->memory.best_residual_squares = result->residual_squares;
    problem->kind->keep_best(l, problem->state);
  }
}

static dnmf_step step_now(const dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                          const dnmf_loop_fit *fit, double seconds) {
  const dnmf_fit_result *result = fit->result;
  return (dnmf_step){.iteration = result->iterations,
                     .max_iterations = l->settings->max_iterations,
                     .fits = l->fit_count,
                     .objective = result->objective,
                     .relative_error = dnmf_relative_error(result->residual_squares, problem->sum_squares),
                     .violation = l->settings->stop == DNMF_STOP_GRADIENT ? result->violation : NAN,
                     .validation_rmse = held_out_rmse(reached),
                     .seconds = fit->earlier + MPI_Wtime() - l->began,
                     .iteration_seconds = seconds,
                     .batch = reached->batch,
                     .batches = reached->batch > 0 ? reached->batches : 0};
}

/* Appends what a fit has come to; of several fits the furthest iteration is told, with the least objective. */
static void record(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached, double seconds,
                   dnmf_loop_fit *fit, dnmf_step *told) {
  const dnmf_step step = step_now(l, problem, reached, fit, seconds);
  const int furthest = step.iteration > told->iteration ? step.iteration : told->iteration;
  if (reached->batch == 0)
    dnmf_loop_keep_failure(l, dnmf_fit_record(l->context, fit->result, &step));
  if (told->fits == 0 || step.objective < told->objective)
    *told = step;
  told->iteration = furthest;
}

static int count_running(const dnmf_loop *l) {
  int running = 0;
  for (int i = 0; i < l->fit_count; i++)
    running += !l->fits[i].done;
  return running;
}

static void report(const dnmf_loop *l, dnmf_step *told) {
  const dnmf_fit_host *host = l->settings->host;
  told->fits_running = count_running(l);
  told->fits_done = l->fit_count - told->fits_running;
  if (host && host->fits > 0) {
    told->fits = host->fits;
    told->groups = host->groups;
    told->fits_done += host->fits_done;
    told->seconds += host->seconds_done;
  }
  dnmf_fit_report(l->context, told);
}

/* --- Stopping ---------------------------------------------------------------------------------------------- */

static void stop(dnmf_loop_fit *fit, bool converged, const char *reason) {
  fit->result->converged = converged;
  fit->result->stop_reason = reason;
  fit->done = true;
}

/* Whether ten iterations have lowered the error by less than the tolerance. */
static bool stands_still(const dnmf_loop *l, const dnmf_reached *reached, dnmf_fit_memory *memory) {
  const double error = sqrt(2 * reached->watched);
  const double progress = (memory->checked_error - error) / memory->start_error;
  memory->checked_error = error;
  return !(progress >= l->settings->tolerance);
}

/* Ends a fit that has converged or done its iterations. */
static void stop_where_reached(const dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                               dnmf_loop_fit *fit) {
  const dnmf_settings *settings = l->settings;
  dnmf_fit_memory *memory = &fit->memory;
  dnmf_fit_result *result = fit->result;
  if (result->iterations == 1)
    memory->first_violation = reached->violation;
  result->violation = memory->first_violation > 0 ? reached->violation / memory->first_violation : 0;
  if (problem->holds_out && result->iterations - result->best_iteration >= settings->observed.patience)
    stop(fit, true, "validation");
  else if (settings->tolerance > 0 && settings->stop == DNMF_STOP_GRADIENT && result->violation <= settings->tolerance)
    stop(fit, true, "gradient");
  else if (settings->tolerance > 0 && settings->stop == DNMF_STOP_OBJECTIVE && result->iterations % CHECK_EVERY == 0 &&
           stands_still(l, reached, memory))
    stop(fit, true, "objective");
  else if (result->iterations >= settings->max_iterations)
    stop(fit, false, "max-iter");
}

/* Ends a fit, also in the middle of a pass, where somebody asks for it. */
static void stop_where_told(const dnmf_loop *l, const dnmf_reached *reached, dnmf_loop_fit *fit) {
  const dnmf_fit_host *host = l->settings->host;
  const bool told = reached->asks[DNMF_ASK_STOP] > 0;
  if (!told && reached->asks[DNMF_ASK_EXPIRED] == 0)
    return;
  fit->result->interrupted = host && host->save;
  stop(fit, false, told ? "signal" : "time-limit");
}

/* --- Saving and resuming ----------------------------------------------------------------------------------- */

/* After a step that some fits took part in: of those that go on, or of a fit that was interrupted. */
static bool save_is_due(const dnmf_loop *l, const dnmf_reached *reached, const dnmf_loop_fit *fit) {
  const dnmf_fit_host *host = l->settings->host;
  if (!host || !host->save)
    return false;
  if (fit->done)
    return fit->result->interrupted;
  const bool counted =
      host->every_iterations > 0 && reached->batch == 0 && fit->result->iterations % host->every_iterations == 0;
  return counted || reached->asks[DNMF_ASK_SAVE] > 0;
}

/* Of several fits the caller has the states. */
static dnmf_status save(dnmf_loop *l, const dnmf_problem *problem, bool last) {
  const dnmf_fit_host *host = l->settings->host;
  dnmf_fit_state now = {.result = *l->fits[0].result, .memory = l->fits[0].memory};
  if (problem->kind->save)
    DNMF_TRY(problem->kind->save(l, problem->state, &now));
  DNMF_TRY(host->save(host->state, l->fit_count == 1 ? &now : NULL, last));
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
static dnmf_status take_up(dnmf_error *error, const dnmf_fit_result *saved, dnmf_fit_result *result) {
  *result = *saved;
  result->history_count = 0; /* until the copies are there */
  result->resumed_iterations = saved->iterations;
  result->converged = result->interrupted = false;
  result->stop_reason = "unfinished";
  result->objective_history = result->seconds_history = result->error_history = result->validation_history = NULL;
  DNMF_TRY(copy_history(error, saved->history_count, saved->objective_history, &result->objective_history));
  DNMF_TRY(copy_history(error, saved->history_count, saved->seconds_history, &result->seconds_history));
  DNMF_TRY(copy_history(error, saved->history_count, saved->error_history, &result->error_history));
  DNMF_TRY(copy_history(error, saved->history_count, saved->validation_history, &result->validation_history));
  result->history_count = saved->history_count;
  return DNMF_OK;
}

/* --- The loop ---------------------------------------------------------------------------------------------- */

static void start_clocks(dnmf_loop *l) {
  memset(&l->seconds, 0, sizeof l->seconds);
  memset(&l->context->traffic, 0, sizeof l->context->traffic);
  l->began = l->saved = MPI_Wtime();
  for (int i = 0; i < l->fit_count; i++) {
    const dnmf_fit_result *result = l->fits[i].result;
    l->fits[i].earlier = result->history_count > 0 ? result->seconds_history[result->history_count - 1] : 0;
  }
}

/* At its start. */
static dnmf_status begin_fit(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                             dnmf_loop_fit *fit) {
  DNMF_TRY(check_held_out(&l->context->error, problem, reached));
  DNMF_TRY(check_range(&l->context->error, problem, reached));
  take_reached(reached, fit->result);
  remember_start(&fit->memory, reached);
  keep_best(l, problem, reached, fit);
  return DNMF_OK;
}

/* Where the fits begin: at their starts, or with the results and memories of the jobs before. */
static dnmf_status begin(dnmf_loop *l, const dnmf_problem *problem, dnmf_reached *reached) {
  dnmf_step told = {.fits = 0};
  DNMF_TRY(problem->kind->begin(l, problem->state, reached));
  for (int i = 0; i < l->fit_count; i++) {
    dnmf_loop_fit *fit = &l->fits[i];
    if (fit->resume)
      dnmf_loop_keep_failure(l, take_up(&l->context->error, &fit->resume->result, fit->result));
    else
      DNMF_TRY(begin_fit(l, problem, &reached[i], fit));
  }
  start_clocks(l);
  for (int i = 0; i < l->fit_count; i++)
    if (!l->fits[i].resume)
      record(l, problem, &reached[i], 0, &l->fits[i], &told);
  if (told.fits > 0)
    report(l, &told);
  return DNMF_OK;
}

/* What an iteration has come to, and whether it is the fit's last. */
static dnmf_status end_iteration(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached,
                                 dnmf_loop_fit *fit) {
  fit->result->iterations++;
  DNMF_TRY(check_range(&l->context->error, problem, reached));
  take_reached(reached, fit->result);
  remember_start(&fit->memory, reached);
  keep_best(l, problem, reached, fit);
  stop_where_reached(l, problem, reached, fit);
  return DNMF_OK;
}

/* What a step has come to, of every fit that took part in it. */
static dnmf_status end_step(dnmf_loop *l, const dnmf_problem *problem, const dnmf_reached *reached, double seconds) {
  const int before = count_running(l);
  dnmf_step told = {.fits = 0};
  bool due = false;
  bool interrupted = false;
  for (int i = 0; i < l->fit_count; i++) {
    dnmf_loop_fit *fit = &l->fits[i];
    if (fit->done)
      continue;
    if (reached[i].batch == 0)
      DNMF_TRY(end_iteration(l, problem, &reached[i], fit));
    if (!fit->done)
      stop_where_told(l, &reached[i], fit);
    record(l, problem, &reached[i], seconds, fit, &told);
    due = due || save_is_due(l, &reached[i], fit);
    interrupted = interrupted || fit->result->interrupted;
  }
  report(l, &told);
  if (due)
    DNMF_TRY(save(l, problem, interrupted));
  if (problem->kind->leave && count_running(l) < before)
    problem->kind->leave(l, problem->state);
  return DNMF_OK;
}

static dnmf_status iterate(dnmf_loop *l, const dnmf_problem *problem, dnmf_reached *reached) {
  for (int i = 0; i < l->fit_count; i++)
    reached[i] = (dnmf_reached){.squares = NAN, .held_out_loss = NAN};
  DNMF_TRY(begin(l, problem, reached));
  double clock = l->began;
  for (int i = 0; i < l->fit_count; i++)
    if (l->fits[i].result->iterations >= l->settings->max_iterations)
      stop(&l->fits[i], false, "max-iter");
  if (problem->kind->leave)
    problem->kind->leave(l, problem->state);
  while (count_running(l) > 0) {
    for (int i = 0; i < l->fit_count; i++)
      reached[i] = (dnmf_reached){.squares = NAN, .held_out_loss = NAN};
    DNMF_TRY(problem->kind->step(l, problem->state, reached));
    DNMF_TRY(end_step(l, problem, reached, dnmf_lap(&clock)));
  }
  l->seconds.total = MPI_Wtime() - l->began;
  return dnmf_agree(l->context, l->failure);
}

/* The model to keep, once the fit is done. */
static dnmf_status settle(dnmf_loop *l, const dnmf_problem *problem, dnmf_reached *reached) {
  for (int i = 0; i < l->fit_count; i++)
    reached[i] = (dnmf_reached){.squares = NAN, .held_out_loss = NAN};
  if (problem->kind->settle && !l->fits[0].result->interrupted)
    DNMF_TRY(problem->kind->settle(l, problem->state, reached));
  for (int i = 0; i < l->fit_count; i++) {
    dnmf_fit_result *result = l->fits[i].result;
    DNMF_TRY(check_range(&l->context->error, problem, &reached[i]));
    if (reached[i].has_loss)
      take_reached(&reached[i], result);
    if (problem->holds_out) {
      result->objective = l->fits[i].memory.best_objective;
      result->residual_squares = l->fits[i].memory.best_residual_squares;
    }
  }
  return DNMF_OK;
}

/* The fits from beginning to end; `reached` is a place for each of them. */
static dnmf_status run_fits(dnmf_loop *l, const dnmf_problem *problem, dnmf_reached *reached) {
  dnmf_context *context = l->context;
  dnmf_status status = check_scale(&context->error, problem, l->settings->loss.divergence);
  if (status == DNMF_OK)
    status = problem->kind->open(l, problem->state);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = iterate(l, problem, reached);
  if (status == DNMF_OK)
    status = dnmf_fit_collect(context, &l->seconds, l->fits[0].result);
  if (status == DNMF_OK)
    status = settle(l, problem, reached);
  problem->kind->close(problem->state);
  for (int i = 0; i < l->fit_count; i++) {
    l->fits[i].result->passes = problem->passes;
    l->fits[i].result->seconds = l->fits[0].result->seconds;
    l->fits[i].result->traffic = l->fits[0].result->traffic;
  }
  return status;
}

static void begin_loop(dnmf_loop *l) {
  l->began = MPI_Wtime();
  for (int i = 0; i < l->fit_count; i++) {
    dnmf_loop_fit *fit = &l->fits[i];
    fit->memory = fit->resume ? fit->resume->memory : (dnmf_fit_memory){.start_error = NAN};
    fit->done = false;
    *fit->result = (dnmf_fit_result){.validation_rmse = NAN, .validation_loss = NAN, .stop_reason = "unfinished"};
  }
}

dnmf_status dnmf_loop_run(dnmf_context *context, const dnmf_settings *settings, const dnmf_problem *problem,
                          dnmf_fit_result *result) {
  dnmf_loop_fit fit = {.resume = settings->host ? settings->host->resume : NULL, .result = result};
  dnmf_loop l = {.context = context, .settings = settings, .fit_count = 1, .fits = &fit};
  dnmf_reached reached;
  begin_loop(&l);
  return run_fits(&l, problem, &reached);
}

dnmf_status dnmf_loop_run_together(dnmf_context *context, const dnmf_settings *settings, const dnmf_problem *problem,
                                   int fit_count, dnmf_loop_fit *fits) {
  dnmf_loop l = {.context = context, .settings = settings, .fit_count = fit_count, .fits = fits};
  void *reached = NULL;
  begin_loop(&l);
  dnmf_status status =
      dnmf_allocate(&context->error, "what fits have come to", fit_count, sizeof(dnmf_reached), &reached);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = run_fits(&l, problem, reached);
  free(reached);
  return status;
}
