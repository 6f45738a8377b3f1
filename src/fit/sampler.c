#include "fit/sampler.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GAMMA_SHAPE = 0.5; /* of the noise precision's prior, and its rate in variances of the ratings */
static const double GAMMA_RATE = 0.5;

enum { FAILED = 0, LOSS, SIDES = LOSS + DNMF_EXACT_PARTS };

static dnmf_status create_chain_side(dnmf_error *error, const dnmf_settings *settings, dnmf_sampler_side *s) {
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, "fetched factor rows", s->view->needed_count + DNMF_OBSERVED_SLACK,
                             s->x->components, s->x->precision, &s->needed));
  DNMF_TRY(dnmf_prior_create(error, s->x->components, &s->prior));
  DNMF_TRY(dnmf_allocate_zero(error, "priors", 2 * (int64_t)settings->components, sizeof(double), &memory));
  s->l2 = memory;
  s->center = s->l2 + settings->components;
  return evidence_draw_create(error, &s->terms);
}

dnmf_status dnmf_sampler_create(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                dnmf_panel *w, dnmf_panel *h, dnmf_evidence *evidence, int64_t extra,
                                dnmf_sampler *sampler) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  *sampler = (dnmf_sampler){.context = context,
                            .settings = settings,
                            .ratings = ratings,
                            .mean = dnmf_observed_mean(settings, ratings),
                            .level = dnmf_observed_level(settings, ratings)};
  const double size = ratings->mean > 0 ? ratings->mean : 1;
  sampler->unit = ratings->deviation > 0 ? ratings->deviation : size;
  sampler->rows = (dnmf_sampler_side){.view = &ratings->by_rows,
                                      .x = w,
                                      .other = h,
                                      .fit_bias = settings->observed.bias_rows,
                                      .stream = DNMF_STREAM_CHAIN_ROWS};
  sampler->cols = (dnmf_sampler_side){.view = &ratings->by_cols,
                                      .x = h,
                                      .other = w,
                                      .fit_bias = settings->observed.bias_cols,
                                      .stream = DNMF_STREAM_CHAIN_COLS};
  if (evidence && dnmf_evidence_has_rows(settings)) {
    sampler->rows.terms = (evidence_draw){
        .side = {&ratings->by_rows, &ratings->by_cols, &evidence->row_terms, &evidence->of_cols, .weight = 1},
        .stream_rows = DNMF_STREAM_CHAIN_ROW_TERMS,
        .stream_bringers = DNMF_STREAM_CHAIN_OF_COLS};
  }
  if (evidence && dnmf_evidence_has_cols(settings)) {
    sampler->cols.terms = (evidence_draw){
        .side = {&ratings->by_cols, &ratings->by_rows, &evidence->col_terms, &evidence->of_rows, .weight = 1},
        .stream_rows = DNMF_STREAM_CHAIN_COL_TERMS,
        .stream_bringers = DNMF_STREAM_CHAIN_OF_ROWS};
  }
  DNMF_TRY(create_chain_side(error, settings, &sampler->rows));
  DNMF_TRY(create_chain_side(error, settings, &sampler->cols));
  DNMF_TRY(dnmf_allocate(error, "sums",
                         SIDES + 2 * dnmf_prior_sums_count(w->components) +
                             evidence_draw_sums_count(&sampler->rows.terms) +
                             evidence_draw_sums_count(&sampler->cols.terms) + extra,
                         sizeof(double), &memory));
  sampler->shared = memory;
  return DNMF_OK;
}

static void free_chain_side(dnmf_sampler_side *s) {
  dnmf_panel_free(&s->needed);
  dnmf_prior_free(&s->prior);
  evidence_draw_free(&s->terms);
  free(s->l2);
}

void dnmf_sampler_free(dnmf_sampler *sampler) {
  free_chain_side(&sampler->rows);
  free_chain_side(&sampler->cols);
  free(sampler->shared);
  memset(sampler, 0, sizeof *sampler);
}

/* --- Noise and priors -------------------------------------------------------------------------------------- */

static void draw_noise(dnmf_sampler *s) {
  const dnmf_draw_key key = {s->settings->seed, DNMF_STREAM_CHAIN_HYPER,
                             dnmf_draw_place(2 * (int64_t)s->rows.x->components, s->sweeps)};
  const double rate = GAMMA_RATE * s->unit * s->unit + 0.5 * s->squares;
  s->noise_precision = dnmf_draw_gamma(&key, 0, GAMMA_SHAPE + 0.5 * (double)s->ratings->stored) / rate;
}

static void draw_prior(const dnmf_sampler *s, const double *sums, int64_t first, dnmf_sampler_side *side) {
  const dnmf_draw_key key = {s->settings->seed, DNMF_STREAM_CHAIN_HYPER, dnmf_draw_place(0, s->sweeps)};
  dnmf_prior_draw(sums, s->unit, &key, first, &side->prior);
  for (int c = 0; c < s->settings->components; c++) {
    side->l2[c] = side->prior.precision[c] / s->noise_precision;
    side->center[c] = s->level + side->prior.mean[c];
  }
}

/* Behind the priors and the noise. */
static void draw_tau(const dnmf_sampler *s, const double *sums, int64_t side, dnmf_sampler_side *of) {
  const dnmf_draw_key key = {s->settings->seed, DNMF_STREAM_CHAIN_HYPER, dnmf_draw_place(0, s->sweeps)};
  evidence_draw_tau(sums, s->unit, &key, (2 + side) * s->rows.x->components + 1, &of->terms);
}

static const dnmf_panel *terms_of_side(const dnmf_sampler_side *side) {
  return side->terms.side.view ? side->terms.side.terms : NULL;
}

/* Adds up what all processes know; sets the squared error where `measured`. */
static dnmf_status sum_and_draw(dnmf_sampler *s, bool measured, int64_t extra_count, double *extra) {
  dnmf_context *context = s->context;
  const int64_t side = dnmf_prior_sums_count(s->rows.x->components);
  double *rows = s->shared + SIDES;
  double *cols = rows + side;
  double *row_terms = cols + side;
  double *col_terms = row_terms + evidence_draw_sums_count(&s->rows.terms);
  double *behind = col_terms + evidence_draw_sums_count(&s->cols.terms);
  s->shared[FAILED] = s->failure != DNMF_OK;
  memcpy(s->shared + LOSS, s->loss, sizeof s->loss);
  evidence_draw_sums(&s->rows.terms, s->unit, row_terms);
  evidence_draw_sums(&s->cols.terms, s->unit, col_terms);
  dnmf_prior_sums(s->rows.view, s->rows.x, terms_of_side(&s->rows), s->level, s->unit, context->threads, rows);
  dnmf_prior_sums(s->cols.view, s->cols.x, terms_of_side(&s->cols), s->level, s->unit, context->threads, cols);
  for (int64_t i = 0; i < extra_count; i++)
    behind[i] = extra[i];
  DNMF_TRY(dnmf_sum_gram(context, s->shared, 0, (behind - s->shared) + extra_count));
  for (int64_t i = 0; i < extra_count; i++)
    extra[i] = behind[i];
  if (s->shared[FAILED] > 0)
    return dnmf_agree(context, s->failure);
  if (measured)
    s->squares = fmax(0, 2 * s->loss_unit * dnmf_exact_value(s->shared + LOSS));
  draw_noise(s);
  draw_prior(s, rows, 0, &s->rows);
  draw_prior(s, cols, s->rows.x->components, &s->cols);
  draw_tau(s, row_terms, 0, &s->rows);
  draw_tau(s, col_terms, 1, &s->cols);
  return DNMF_OK;
}

/* What a side's rows are pulled towards, each number with a weight of 1. */
static dnmf_observed_update pulls_of(const dnmf_sampler *s, const dnmf_sampler_side *side) {
  const int k = s->settings->components;
  return (dnmf_observed_update){.rows = side->x->rows,
                                .start = side->view->entries.start,
                                .index = side->view->entries.index,
                                .components = k,
                                .stride = side->x->components,
                                .x = side->x->data,
                                .bias = true,
                                .fit_bias = side->fit_bias,
                                .l2 = 1,
                                .center = side->center,
                                .slope = side->prior.slope,
                                .terms = terms_of_side(side) ? terms_of_side(side)->data : NULL,
                                .level = s->level,
                                .l2_bias = 1,
                                .bias_line = {side->prior.mean[k], side->prior.slope[k]}};
}

static dnmf_status begin_terms(dnmf_sampler *s, dnmf_sampler_side *side) {
  const dnmf_observed_update update = pulls_of(s, side);
  return evidence_draw_begin(s->context, &update, &side->terms);
}

/* Given the rows. */
static dnmf_status draw_terms(dnmf_sampler *s, dnmf_sampler_side *side, dnmf_sampler_side *other) {
  if (!side->terms.side.view)
    return DNMF_OK;
  const dnmf_observed_update update = pulls_of(s, side);
  const evidence_sweep sweep = {s->settings->seed, s->sweeps};
  return evidence_draw_step(s->context, &update, side->prior.precision, &sweep, &side->needed, &other->needed,
                            &side->terms);
}

dnmf_status dnmf_sampler_begin(dnmf_sampler *sampler, int64_t sweeps, double squares, int64_t extra_count,
                               double *extra) {
  sampler->sweeps = sweeps;
  sampler->squares = squares >= 0 ? squares : 0.5 * (double)sampler->ratings->stored * sampler->unit * sampler->unit;
  memset(sampler->loss, 0, sizeof sampler->loss);
  DNMF_TRY(begin_terms(sampler, &sampler->rows));
  DNMF_TRY(begin_terms(sampler, &sampler->cols));
  return sum_and_draw(sampler, false, extra_count, extra);
}

/* --- Factors ----------------------------------------------------------------------------------------------- */

static dnmf_status draw_side(dnmf_sampler *s, dnmf_sampler_side *side, dnmf_fit_seconds *seconds) {
  const dnmf_settings *settings = s->settings;
  dnmf_context *context = s->context;
  const int k = settings->components;
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_ratings_gather(context, side->view, side->other, &side->needed));
  seconds->exchange += dnmf_lap(&clock);
  const dnmf_observed_draw draw = {
      .key = {settings->seed, side->stream, dnmf_draw_place(side->view->owned.begin, s->sweeps)},
      .noise = 1 / sqrt(s->noise_precision),
      .l2 = side->l2};
  dnmf_observed_update update = {.rows = side->x->rows,
                                 .start = side->view->entries.start,
                                 .index = side->view->entries.index,
                                 .value = side->view->entries.value,
                                 .narrow = side->view->entries.narrow,
                                 .components = k,
                                 .stride = side->x->components,
                                 .fixed = side->needed.data,
                                 .fixed_rows = side->view->needed_count,
                                 .x = side->x->data,
                                 .bias = true,
                                 .fit_bias = side->fit_bias,
                                 .mean = s->mean,
                                 .center = side->center,
                                 .slope = side->prior.slope,
                                 .terms = terms_of_side(side) ? terms_of_side(side)->data : NULL,
                                 .level = s->level,
                                 .l2_bias = side->prior.precision[k] / s->noise_precision,
                                 .bias_line = {side->prior.mean[k], side->prior.slope[k]},
                                 .draw = &draw,
                                 .sweeps = 1};
  const dnmf_status status = dnmf_observed_rows(DNMF_SOLVER_HALS, side->x->precision, context->isa, context->threads,
                                                &update, &context->error);
  s->failure = s->failure == DNMF_OK ? status : s->failure;
  memcpy(s->loss, update.exact_loss, sizeof s->loss);
  s->loss_unit = 1 / s->noise_precision;
  seconds->update += dnmf_lap(&clock);
  return DNMF_OK;
}

dnmf_status dnmf_sampler_draw_factors(dnmf_sampler *sampler, dnmf_fit_seconds *seconds) {
  sampler->sweeps++;
  DNMF_TRY(draw_side(sampler, &sampler->rows, seconds)); /* W, row biases    <- A, H, column biases */
  return draw_side(sampler, &sampler->cols, seconds);    /* H, column biases <- A, W, row biases    */
}

dnmf_status dnmf_sampler_draw_priors(dnmf_sampler *sampler, int64_t extra_count, double *extra) {
  DNMF_TRY(draw_terms(sampler, &sampler->rows, &sampler->cols));
  DNMF_TRY(draw_terms(sampler, &sampler->cols, &sampler->rows));
  return sum_and_draw(sampler, true, extra_count, extra);
}
