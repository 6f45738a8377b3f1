/*
 * The passes of a mini-batch fit: batch after batch, the stopping rule after each pass, and a last look at A with H
 * fixed.
 */
#include "stream.h"

#include "pace.h"
#include "result.h"

#include "base/memory.h"
#include "comm/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Objective and residual from <A, W H> and |W H|^2; W's share of the penalties rides with gram_b, H's with gram_h. */
static dnmf_status objective(stream *s, double inner, double crossed, dnmf_fit_result *result) {
  const double *w = dnmf_stream_control(s, s->gram_b);
  const double *h = dnmf_stream_control(s, s->gram_h);
  dnmf_fit_set_residual(result, s->a, inner, crossed);
  result->objective = 0.5 * result->residual_squares + s->l1_w * w[CONTROL_SUM] + s->l1_h * h[CONTROL_SUM] +
                      0.5 * (s->l2_w * w[CONTROL_SQUARES] + s->l2_h * h[CONTROL_SQUARES]);
  return dnmf_fit_check_range(&s->context->error, s->a->precision, false, inner + crossed);
}

static dnmf_status end_of_pass(stream *s, dnmf_fit_result *result) {
  double inner = s->inner;
  double crossed = s->crossed;
  if (s->options->forget == 0) { /* S and G are those of all of A */
    inner = dnmf_stream_control(s, s->gram_h)[CONTROL_INNER];
    crossed = 0;
    for (int i = 0; i < s->h->components * s->h->components; i++)
      crossed += s->gram_w[i] * s->gram_h[i];
  }
  s->inner = 0;
  s->crossed = 0;
  result->iterations++;
  return objective(s, inner, crossed, result);
}

/* The objective rule of the fit in memory, with |A| for the error of the start. */
static bool should_stop(stream *s, dnmf_fit_result *result) {
  if (s->options->fit.tolerance > 0 && result->iterations % 10 == 0) {
    double error = sqrt(result->residual_squares / s->a->sum_squares);
    double progress = s->checked_error - error;
    s->checked_error = error;
    if (!(progress >= s->options->fit.tolerance))
      return dnmf_fit_stop(result, true, "objective");
  }
  return result->iterations >= s->options->fit.max_iterations && dnmf_fit_stop(result, false, "max-iter");
}

static dnmf_step step_now(const stream *s, const dnmf_fit_result *result) {
  return (dnmf_step){.iteration = result->iterations,
                     .max_iterations = s->options->fit.max_iterations,
                     .objective = result->objective,
                     .relative_error = sqrt(result->residual_squares / s->a->sum_squares),
                     .violation = NAN,
                     .validation_rmse = NAN,
                     .seconds = MPI_Wtime() - s->began};
}

static void record(stream *s, dnmf_fit_result *result, double seconds) {
  dnmf_step step = step_now(s, result);
  step.iteration_seconds = seconds;
  dnmf_stream_keep_failure(s, dnmf_fit_record(s->context, result, &step));
}

/* Tells how far the pass is. */
static void report_batch(const stream *s, const dnmf_fit_result *result) {
  dnmf_step step = step_now(s, result);
  step.batch = s->visited % s->batches;
  step.batches = s->batches;
  if (step.batch > 0)
    dnmf_fit_report(s->context, &step);
}

static bool expired(const stream *s) {
  return dnmf_stream_control(s, s->gram_h)[CONTROL_EXPIRED] > 0;
}

static dnmf_status passes(stream *s, dnmf_fit_result *result) {
  double clock = s->began;
  result->objective = NAN;
  result->residual_squares = NAN;
  record(s, result, 0);
  bool done = s->options->fit.max_iterations == 0 && dnmf_fit_stop(result, false, "max-iter");
  while (!done) {
    DNMF_TRY(dnmf_stream_batch(s));
    if (s->visited % s->batches == 0) {
      DNMF_TRY(end_of_pass(s, result));
      done = should_stop(s, result);
      record(s, result, dnmf_lap(&clock));
    } else {
      report_batch(s, result);
    }
    if (!done && expired(s))
      done = dnmf_fit_stop(result, false, "time-limit");
  }
  return DNMF_OK;
}

/* From whatever batch comes next, once around. */
static dnmf_status last_pass(stream *s, dnmf_fit_result *result) {
  s->inner = 0;
  s->crossed = 0;
  s->pass_ends = s->visited % s->batches;
  for (int64_t left = s->batches; left > 0; left--)
    DNMF_TRY(dnmf_stream_last_look(s, left > 1));
  return objective(s, s->inner, s->crossed, result);
}

static dnmf_status run(stream *s, dnmf_fit_result *result) {
  DNMF_TRY(dnmf_stream_sum_h(s));
  memset(&s->seconds, 0, sizeof s->seconds);
  memset(&s->context->traffic, 0, sizeof s->context->traffic);
  s->began = MPI_Wtime();
  DNMF_TRY(passes(s, result));
  s->seconds.total = MPI_Wtime() - s->began;
  DNMF_TRY(dnmf_fit_collect(s->context, &s->seconds, result));
  result->best_iteration = result->iterations;
  return last_pass(s, result);
}

static dnmf_status allocate_grams(stream *s) {
  void *memory = NULL;
  int64_t squares = (int64_t)s->h->components * s->h->components;
  DNMF_TRY(dnmf_allocate_zero(&s->context->error, "Gram matrices", 4 * (squares + CONTROLS), sizeof(double), &memory));
  s->grams = memory;
  s->gram_w = s->grams;
  s->gram_h = s->gram_w + squares + CONTROLS;
  s->gram_b = s->gram_h + squares + CONTROLS;
  s->gram_before = s->gram_b + squares + CONTROLS;
  return DNMF_OK;
}

/* The online mu starts as if it had divided H by one already. */
static dnmf_status start_online(stream *s) {
  dnmf_panel *h = &s->h->mine;
  DNMF_TRY(
      dnmf_panel_create(&s->context->error, "denominators of H", h->rows, h->components, h->precision, &s->divisors));
  dnmf_panel_combine(s->context, 0, &s->sums, 1, h);
  for (int64_t row = 0; row < h->rows; row++)
    for (int c = 0; c < h->components; c++)
      dnmf_panel_set(&s->divisors, row, c, 1);
  return DNMF_OK;
}

static dnmf_status allocate(stream *s) {
  dnmf_error *error = &s->context->error;
  dnmf_precision precision = s->a->precision;
  int k = s->h->components;
  int64_t share = dnmf_range_size(dnmf_stream_place(s->context, s->a->rows, s->options->batch_rows, 0));
  DNMF_TRY(allocate_grams(s));
  DNMF_TRY(dnmf_panel_create(error, "products of a batch", share, k, precision, &s->products));
  DNMF_TRY(dnmf_panel_create(error, "rows of a batch", share, k, precision, &s->before));
  DNMF_TRY(dnmf_panel_create(error, "sums over batches", s->h->mine.rows, k, precision, &s->sums));
  bool online = s->options->forget > 0 && s->options->fit.solver == DNMF_SOLVER_MU;
  return online ? start_online(s) : DNMF_OK;
}

static void release(stream *s) {
  free(s->grams);
  dnmf_panel_free(&s->products);
  dnmf_panel_free(&s->before);
  dnmf_panel_free(&s->sums);
  dnmf_panel_free(&s->divisors);
}

dnmf_status dnmf_fit_stream(dnmf_context *context, const dnmf_stream_options *options, const dnmf_matrix *a,
                            dnmf_row_blocks *blocks, dnmf_panel *w, dnmf_factor *h, dnmf_fit_result *result) {
  const dnmf_penalties *penalties = &options->fit.penalties;
  bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  double scale_w = scaled ? (double)a->cols : 1;
  double scale_h = scaled ? (double)a->rows : 1;
  double batch_share = fmin(1, (double)options->batch_rows / (double)a->rows);
  stream s = {.context = context,
              .options = options,
              .a = a,
              .blocks = blocks,
              .w = w,
              .h = h,
              .l1_w = penalties->l1_w * scale_w,
              .l2_w = penalties->l2_w * scale_w,
              .l1_h = penalties->l1_h * scale_h,
              .l2_h = penalties->l2_h * scale_h,
              .batches = dnmf_batch_count(a->rows, options->batch_rows),
              .keep = options->forget > 0 ? pow(options->forget, batch_share) : 1,
              .began = MPI_Wtime(),
              .checked_error = 1};
  memset(result, 0, sizeof *result);
  result->validation_rmse = NAN;
  dnmf_status status = dnmf_agree(context, allocate(&s));
  if (status == DNMF_OK)
    status = run(&s, result);
  release(&s);
  return status;
}
