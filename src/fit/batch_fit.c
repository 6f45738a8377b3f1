/*
 * Mini-batch fits as a problem of the loop: batch after batch, and a last look at A with H fixed.
 */
#include "fit/batch_fit.h"

#include "batch_state.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The loss from <A, W H> and |W H|^2; a divergence is `inner` itself. W's share of the penalties rides with gram_b, H's
 * with gram_h. */
static void batch_evaluate(const batch_fit *b, double inner, double crossed, dnmf_reached *reached) {
  const double *w = dnmf_batch_control(b, b->gram_b);
  const double *h = dnmf_batch_control(b, b->gram_h);
  if (b->settings->loss.divergence) {
    reached->has_loss = true;
    reached->loss = fmax(0, inner);
    reached->squares = NAN;
  } else {
    dnmf_reached_from_terms(reached, b->a->precision, b->a->sum_squares, inner, crossed);
  }
  reached->penalty =
      b->l1_w * w[BATCH_SUM] + b->l1_h * h[BATCH_SUM] + 0.5 * (b->l2_w * w[BATCH_SQUARES] + b->l2_h * h[BATCH_SQUARES]);
  reached->watched = reached->loss + reached->penalty;
}

static void batch_end_pass(batch_fit *b, dnmf_reached *reached) {
  double inner = b->inner;
  double crossed = b->crossed;
  if (b->settings->batches.forget == 0) { /* S and G are those of all of A */
    inner = dnmf_batch_control(b, b->gram_h)[BATCH_INNER];
    crossed = 0;
    for (int64_t i = 0; i < dnmf_batch_squares(b); i++)
      crossed += b->gram_w[i] * b->gram_h[i];
  }
  b->inner = 0;
  b->crossed = 0;
  batch_evaluate(b, inner, crossed, reached);
}

static void batch_take_asks(const batch_fit *b, dnmf_reached *reached) {
  memcpy(reached->asks, dnmf_batch_control(b, b->gram_h) + BATCH_ASKS, sizeof reached->asks);
  reached->batches = b->batches;
  reached->batch = b->visited % b->batches;
}

static dnmf_status batch_fit_step(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  batch_fit *b = state;
  (void)loop;
  DNMF_TRY(dnmf_batch_step(b));
  batch_take_asks(b, reached);
  if (reached->batch == 0)
    batch_end_pass(b, reached);
  return DNMF_OK;
}

static void copy_panel(const dnmf_panel *from, dnmf_panel *to) {
  if (from && from->rows > 0)
    memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

/* The sums over batches, and where among them the fit was. */
static void batch_take_up(dnmf_loop *loop, batch_fit *b) {
  copy_panel(dnmf_fit_state_panel(loop->fits->resume, DNMF_PART_SUMS), &b->sums);
  copy_panel(dnmf_fit_state_panel(loop->fits->resume, DNMF_PART_GRAM), &b->gram);
  if (b->divisors.data)
    copy_panel(dnmf_fit_state_panel(loop->fits->resume, DNMF_PART_DIVISORS), &b->divisors);
  b->visited = (int64_t)loop->fits->memory.batches_visited;
  b->inner = loop->fits->memory.batches_inner;
  b->crossed = loop->fits->memory.batches_crossed;
  b->seen = loop->fits->memory.batches_seen;
}

/* Nothing is known of the start: its error is taken for |A|. */
static dnmf_status batch_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  batch_fit *b = state;
  if (loop->fits->resume)
    batch_take_up(loop, b);
  else
    loop->fits->memory.start_error = loop->fits->memory.checked_error =
        b->settings->loss.divergence ? NAN : sqrt(b->a->sum_squares);
  DNMF_TRY(dnmf_batch_sum_h(b));
  batch_take_asks(b, reached);
  reached->batch = 0;
  return DNMF_OK;
}

/* A job that goes on needs the sums over batches; what is read ahead is waited for, so that files can be written. */
static dnmf_status batch_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  batch_fit *b = state;
  (void)loop;
  dnmf_row_blocks_wait(b->blocks);
  now->memory.batches_visited = (double)b->visited;
  now->memory.batches_inner = b->inner;
  now->memory.batches_crossed = b->crossed;
  now->memory.batches_seen = b->seen;
  now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_SUMS, DNMF_SIDE_COLS, &b->sums};
  now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_GRAM, DNMF_SIDE_NEITHER, &b->gram};
  if (b->divisors.data)
    now->panels[now->panel_count++] = (dnmf_model_part){DNMF_PART_DIVISORS, DNMF_SIDE_COLS, &b->divisors};
  return DNMF_OK;
}

/* From whatever batch comes next, once around. */
static dnmf_status batch_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  batch_fit *b = state;
  (void)loop;
  b->inner = 0;
  b->crossed = 0;
  b->pass_ends = b->visited % b->batches;
  for (int64_t left = b->batches; left > 0; left--)
    DNMF_TRY(dnmf_batch_last_look(b, left > 1));
  batch_evaluate(b, b->inner, b->crossed, reached);
  return DNMF_OK;
}

static dnmf_status batch_allocate_grams(batch_fit *b) {
  void *memory = NULL;
  const int64_t each = dnmf_batch_squares(b) + BATCH_CONTROLS;
  DNMF_TRY(dnmf_allocate_zero(&b->context->error, "Gram matrices", 4 * each, sizeof(double), &memory));
  b->grams = memory;
  b->gram_w = b->grams;
  b->gram_h = b->gram_w + each;
  b->gram_b = b->gram_h + each;
  b->gram_before = b->gram_b + each;
  b->gram = (dnmf_panel){
      .rows = b->h->components, .components = b->h->components, .precision = DNMF_DOUBLE, .data = b->gram_w};
  return DNMF_OK;
}

/* The online mu starts as if it had divided H by one already. */
static dnmf_status batch_start_online(batch_fit *b) {
  dnmf_panel *h = &b->h->mine;
  DNMF_TRY(
      dnmf_panel_create(&b->context->error, "denominators of H", h->rows, h->components, h->precision, &b->divisors));
  dnmf_panel_combine(b->context, 0, &b->sums, 1, h);
  for (int64_t row = 0; row < h->rows; row++)
    for (int c = 0; c < h->components; c++)
      dnmf_panel_set(&b->divisors, row, c, 1);
  return DNMF_OK;
}

static dnmf_status batch_open(dnmf_loop *loop, void *state) {
  batch_fit *b = state;
  dnmf_error *error = &b->context->error;
  const dnmf_precision precision = b->a->precision;
  const int k = b->h->components;
  const int64_t share = dnmf_range_size(dnmf_batch_place(b->context, b->a->rows, b->settings->batches.rows, 0));
  b->loop = loop;
  DNMF_TRY(batch_allocate_grams(b));
  DNMF_TRY(dnmf_panel_create(error, "products of a batch", share, k, precision, &b->products));
  DNMF_TRY(dnmf_panel_create(error, "rows of a batch", share, k, precision, &b->before));
  DNMF_TRY(dnmf_panel_create(error, "sums over batches", b->h->mine.rows, k, precision, &b->sums));
  const bool online = b->settings->batches.forget > 0 && b->settings->solver == DNMF_SOLVER_MU;
  if (b->settings->loss.divergence)
    DNMF_TRY(dnmf_batch_divergence_open(b));
  return online ? batch_start_online(b) : DNMF_OK;
}

static void batch_close(void *state) {
  batch_fit *b = state;
  free(b->grams);
  dnmf_batch_divergence_close(b);
  dnmf_panel_free(&b->products);
  dnmf_panel_free(&b->before);
  dnmf_panel_free(&b->sums);
  dnmf_panel_free(&b->divisors);
}

static const dnmf_problem_kind batch_kind = {.open = batch_open,
                                             .begin = batch_begin,
                                             .step = batch_fit_step,
                                             .save = batch_save,
                                             .settle = batch_settle,
                                             .close = batch_close};

dnmf_status dnmf_fit_batches(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                             dnmf_row_blocks *blocks, dnmf_panel *w, dnmf_factor *h, dnmf_fit_result *result) {
  const dnmf_penalties *penalties = &settings->penalties;
  const bool scaled = penalties->scale == DNMF_PENALTY_DIMENSION;
  const double scale_w = scaled ? (double)a->cols : 1;
  const double scale_h = scaled ? (double)a->rows : 1;
  const double batch_share = fmin(1, (double)settings->batches.rows / (double)a->rows);
  const double forget = settings->batches.forget;
  batch_fit b = {.context = context,
                 .settings = settings,
                 .a = a,
                 .blocks = blocks,
                 .w = w,
                 .h = h,
                 .l1_w = penalties->l1_w * scale_w,
                 .l2_w = penalties->l2_w * scale_w,
                 .l1_h = penalties->l1_h * scale_h,
                 .l2_h = penalties->l2_h * scale_h,
                 .batches = dnmf_batch_count(a->rows, settings->batches.rows),
                 .keep = forget > 0 ? pow(forget, batch_share) : 1};
  const dnmf_problem problem = {
      .kind = &batch_kind, .state = &b, .precision = a->precision, .sum = a->sum, .sum_squares = a->sum_squares};
  return dnmf_loop_run(context, settings, &problem, result);
}
