/*
 * The alternating update loop on a process grid (MPI-FAUN: Kannan, Ballard, Park 2016).
 *
 * An iteration is two half-steps, W with H fixed and H with W fixed; they are the same code on the two views of the
 * matrix. A half-step updates a factor and makes what the next update needs of it, so that the loss of what has been
 * reached is known when an iteration ends, without a look at A of its own. What the objective and the stopping rules
 * need rides along with the all-reduce of the factors' sums, which travels while A is multiplied: an iteration has two
 * all-gathers, two reduce-scatters and two all-reduces, and no other synchronization. On a grid of one column the same
 * iterates come from one pass over A.
 */
#include "loop.h"
#include "result.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "cost/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)CONTROLS == (int)DNMF_COST_CONTROLS, "the cost model counts what travels");

/* Keeps the first local failure until everybody hears of it. */
static void keep_failure(loop *l, dnmf_status status) {
  if (l->failure == DNMF_OK)
    l->failure = status;
}

/* The other factor: the one that is fixed in this one's turn. */
static side *fixed_for(loop *l, const side *s) {
  return s == &l->w ? &l->h : &l->w;
}

static void update(loop *l, side *x) {
  double clock = MPI_Wtime();
  keep_failure(l, l->arithmetic->update(l, x, fixed_for(l, x)));
  x->gathered = false;
  l->seconds.update += dnmf_lap(&clock);
}

static dnmf_status gather(loop *l, side *s) {
  double clock = MPI_Wtime();
  if (!s->gathered)
    DNMF_TRY(dnmf_factor_gather(l->context, s->x));
  s->gathered = true;
  l->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

static dnmf_status sum_scatter(loop *l, side *y) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_sum_scatter(l->context, y->x));
  l->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

/* What the update of Y needs from A, summed over all processes: own rows are left in y->x->products. */
static dnmf_status contribute(loop *l, side *y) {
  DNMF_TRY(gather(l, fixed_for(l, y))); /* F under this block */
  if (l->arithmetic->needs_both)
    DNMF_TRY(gather(l, y));
  double clock = MPI_Wtime();
  keep_failure(l, l->arithmetic->contribute(l, y)); /* A_ij F_j */
  l->seconds.product += dnmf_lap(&clock);
  return sum_scatter(l, y); /* sum_j A_ij F_j */
}

/* X's sums over all processes, with the control values, begin: others can be at work until end_sums. */
static dnmf_status begin_sums(loop *l, side *x, const side *paired) {
  double clock = MPI_Wtime();
  keep_failure(l, l->arithmetic->sum(l, x, paired));
  x->control[CONTROL_SUM] = x->l1 > 0 ? dnmf_panel_sum(&x->x->mine) : 0;
  x->control[CONTROL_SQUARES] = x->l2 > 0 ? dnmf_panel_dot(l->context, &x->x->mine, &x->x->mine) : 0;
  x->control[CONTROL_FAILED] = l->failure != DNMF_OK;
  dnmf_pace_ask(&l->pace, x->control + CONTROL_ASKS);
  l->seconds.gram += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram_begin(l->context, x->sums, l->arithmetic->sum_count(l), CONTROLS));
  l->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

static dnmf_status end_sums(loop *l, const side *x) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_sum_gram_end(l->context));
  l->seconds.exchange += dnmf_lap(&clock);
  return x->control[CONTROL_FAILED] > 0 ? dnmf_agree(l->context, l->failure) : DNMF_OK;
}

/* X <- update(X; its products, the sums of F), then the sums of X and what Y needs of it, its products. The sums travel
 * while the products are made, unless they are made of the same: P = WH. What depends on F alone stays when F is fixed
 * for good. */
static dnmf_status half_step(loop *l, side *x, side *y) {
  const bool together = l->arithmetic->needs_both;
  update(l, x);
  if (together)
    DNMF_TRY(contribute(l, y));
  DNMF_TRY(begin_sums(l, x, x));
  if (!together && x != y)
    DNMF_TRY(contribute(l, y));
  return end_sums(l, x);
}

/* Both half-steps with A read once, where this process holds whole rows of it. */
static dnmf_status whole_step(loop *l) {
  keep_failure(l, l->arithmetic->sweep(l)); /* tile by tile: W <- update(W; A H', H H'), then A'W */
  DNMF_TRY(begin_sums(l, &l->w, &l->w));    /* W'W */
  DNMF_TRY(sum_scatter(l, &l->h));          /* sum_i A_i'W_i */
  DNMF_TRY(end_sums(l, &l->w));
  update(l, &l->h);                      /* H <- update(H; A'W, W'W) */
  DNMF_TRY(begin_sums(l, &l->h, &l->h)); /* H H' */
  DNMF_TRY(gather(l, &l->h));
  return end_sums(l, &l->h);
}

static dnmf_status step(loop *l) {
  if (l->one_pass)
    return whole_step(l);
  if (l->first == &l->w)
    DNMF_TRY(half_step(l, &l->w, l->last)); /* W <- update(W; A H', H H'), then A'W, W'W  */
  if (l->last == &l->h)
    DNMF_TRY(half_step(l, &l->h, l->first)); /* H <- update(H; A'W, W'W), then A H', H H' */
  return DNMF_OK;
}

static double penalty(const side *s) {
  return s->l1 * s->control[CONTROL_SUM] + 0.5 * s->l2 * s->control[CONTROL_SQUARES];
}

static dnmf_status objective(loop *l, dnmf_fit_result *result) {
  l->arithmetic->evaluate(l, result);
  result->objective = l->loss + penalty(&l->w) + penalty(&l->h);
  return dnmf_fit_check_range(&l->context->error, l->a->precision, l->options->loss.divergence, l->loss);
}

/* The rules of scikit-learn's cd (gradient) and mu (objective), then the limits. */
static bool should_stop(loop *l, dnmf_fit_result *result) {
  const dnmf_fit_options *options = l->options;
  double violation = l->w.control[CONTROL_VIOLATION] + l->h.control[CONTROL_VIOLATION];
  if (result->iterations == 1)
    l->memory.first_violation = violation;
  result->violation = l->memory.first_violation > 0 ? violation / l->memory.first_violation : 0;
  if (options->tolerance > 0 && options->stop == DNMF_STOP_GRADIENT && result->violation <= options->tolerance)
    return dnmf_fit_stop(result, true, "gradient");
  if (options->tolerance > 0 && options->stop == DNMF_STOP_OBJECTIVE && result->iterations % 10 == 0) {
    double error = sqrt(2 * l->loss);
    double progress = (l->memory.checked_error - error) / l->memory.start_error;
    l->memory.checked_error = error;
    if (!(progress >= options->tolerance))
      return dnmf_fit_stop(result, true, "objective");
  }
  return dnmf_pace_limits(&l->pace, l->last->control + CONTROL_ASKS, result);
}

static dnmf_status record(loop *l, dnmf_fit_result *result, double seconds) {
  dnmf_step step = {.iteration = result->iterations,
                    .max_iterations = l->options->max_iterations,
                    .objective = result->objective,
                    .relative_error = sqrt(result->residual_squares / l->a->sum_squares),
                    .violation = l->options->stop == DNMF_STOP_GRADIENT ? result->violation : NAN,
                    .validation_rmse = NAN,
                    .seconds = dnmf_pace_seconds(&l->pace),
                    .iteration_seconds = seconds};
  return dnmf_fit_record(l->context, result, &step);
}

/* Everything as the last half-step of an iteration leaves it, and the start's objective. */
static dnmf_status evaluate_start(loop *l, dnmf_fit_result *result) {
  side *fixed = fixed_for(l, l->last);
  DNMF_TRY(begin_sums(l, fixed, fixed));
  DNMF_TRY(end_sums(l, fixed));
  DNMF_TRY(contribute(l, l->first));
  DNMF_TRY(begin_sums(l, l->last, l->first));
  DNMF_TRY(end_sums(l, l->last));
  DNMF_TRY(objective(l, result));
  l->memory.start_error = sqrt(2 * l->loss);
  l->memory.checked_error = l->memory.start_error;
  return DNMF_OK;
}

/* Where the fit begins: at its start, or with the result and memory of the jobs before. */
static dnmf_status begin(loop *l, dnmf_fit_result *result) {
  DNMF_TRY(evaluate_start(l, result));
  keep_failure(l, dnmf_fit_resume(&l->context->error, l->pace.plan, result, &l->memory));
  memset(&l->seconds, 0, sizeof l->seconds);
  memset(&l->context->traffic, 0, sizeof l->context->traffic);
  dnmf_pace_begin(&l->pace, result);
  if (result->history_count == 0)
    keep_failure(l, record(l, result, 0));
  return DNMF_OK;
}

static dnmf_status save(loop *l, const dnmf_fit_result *result) {
  dnmf_fit_state now = {.result = *result, .memory = l->memory};
  return dnmf_pace_save(&l->pace, l->last->control + CONTROL_ASKS, &now);
}

static dnmf_status iterate(loop *l, dnmf_fit_result *result) {
  DNMF_TRY(begin(l, result));
  double clock = l->pace.began;
  bool done = result->iterations >= l->options->max_iterations && dnmf_fit_stop(result, false, "max-iter");
  while (!done) {
    DNMF_TRY(step(l));
    result->iterations++;
    DNMF_TRY(objective(l, result));
    done = should_stop(l, result);
    keep_failure(l, record(l, result, dnmf_lap(&clock)));
    DNMF_TRY(save(l, result));
  }
  l->seconds.total = MPI_Wtime() - l->pace.began;
  result->best_iteration = result->iterations;
  return dnmf_agree(l->context, l->failure);
}

/* Sums and control values of one factor. */
static dnmf_status create_side(loop *l, dnmf_factor *x, side *s) {
  int64_t count = l->arithmetic->sum_count(l);
  void *memory = NULL;
  s->x = x;
  DNMF_TRY(dnmf_allocate_zero(&l->context->error, "sums of a factor", count + CONTROLS, sizeof(double), &memory));
  s->sums = memory;
  s->control = s->sums + count;
  return DNMF_OK;
}

/* A divergence is finite where A is positive, or beta is; all but Kullback-Leibler sum denominators too. */
static dnmf_status prepare_divergence(loop *l) {
  if (l->options->loss.beta <= 0)
    DNMF_TRY(dnmf_matrix_require_positive(l->context, l->a));
  if (dnmf_loss_is(l->options->loss, 1))
    return DNMF_OK;
  DNMF_TRY(dnmf_factor_add_denominators(l->context, l->w.x));
  return dnmf_factor_add_denominators(l->context, l->h.x);
}

static bool reads_once(const loop *l, int grid_cols) {
  const dnmf_job job = {.rows = l->a->rows,
                        .cols = l->a->cols,
                        .sparse = l->a->sparse,
                        .narrow = l->a->narrow,
                        .components = l->options->components,
                        .solver = l->options->solver,
                        .loss = l->options->loss,
                        .precision = l->a->precision};
  return dnmf_cost_is_one_pass(&job, grid_cols);
}

dnmf_status dnmf_fit(dnmf_context *context, const dnmf_fit_options *options, const dnmf_matrix *a, dnmf_factor *w,
                     dnmf_factor *h, dnmf_fit_result *result) {
  memset(result, 0, sizeof *result);
  result->validation_rmse = NAN;
  result->stop_reason = "unfinished";
  const dnmf_penalties *penalties = &options->penalties;
  bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  double scale_w = scaled ? (double)a->cols : 1;
  double scale_h = scaled ? (double)a->rows : 1;
  loop l = {.context = context, .options = options, .a = a};
  l.arithmetic = options->loss.divergence ? &dnmf_divergence_loss : &dnmf_squared_error;
  l.pace = (dnmf_pace){options->checkpointing, options->max_iterations, options->time_limit, .began = MPI_Wtime()};
  l.w = (side){.l1 = penalties->l1_w * scale_w, .l2 = penalties->l2_w * scale_w};
  l.h = (side){.transposed = true, .l1 = penalties->l1_h * scale_h, .l2 = penalties->l2_h * scale_h};
  l.first = options->fixed == DNMF_FIXED_W ? &l.h : &l.w;
  l.last = options->fixed == DNMF_FIXED_H ? &l.w : &l.h;
  l.one_pass = options->fixed == DNMF_FIXED_NONE && reads_once(&l, w->group_size);
  dnmf_status status = dnmf_check_scale(context, a);
  if (status == DNMF_OK)
    status = create_side(&l, w, &l.w);
  if (status == DNMF_OK)
    status = create_side(&l, h, &l.h);
  if (status == DNMF_OK && options->loss.divergence)
    status = prepare_divergence(&l);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = iterate(&l, result);
  if (status == DNMF_OK)
    status = dnmf_fit_collect(context, &l.seconds, result);
  result->passes = l.one_pass ? 1 : 2;
  dnmf_factor_drop_denominators(w);
  dnmf_factor_drop_denominators(h);
  free(l.w.sums);
  free(l.h.sums);
  return status;
}
