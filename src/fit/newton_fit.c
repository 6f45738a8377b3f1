/*
 * An iteration is two half-steps. W's: bring the rows of H that cross the owned rows of A, update the owned rows of W.
 * H's likewise with columns of A and rows of W. Each is followed by an all-reduce of the updated factor's column sums,
 * which the next half-step needs, and of what rides along. The loss comes with the last half-step, from the products
 * that it leaves.
 *
 * Words of an iteration, all p processes together: (r + f) k + 4 (p-1) (k + c), where r and f are rows of H and W
 * brought from other processes and c the values that ride along. With one column of processes r is (p-1) n; f is
 * (p-1) m when A is dense and no more than its entries when sparse, as is r with several.
 */
#include "fit/newton_fit.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "fit/best_model.h"
#include "fit/held_cells.h"
#include "matrix/divergence.h"
#include "matrix/lines.h"
#include "solve/newton.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values that ride along with the sums of a factor's columns. */
enum {
  NEWTON_VIOLATION = 0,
  NEWTON_LOSS,
  NEWTON_SUM,
  NEWTON_SQUARES,
  NEWTON_FAILED,
  NEWTON_ASKS,
  NEWTON_CONTROLS = NEWTON_ASKS + DNMF_ASKS
};

/* Where cells are taken out of A, their sums follow. */
enum { NEWTON_HELD_SQUARES = NEWTON_CONTROLS, NEWTON_HELD_LOSS, NEWTON_KNOWN_SUM, NEWTON_WITH_HELD };

_Static_assert(NEWTON_WITH_HELD - NEWTON_CONTROLS == (int)DNMF_COST_HELD_SUMS, "the cost model counts what travels");
_Static_assert((int)NEWTON_CONTROLS == (int)DNMF_COST_CONTROLS, "the cost model counts what travels");

/* A factor; the matrix as its rows see it. */
typedef struct newton_factor {
  dnmf_factor *x;
  const dnmf_lines *lines;
  dnmf_panel fixed; /* rows of the other factor that cross the lines; owned where they are fetched */
  double l1;
  double l2;
  double *sums;    /* of its columns, over all rows; then the control values */
  double *control; /* points behind the sums */
} newton_factor;

typedef struct newton_fit {
  const dnmf_settings *settings;
  const dnmf_matrix *a;
  const dnmf_held_cells *held; /* cells taken out of A; NULL: none */
  newton_factor w;
  newton_factor h;
  newton_factor *last; /* whose half-step ends an iteration */
  dnmf_best_model best;
} newton_fit;

static int newton_controls(const newton_fit *n) {
  return n->held ? NEWTON_WITH_HELD : NEWTON_CONTROLS;
}

static newton_factor *newton_other(newton_fit *n, const newton_factor *x) {
  return x == &n->w ? &n->h : &n->w;
}

/* What X's half-step needs of the other factor. */
static dnmf_status newton_gather(dnmf_loop *loop, newton_fit *n, newton_factor *x) {
  double clock = MPI_Wtime();
  dnmf_factor *other = newton_other(n, x)->x;
  if (x->lines->fetched)
    DNMF_TRY(dnmf_lines_fetch(loop->context, x->lines, &other->mine, &x->fixed));
  else
    DNMF_TRY(dnmf_factor_gather(loop->context, other));
  loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

/* X's rows after `steps` Newton steps, and their share of the violation and, of the last factor, of the loss. */
static void newton_update(dnmf_loop *loop, newton_fit *n, newton_factor *x, int steps) {
  dnmf_context *context = loop->context;
  const dnmf_lines *lines = x->lines;
  double clock = MPI_Wtime();
  dnmf_newton_update update = {.rows = lines->count,
                               .cols = lines->needed,
                               .start = n->a->sparse ? lines->entries.start : NULL,
                               .index = lines->entries.index,
                               .value = n->a->sparse ? lines->entries.value : lines->dense,
                               .turned = lines->turned,
                               .narrow = n->a->narrow,
                               .components = n->settings->components,
                               .fixed = x->fixed.data,
                               .numbers = lines->numbers,
                               .sums = newton_other(n, x)->sums,
                               .across = lines->across,
                               .held = n->held ? &lines->held : NULL,
                               .x = x->x->mine.data,
                               .l1 = x->l1,
                               .l2 = x->l2,
                               .floor = dnmf_divergence_floor(n->a),
                               .steps = steps,
                               .want_violation = steps > 0 && n->settings->stop == DNMF_STOP_GRADIENT,
                               .want_loss = x == n->last};
  dnmf_loop_keep_failure(loop,
                         dnmf_newton_rows(n->a->precision, context->isa, context->threads, &update, &context->error));
  x->control[NEWTON_VIOLATION] = update.violation;
  x->control[NEWTON_LOSS] = update.loss;
  if (n->held) {
    x->control[NEWTON_HELD_SQUARES] = update.held_squares;
    x->control[NEWTON_HELD_LOSS] = update.held_loss;
    x->control[NEWTON_KNOWN_SUM] = update.sum;
  }
  loop->seconds.update += dnmf_lap(&clock);
}

/* X's sums over all processes. */
static dnmf_status newton_sum(dnmf_loop *loop, const newton_fit *n, newton_factor *x) {
  dnmf_context *context = loop->context;
  double clock = MPI_Wtime();
  dnmf_panel_sum_columns(&x->x->mine, x->sums);
  x->control[NEWTON_SUM] = x->l1 > 0 ? dnmf_panel_sum(&x->x->mine) : 0;
  x->control[NEWTON_SQUARES] = x->l2 > 0 ? dnmf_panel_dot(context, &x->x->mine, &x->x->mine) : 0;
  x->control[NEWTON_FAILED] = loop->failure != DNMF_OK;
  dnmf_loop_ask(loop, x->control + NEWTON_ASKS);
  loop->seconds.gram += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram(context, x->sums, n->settings->components, newton_controls(n)));
  loop->seconds.exchange += dnmf_lap(&clock);
  return x->control[NEWTON_FAILED] > 0 ? dnmf_agree(context, loop->failure) : DNMF_OK;
}

static dnmf_status newton_half_step(dnmf_loop *loop, newton_fit *n, newton_factor *x, int steps) {
  DNMF_TRY(newton_gather(loop, n, x));
  newton_update(loop, n, x, steps);
  return newton_sum(loop, n, x);
}

static double newton_penalty(const newton_factor *x) {
  return x->l1 * x->control[NEWTON_SUM] + 0.5 * x->l2 * x->control[NEWTON_SQUARES];
}

/* D(A | WH) = sum over positive entries of a log(a/p) - a, plus the sum of P: <sum of W's rows, sum of H's columns>, or
 * row by row where cells are taken out. */
static void newton_evaluate(const newton_fit *n, dnmf_reached *reached) {
  const double *last = n->last->control;
  double sum = n->held ? last[NEWTON_KNOWN_SUM] : 0;
  for (int t = 0; t < n->settings->components && !n->held; t++)
    sum += n->w.sums[t] * n->h.sums[t];
  const double loss = dnmf_divergence_total(1, last[NEWTON_LOSS], sum);
  reached->has_loss = true;
  reached->loss = reached->watched = loss < 0 ? 0 : loss;
  reached->below_rounding = loss < 8 * dnmf_precision_epsilon(n->a->precision) * sum;
  reached->squares = NAN;
  reached->penalty = newton_penalty(&n->w) + newton_penalty(&n->h);
  reached->violation = n->w.control[NEWTON_VIOLATION] + n->h.control[NEWTON_VIOLATION];
  if (n->held) {
    reached->held_out_squares = last[NEWTON_HELD_SQUARES];
    reached->held_out_loss = last[NEWTON_HELD_LOSS];
    reached->held_out_count = (double)n->held->held_out;
  }
  memcpy(reached->asks, last + NEWTON_ASKS, sizeof reached->asks);
}

static dnmf_status newton_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  newton_fit *n = state;
  dnmf_best_model_resume(loop->fits[0].resume, &n->best);
  DNMF_TRY(newton_sum(loop, n, newton_other(n, n->last)));
  DNMF_TRY(newton_sum(loop, n, n->last));
  DNMF_TRY(newton_half_step(loop, n, n->last, 0)); /* the loss alone */
  newton_evaluate(n, reached);
  return DNMF_OK;
}

static dnmf_status newton_step(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  newton_fit *n = state;
  if (n->settings->fixed != DNMF_FIXED_W)
    DNMF_TRY(newton_half_step(loop, n, &n->w, dnmf_sweeps(n->settings))); /* W <- A, H */
  if (n->settings->fixed != DNMF_FIXED_H)
    DNMF_TRY(newton_half_step(loop, n, &n->h, dnmf_sweeps(n->settings))); /* H <- A', W */
  newton_evaluate(n, reached);
  return DNMF_OK;
}

/* A factor's sums, and room for what its half-step needs of the other one. */
static dnmf_status newton_open_factor(dnmf_error *error, newton_fit *n, newton_factor *x) {
  const int components = n->settings->components;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "sums of a factor", components + newton_controls(n), sizeof(double), &memory));
  x->sums = memory;
  x->control = x->sums + components;
  if (!x->lines->fetched) {
    x->fixed = newton_other(n, x)->x->gathered;
    return DNMF_OK;
  }
  return dnmf_panel_create(error, "fetched factor rows", x->lines->needed, components, n->a->precision, &x->fixed);
}

static dnmf_status newton_open(dnmf_loop *loop, void *state) {
  newton_fit *n = state;
  dnmf_error *error = &loop->context->error;
  DNMF_TRY(dnmf_held_cells_check(error, n->a, n->held));
  DNMF_TRY(newton_open_factor(error, n, &n->w));
  DNMF_TRY(newton_open_factor(error, n, &n->h));
  return dnmf_best_model_open(error, &n->best);
}

static void newton_keep_best(dnmf_loop *loop, void *state) {
  newton_fit *n = state;
  (void)loop;
  dnmf_best_model_keep(&n->best);
}

static dnmf_status newton_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  const newton_fit *n = state;
  (void)loop;
  dnmf_best_model_save(&n->best, now);
  return DNMF_OK;
}

static dnmf_status newton_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  const newton_fit *n = state;
  (void)loop;
  (void)reached;
  dnmf_best_model_settle(&n->best);
  return DNMF_OK;
}

static void newton_close_factor(newton_factor *x) {
  if (x->lines->fetched)
    dnmf_panel_free(&x->fixed);
  free(x->sums);
}

static void newton_close(void *state) {
  newton_fit *n = state;
  newton_close_factor(&n->w);
  newton_close_factor(&n->h);
  dnmf_best_model_close(&n->best);
}

static const dnmf_problem_kind newton_kind = {.open = newton_open,
                                              .begin = newton_begin,
                                              .step = newton_step,
                                              .keep_best = newton_keep_best,
                                              .save = newton_save,
                                              .settle = newton_settle,
                                              .close = newton_close};

/* The loop over one fit: of `result`, or of one of several starts. */
static dnmf_status newton_run(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                              const dnmf_lines lines[2], dnmf_factor *w, dnmf_factor *h, dnmf_loop_fit *fit,
                              dnmf_fit_result *result) {
  const dnmf_penalties *penalties = &settings->penalties;
  const bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  const double scale_w = scaled ? (double)a->cols : 1;
  const double scale_h = scaled ? (double)a->rows : 1;
  newton_fit n = {.settings = settings, .a = a, .held = settings->held};
  n.w = (newton_factor){.x = w, .lines = &lines[0], .l1 = penalties->l1_w * scale_w, .l2 = penalties->l2_w * scale_w};
  n.h = (newton_factor){.x = h, .lines = &lines[1], .l1 = penalties->l1_h * scale_h, .l2 = penalties->l2_h * scale_h};
  n.last = settings->fixed == DNMF_FIXED_H ? &n.w : &n.h;
  n.best = (dnmf_best_model){!fit && n.held && settings->stop == DNMF_STOP_VALIDATION, &w->mine, &h->mine, {0}, {0}};
  const dnmf_problem problem = {.kind = &newton_kind,
                                .state = &n,
                                .precision = a->precision,
                                .sum = a->sum,
                                .sum_squares = a->sum_squares,
                                .holds_out = n.best.kept,
                                .passes = settings->fixed == DNMF_FIXED_NONE ? 2 : 1};
  return fit ? dnmf_loop_run_together(context, settings, &problem, 1, fit)
             : dnmf_loop_run(context, settings, &problem, result);
}

/* The same, with whole rows and columns of A, those that are needed. */
static dnmf_status newton_run_with_lines(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                         dnmf_factor *w, dnmf_factor *h, dnmf_loop_fit *fit, dnmf_fit_result *result) {
  const dnmf_csr *held = settings->held ? &settings->held->by_rows : NULL;
  dnmf_lines lines[2] = {{.count = 0}, {.count = 0}};
  dnmf_status status = DNMF_OK;
  if (settings->fixed != DNMF_FIXED_W)
    status = dnmf_lines_create(context, a, held, h->group_size, w->group_size, false, &lines[0]);
  if (status == DNMF_OK && settings->fixed != DNMF_FIXED_H)
    status = dnmf_lines_create(context, a, held, h->group_size, w->group_size, true, &lines[1]);
  if (status == DNMF_OK)
    status = newton_run(context, settings, a, lines, w, h, fit, result);
  dnmf_lines_free(&lines[0]);
  dnmf_lines_free(&lines[1]);
  return status;
}

dnmf_status dnmf_fit_newton(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                            dnmf_factor *h, dnmf_fit_result *result) {
  return newton_run_with_lines(context, settings, a, w, h, NULL, result);
}

dnmf_status dnmf_fit_newton_start(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                  const dnmf_factor *w, const dnmf_factor *h, const dnmf_panel *w_start,
                                  const dnmf_panel *h_start, dnmf_loop_fit *fit) {
  dnmf_factor own_w = *w; /* borrowed */
  dnmf_factor own_h = *h;
  own_w.mine = *w_start;
  own_h.mine = *h_start;
  if (w->group_size == 1)
    own_w.gathered = *w_start;
  if (h->group_size == 1)
    own_h.gathered = *h_start;
  return newton_run_with_lines(context, settings, a, &own_w, &own_h, fit, NULL);
}
