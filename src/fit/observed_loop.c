/*
 * The alternating loop over observed entries.
 *
 * An iteration: fetch the columns' factors the owned rows need, solve the owned rows; fetch the rows' factors the
 * owned columns need, solve the owned columns; one all-reduce of a few sums. Held-out entries are predicted with
 * the factors as an iteration leaves them.
 */
#include "fit/fit_observed.h"

#include "center.h"
#include "held_out.h"
#include "pace.h"
#include "result.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_EVERY = 10 };

_Static_assert((int)OBSERVED_SUMS == (int)DNMF_COST_OBSERVED_SUMS, "the cost model counts what travels");
_Static_assert((int)CENTER_EXTRA == (int)DNMF_COST_MEAN_ROW_EXTRA, "the cost model counts what travels");

typedef dnmf_observed_sums sums;

/* One factor in its turn. */
typedef struct side {
  const dnmf_ratings_view *view;
  dnmf_panel *x;
  dnmf_panel *other;
  dnmf_panel needed; /* rows of the other factor */
  center center;     /* what l2 pulls the rows towards; empty: zero */
  bool fit_bias;
  double l1;
  double l2;
} side;

typedef struct loop {
  dnmf_context *context;
  const dnmf_observed_options *options;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *held_out;
  side rows;
  side cols;
  dnmf_panel held_out_needed;
  double *held_out_squares; /* of each owned row */
  double *shared;           /* what `share` adds up: the sums, then those of the mean rows */
  dnmf_panel best_w;
  dnmf_panel best_h;
  dnmf_status failure; /* of local work here; shared with the next sums, so that nobody waits */
  dnmf_pace pace;
  dnmf_fit_memory memory;
  double error; /* sqrt(2 loss): what the objective rule watches */
  dnmf_fit_seconds seconds;
} loop;

static void keep_failure(loop *l, dnmf_status status) {
  if (l->failure == DNMF_OK)
    l->failure = status;
}

/* Solves the owned rows of one factor, the other fixed. */
static dnmf_status half_step(loop *l, side *s, sums *total) {
  const dnmf_observed_options *options = l->options;
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_ratings_gather(l->context, s->view, s->other, &s->needed));
  l->seconds.exchange += dnmf_lap(&clock);
  dnmf_observed_update update = {.rows = s->x->rows,
                                 .start = s->view->entries.start,
                                 .index = s->view->entries.index,
                                 .value = s->view->entries.value,
                                 .narrow = s->view->entries.narrow,
                                 .components = options->components,
                                 .stride = s->x->components,
                                 .fixed = s->needed.data,
                                 .x = s->x->data,
                                 .bias = options->bias_rows || options->bias_cols,
                                 .fit_bias = s->fit_bias,
                                 .mean = dnmf_observed_mean(options, l->ratings),
                                 .l1 = s->l1,
                                 .l2 = s->l2,
                                 .count_power = options->count_power,
                                 .center = s->center.mean,
                                 .l2_bias = options->l2_bias,
                                 .sweeps = options->sweeps,
                                 .kullback_leibler = options->kullback_leibler};
  keep_failure(l, dnmf_observed_rows(options->solver, s->x->precision, l->context->isa, l->context->threads, &update,
                                     &l->context->error));
  total->loss = update.loss;
  total->penalty += update.penalty;
  total->violation += update.violation;
  l->seconds.update += dnmf_lap(&clock);
  return DNMF_OK;
}

/* Squared errors on the held-out entries of the owned rows. */
static dnmf_status evaluate_held_out(loop *l, sums *total) {
  if (!l->held_out)
    return DNMF_OK;
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_ratings_gather(l->context, l->held_out, l->cols.x, &l->held_out_needed));
  l->seconds.exchange += dnmf_lap(&clock);
  dnmf_held_out held_out = {.options = l->options,
                            .ratings = l->ratings,
                            .view = l->held_out,
                            .w = l->rows.x,
                            .needed = &l->held_out_needed,
                            .squares = l->held_out_squares};
  total->held_out_squares = dnmf_held_out_squares(&held_out, l->context->threads);
  total->held_out_count = (double)l->held_out->entries.start[l->held_out->entries.rows];
  return DNMF_OK;
}

/* The sums of a factor's mean row into `values`; returns how many. */
static int64_t add_center(side *s, double *values) {
  int64_t count = s->center.components + CENTER_EXTRA;
  center_sum(s->x, &s->center);
  memcpy(values, s->center.sums, (size_t)count * sizeof *values);
  return count;
}

/* Adds up everybody's sums; the mean rows, which ride along, hold for the next half-steps. */
static dnmf_status share(loop *l, sums *total) {
  double *means = l->shared + OBSERVED_SUMS;
  double clock = MPI_Wtime();
  int64_t count = OBSERVED_SUMS;
  total->failed = l->failure != DNMF_OK;
  dnmf_pace_ask(&l->pace, total->asks);
  memcpy(l->shared, total, sizeof *total);
  if (l->options->shrink_to_mean) {
    count += add_center(&l->rows, l->shared + count);
    count += add_center(&l->cols, l->shared + count);
  }
  DNMF_TRY(dnmf_sum_gram(l->context, l->shared, 0, count));
  memcpy(total, l->shared, sizeof *total);
  if (l->options->shrink_to_mean) {
    center_take(means, &l->rows.center);
    center_take(means + l->options->components + CENTER_EXTRA, &l->cols.center);
  }
  l->seconds.exchange += dnmf_lap(&clock);
  return total->failed > 0 ? dnmf_agree(l->context, l->failure) : DNMF_OK;
}

static void copy_panel(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)from->rows * (size_t)from->components * dnmf_precision_size(from->precision));
}

/* Keeps the model when it is the best on the held-out entries so far. */
static void keep_best(loop *l, const sums *total, dnmf_fit_result *result, double *rmse) {
  *rmse = l->held_out && total->held_out_count > 0 ? sqrt(total->held_out_squares / total->held_out_count) : NAN;
  if (!l->held_out) {
    result->best_iteration = result->iterations;
  } else if (result->iterations == 0 || *rmse < result->validation_rmse) {
    result->validation_rmse = *rmse;
    result->best_iteration = result->iterations;
    l->memory.best_objective = result->objective;
    l->memory.best_residual_squares = result->residual_squares;
    copy_panel(l->rows.x, &l->best_w);
    copy_panel(l->cols.x, &l->best_h);
  }
}

static bool should_stop(loop *l, const sums *total, dnmf_fit_result *result) {
  const dnmf_observed_options *options = l->options;
  if (result->iterations == 1) {
    l->memory.first_violation = total->violation;
    l->memory.start_error = l->memory.checked_error = l->error;
  }
  result->violation = l->memory.first_violation > 0 ? total->violation / l->memory.first_violation : 0;
  if (l->held_out && result->iterations - result->best_iteration >= options->patience)
    return dnmf_fit_stop(result, true, "validation");
  if (options->tolerance > 0 && options->stop == DNMF_STOP_GRADIENT && result->violation <= options->tolerance)
    return dnmf_fit_stop(result, true, "gradient");
  if (options->tolerance > 0 && options->stop == DNMF_STOP_OBJECTIVE && result->iterations % CHECK_EVERY == 0) {
    double progress = (l->memory.checked_error - l->error) / l->memory.start_error;
    l->memory.checked_error = l->error;
    if (!(progress >= options->tolerance))
      return dnmf_fit_stop(result, true, "objective");
  }
  return dnmf_pace_limits(&l->pace, total->asks, result);
}

static dnmf_status record(loop *l, dnmf_fit_result *result, double rmse, double seconds) {
  const dnmf_ratings *ratings = l->ratings;
  double squares = (double)ratings->stored * (ratings->mean * ratings->mean + ratings->deviation * ratings->deviation);
  dnmf_step step = {.iteration = result->iterations,
                    .max_iterations = l->options->max_iterations,
                    .objective = result->objective,
                    .relative_error = sqrt(result->residual_squares / squares),
                    .violation = result->violation,
                    .validation_rmse = rmse,
                    .seconds = dnmf_pace_seconds(&l->pace),
                    .iteration_seconds = seconds};
  return dnmf_fit_record(l->context, result, &step);
}

/* Loss 1/2 |A - WH|^2 over observed entries; the divergence of Kullback-Leibler tells nothing about squares. */
static void take_sums(loop *l, const sums *total, dnmf_fit_result *result) {
  l->error = sqrt(2 * total->loss);
  result->residual_squares = l->options->kullback_leibler ? NAN : 2 * total->loss;
  result->objective = total->loss + total->penalty;
}

/* The start's held-out error; what else there is to know of it comes with the first iteration. */
static dnmf_status evaluate_start(loop *l, dnmf_fit_result *result, double *rmse) {
  sums total = {0};
  result->objective = result->residual_squares = result->violation = NAN;
  DNMF_TRY(evaluate_held_out(l, &total));
  DNMF_TRY(share(l, &total));
  keep_best(l, &total, result, rmse);
  return DNMF_OK;
}

/* Where the fit begins: at its start, or with the result, memory and best model of the jobs before. */
static dnmf_status begin(loop *l, dnmf_fit_result *result) {
  double rmse = NAN;
  const dnmf_fit_state *resume = l->pace.plan ? l->pace.plan->resume : NULL;
  if (!resume)
    DNMF_TRY(evaluate_start(l, result, &rmse));
  keep_failure(l, dnmf_fit_resume(&l->context->error, l->pace.plan, result, &l->memory));
  sums ignored = {0};
  if (resume && l->options->shrink_to_mean)
    DNMF_TRY(share(l, &ignored));
  if (resume && l->held_out) {
    copy_panel(resume->best_w, &l->best_w);
    copy_panel(resume->best_h, &l->best_h);
  }
  memset(&l->seconds, 0, sizeof l->seconds);
  memset(&l->context->traffic, 0, sizeof l->context->traffic);
  dnmf_pace_begin(&l->pace, result);
  if (!resume)
    keep_failure(l, record(l, result, rmse, 0));
  return DNMF_OK;
}

static dnmf_status save(loop *l, const sums *total, const dnmf_fit_result *result) {
  dnmf_fit_state now = {.result = *result, .memory = l->memory};
  if (l->held_out) {
    now.best_w = &l->best_w;
    now.best_h = &l->best_h;
  }
  return dnmf_pace_save(&l->pace, total->asks, &now);
}

static dnmf_status iterate(loop *l, dnmf_fit_result *result) {
  double rmse = NAN;
  sums total = {0};
  DNMF_TRY(begin(l, result));
  double clock = l->pace.began;
  bool done = result->iterations >= l->options->max_iterations && dnmf_fit_stop(result, false, "max-iter");
  while (!done) {
    total = (sums){0};
    DNMF_TRY(half_step(l, &l->rows, &total)); /* W, row biases    <- A, H, column biases */
    DNMF_TRY(half_step(l, &l->cols, &total)); /* H, column biases <- A, W, row biases    */
    DNMF_TRY(evaluate_held_out(l, &total));
    DNMF_TRY(share(l, &total));
    result->iterations++;
    take_sums(l, &total, result);
    keep_best(l, &total, result, &rmse);
    done = should_stop(l, &total, result);
    keep_failure(l, record(l, result, rmse, dnmf_lap(&clock)));
    DNMF_TRY(save(l, &total, result));
  }
  l->seconds.total = MPI_Wtime() - l->pace.began;
  return dnmf_agree(l->context, l->failure);
}

/* What adds up over all processes, and the mean rows when rows are pulled towards them. */
static dnmf_status create_sums(loop *l) {
  dnmf_error *error = &l->context->error;
  const dnmf_observed_options *options = l->options;
  int64_t mean_rows = 2 * ((int64_t)options->components + CENTER_EXTRA);
  void *shared = NULL;
  DNMF_TRY(dnmf_allocate(error, "sums", OBSERVED_SUMS + mean_rows, sizeof(double), &shared));
  l->shared = shared;
  if (!options->shrink_to_mean)
    return DNMF_OK;
  DNMF_TRY(center_create(error, l->rows.view, options->components, options->count_power, &l->rows.center));
  return center_create(error, l->cols.view, options->components, options->count_power, &l->cols.center);
}

static dnmf_status create_panels(loop *l) {
  dnmf_error *error = &l->context->error;
  const dnmf_panel *w = l->rows.x;
  const dnmf_panel *h = l->cols.x;
  int stride = w->components;
  static const char what[] = "fetched factor rows";
  int64_t rows_needed = l->rows.view->needed_count + DNMF_OBSERVED_SLACK;
  int64_t cols_needed = l->cols.view->needed_count + DNMF_OBSERVED_SLACK;
  DNMF_TRY(dnmf_panel_create(error, what, rows_needed, stride, w->precision, &l->rows.needed));
  DNMF_TRY(dnmf_panel_create(error, what, cols_needed, stride, w->precision, &l->cols.needed));
  DNMF_TRY(create_sums(l));
  if (!l->held_out)
    return DNMF_OK;
  DNMF_TRY(dnmf_panel_create(error, what, l->held_out->needed_count, stride, w->precision, &l->held_out_needed));
  void *squares = NULL;
  DNMF_TRY(dnmf_allocate(error, "held-out errors", l->held_out->entries.rows, sizeof(double), &squares));
  l->held_out_squares = squares;
  DNMF_TRY(dnmf_panel_create(error, "best model", w->rows, stride, w->precision, &l->best_w));
  return dnmf_panel_create(error, "best model", h->rows, stride, w->precision, &l->best_h);
}

static void free_panels(loop *l) {
  dnmf_panel_free(&l->rows.needed);
  dnmf_panel_free(&l->cols.needed);
  dnmf_panel_free(&l->held_out_needed);
  free(l->held_out_squares);
  center_free(&l->rows.center);
  center_free(&l->cols.center);
  free(l->shared);
  dnmf_panel_free(&l->best_w);
  dnmf_panel_free(&l->best_h);
}

dnmf_status dnmf_fit_observed(dnmf_context *context, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h,
                              dnmf_fit_result *result) {
  memset(result, 0, sizeof *result);
  result->validation_rmse = NAN;
  result->stop_reason = "unfinished";
  loop l = {.context = context, .options = options, .ratings = ratings, .held_out = held_out};
  l.pace = (dnmf_pace){options->checkpointing, options->max_iterations, options->time_limit, .began = MPI_Wtime()};
  l.rows = (side){.view = &ratings->by_rows, .x = w, .other = h, .fit_bias = options->bias_rows};
  l.rows.l1 = options->l1_w;
  l.rows.l2 = options->l2_w;
  l.cols = (side){.view = &ratings->by_cols, .x = h, .other = w, .fit_bias = options->bias_cols};
  l.cols.l1 = options->l1_h;
  l.cols.l2 = options->l2_h;
  dnmf_status status = dnmf_agree(context, create_panels(&l));
  if (status == DNMF_OK)
    status = iterate(&l, result);
  if (status == DNMF_OK && held_out) {
    copy_panel(&l.best_w, w);
    copy_panel(&l.best_h, h);
    result->objective = l.memory.best_objective;
    result->residual_squares = l.memory.best_residual_squares;
  }
  if (status == DNMF_OK)
    status = dnmf_fit_collect(context, &l.seconds, result);
  free_panels(&l);
  return status;
}
