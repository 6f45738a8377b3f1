#include "api/restart_state.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

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
  KEPT_MOMENTUM, /* by ahals, else 0, as the rest */
  KEPT_MOST_MOMENTUM,
  KEPT_MOST_SWEEPS,
  KEPT_SWEEPS_W,
  KEPT_SWEEPS_H,
  KEPT_AHEAD_OBJECTIVE,
  KEPT_NUMBERS
};
_Static_assert((int)KEPT_NUMBERS == (int)DNMF_RESTART_NUMBERS, "numbers of a restart");

static const char *const reasons[] = {"unfinished", "gradient", "objective", "max-iter", "time-limit", "signal"};
enum { REASONS = sizeof reasons / sizeof *reasons };

void dnmf_restart_to_numbers(const dnmf_restart *r, double *to) {
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
  to[KEPT_MOMENTUM] = r->memory.ahead.momentum;
  to[KEPT_MOST_MOMENTUM] = r->memory.ahead.most_momentum;
  to[KEPT_MOST_SWEEPS] = r->memory.ahead.most_sweeps;
  to[KEPT_SWEEPS_W] = r->memory.ahead.sweeps_w;
  to[KEPT_SWEEPS_H] = r->memory.ahead.sweeps_h;
  to[KEPT_AHEAD_OBJECTIVE] = r->memory.ahead.objective;
}

bool dnmf_restart_from_numbers(const double *from, dnmf_restart *r) {
  const double most_iterations = 1e9;
  const double most_sweeps = 1000;
  const bool whole = from[KEPT_MOST_SWEEPS] >= 0 && from[KEPT_MOST_SWEEPS] <= most_sweeps && from[KEPT_STAGE] >= 0 &&
                     from[KEPT_STAGE] <= DNMF_RESTART_DONE && from[KEPT_REASON] >= 0 && from[KEPT_REASON] < REASONS &&
                     from[KEPT_ITERATIONS] >= 0 && from[KEPT_ITERATIONS] <= most_iterations;
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
                                .checked_error = from[KEPT_CHECKED_ERROR],
                                .ahead = {.momentum = from[KEPT_MOMENTUM],
                                          .most_momentum = from[KEPT_MOST_MOMENTUM],
                                          .most_sweeps = from[KEPT_MOST_SWEEPS],
                                          .sweeps_w = from[KEPT_SWEEPS_W],
                                          .sweeps_h = from[KEPT_SWEEPS_H],
                                          .objective = from[KEPT_AHEAD_OBJECTIVE]}};
  r->result.ahead = r->memory.ahead;
  r->result.history_count = r->stage == DNMF_RESTART_WAITING ? 0 : r->result.iterations + 1;
  return true;
}

int64_t dnmf_restarts_history_total(const dnmf_restarts *restarts) {
  int64_t total = 0;
  for (int r = 0; r < restarts->count; r++)
    total += restarts->items[r].result.history_count;
  return total;
}

const dnmf_restart_history dnmf_restart_histories[DNMF_RESTART_HISTORIES] = {
    {"restarts_objective", offsetof(dnmf_fit_result, objective_history)},
    {"restarts_seconds", offsetof(dnmf_fit_result, seconds_history)},
    {"restarts_error", offsetof(dnmf_fit_result, error_history)},
    {"restarts_validation", offsetof(dnmf_fit_result, validation_history)}};

const dnmf_restart_part dnmf_restart_parts[DNMF_RESTART_PANELS] = {
    {"restarts_w", DNMF_SIDE_ROWS, offsetof(dnmf_restart, w)},
    {"restarts_h", DNMF_SIDE_COLS, offsetof(dnmf_restart, h)},
    {"restarts_ahead", DNMF_SIDE_COLS, offsetof(dnmf_restart, ahead)}};

int dnmf_restart_part_count(dnmf_solver solver) {
  return solver == DNMF_SOLVER_AHALS ? DNMF_RESTART_PANELS : DNMF_RESTART_PANELS - 1;
}

dnmf_panel *dnmf_restart_panel(dnmf_restart *restart, const dnmf_restart_part *part) {
  return (dnmf_panel *)(void *)((char *)restart + part->offset);
}

double **dnmf_restart_history_of(dnmf_fit_result *result, const dnmf_restart_history *history) {
  return (double **)(void *)((char *)result + history->offset);
}
