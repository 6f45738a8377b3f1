/*
 * An iteration is two half-steps. W's: gather H, update the owned rows of W from the owned rows of A. H's: fetch the
 * rows of W that the owned columns of A need, update the owned rows of H. Each is followed by an all-reduce of the
 * updated factor's column sums, which the next half-step needs, and of what rides along. The loss comes with the last
 * half-step, from the products that it leaves.
 *
 * Words of an iteration, all p processes together: (p-1) n k + f k + 4 (p-1) (k + c), where f are rows of W fetched,
 * (p-1) m when A is dense and no more than its entries when sparse, and c the values that ride along.
 */
#include "fit/newton_fit.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "matrix/columns.h"
#include "matrix/divergence.h"
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

_Static_assert((int)NEWTON_CONTROLS == (int)DNMF_COST_CONTROLS, "the cost model counts what travels");

/* A factor; the matrix as its rows see it. */
typedef struct newton_factor {
  dnmf_factor *x;
  double l1;
  double l2;
  double *sums;    /* of its columns, over all rows; then the control values */
  double *control; /* points behind the sums */
} newton_factor;

typedef struct newton_fit {
  const dnmf_settings *settings;
  const dnmf_matrix *a;
  const dnmf_columns *columns;
  newton_factor w;
  newton_factor h;
  newton_factor *last; /* whose half-step ends an iteration */
  dnmf_panel w_rows;   /* of W, that the owned columns need; W itself on one process */
} newton_fit;

static dnmf_newton_update newton_rows_of_w(const newton_fit *n) {
  const dnmf_csr *rows = &n->a->by_rows;
  return (dnmf_newton_update){.rows = n->w.x->mine.rows,
                              .cols = n->a->cols,
                              .start = n->a->sparse ? rows->start : NULL,
                              .index = rows->index,
                              .value = dnmf_matrix_values(n->a),
                              .fixed = n->h.x->gathered.data,
                              .sums = n->h.sums};
}

static dnmf_newton_update newton_rows_of_h(const newton_fit *n) {
  const dnmf_columns *columns = n->columns;
  return (dnmf_newton_update){.rows = n->h.x->mine.rows,
                              .cols = columns->needed_rows,
                              .start = columns->dense ? NULL : columns->entries.start,
                              .index = columns->entries.index,
                              .value = columns->dense ? columns->dense : columns->entries.value,
                              .turned = columns->dense != NULL,
                              .fixed = n->w_rows.data,
                              .sums = n->w.sums};
}

/* What X's half-step needs of the other factor. */
static dnmf_status newton_gather(dnmf_loop *loop, newton_fit *n, const newton_factor *x) {
  double clock = MPI_Wtime();
  if (x == &n->w)
    DNMF_TRY(dnmf_factor_gather(loop->context, n->h.x));
  else
    DNMF_TRY(dnmf_columns_gather(loop->context, n->columns, &n->w.x->mine, &n->w_rows));
  loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

/* X's rows after `steps` Newton steps, and their share of the violation and, of the last factor, of the loss. */
static void newton_update(dnmf_loop *loop, newton_fit *n, newton_factor *x, int steps) {
  dnmf_context *context = loop->context;
  dnmf_newton_update update = x == &n->w ? newton_rows_of_w(n) : newton_rows_of_h(n);
  double clock = MPI_Wtime();
  update.narrow = n->a->narrow;
  update.components = n->settings->components;
  update.x = x->x->mine.data;
  update.l1 = x->l1;
  update.l2 = x->l2;
  update.floor = dnmf_divergence_floor(n->a);
  update.steps = steps;
  update.want_violation = steps > 0 && n->settings->stop == DNMF_STOP_GRADIENT;
  update.want_loss = x == n->last;
  dnmf_loop_keep_failure(loop,
                         dnmf_newton_rows(n->a->precision, context->isa, context->threads, &update, &context->error));
  x->control[NEWTON_VIOLATION] = update.violation;
  x->control[NEWTON_LOSS] = update.loss;
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
  DNMF_TRY(dnmf_sum_gram(context, x->sums, n->settings->components, NEWTON_CONTROLS));
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

/* D(A | WH) = sum over positive entries of a log(a/p) - a, plus the sum of P: <sum of W's rows, sum of H's columns>. */
static void newton_evaluate(const newton_fit *n, dnmf_reached *reached) {
  double sum = 0;
  for (int t = 0; t < n->settings->components; t++)
    sum += n->w.sums[t] * n->h.sums[t];
  const double loss = dnmf_divergence_total(1, n->last->control[NEWTON_LOSS], sum);
  reached->has_loss = true;
  reached->loss = reached->watched = loss < 0 ? 0 : loss;
  reached->below_rounding = loss < 8 * dnmf_precision_epsilon(n->a->precision) * sum;
  reached->squares = NAN;
  reached->penalty = newton_penalty(&n->w) + newton_penalty(&n->h);
  reached->violation = n->w.control[NEWTON_VIOLATION] + n->h.control[NEWTON_VIOLATION];
  memcpy(reached->asks, n->last->control + NEWTON_ASKS, sizeof reached->asks);
}

static dnmf_status newton_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  newton_fit *n = state;
  DNMF_TRY(newton_sum(loop, n, n->last == &n->w ? &n->h : &n->w));
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

static dnmf_status newton_create_sums(dnmf_error *error, int components, newton_factor *x) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "sums of a factor", components + NEWTON_CONTROLS, sizeof(double), &memory));
  x->sums = memory;
  x->control = x->sums + components;
  return DNMF_OK;
}

static dnmf_status newton_open(dnmf_loop *loop, void *state) {
  newton_fit *n = state;
  dnmf_error *error = &loop->context->error;
  DNMF_TRY(newton_create_sums(error, n->settings->components, &n->w));
  DNMF_TRY(newton_create_sums(error, n->settings->components, &n->h));
  n->w_rows = n->w.x->mine;
  if (!n->columns->fetched)
    return DNMF_OK;
  n->w_rows = (dnmf_panel){0};
  return dnmf_panel_create(error, "fetched factor rows", n->columns->needed_rows, n->settings->components,
                           n->a->precision, &n->w_rows);
}

static void newton_close(void *state) {
  newton_fit *n = state;
  if (n->w_rows.data != n->w.x->mine.data)
    dnmf_panel_free(&n->w_rows);
  free(n->w.sums);
  free(n->h.sums);
}

static const dnmf_problem_kind newton_kind = {
    .open = newton_open, .begin = newton_begin, .step = newton_step, .close = newton_close};

/* The loop over one fit: of `result`, or of one of several starts. */
static dnmf_status newton_run(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                              const dnmf_columns *columns, dnmf_factor *w, dnmf_factor *h, dnmf_loop_fit *fit,
                              dnmf_fit_result *result) {
  const dnmf_penalties *penalties = &settings->penalties;
  const bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  const double scale_w = scaled ? (double)a->cols : 1;
  const double scale_h = scaled ? (double)a->rows : 1;
  newton_fit n = {.settings = settings, .a = a, .columns = columns};
  n.w = (newton_factor){.x = w, .l1 = penalties->l1_w * scale_w, .l2 = penalties->l2_w * scale_w};
  n.h = (newton_factor){.x = h, .l1 = penalties->l1_h * scale_h, .l2 = penalties->l2_h * scale_h};
  n.last = settings->fixed == DNMF_FIXED_H ? &n.w : &n.h;
  const dnmf_problem problem = {.kind = &newton_kind,
                                .state = &n,
                                .precision = a->precision,
                                .sum = a->sum,
                                .sum_squares = a->sum_squares,
                                .passes = settings->fixed == DNMF_FIXED_NONE ? 2 : 1};
  return fit ? dnmf_loop_run_together(context, settings, &problem, 1, fit)
             : dnmf_loop_run(context, settings, &problem, result);
}

/* The same, with whole columns of A. */
static dnmf_status newton_run_with_columns(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                           dnmf_factor *w, dnmf_factor *h, dnmf_loop_fit *fit,
                                           dnmf_fit_result *result) {
  dnmf_columns columns = {.needed_rows = 0};
  dnmf_status status = DNMF_OK;
  if (w->group_size != 1)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "--solver newton needs a grid of one column");
  if (settings->held)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--solver newton uses all cells of the matrix, and some are held out; use --solver mu");
  if (settings->fixed != DNMF_FIXED_H)
    status = dnmf_columns_create(context, a, &columns);
  if (status == DNMF_OK)
    status = newton_run(context, settings, a, &columns, w, h, fit, result);
  dnmf_columns_free(&columns);
  return status;
}

dnmf_status dnmf_fit_newton(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                            dnmf_factor *h, dnmf_fit_result *result) {
  return newton_run_with_columns(context, settings, a, w, h, NULL, result);
}

dnmf_status dnmf_fit_newton_start(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                  const dnmf_factor *w, const dnmf_factor *h, const dnmf_panel *w_start,
                                  const dnmf_panel *h_start, dnmf_loop_fit *fit) {
  dnmf_factor own_w = *w; /* borrowed */
  dnmf_factor own_h = *h;
  own_w.mine = own_w.gathered = *w_start;
  own_h.mine = *h_start;
  if (h->group_size == 1)
    own_h.gathered = *h_start;
  return newton_run_with_columns(context, settings, a, &own_w, &own_h, fit, NULL);
}
