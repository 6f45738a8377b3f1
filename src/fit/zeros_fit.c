/*
 * Fits with zeros on a process grid (MPI-FAUN: Kannan, Ballard, Park 2016).
 *
 * An iteration is two half-steps, W with H fixed and H with W fixed; they are the same code on the two views of the
 * matrix. A half-step updates a factor and makes what the next update needs of it, so that the loss of what has been
 * reached is known when an iteration ends, without a look at A of its own. What the objective and the stopping rules
 * need rides along with the all-reduce of the factors' sums, which travels while A is multiplied: an iteration has two
 * all-gathers, two reduce-scatters and two all-reduces, and no other synchronization. On a grid of one column the same
 * iterates come from one pass over A.
 */
#include "fit/zeros_fit.h"

#include "fit/newton_fit.h"
#include "fit/zeros_state.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)CONTROLS == (int)DNMF_COST_CONTROLS, "the cost model counts what travels");

/* The other factor: the one that is fixed in this one's turn. */
static zeros_factor *fixed_for(zeros_fit *z, const zeros_factor *s) {
  return s == &z->w ? &z->h : &z->w;
}

static void zeros_update(zeros_fit *z, zeros_factor *x) {
  double clock = MPI_Wtime();
  dnmf_loop_keep_failure(z->loop, z->arithmetic->update(z, x, fixed_for(z, x)));
  x->gathered = false;
  z->loop->seconds.update += dnmf_lap(&clock);
}

static dnmf_status zeros_gather(zeros_fit *z, zeros_factor *s) {
  double clock = MPI_Wtime();
  if (!s->gathered)
    DNMF_TRY(dnmf_factor_gather(z->context, s->x));
  s->gathered = true;
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

static dnmf_status zeros_sum_scatter(zeros_fit *z, zeros_factor *y) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_sum_scatter(z->context, y->x));
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

/* What the update of Y needs from A, summed over all processes: own rows are left in y->x->products. */
static dnmf_status zeros_contribute(zeros_fit *z, zeros_factor *y) {
  DNMF_TRY(zeros_gather(z, fixed_for(z, y))); /* F under this block */
  if (z->arithmetic->needs_both)
    DNMF_TRY(zeros_gather(z, y));
  double clock = MPI_Wtime();
  dnmf_loop_keep_failure(z->loop, z->arithmetic->contribute(z, y)); /* A_ij F_j */
  z->loop->seconds.product += dnmf_lap(&clock);
  return zeros_sum_scatter(z, y); /* sum_j A_ij F_j */
}

/* X's sums over all processes, with the control values, begin: others can be at work until end_sums. */
static dnmf_status zeros_begin_sums(zeros_fit *z, zeros_factor *x, const zeros_factor *paired) {
  double clock = MPI_Wtime();
  dnmf_loop_keep_failure(z->loop, z->arithmetic->sum(z, x, paired));
  x->control[CONTROL_SUM] = x->l1 > 0 ? dnmf_panel_sum(&x->x->mine) : 0;
  x->control[CONTROL_SQUARES] = x->l2 > 0 ? dnmf_panel_dot(z->context, &x->x->mine, &x->x->mine) : 0;
  x->control[CONTROL_FAILED] = z->loop->failure != DNMF_OK;
  dnmf_loop_ask(z->loop, x->control + CONTROL_ASKS);
  z->loop->seconds.gram += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram_begin(z->context, x->sums, z->arithmetic->sum_count(z), CONTROLS));
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

static dnmf_status zeros_end_sums(zeros_fit *z, const zeros_factor *x) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_sum_gram_end(z->context));
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return x->control[CONTROL_FAILED] > 0 ? dnmf_agree(z->context, z->loop->failure) : DNMF_OK;
}

/* X <- update(X; its products, the sums of F), then the sums of X and what Y needs of it, its products. The sums travel
 * while the products are made, unless they are made of the same: P = WH. What depends on F alone stays when F is fixed
 * for good. */
static dnmf_status zeros_half_step(zeros_fit *z, zeros_factor *x, zeros_factor *y) {
  const bool together = z->arithmetic->needs_both;
  zeros_update(z, x);
  if (together)
    DNMF_TRY(zeros_contribute(z, y));
  DNMF_TRY(zeros_begin_sums(z, x, x));
  if (!together && x != y)
    DNMF_TRY(zeros_contribute(z, y));
  return zeros_end_sums(z, x);
}

/* Both half-steps with A read once, where this process holds whole rows of it. */
static dnmf_status zeros_whole_step(zeros_fit *z) {
  dnmf_loop_keep_failure(z->loop, z->arithmetic->sweep(z)); /* tile by tile: W <- update(W; A H', H H'), then A'W */
  DNMF_TRY(zeros_begin_sums(z, &z->w, &z->w));              /* W'W */
  DNMF_TRY(zeros_sum_scatter(z, &z->h));                    /* sum_i A_i'W_i */
  DNMF_TRY(zeros_end_sums(z, &z->w));
  zeros_update(z, &z->h);                      /* H <- update(H; A'W, W'W) */
  DNMF_TRY(zeros_begin_sums(z, &z->h, &z->h)); /* H H' */
  DNMF_TRY(zeros_gather(z, &z->h));
  return zeros_end_sums(z, &z->h);
}

static double zeros_penalty(const zeros_factor *x) {
  return x->l1 * x->control[CONTROL_SUM] + 0.5 * x->l2 * x->control[CONTROL_SQUARES];
}

/* The loss where the last half-step ended, and what rode along. */
static void zeros_evaluate(const zeros_fit *z, dnmf_reached *reached) {
  z->arithmetic->evaluate(z, reached);
  reached->watched = reached->loss;
  reached->penalty = zeros_penalty(&z->w) + zeros_penalty(&z->h);
  reached->violation = z->w.control[CONTROL_VIOLATION] + z->h.control[CONTROL_VIOLATION];
  memcpy(reached->asks, z->last->control + CONTROL_ASKS, sizeof reached->asks);
}

static dnmf_status zeros_step(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  zeros_fit *z = state;
  (void)loop;
  if (z->one_pass)
    DNMF_TRY(zeros_whole_step(z));
  else if (z->first == &z->w)
    DNMF_TRY(zeros_half_step(z, &z->w, z->last)); /* W <- update(W; A H', H H'), then A'W, W'W  */
  if (!z->one_pass && z->last == &z->h)
    DNMF_TRY(zeros_half_step(z, &z->h, z->first)); /* H <- update(H; A'W, W'W), then A H', H H' */
  zeros_evaluate(z, reached);
  return DNMF_OK;
}

/* Everything as the last half-step of an iteration leaves it, and the start's loss. */
static dnmf_status zeros_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  zeros_fit *z = state;
  zeros_factor *fixed = fixed_for(z, z->last);
  (void)loop;
  DNMF_TRY(zeros_begin_sums(z, fixed, fixed));
  DNMF_TRY(zeros_end_sums(z, fixed));
  DNMF_TRY(zeros_contribute(z, z->first));
  DNMF_TRY(zeros_begin_sums(z, z->last, z->first));
  DNMF_TRY(zeros_end_sums(z, z->last));
  zeros_evaluate(z, reached);
  return DNMF_OK;
}

/* Sums and control values of one factor. */
static dnmf_status zeros_create_sums(zeros_fit *z, zeros_factor *x) {
  const int64_t count = z->arithmetic->sum_count(z);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&z->context->error, "sums of a factor", count + CONTROLS, sizeof(double), &memory));
  x->sums = memory;
  x->control = x->sums + count;
  return DNMF_OK;
}

/* A divergence is finite where A is positive, or beta is; all but Kullback-Leibler sum denominators too. */
static dnmf_status zeros_prepare_divergence(zeros_fit *z) {
  if (z->settings->loss.beta <= 0)
    DNMF_TRY(dnmf_matrix_require_positive(z->context, z->a));
  if (dnmf_loss_is(z->settings->loss, 1))
    return DNMF_OK;
  DNMF_TRY(dnmf_factor_add_denominators(z->context, z->w.x));
  return dnmf_factor_add_denominators(z->context, z->h.x);
}

static dnmf_status zeros_open(dnmf_loop *loop, void *state) {
  zeros_fit *z = state;
  z->loop = loop;
  DNMF_TRY(zeros_create_sums(z, &z->w));
  DNMF_TRY(zeros_create_sums(z, &z->h));
  return z->settings->loss.divergence ? zeros_prepare_divergence(z) : DNMF_OK;
}

static void zeros_close(void *state) {
  zeros_fit *z = state;
  dnmf_factor_drop_denominators(z->w.x);
  dnmf_factor_drop_denominators(z->h.x);
  free(z->w.sums);
  free(z->h.sums);
}

static const dnmf_problem_kind zeros_kind = {
    .open = zeros_open, .begin = zeros_begin, .step = zeros_step, .close = zeros_close};

static bool reads_once(const zeros_fit *z, int grid_cols) {
  const dnmf_job job = {.rows = z->a->rows,
                        .cols = z->a->cols,
                        .sparse = z->a->sparse,
                        .narrow = z->a->narrow,
                        .components = z->settings->components,
                        .solver = z->settings->solver,
                        .loss = z->settings->loss,
                        .precision = z->a->precision};
  return dnmf_cost_is_one_pass(&job, grid_cols);
}

dnmf_status dnmf_fit_zeros(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                           dnmf_factor *h, dnmf_fit_result *result) {
  if (settings->solver == DNMF_SOLVER_NEWTON)
    return dnmf_fit_newton(context, settings, a, w, h, result);
  const dnmf_penalties *penalties = &settings->penalties;
  const bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  const double scale_w = scaled ? (double)a->cols : 1;
  const double scale_h = scaled ? (double)a->rows : 1;
  zeros_fit z = {.context = context, .settings = settings, .a = a};
  z.arithmetic = settings->loss.divergence ? &dnmf_divergence_loss : &dnmf_squared_error;
  z.w = (zeros_factor){.x = w, .l1 = penalties->l1_w * scale_w, .l2 = penalties->l2_w * scale_w};
  z.h = (zeros_factor){.x = h, .transposed = true, .l1 = penalties->l1_h * scale_h, .l2 = penalties->l2_h * scale_h};
  z.first = settings->fixed == DNMF_FIXED_W ? &z.h : &z.w;
  z.last = settings->fixed == DNMF_FIXED_H ? &z.w : &z.h;
  z.one_pass = settings->fixed == DNMF_FIXED_NONE && reads_once(&z, w->group_size);
  const dnmf_problem problem = {.kind = &zeros_kind,
                                .state = &z,
                                .precision = a->precision,
                                .sum = a->sum,
                                .sum_squares = a->sum_squares,
                                .passes = z.one_pass ? 1 : 2};
  return dnmf_loop_run(context, settings, &problem, result);
}
