/*
 * A fit from several seeds, of which the best is kept (fit/restarts.h).
 *
 * A checkpoint of it is one of the best so far, with five curves and two parts beside it: "restarts", a row of numbers
 * for each restart, "restarts_objective", "restarts_seconds", "restarts_error" and "restarts_validation", the histories
 * of those that have begun one after another, and the panels "restarts_w" and "restarts_h", their factors side by side.
 * By ahals, "restarts_ahead" is a curve and a panel more.
 */
#include "api/job.h"

#include "base/memory.h"
#include "comm/node_memory.h"
#include "store/file.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Of the memory that is left, what is planned with: libraries and the allocator take their share. */
static const double PLANNED_MEMORY = 0.85;

dnmf_status dnmf_fitting_plan_restarts(dnmf_context *context, dnmf_fitting *f) {
  dnmf_job job = dnmf_fitting_cost(f);
  double bytes = INFINITY;
  if (f->asked.zeros.restarts <= 1)
    return DNMF_OK;
  f->restart_count = (int)f->asked.zeros.restarts;
  f->predicted = 0; /* was of a single fit */
  job.stored = fmax(0, job.stored);
  DNMF_TRY(dnmf_memory_left(context, &bytes));
  f->side_by_side =
      dnmf_restarts_at_once(context, &job, f->a.grid.rows, f->a.grid.cols, f->restart_count, PLANNED_MEMORY * bytes);
  return DNMF_OK;
}

/* --- Saving ------------------------------------------------------------------------------------------------ */

/* What is kept of a restart, each a number. */
enum {
  KEPT_STAGE = 0,
  KEPT_REASON, /* of its end: a place in `reasons` */
  KEPT_CONVERGED,
  KEPT_ITERATIONS,
  KEPT_BELOW_ROUNDING,
  KEPT_LOSS,
  KEPT_OBJECTIVE,
  KEPT_SQUARES,
  KEPT_VIOLATION,
  KEPT_FIRST_VIOLATION,
  KEPT_START_ERROR,
  KEPT_CHECKED_ERROR,
  KEPT_VALIDATION_RMSE,
  KEPT_VALIDATION_LOSS,
  KEPT_NUMBERS
};

static const char *const reasons[] = {"unfinished", "gradient", "objective", "max-iter", "time-limit", "signal"};
enum { REASONS = sizeof reasons / sizeof *reasons };

static void restart_to_numbers(const dnmf_restart *r, double *to) {
  const dnmf_fit_result *result = &r->result;
  int reason = 0;
  for (int i = 0; i < REASONS; i++)
    if (result->stop_reason && strcmp(result->stop_reason, reasons[i]) == 0)
      reason = i;
  to[KEPT_STAGE] = r->stage;
  to[KEPT_REASON] = reason;
  to[KEPT_CONVERGED] = result->converged;
  to[KEPT_ITERATIONS] = result->iterations;
  to[KEPT_BELOW_ROUNDING] = result->below_rounding;
  to[KEPT_LOSS] = result->loss;
  to[KEPT_OBJECTIVE] = result->objective;
  to[KEPT_SQUARES] = result->residual_squares;
  to[KEPT_VIOLATION] = result->violation;
  to[KEPT_FIRST_VIOLATION] = r->memory.first_violation;
  to[KEPT_START_ERROR] = r->memory.start_error;
  to[KEPT_CHECKED_ERROR] = r->memory.checked_error;
  to[KEPT_VALIDATION_RMSE] = result->validation_rmse;
  to[KEPT_VALIDATION_LOSS] = result->validation_loss;
}

/* False where a number is none that is saved. */
static bool restart_from_numbers(const double *from, dnmf_restart *r) {
  const double most_iterations = 1e9;
  const bool whole = from[KEPT_STAGE] >= 0 && from[KEPT_STAGE] <= DNMF_RESTART_DONE && from[KEPT_REASON] >= 0 &&
                     from[KEPT_REASON] < REASONS && from[KEPT_ITERATIONS] >= 0 &&
                     from[KEPT_ITERATIONS] <= most_iterations;
  if (!whole)
    return false;
  r->stage = (dnmf_restart_stage)from[KEPT_STAGE];
  r->result = (dnmf_fit_result){.iterations = (int)from[KEPT_ITERATIONS],
                                .best_iteration = (int)from[KEPT_ITERATIONS],
                                .converged = from[KEPT_CONVERGED] > 0,
                                .stop_reason = reasons[(int)from[KEPT_REASON]],
                                .loss = from[KEPT_LOSS],
                                .objective = from[KEPT_OBJECTIVE],
                                .residual_squares = from[KEPT_SQUARES],
                                .below_rounding = from[KEPT_BELOW_ROUNDING] > 0,
                                .violation = from[KEPT_VIOLATION],
                                .validation_rmse = from[KEPT_VALIDATION_RMSE],
                                .validation_loss = from[KEPT_VALIDATION_LOSS]};
  r->memory = (dnmf_fit_memory){.first_violation = from[KEPT_FIRST_VIOLATION],
                                .start_error = from[KEPT_START_ERROR],
                                .checked_error = from[KEPT_CHECKED_ERROR]};
  r->result.history_count = r->stage == DNMF_RESTART_WAITING ? 0 : r->result.iterations + 1;
  return true;
}

/* By ahals, what each restart remembers of it: the curve "restarts_ahead". */
enum { AHEAD_NUMBERS = 5 };

static void ahead_to_numbers(const dnmf_ahead *ahead, double *to) {
  to[0] = ahead->momentum;
  to[1] = ahead->most_momentum;
  to[2] = ahead->sweeps_w;
  to[3] = ahead->sweeps_h;
  to[4] = ahead->objective;
}

/* False where a number is none that is saved. */
static bool ahead_from_numbers(const double *from, dnmf_ahead *ahead) {
  const double most = 1000;
  *ahead = (dnmf_ahead){from[0], from[1], from[2], from[3], from[4]};
  return from[2] >= 0 && from[2] <= most && from[3] >= 0 && from[3] <= most;
}

/* Numbers of all histories together. */
static int64_t history_total(const dnmf_restarts *restarts) {
  int64_t total = 0;
  for (int r = 0; r < restarts->count; r++)
    total += restarts->items[r].result.history_count;
  return total;
}

/* The histories that are kept, by the names of their curves. */
typedef struct kept_history {
  const char *name;
  size_t offset; /* of its pointer in dnmf_fit_result */
} kept_history;

static const kept_history histories[] = {{"restarts_objective", offsetof(dnmf_fit_result, objective_history)},
                                         {"restarts_seconds", offsetof(dnmf_fit_result, seconds_history)},
                                         {"restarts_error", offsetof(dnmf_fit_result, error_history)},
                                         {"restarts_validation", offsetof(dnmf_fit_result, validation_history)}};
enum { KEPT_HISTORIES = sizeof histories / sizeof *histories };

static double **history_of(dnmf_fit_result *result, const kept_history *history) {
  return (double **)(void *)((char *)result + history->offset);
}

static void join_histories(const dnmf_restarts *restarts, const kept_history *history, double *to) {
  for (int r = 0; r < restarts->count; r++) {
    dnmf_fit_result *result = &restarts->items[r].result;
    const double *from = *history_of(result, history);
    for (int64_t i = 0; i < result->history_count; i++)
      *to++ = from[i];
  }
}

dnmf_status dnmf_restarts_describe(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_restarts *restarts = &f->restarts;
  const int64_t total = history_total(restarts);
  const int64_t numbers = (int64_t)restarts->count * KEPT_NUMBERS;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the state of restarts", numbers > total ? numbers : total, sizeof(double), &memory));
  double *values = memory;
  for (int r = 0; r < restarts->count; r++)
    restart_to_numbers(&restarts->items[r], values + (int64_t)r * KEPT_NUMBERS);
  dnmf_status status = dnmf_model_add_curve(error, model, "restarts", numbers, values);
  for (int r = 0; r < restarts->count; r++)
    ahead_to_numbers(&restarts->items[r].memory.ahead, values + (int64_t)r * AHEAD_NUMBERS);
  if (status == DNMF_OK && f->settings.solver == DNMF_SOLVER_AHALS)
    status = dnmf_model_add_curve(error, model, "restarts_ahead", (int64_t)restarts->count * AHEAD_NUMBERS, values);
  for (int h = 0; h < KEPT_HISTORIES && status == DNMF_OK; h++) {
    join_histories(restarts, &histories[h], values);
    status = dnmf_model_add_curve(error, model, histories[h].name, total, values);
  }
  free(values);
  return status;
}

static int count_begun(const dnmf_restarts *restarts) {
  int begun = 0;
  for (int r = 0; r < restarts->count; r++)
    begun += restarts->items[r].stage != DNMF_RESTART_WAITING;
  return begun;
}

/* Some columns of a panel from or into those of a narrower one, from column `first` on. */
static void copy_part(dnmf_panel *wide, int first, dnmf_panel *narrow, bool to_wide) {
  const size_t size = dnmf_precision_size(narrow->precision);
  const size_t bytes = (size_t)narrow->components * size;
  for (int64_t row = 0; row < narrow->rows; row++) {
    char *in_wide = (char *)wide->data + ((size_t)row * (size_t)wide->components + (size_t)first) * size;
    char *in_narrow = (char *)narrow->data + (size_t)row * bytes;
    memcpy(to_wide ? in_wide : in_narrow, to_wide ? in_narrow : in_wide, bytes);
  }
}

/* The panels that a restart has, and where their rows belong. */
typedef struct kept_panel {
  const char *name;
  dnmf_model_side side;
  size_t offset; /* in dnmf_restart */
} kept_panel;

static const kept_panel kept_panels[] = {{"restarts_w", DNMF_SIDE_ROWS, offsetof(dnmf_restart, w)},
                                         {"restarts_h", DNMF_SIDE_COLS, offsetof(dnmf_restart, h)},
                                         {"restarts_ahead", DNMF_SIDE_COLS, offsetof(dnmf_restart, ahead)}};
enum { KEPT_PANELS = sizeof kept_panels / sizeof *kept_panels };

/* The last one is of ahals alone. */
static int count_kept_panels(const dnmf_fitting *f) {
  return f->settings.solver == DNMF_SOLVER_AHALS ? KEPT_PANELS : KEPT_PANELS - 1;
}

static dnmf_panel *panel_of(dnmf_restart *restart, const kept_panel *kept) {
  return (dnmf_panel *)(void *)((char *)restart + kept->offset);
}

/* The panels of all that have begun, between their own and one in which they lie side by side. */
static void copy_parts(dnmf_restarts *restarts, const kept_panel *kept, dnmf_panel *wide, bool to_wide) {
  int first = 0;
  for (int r = 0; r < restarts->count; r++) {
    dnmf_panel *own = panel_of(&restarts->items[r], kept);
    if (restarts->items[r].stage == DNMF_RESTART_WAITING)
      continue;
    copy_part(wide, first, own, to_wide);
    first += own->components;
  }
}

static void copy_rows(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

/* Who fits the restarts. */
typedef struct restarts_host {
  dnmf_context *context;
  const dnmf_checkpoint *checkpoint;
  dnmf_fitting *f;
} restarts_host;

/* The best so far is the model; its result stays the restart's. */
static void take_best(dnmf_fitting *f) {
  f->best_restart = dnmf_restarts_best(&f->restarts);
  const dnmf_restart *best = &f->restarts.items[f->best_restart];
  copy_rows(&best->w, &f->w.mine);
  copy_rows(&best->h, &f->h.mine);
  f->result = best->result;
}

static dnmf_status save_restarts(void *state, const dnmf_restarts *now, bool last) {
  restarts_host *host = state;
  dnmf_fitting *f = host->f;
  dnmf_error *error = &host->context->error;
  const int width = count_begun(now) * f->components;
  dnmf_panel wide[KEPT_PANELS] = {{.rows = 0}};
  dnmf_fit_state state_now = {.panel_count = count_kept_panels(f)};
  dnmf_status status = DNMF_OK;
  for (int p = 0; p < state_now.panel_count && status == DNMF_OK; p++) {
    const kept_panel *kept = &kept_panels[p];
    const int64_t rows = kept->side == DNMF_SIDE_ROWS ? f->w.mine.rows : f->h.mine.rows;
    state_now.panels[p] = (dnmf_model_part){kept->name, kept->side, &wide[p]};
    status = dnmf_panel_create(error, "the factors of restarts", rows, width, f->precision, &wide[p]);
  }
  status = dnmf_agree(host->context, status);
  if (status == DNMF_OK) {
    for (int p = 0; p < state_now.panel_count; p++)
      copy_parts(&f->restarts, &kept_panels[p], &wide[p], true);
    take_best(f);
    state_now.result = f->result;
    state_now.memory = f->restarts.items[f->best_restart].memory;
    status = host->checkpoint->host.save(host->checkpoint->host.state, &state_now, last);
    f->result = (dnmf_fit_result){0};
  }
  for (int p = 0; p < KEPT_PANELS; p++)
    dnmf_panel_free(&wide[p]);
  return status;
}

/* --- Going on ---------------------------------------------------------------------------------------------- */

static dnmf_status restarts_damaged(dnmf_error *error, const dnmf_fitting *f) {
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s is no checkpoint of such a fit: the state of its %d restarts is missing or damaged",
                   f->resume.path, f->restart_count);
}

static const double *restarts_curve(const dnmf_model *saved, const char *name, int64_t count) {
  for (int64_t i = 0; i < saved->curve_count; i++)
    if (strcmp(saved->curves[i].name, name) == 0 && saved->curves[i].count == count)
      return saved->curves[i].values;
  return NULL;
}

static dnmf_status restart_copy_history(dnmf_error *error, const double *from, int64_t count, double **to) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the history of the fit", count, sizeof(double), &memory));
  memcpy(memory, from, (size_t)count * sizeof(double));
  *to = memory;
  return DNMF_OK;
}

/* Stages, results and histories. */
static dnmf_status read_states(dnmf_error *error, dnmf_fitting *f) {
  dnmf_restarts *restarts = &f->restarts;
  const dnmf_model *saved = &f->resume.saved;
  const double *numbers = restarts_curve(saved, "restarts", (int64_t)restarts->count * KEPT_NUMBERS);
  const bool by_ahals = f->settings.solver == DNMF_SOLVER_AHALS;
  const double *ahead = restarts_curve(saved, "restarts_ahead", (int64_t)restarts->count * AHEAD_NUMBERS);
  for (int r = 0; r < restarts->count; r++)
    if (!numbers || !restart_from_numbers(numbers + (int64_t)r * KEPT_NUMBERS, &restarts->items[r]) ||
        (by_ahals &&
         (!ahead || !ahead_from_numbers(ahead + (int64_t)r * AHEAD_NUMBERS, &restarts->items[r].memory.ahead)))) {
      for (int s = 0; s <= r; s++)
        restarts->items[s].result.history_count = 0;
      return restarts_damaged(error, f);
    }
  for (int r = 0; r < restarts->count; r++) { /* more iterations may be allowed now */
    dnmf_restart *restart = &restarts->items[r];
    const bool out_of_iterations = strcmp(restart->result.stop_reason, "max-iter") == 0;
    if (restart->stage == DNMF_RESTART_DONE && out_of_iterations &&
        restart->result.iterations < f->settings.max_iterations)
      restart->stage = DNMF_RESTART_RUNNING;
  }
  const int64_t total = history_total(restarts);
  for (int h = 0; h < KEPT_HISTORIES; h++) {
    const double *values = restarts_curve(saved, histories[h].name, total);
    if (!values || total == 0)
      return restarts_damaged(error, f);
    for (int r = 0; r < restarts->count; r++) {
      dnmf_fit_result *result = &restarts->items[r].result;
      if (result->history_count > 0)
        DNMF_TRY(restart_copy_history(error, values, result->history_count, history_of(result, &histories[h])));
      values += result->history_count;
    }
  }
  return DNMF_OK;
}

/* Panels of one kind, into the restarts' own. collective */
static dnmf_status read_kept(dnmf_context *context, const kept_panel *kept, dnmf_fitting *f) {
  const dnmf_model_part part = {.name = kept->name, .side = kept->side};
  const dnmf_panel *mine = kept->side == DNMF_SIDE_ROWS ? &f->w.mine : &f->h.mine;
  const int width = count_begun(&f->restarts) * f->components;
  dnmf_panel wide = {.rows = 0};
  dnmf_status status =
      dnmf_checkpoint_read_part(context, f->resume.path, &part, f->w.owned, f->h.owned, width, f->precision, &wide);
  if (status == DNMF_OK && wide.components != width)
    status = restarts_damaged(&context->error, f);
  for (int r = 0; r < f->restarts.count && status == DNMF_OK; r++) {
    dnmf_restart *restart = &f->restarts.items[r];
    if (restart->stage != DNMF_RESTART_WAITING)
      status = dnmf_panel_create(&context->error, "a restart", mine->rows, f->components, f->precision,
                                 panel_of(restart, kept));
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    copy_parts(&f->restarts, kept, &wide, false);
  dnmf_panel_free(&wide);
  return status;
}

dnmf_status dnmf_restarts_read(dnmf_context *context, dnmf_fitting *f) {
  dnmf_error *error = &context->error;
  dnmf_status status = dnmf_restarts_create(error, f->restart_count, f->settings.seed, &f->restarts);
  if (status == DNMF_OK)
    status = read_states(error, f);
  DNMF_TRY(dnmf_agree(context, status));
  for (int p = 0; p < count_kept_panels(f); p++)
    DNMF_TRY(read_kept(context, &kept_panels[p], f));
  return DNMF_OK;
}

/* --- Fitting ----------------------------------------------------------------------------------------------- */

static dnmf_status start_restart(dnmf_context *context, void *state, uint64_t seed, dnmf_factor *w, dnmf_factor *h) {
  const restarts_host *host = state;
  return dnmf_fitting_start_seed(context, host->f, seed, w, h);
}

dnmf_status dnmf_fitting_iterate_restarts(dnmf_context *context, const dnmf_checkpoint *checkpoint, dnmf_fitting *f) {
  restarts_host host = {context, checkpoint, f};
  dnmf_restarts *restarts = &f->restarts;
  if (!restarts->items)
    DNMF_TRY(dnmf_agree(context, dnmf_restarts_create(&context->error, f->restart_count, f->settings.seed, restarts)));
  restarts->side_by_side = f->side_by_side;
  restarts->state = &host;
  restarts->start = start_restart;
  restarts->save = checkpoint->host.save ? save_restarts : NULL;
  DNMF_TRY(dnmf_fit_restarts(context, &f->settings, &f->a.matrix, &f->a.layout, restarts));
  restarts->state = NULL;
  take_best(f);
  dnmf_fit_result_move(&restarts->items[f->best_restart].result, &f->result);
  f->result.seconds = restarts->seconds;
  f->result.traffic = restarts->traffic;
  f->result.interrupted = restarts->save && dnmf_restarts_unfinished(restarts);
  if (f->result.interrupted)
    f->result.stop_reason = restarts->ended;
  return DNMF_OK;
}
