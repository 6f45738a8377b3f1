/*
 * The alternating update loop on a process grid (MPI-FAUN: Kannan, Ballard, Park 2016).
 *
 * An iteration is two half-steps, W with H fixed and H with W fixed; they are the same code on the two views of
 * the matrix. What the objective and the stopping rules need rides along with the Gram matrices' all-reduce, so
 * an iteration has two all-gathers, two reduce-scatters and two all-reduces, and no other synchronization.
 */
#include "dnmf/fit.h"

#include "result.h"

#include "dnmf/clock.h"
#include "dnmf/collective.h"
#include "dnmf/memory.h"
#include "dnmf/product.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values that ride along with a factor's Gram matrix, summed over all processes. */
enum { CONTROL_VIOLATION = 0, CONTROL_SUM, CONTROL_INNER, CONTROL_EXPIRED, CONTROL_FAILED, CONTROLS };

/* One factor X in its turn: X is updated while F, the other, is fixed. */
typedef struct side {
  dnmf_factor *x;
  dnmf_status (*multiply)(dnmf_context *, const dnmf_matrix *, const dnmf_panel *, dnmf_panel *);
  double l1;
  double l2;
  double *gram;    /* X'X, components x components, then the control values */
  double *control; /* points behind the Gram matrix */
} side;

typedef struct loop {
  dnmf_context *context;
  const dnmf_fit_options *options;
  const dnmf_matrix *a;
  side w;
  side h;
  side *last;          /* whose half-step ends an iteration: H's, or W's when H is fixed */
  dnmf_status failure; /* of local arithmetic here; shared with the next Gram matrix, so that nobody waits */
  double began;
  double first_violation;
  double start_error;   /* |A - WH|_F at the start */
  double checked_error; /* at the last check of the objective rule */
  dnmf_fit_seconds seconds;
} loop;

/* Keeps the first local failure until everybody hears of it. */
static void keep_failure(loop *l, dnmf_status status) {
  if (l->failure == DNMF_OK)
    l->failure = status;
}

static double sum_of(const dnmf_panel *panel) {
  double sum = 0;
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = 0; c < panel->components; c++)
      sum += dnmf_panel_get(panel, row, c);
  return sum;
}

/* B = A F over all processes: own rows of the sum are left in x->products. */
static dnmf_status multiply(loop *l, side *s, dnmf_factor *fixed) {
  dnmf_factor *x = s->x;
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_gather(l->context, fixed)); /* F under this block   */
  l->seconds.exchange += dnmf_lap(&clock);
  keep_failure(l, s->multiply(l->context, l->a, &fixed->gathered, &x->partial)); /* A_ij F_j */
  l->seconds.product += dnmf_lap(&clock);
  DNMF_TRY(dnmf_factor_sum_scatter(l->context, x)); /* B = sum_j A_ij F_j   */
  l->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

/* X'X over all processes, with the control values. */
static dnmf_status gram(loop *l, side *s) {
  double clock = MPI_Wtime();
  int k = l->options->components;
  keep_failure(l, dnmf_panel_gram(l->context, &s->x->mine, s->gram));
  if (s->l1 > 0)
    s->control[CONTROL_SUM] = sum_of(&s->x->mine);
  s->control[CONTROL_INNER] = dnmf_panel_dot(l->context, &s->x->products, &s->x->mine); /* <B, X>   */
  s->control[CONTROL_EXPIRED] = MPI_Wtime() - l->began > l->options->time_limit;
  s->control[CONTROL_FAILED] = l->failure != DNMF_OK;
  l->seconds.gram += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram(l->context, s->gram, (int64_t)k * k, CONTROLS));
  l->seconds.exchange += dnmf_lap(&clock);
  return s->control[CONTROL_FAILED] > 0 ? dnmf_agree(l->context, l->failure) : DNMF_OK;
}

static void update(loop *l, side *s, const side *fixed) {
  double clock = MPI_Wtime();
  dnmf_update rows = {.rows = s->x->mine.rows,
                      .components = l->options->components,
                      .x = s->x->mine.data,
                      .products = s->x->products.data,
                      .gram = fixed->gram,
                      .l1 = s->l1,
                      .l2 = s->l2,
                      .want_violation = l->options->stop == DNMF_STOP_GRADIENT};
  keep_failure(l, dnmf_solver_update(l->options->solver, l->a->precision, l->context->isa, l->context->threads, &rows,
                                     &l->context->error));
  s->control[CONTROL_VIOLATION] = rows.violation;
  l->seconds.update += dnmf_lap(&clock);
}

/* X <- update(X; A F, F'F), then X'X. While F is fixed for good, A F is what the start left. */
static dnmf_status half_step(loop *l, side *s, side *fixed) {
  if (l->options->fixed == DNMF_FIXED_NONE)
    DNMF_TRY(multiply(l, s, fixed->x));
  update(l, s, fixed);
  return gram(l, s);
}

/* The terms are the same numbers on all processes, so all of them fail together. */
static dnmf_status check_range(loop *l, double residual) {
  bool single = l->a->precision == DNMF_SINGLE;
  if (isfinite(residual))
    return DNMF_OK;
  return dnmf_fail(&l->context->error, DNMF_ERROR_INPUT,
                   "the objective is beyond the range of %s precision: the values of the matrix are too large; scale "
                   "the matrix%s",
                   dnmf_precision_name(l->a->precision), single ? " or use --precision double" : "");
}

/* 1/2 (|A|^2 - 2 <A'W, H> + <W'W, H'H>), from what the last half-step left behind; then the penalties. */
static dnmf_status objective(loop *l, dnmf_fit_result *result) {
  int k = l->options->components;
  double crossed = 0;
  double trace_w = 0;
  double trace_h = 0;
  for (int i = 0; i < k * k; i++)
    crossed += l->w.gram[i] * l->h.gram[i];
  for (int i = 0; i < k; i++) {
    trace_w += l->w.gram[(int64_t)i * k + i];
    trace_h += l->h.gram[(int64_t)i * k + i];
  }
  double inner = l->last->control[CONTROL_INNER];
  double residual = l->a->sum_squares - 2 * inner + crossed;
  DNMF_TRY(check_range(l, residual));
  double rounding = 8 * dnmf_precision_epsilon(l->a->precision) * (l->a->sum_squares + 2 * inner + crossed);
  result->below_rounding = residual < rounding;
  result->residual_squares = residual > 0 ? residual : 0;
  result->objective = 0.5 * result->residual_squares + l->w.l1 * l->w.control[CONTROL_SUM] +
                      l->h.l1 * l->h.control[CONTROL_SUM] + 0.5 * (l->w.l2 * trace_w + l->h.l2 * trace_h);
  return DNMF_OK;
}

static bool stop(dnmf_fit_result *result, bool converged, const char *reason) {
  result->converged = converged;
  result->stop_reason = reason;
  return true;
}

/* The rules of scikit-learn's cd (gradient) and mu (objective), then the limits. */
static bool should_stop(loop *l, dnmf_fit_result *result) {
  const dnmf_fit_options *options = l->options;
  double violation = l->w.control[CONTROL_VIOLATION] + l->h.control[CONTROL_VIOLATION];
  if (result->iterations == 1)
    l->first_violation = violation;
  result->violation = l->first_violation > 0 ? violation / l->first_violation : 0;
  if (options->tolerance > 0 && options->stop == DNMF_STOP_GRADIENT && result->violation <= options->tolerance)
    return stop(result, true, "gradient");
  if (options->tolerance > 0 && options->stop == DNMF_STOP_OBJECTIVE && result->iterations % 10 == 0) {
    double error = sqrt(result->residual_squares);
    double progress = (l->checked_error - error) / l->start_error;
    l->checked_error = error;
    if (!(progress >= options->tolerance))
      return stop(result, true, "objective");
  }
  if (l->last->control[CONTROL_EXPIRED] > 0)
    return stop(result, false, "time-limit");
  return result->iterations >= options->max_iterations && stop(result, false, "max-iter");
}

static dnmf_status record(loop *l, dnmf_fit_result *result, double seconds) {
  dnmf_step step = {.iteration = result->iterations,
                    .max_iterations = l->options->max_iterations,
                    .objective = result->objective,
                    .relative_error = sqrt(result->residual_squares / l->a->sum_squares),
                    .violation = l->options->stop == DNMF_STOP_GRADIENT ? result->violation : NAN,
                    .validation_rmse = NAN,
                    .seconds = MPI_Wtime() - l->began,
                    .iteration_seconds = seconds};
  return dnmf_fit_record(l->context, result, &step);
}

/* The start's Gram matrices and objective: one product, no update. */
static dnmf_status evaluate_start(loop *l, dnmf_fit_result *result) {
  side *other = l->last == &l->h ? &l->w : &l->h;
  DNMF_TRY(gram(l, other));
  DNMF_TRY(multiply(l, l->last, other->x));
  DNMF_TRY(gram(l, l->last));
  DNMF_TRY(objective(l, result));
  l->start_error = sqrt(result->residual_squares);
  l->checked_error = l->start_error;
  return DNMF_OK;
}

static dnmf_status iterate(loop *l, dnmf_fit_result *result) {
  DNMF_TRY(evaluate_start(l, result));
  memset(&l->seconds, 0, sizeof l->seconds);
  memset(&l->context->traffic, 0, sizeof l->context->traffic);
  l->began = MPI_Wtime();
  double clock = l->began;
  keep_failure(l, record(l, result, 0));
  bool done = l->options->max_iterations == 0 && stop(result, false, "max-iter");
  while (!done) {
    if (l->options->fixed != DNMF_FIXED_W)
      DNMF_TRY(half_step(l, &l->w, &l->h)); /* W <- update(W; A H', H H')   */
    if (l->options->fixed != DNMF_FIXED_H)
      DNMF_TRY(half_step(l, &l->h, &l->w)); /* H <- update(H; A'W, W'W)     */
    result->iterations++;
    DNMF_TRY(objective(l, result));
    done = should_stop(l, result);
    keep_failure(l, record(l, result, dnmf_lap(&clock)));
  }
  l->seconds.total = MPI_Wtime() - l->began;
  result->best_iteration = result->iterations;
  return dnmf_agree(l->context, l->failure);
}

/* Gram matrix and control values of one factor. */
static dnmf_status create_side(loop *l, dnmf_factor *x, side *s) {
  int64_t squares = (int64_t)x->components * x->components;
  void *memory = NULL;
  s->x = x;
  DNMF_TRY(dnmf_allocate_zero(&l->context->error, "Gram matrix", squares + CONTROLS, sizeof(double), &memory));
  s->gram = memory;
  s->control = s->gram + squares;
  return DNMF_OK;
}

dnmf_status dnmf_fit(dnmf_context *context, const dnmf_fit_options *options, const dnmf_matrix *a, dnmf_factor *w,
                     dnmf_factor *h, dnmf_fit_result *result) {
  memset(result, 0, sizeof *result);
  result->validation_rmse = NAN;
  const dnmf_penalties *penalties = &options->penalties;
  bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  double scale_w = scaled ? (double)a->cols : 1;
  double scale_h = scaled ? (double)a->rows : 1;
  loop l = {.context = context, .options = options, .a = a, .began = MPI_Wtime()};
  l.w = (side){.multiply = dnmf_multiply, .l1 = penalties->l1_w * scale_w, .l2 = penalties->l2_w * scale_w};
  l.h = (side){.multiply = dnmf_multiply_transposed, .l1 = penalties->l1_h * scale_h, .l2 = penalties->l2_h * scale_h};
  l.last = options->fixed == DNMF_FIXED_H ? &l.w : &l.h;
  dnmf_status status = create_side(&l, w, &l.w);
  if (status == DNMF_OK)
    status = create_side(&l, h, &l.h);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = iterate(&l, result);
  if (status == DNMF_OK)
    status = dnmf_fit_collect(context, &l.seconds, result);
  free(l.w.gram);
  free(l.h.gram);
  return status;
}
