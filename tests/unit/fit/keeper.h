/*
 * A checkpoint in memory: copies of a fit's factors and state as they were saved, to go on from.
 */
#ifndef DNMF_TEST_FIT_KEEPER_H
#define DNMF_TEST_FIT_KEEPER_H

#include "fit/fit_state.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct keeper {
  dnmf_panel *w; /* the fit's own */
  dnmf_panel *h;
  int stop_at;    /* iteration after which `teller` is told to stop; 0: never */
  int teller;     /* the process that is told */
  int iterations; /* of the last save */
  int saves;
  int last_saves;
  dnmf_panel saved_w;
  dnmf_panel saved_h;
  dnmf_panel parts[DNMF_MODEL_PARTS];
  dnmf_fit_state state; /* owns its histories */
  dnmf_fit_host plan;
} keeper;

static inline void keep_panel(const dnmf_panel *from, dnmf_panel *to) {
  dnmf_panel_free(to);
  assert_ok(dnmf_panel_create(&test_context()->error, "a copy", from->rows, from->components, from->precision, to));
  memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

static inline double *keep_values(const double *values, int64_t count) {
  double *copy = malloc((size_t)count * sizeof *copy);
  assert_non_null(copy);
  memcpy(copy, values, (size_t)count * sizeof *copy);
  return copy;
}

static inline dnmf_status keep(void *state, const dnmf_fit_state *now, bool last) {
  keeper *k = state;
  const dnmf_fit_result *result = &now->result;
  dnmf_fit_result_free(&k->state.result);
  k->state = *now;
  k->state.result.objective_history = keep_values(result->objective_history, result->history_count);
  k->state.result.seconds_history = keep_values(result->seconds_history, result->history_count);
  k->state.result.error_history = keep_values(result->error_history, result->history_count);
  k->state.result.validation_history = keep_values(result->validation_history, result->history_count);
  keep_panel(k->w, &k->saved_w);
  keep_panel(k->h, &k->saved_h);
  for (int i = 0; i < now->panel_count; i++) {
    keep_panel(now->panels[i].panel, &k->parts[i]);
    k->state.panels[i].panel = &k->parts[i];
  }
  k->iterations = result->iterations;
  k->saves++;
  k->last_saves += last;
  return DNMF_OK;
}

/* Told to stop from the iteration after the last save on: with a save each iteration the loop's count is known. */
static inline bool told(void *state) {
  const keeper *k = state;
  return k->stop_at > 0 && test_context()->rank == k->teller && k->iterations + 1 >= k->stop_at;
}

/* Saves the fit of w and h after every iteration, and stops it after `stop_at` (0: not). */
static inline void keeper_begin(keeper *k, dnmf_panel *w, dnmf_panel *h, int stop_at) {
  *k = (keeper){.w = w, .h = h, .stop_at = stop_at, .teller = test_context()->size - 1};
  k->plan =
      (dnmf_fit_host){.state = k, .save = keep, .told_to_stop = told, .every_iterations = 1, .every_seconds = INFINITY};
}

static inline void restore_panel(const dnmf_panel *from, dnmf_panel *to) {
  assert_int_equal(from->rows, to->rows);
  memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

/* Puts the saved factors in place of a start; the plan then goes on from the saved state, and is told nothing. */
static inline void keeper_resume(keeper *k, dnmf_panel *w, dnmf_panel *h) {
  restore_panel(&k->saved_w, w);
  restore_panel(&k->saved_h, h);
  k->stop_at = 0;
  k->plan.every_iterations = 0;
  k->plan.resume = &k->state;
}

static inline void keeper_free(keeper *k) {
  dnmf_fit_result_free(&k->state.result);
  dnmf_panel_free(&k->saved_w);
  dnmf_panel_free(&k->saved_h);
  for (int i = 0; i < DNMF_MODEL_PARTS; i++)
    dnmf_panel_free(&k->parts[i]);
}

static inline void assert_same_panel(const dnmf_panel *x, const dnmf_panel *y) {
  assert_int_equal(x->rows, y->rows);
  assert_memory_equal(x->data, y->data, (size_t)(x->rows * x->components) * dnmf_precision_size(x->precision));
}

/* The same numbers, bit by bit; times may differ. */
static inline void assert_same_result(const dnmf_fit_result *x, const dnmf_fit_result *y) {
  const size_t bytes = (size_t)x->history_count * sizeof(double);
  assert_int_equal(x->iterations, y->iterations);
  assert_int_equal(x->history_count, y->history_count);
  assert_int_equal(x->best_iteration, y->best_iteration);
  assert_string_equal(x->stop_reason, y->stop_reason);
  assert_true(x->converged == y->converged);
  assert_memory_equal(&x->objective, &y->objective, sizeof(double));
  assert_memory_equal(&x->residual_squares, &y->residual_squares, sizeof(double));
  assert_memory_equal(&x->violation, &y->violation, sizeof(double));
  assert_memory_equal(x->objective_history, y->objective_history, bytes);
  assert_memory_equal(x->validation_history, y->validation_history, bytes);
  for (int64_t i = 1; i < y->history_count; i++)
    assert_true(y->seconds_history[i] >= y->seconds_history[i - 1]);
}

#endif
