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
_Static_assert((int)AHEAD_SUMS == (int)DNMF_COST_AHEAD_SUMS, "the cost model counts what travels");
_Static_assert((int)HELD_SUMS == (int)DNMF_COST_HELD_SUMS, "the cost model counts what travels");

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
  if (!s->gathered) {
    dnmf_zeros_join_rows(z, s, (dnmf_range){0, s->x->mine.rows});
    DNMF_TRY(
        dnmf_factor_gather_panel(z->context, s->x, dnmf_zeros_is_alone(s) ? zeros_sent(&s->rows[0]) : &s->x->mine));
  }
  s->gathered = true;
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

static dnmf_status zeros_sum_scatter(zeros_fit *z, zeros_factor *y) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_sum_scatter(z->context, y->x));
  dnmf_zeros_split_products(z, y, (dnmf_range){0, y->x->products.rows});
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

/* Cells taken out of A count with their current prediction in each start. */
static dnmf_status zeros_fill(zeros_fit *z, zeros_factor *y) {
  const int k = z->settings->components;
  dnmf_status status = DNMF_OK;
  for (int s = 0; s < z->starts && status == DNMF_OK; s++)
    status = dnmf_held_cells_contribute(z->context, z->held, z->a, &z->w.x->gathered, &z->h.x->gathered,
                                        (dnmf_held_slice){s * k, k}, y->transposed, &y->x->partial,
                                        y == z->first ? &z->held_sums[s] : NULL);
  return status;
}

/* What the update of Y needs from A, summed over all processes: own rows are left in the products of Y. */
static dnmf_status zeros_contribute(zeros_fit *z, zeros_factor *y) {
  DNMF_TRY(zeros_gather(z, fixed_for(z, y))); /* F under this block */
  if (z->arithmetic->needs_both || z->held)
    DNMF_TRY(zeros_gather(z, y));
  double clock = MPI_Wtime();
  dnmf_loop_keep_failure(z->loop, z->arithmetic->contribute(z, y)); /* A_ij F_j */
  if (z->held)
    dnmf_loop_keep_failure(z->loop, zeros_fill(z, y)); /* ... at their prediction, cells taken out */
  z->loop->seconds.product += dnmf_lap(&clock);
  return zeros_sum_scatter(z, y); /* sum_j A_ij F_j */
}

/* X's sums over all processes, with the control values, begin: others can be at work until end_sums. */
static dnmf_status zeros_begin_sums(zeros_fit *z, zeros_factor *x, const zeros_factor *paired) {
  double clock = MPI_Wtime();
  dnmf_loop_keep_failure(z->loop, z->arithmetic->sum(z, x, paired));
  for (int s = 0; s < z->starts; s++) {
    const dnmf_panel *mine = &x->rows[s].mine;
    double *control = zeros_control(z, x, s);
    control[CONTROL_SUM] = x->l1 > 0 ? dnmf_panel_sum(mine) : 0;
    control[CONTROL_SQUARES] = x->l2 > 0 ? dnmf_panel_dot(z->context, mine, mine) : 0;
    control[CONTROL_FAILED] = z->loop->failure != DNMF_OK;
    dnmf_loop_ask(z->loop, control + CONTROL_ASKS);
    zeros_ahead_sum(z, x, s);
    if (z->held) {
      const dnmf_held_sums *sums = &z->held_sums[s];
      memcpy(zeros_held(z, x, s), (double[HELD_SUMS]){sums->squares, sums->loss, sums->filled},
             HELD_SUMS * sizeof(double));
    }
  }
  z->loop->seconds.gram += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram_begin(z->context, x->sums, z->starts * z->count, z->starts * zeros_control_count(z)));
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

static dnmf_status zeros_end_sums(zeros_fit *z, const zeros_factor *x) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_sum_gram_end(z->context));
  z->loop->seconds.exchange += dnmf_lap(&clock);
  return zeros_control(z, x, 0)[CONTROL_FAILED] > 0 ? dnmf_agree(z->context, z->loop->failure) : DNMF_OK;
}

/* X <- update(X; its products, the sums of F), then the sums of X and what Y needs of it, its products. The sums travel
 * while the products are made, unless they are made of the same: P = WH, of divergences and where cells are taken out
 * of A. What depends on F alone stays when F is fixed for good. */
static dnmf_status zeros_half_step(zeros_fit *z, zeros_factor *x, zeros_factor *y) {
  const bool together = z->arithmetic->needs_both || z->held;
  zeros_update(z, x);
  if (together)
    DNMF_TRY(zeros_contribute(z, y));
  DNMF_TRY(zeros_begin_sums(z, x, z->held ? y : x)); /* of cells at the prediction of both as they are now */
  if (!together && x != y)
    DNMF_TRY(zeros_contribute(z, y));
  DNMF_TRY(zeros_end_sums(z, x));
  if (x == &z->w)
    zeros_ahead_look(z, x);
  return DNMF_OK;
}

/* Both half-steps with A read once, where this process holds whole rows of it. */
static dnmf_status zeros_whole_step(zeros_fit *z) {
  DNMF_TRY(zeros_gather(z, &z->h));                         /* again only when a start has left */
  dnmf_loop_keep_failure(z->loop, z->arithmetic->sweep(z)); /* tile by tile: W <- update(W; A H', H H'), then A'W */
  DNMF_TRY(zeros_begin_sums(z, &z->w, &z->w));              /* W'W */
  DNMF_TRY(zeros_sum_scatter(z, &z->h));                    /* sum_i A_i'W_i */
  DNMF_TRY(zeros_end_sums(z, &z->w));
  zeros_ahead_look(z, &z->w);
  zeros_update(z, &z->h);                      /* H <- update(H; A'W, W'W) */
  DNMF_TRY(zeros_begin_sums(z, &z->h, &z->h)); /* H H' */
  DNMF_TRY(zeros_gather(z, &z->h));
  return zeros_end_sums(z, &z->h);
}

static double zeros_penalty(const zeros_factor *x, const double *control) {
  return x->l1 * control[CONTROL_SUM] + 0.5 * x->l2 * control[CONTROL_SQUARES];
}

/* The loss of each start where the last half-step ended, and what rode along. */
static void zeros_evaluate(const zeros_fit *z, dnmf_reached *all) {
  for (int s = 0; s < z->starts; s++) {
    dnmf_reached *reached = &all[z->numbers[s]];
    const double *w = zeros_control(z, &z->w, s);
    const double *h = zeros_control(z, &z->h, s);
    reached->penalty = zeros_penalty(&z->w, w) + zeros_penalty(&z->h, h);
    z->arithmetic->evaluate(z, s, reached);
    reached->watched = reached->loss;
    reached->violation = w[CONTROL_VIOLATION] + h[CONTROL_VIOLATION];
    if (z->held) {
      const double *held = zeros_held(z, z->last, s);
      reached->held_out_squares = held[HELD_SQUARES];
      reached->held_out_loss = held[HELD_LOSS];
      reached->held_out_count = (double)z->held->held_out;
    }
    memcpy(reached->asks, zeros_control(z, z->last, s) + CONTROL_ASKS, sizeof reached->asks);
  }
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
  zeros_ahead_remember(z, reached);
  return DNMF_OK;
}

/* Everything as the last half-step of an iteration leaves it, and the start's loss. */
static dnmf_status zeros_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  zeros_fit *z = state;
  zeros_factor *fixed = fixed_for(z, z->last);
  zeros_ahead_begin(z);
  dnmf_best_model_resume(loop->fits[0].resume, &z->best);
  DNMF_TRY(zeros_begin_sums(z, fixed, fixed));
  DNMF_TRY(zeros_end_sums(z, fixed));
  DNMF_TRY(zeros_contribute(z, z->first));
  DNMF_TRY(zeros_begin_sums(z, z->last, z->first));
  DNMF_TRY(zeros_end_sums(z, z->last));
  zeros_ahead_look(z, z->last);
  zeros_evaluate(z, reached);
  return DNMF_OK;
}

/* Sums and control values of one factor, of each start. */
static dnmf_status zeros_create_sums(zeros_fit *z, zeros_factor *x) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&z->context->error, "sums of a factor", z->starts * (z->count + zeros_control_count(z)),
                              sizeof(double), &memory));
  x->sums = memory;
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

static bool zeros_reads_once(const zeros_fit *z) {
  const dnmf_job job = {.rows = z->a->rows,
                        .cols = z->a->cols,
                        .sparse = z->a->sparse,
                        .narrow = z->a->narrow,
                        .components = z->settings->components,
                        .starts = z->starts,
                        .solver = z->settings->solver,
                        .loss = z->settings->loss,
                        .precision = z->a->precision};
  return z->settings->fixed == DNMF_FIXED_NONE && !z->held && dnmf_cost_is_one_pass(&job, z->w.x->group_size);
}

static dnmf_status zeros_open(dnmf_loop *loop, void *state) {
  zeros_fit *z = state;
  z->loop = loop;
  DNMF_TRY(dnmf_held_cells_check(&z->context->error, z->a, z->held));
  DNMF_TRY(zeros_create_sums(z, &z->w));
  DNMF_TRY(zeros_create_sums(z, &z->h));
  DNMF_TRY(dnmf_best_model_open(&z->context->error, &z->best));
  DNMF_TRY(zeros_ahead_open(z));
  if (z->held) {
    void *memory = NULL;
    DNMF_TRY(
        dnmf_allocate_zero(&z->context->error, "sums over held-out cells", z->starts, sizeof *z->held_sums, &memory));
    z->held_sums = memory;
  }
  return z->settings->loss.divergence ? zeros_prepare_divergence(z) : DNMF_OK;
}

/* The starts whose fits are done leave the others. */
static void zeros_leave(dnmf_loop *loop, void *state) {
  zeros_fit *z = state;
  int running = 0;
  for (int s = 0; s < z->starts; s++)
    running += !loop->fits[z->numbers[s]].done;
  if (running == z->starts || running == 0)
    return;
  dnmf_zeros_narrow(z, &z->w, running);
  dnmf_zeros_narrow(z, &z->h, running);
  for (int s = 0, to = 0; s < z->starts; s++)
    if (!loop->fits[z->numbers[s]].done)
      z->numbers[to++] = z->numbers[s];
  z->starts = running;
  z->one_pass = zeros_reads_once(z);
}

static void zeros_close(void *state) {
  zeros_fit *z = state;
  dnmf_factor_drop_denominators(z->w.x);
  dnmf_factor_drop_denominators(z->h.x);
  free(z->w.sums);
  free(z->h.sums);
  free(z->held_sums);
  zeros_ahead_close(z);
  dnmf_best_model_close(&z->best);
}

static void zeros_keep_best(dnmf_loop *loop, void *state) {
  zeros_fit *z = state;
  (void)loop;
  dnmf_best_model_keep(&z->best);
}

static dnmf_status zeros_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  const zeros_fit *z = state;
  (void)loop;
  dnmf_best_model_save(&z->best, now);
  zeros_ahead_save(z, now);
  return DNMF_OK;
}

static dnmf_status zeros_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  const zeros_fit *z = state;
  (void)loop;
  (void)reached;
  dnmf_best_model_settle(&z->best);
  return DNMF_OK;
}

static const dnmf_problem_kind zeros_kind = {.open = zeros_open,
                                             .begin = zeros_begin,
                                             .step = zeros_step,
                                             .leave = zeros_leave,
                                             .keep_best = zeros_keep_best,
                                             .save = zeros_save,
                                             .settle = zeros_settle,
                                             .close = zeros_close};

/* The state of a fit whose starts, their rows and numbers are given. */
static zeros_fit zeros_of(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                          dnmf_factor *h) {
  const dnmf_penalties *penalties = &settings->penalties;
  const bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  const double scale_w = scaled ? (double)a->cols : 1;
  const double scale_h = scaled ? (double)a->rows : 1;
  zeros_fit z = {.context = context, .settings = settings, .a = a, .held = settings->held};
  z.arithmetic = settings->loss.divergence ? &dnmf_divergence_loss : &dnmf_squared_error;
  z.count = z.arithmetic->sum_count(&z);
  z.w = (zeros_factor){.x = w, .l1 = penalties->l1_w * scale_w, .l2 = penalties->l2_w * scale_w};
  z.h = (zeros_factor){.x = h, .transposed = true, .l1 = penalties->l1_h * scale_h, .l2 = penalties->l2_h * scale_h};
  return z;
}

/* The loop's problem, once the state stays where it is. */
static dnmf_problem zeros_problem(zeros_fit *z) {
  z->first = z->settings->fixed == DNMF_FIXED_W ? &z->h : &z->w;
  z->last = z->settings->fixed == DNMF_FIXED_H ? &z->w : &z->h;
  z->one_pass = zeros_reads_once(z);
  return (dnmf_problem){.kind = &zeros_kind,
                        .state = z,
                        .precision = z->a->precision,
                        .sum = z->a->sum,
                        .sum_squares = z->a->sum_squares,
                        .holds_out = z->best.kept,
                        .passes = z->one_pass ? 1 : 2};
}

dnmf_status dnmf_fit_zeros(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a, dnmf_factor *w,
                           dnmf_factor *h, dnmf_fit_result *result) {
  if (settings->solver == DNMF_SOLVER_NEWTON)
    return dnmf_fit_newton(context, settings, a, w, h, result);
  zeros_fit z = zeros_of(context, settings, a, w, h);
  zeros_rows w_rows = {.mine = w->mine, .products = w->products};
  zeros_rows h_rows = {.mine = h->mine, .products = h->products};
  int number = 0;
  z.best = (dnmf_best_model){z.held && settings->stop == DNMF_STOP_VALIDATION, &w->mine, &h->mine, {0}, {0}};
  z.starts = 1;
  z.numbers = &number;
  z.w.rows = &w_rows;
  z.h.rows = &h_rows;
  const dnmf_problem problem = zeros_problem(&z);
  return dnmf_loop_run(context, settings, &problem, result);
}

/* Rows of all starts, and their products. */
static dnmf_status zeros_create_rows(dnmf_error *error, int count, const dnmf_zeros_panels *starts, zeros_factor *x) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "starts side by side", count, sizeof(zeros_rows), &memory));
  x->rows = memory;
  for (int s = 0; s < count; s++) {
    const dnmf_panel *mine = x->transposed ? starts[s].h : starts[s].w;
    x->rows[s].mine = *mine;
    if (x->transposed)
      x->rows[s].ahead = *starts[s].ahead;
    DNMF_TRY(dnmf_panel_create(error, "products with A", mine->rows, mine->components, mine->precision,
                               &x->rows[s].products));
  }
  return DNMF_OK;
}

static void zeros_free_rows(int count, zeros_factor *x) {
  for (int s = 0; x->rows && s < count; s++)
    dnmf_panel_free(&x->rows[s].products);
  free(x->rows);
}

dnmf_status dnmf_fit_zeros_together(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                                    dnmf_factor *w, dnmf_factor *h, int count, const dnmf_zeros_panels *starts,
                                    dnmf_loop_fit *fits) {
  if (settings->solver == DNMF_SOLVER_NEWTON)
    return dnmf_fit_newton_start(context, settings, a, w, h, starts[0].w, starts[0].h, fits);
  zeros_fit z = zeros_of(context, settings, a, w, h);
  void *numbers = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "starts side by side", count, sizeof(int), &numbers);
  z.numbers = numbers;
  z.starts = count;
  for (int s = 0; s < count && status == DNMF_OK; s++)
    z.numbers[s] = s;
  if (status == DNMF_OK)
    status = zeros_create_rows(&context->error, count, starts, &z.w);
  if (status == DNMF_OK)
    status = zeros_create_rows(&context->error, count, starts, &z.h);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    const dnmf_problem problem = zeros_problem(&z);
    status = dnmf_loop_run_together(context, settings, &problem, count, fits);
  }
  zeros_free_rows(count, &z.w);
  zeros_free_rows(count, &z.h);
  free(numbers);
  return status;
}
