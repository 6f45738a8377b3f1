/*
 * The chain as a problem of the loop: an iteration is a sweep.
 */
#include "fit/posterior_fit.h"

#include "chain_figures.h"
#include "held_out.h"
#include "sampler.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What travels with the sampler's sums. */
enum {
  CHAIN_ASKS = 0,
  CHAIN_SQUARES = DNMF_ASKS,
  CHAIN_MEAN_SQUARES,
  CHAIN_COUNT,
  CHAIN_WATCHED,
  CHAIN_EXTRA = CHAIN_WATCHED + DNMF_EXACT_PARTS
};

/* The trace has a row a sweep. */
enum { TRACE_NOISE = 0, TRACE_WATCHED, TRACE_FIGURES };

typedef struct posterior_fit {
  dnmf_settings chain; /* those of the fit, but when to stop */
  const dnmf_settings *settings;
  dnmf_context *context;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *held_out;
  dnmf_panel *w;
  dnmf_panel *h;
  dnmf_evidence *evidence;
  dnmf_posterior *posterior;
  dnmf_sampler sampler;
  dnmf_panel trace;
  int kept; /* draws */
  dnmf_panel held_out_needed;
  double *held_out_squares; /* of each owned row */
  double *scores;           /* of the held-out entries by the draw at hand */
  double *mean_scores;      /* by the model that is kept: the mean of the draws' scores, or those of their mean */
} posterior_fit;

void dnmf_posterior_free(dnmf_posterior *posterior) {
  dnmf_panel_free(&posterior->kept_w);
  dnmf_panel_free(&posterior->kept_h);
  dnmf_panel_free(&posterior->kept_of_cols);
  dnmf_panel_free(&posterior->row_terms);
  dnmf_panel_free(&posterior->col_terms);
  memset(posterior, 0, sizeof *posterior);
}

int dnmf_posterior_kept(const dnmf_posterior_settings *settings, int sweeps) {
  const int counted = sweeps - settings->burn_in;
  return counted > 0 ? counted / settings->thin : 0;
}

int dnmf_posterior_thin(int samples) {
  enum { MOST_KEPT = 100 };
  return (samples + MOST_KEPT - 1) / MOST_KEPT;
}

int dnmf_posterior_draws(const dnmf_posterior_settings *settings) {
  return settings->keep_mean ? 1 : dnmf_posterior_kept(settings, settings->burn_in + settings->samples);
}

static int all_sweeps(const dnmf_settings *settings) {
  return settings->posterior.burn_in + settings->posterior.samples;
}

/* --- Memory ------------------------------------------------------------------------------------------------ */

static dnmf_status allocate_numbers(dnmf_error *error, int64_t count, double **numbers) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "held-out predictions", count, sizeof(double), &memory);
  *numbers = memory;
  return status;
}

static dnmf_status create_chain_held_out(posterior_fit *p) {
  dnmf_error *error = &p->context->error;
  const dnmf_csr *entries = &p->held_out->entries;
  DNMF_TRY(dnmf_panel_create(error, "fetched factor rows", p->held_out->needed_count, p->h->components, p->h->precision,
                             &p->held_out_needed));
  DNMF_TRY(allocate_numbers(error, entries->rows, &p->held_out_squares));
  DNMF_TRY(allocate_numbers(error, entries->start[entries->rows], &p->scores));
  return allocate_numbers(error, entries->start[entries->rows], &p->mean_scores);
}

/* What is kept of implicit terms. */
static dnmf_status create_kept_terms(posterior_fit *p) {
  dnmf_error *error = &p->context->error;
  dnmf_posterior *posterior = p->posterior;
  const int draws = dnmf_posterior_draws(&p->settings->posterior);
  if (dnmf_evidence_has_rows(p->settings)) {
    DNMF_TRY(dnmf_panel_create(error, "draws", p->h->rows, draws * p->h->components, p->h->precision,
                               &posterior->kept_of_cols));
    DNMF_TRY(dnmf_panel_create(error, "draws", p->w->rows, 1, p->w->precision, &posterior->row_terms));
  }
  if (dnmf_evidence_has_cols(p->settings))
    DNMF_TRY(dnmf_panel_create(error, "draws", p->h->rows, 1, p->h->precision, &posterior->col_terms));
  return DNMF_OK;
}

static dnmf_status posterior_open(dnmf_loop *loop, void *state) {
  posterior_fit *p = state;
  dnmf_error *error = &p->context->error;
  const dnmf_posterior_settings *settings = &p->settings->posterior;
  const int draws = dnmf_posterior_draws(settings);
  (void)loop;
  DNMF_TRY(dnmf_sampler_create(p->context, p->settings, p->ratings, p->w, p->h, p->evidence, CHAIN_EXTRA, &p->sampler));
  DNMF_TRY(
      dnmf_panel_create(error, "draws", p->w->rows, draws * p->w->components, p->w->precision, &p->posterior->kept_w));
  DNMF_TRY(
      dnmf_panel_create(error, "draws", p->h->rows, draws * p->h->components, p->h->precision, &p->posterior->kept_h));
  DNMF_TRY(
      dnmf_panel_create(error, "figures of sweeps", all_sweeps(p->settings), TRACE_FIGURES, DNMF_DOUBLE, &p->trace));
  DNMF_TRY(create_kept_terms(p));
  return p->held_out ? create_chain_held_out(p) : DNMF_OK;
}

static void posterior_close(void *state) {
  posterior_fit *p = state;
  dnmf_sampler_free(&p->sampler);
  dnmf_panel_free(&p->trace);
  dnmf_panel_free(&p->held_out_needed);
  free(p->held_out_squares);
  free(p->scores);
  free(p->mean_scores);
}

/* --- Draws that are kept ----------------------------------------------------------------------------------- */

/* The draw as number `at`, or into the mean of those before it. */
static void keep_draw(const dnmf_panel *x, int at, bool mean, dnmf_panel *kept) {
  const int width = x->components;
  for (int64_t row = 0; row < x->rows; row++)
    for (int c = 0; c < width; c++) {
      const double number = dnmf_panel_get(x, row, c);
      const double before = mean ? dnmf_panel_get(kept, row, c) : 0;
      if (mean)
        dnmf_panel_set(kept, row, c, before + (number - before) / (at + 1));
      else
        dnmf_panel_set(kept, row, at * width + c, number);
    }
}

/* The biases' terms into the mean of those of `before` draws. */
static void keep_bias_terms(const dnmf_panel *terms, int before, dnmf_panel *kept) {
  for (int64_t row = 0; row < kept->rows; row++) {
    const double mean = dnmf_panel_get(kept, row, 0);
    const double number = dnmf_panel_get(terms, row, terms->components - 1);
    dnmf_panel_set(kept, row, 0, mean + (number - mean) / (before + 1));
  }
}

/* The implicit terms that the rows were drawn with. */
static void keep_terms(const posterior_fit *p, int at) {
  dnmf_posterior *posterior = p->posterior;
  if (dnmf_evidence_has_rows(p->settings)) {
    keep_draw(&p->evidence->of_cols, at, p->settings->posterior.keep_mean, &posterior->kept_of_cols);
    keep_bias_terms(&p->evidence->row_terms, at, &posterior->row_terms);
  }
  if (dnmf_evidence_has_cols(p->settings))
    keep_bias_terms(&p->evidence->col_terms, at, &posterior->col_terms);
}

/* Draw number `at` as a panel of its own. */
static void take_draw(const dnmf_panel *kept, int at, dnmf_panel *x) {
  for (int64_t row = 0; row < x->rows; row++)
    for (int c = 0; c < x->components; c++)
      dnmf_panel_set(x, row, c, dnmf_panel_get(kept, row, at * x->components + c));
}

/* The scores of the held-out entries by these factors. collective */
static dnmf_status score_held_out(posterior_fit *p, const dnmf_panel *w, const dnmf_panel *h, dnmf_held_out *view,
                                  double *scores) {
  DNMF_TRY(dnmf_ratings_gather(p->context, p->held_out, h, &p->held_out_needed));
  *view = (dnmf_held_out){.settings = p->settings,
                          .ratings = p->ratings,
                          .view = p->held_out,
                          .w = w,
                          .needed = &p->held_out_needed,
                          .squares = p->held_out_squares};
  dnmf_held_out_scores(view, p->context->threads, scores);
  return DNMF_OK;
}

static void add_to_mean_scores(posterior_fit *p, int before) {
  const int64_t count = p->held_out->entries.start[p->held_out->entries.rows];
  for (int64_t i = 0; i < count; i++)
    p->mean_scores[i] += (p->scores[i] - p->mean_scores[i]) / (before + 1);
}

/* p->mean_scores with the draw that has just been kept, which p->scores are of. collective */
static dnmf_status renew_mean_scores(posterior_fit *p, int before) {
  dnmf_held_out view;
  if (p->settings->posterior.keep_mean)
    return score_held_out(p, &p->posterior->kept_w, &p->posterior->kept_h, &view, p->mean_scores);
  add_to_mean_scores(p, before);
  return DNMF_OK;
}

/* Whether the sweep that is done is kept. */
static bool keeps_sweep(const posterior_fit *p) {
  const int sweeps = (int)p->sampler.sweeps;
  return dnmf_posterior_kept(&p->settings->posterior, sweeps) > p->kept;
}

/* --- Figures ----------------------------------------------------------------------------------------------- */

/* A sum of predictions of fitted entries, one of each owned column, each added or subtracted by chance, in units. */
static void sum_watched(const posterior_fit *p, double parts[DNMF_EXACT_PARTS]) {
  const dnmf_ratings_view *view = &p->ratings->by_cols;
  const dnmf_panel *w = &p->sampler.cols.needed;
  const int k = p->settings->components;
  for (int64_t row = 0; row < p->h->rows; row++) {
    const int64_t entries = view->entries.start[row + 1] - view->entries.start[row];
    const uint64_t bits =
        dnmf_random_bits(p->settings->seed, DNMF_STREAM_CHAIN_WATCHED, (uint64_t)(view->owned.begin + row), 0);
    if (entries == 0)
      continue;
    const int64_t place = view->entries.index[view->entries.start[row] + (int64_t)((bits >> 1) % (uint64_t)entries)];
    double score = dnmf_panel_get(p->h, row, k) + dnmf_panel_get(w, place, k);
    for (int c = 0; c < k; c++)
      score += dnmf_panel_get(p->h, row, c) * dnmf_panel_get(w, place, c);
    dnmf_exact_add((bits & 1 ? score : -score) / p->sampler.unit, parts);
  }
}

/* What the sweep that is done has come to; with held-out entries, of it alone and of the model that is kept.
 * collective */
static dnmf_status chain_look(dnmf_loop *loop, posterior_fit *p, double extra[CHAIN_EXTRA]) {
  double clock = MPI_Wtime();
  dnmf_held_out view;
  const bool keeps = keeps_sweep(p);
  if (keeps) {
    keep_draw(p->w, p->kept, p->settings->posterior.keep_mean, &p->posterior->kept_w);
    keep_draw(p->h, p->kept, p->settings->posterior.keep_mean, &p->posterior->kept_h);
    keep_terms(p, p->kept);
  }
  if (p->held_out) {
    DNMF_TRY(score_held_out(p, p->w, p->h, &view, p->scores));
    loop->seconds.exchange += dnmf_lap(&clock);
    extra[CHAIN_SQUARES] = dnmf_held_out_squares_of(&view, p->context->threads, p->scores);
    if (keeps)
      DNMF_TRY(renew_mean_scores(p, p->kept));
    extra[CHAIN_MEAN_SQUARES] = extra[CHAIN_SQUARES];
    if (keeps || p->kept > 0)
      extra[CHAIN_MEAN_SQUARES] = dnmf_held_out_squares_of(&view, p->context->threads, p->mean_scores);
    extra[CHAIN_COUNT] = (double)p->held_out->entries.start[p->held_out->entries.rows];
  } else {
    sum_watched(p, extra + CHAIN_WATCHED);
  }
  p->kept += keeps;
  return DNMF_OK;
}

static void take_extra(const posterior_fit *p, const double extra[CHAIN_EXTRA], bool has_loss, dnmf_reached *reached) {
  reached->has_loss = has_loss;
  reached->squares = has_loss ? p->sampler.squares : NAN;
  reached->loss = reached->watched = 0.5 * p->sampler.squares;
  reached->held_out_squares = extra[CHAIN_MEAN_SQUARES];
  reached->held_out_count = extra[CHAIN_COUNT];
  memcpy(reached->asks, extra + CHAIN_ASKS, sizeof reached->asks);
}

/* --- The loop's functions ---------------------------------------------------------------------------------- */

/* What a later job needs beside W and H; without components: nothing. */
typedef struct chain_part {
  const char *name;
  dnmf_model_side side;
  dnmf_panel *own;
} chain_part;

enum { CHAIN_PARTS = 10 };

static void list_parts(posterior_fit *p, chain_part parts[CHAIN_PARTS]) {
  dnmf_posterior *kept = p->posterior;
  dnmf_evidence *terms = p->evidence;
  const chain_part all[CHAIN_PARTS] = {{DNMF_PART_KEPT_W, DNMF_SIDE_ROWS, &kept->kept_w},
                                       {DNMF_PART_KEPT_H, DNMF_SIDE_COLS, &kept->kept_h},
                                       {DNMF_PART_TRACE, DNMF_SIDE_NEITHER, &p->trace},
                                       {DNMF_PART_KEPT_OF_COLS, DNMF_SIDE_COLS, &kept->kept_of_cols},
                                       {DNMF_PART_KEPT_ROW_TERMS, DNMF_SIDE_ROWS, &kept->row_terms},
                                       {DNMF_PART_KEPT_COL_TERMS, DNMF_SIDE_COLS, &kept->col_terms},
                                       {DNMF_PART_ROW_TERMS, DNMF_SIDE_ROWS, &terms->row_terms},
                                       {DNMF_PART_OF_COLS, DNMF_SIDE_COLS, &terms->of_cols},
                                       {DNMF_PART_COL_TERMS, DNMF_SIDE_COLS, &terms->col_terms},
                                       {DNMF_PART_OF_ROWS, DNMF_SIDE_ROWS, &terms->of_rows}};
  memcpy(parts, all, sizeof all);
}

/* What was kept by the job before; its held-out predictions are made again. collective */
static dnmf_status chain_take_up(dnmf_loop *loop, posterior_fit *p) {
  chain_part parts[CHAIN_PARTS];
  list_parts(p, parts);
  for (int i = 0; i < CHAIN_PARTS; i++)
    if (parts[i].own->components > 0 && parts[i].own->rows > 0)
      memcpy(parts[i].own->data, dnmf_fit_state_panel(loop->fits->resume, parts[i].name)->data,
             (size_t)parts[i].own->rows * (size_t)parts[i].own->components *
                 dnmf_precision_size(parts[i].own->precision));
  p->kept = dnmf_posterior_kept(&p->settings->posterior, loop->fits->resume->result.iterations);
  if (!p->held_out || p->kept == 0)
    return DNMF_OK;
  if (p->settings->posterior.keep_mean)
    return renew_mean_scores(p, p->kept);
  dnmf_panel w = {0};
  dnmf_panel h = {0};
  dnmf_held_out view;
  dnmf_error *error = &p->context->error;
  dnmf_status status = dnmf_panel_create(error, "a draw", p->w->rows, p->w->components, p->w->precision, &w);
  if (status == DNMF_OK)
    status = dnmf_panel_create(error, "a draw", p->h->rows, p->h->components, p->h->precision, &h);
  status = dnmf_agree(p->context, status);
  for (int at = 0; at < p->kept && status == DNMF_OK; at++) {
    take_draw(&p->posterior->kept_w, at, &w);
    take_draw(&p->posterior->kept_h, at, &h);
    status = score_held_out(p, &w, &h, &view, p->scores);
    add_to_mean_scores(p, at);
  }
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
  return status;
}

static dnmf_status posterior_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  posterior_fit *p = state;
  double extra[CHAIN_EXTRA] = {0};
  if (loop->fits->resume)
    DNMF_TRY(chain_take_up(loop, p));
  DNMF_TRY(dnmf_sampler_begin(&p->sampler, loop->fits->resume ? loop->fits->resume->result.iterations : 0,
                              loop->fits->resume ? loop->fits->memory.chain_squares : -1, CHAIN_EXTRA, extra));
  take_extra(p, extra, loop->fits->resume != NULL, reached);
  return DNMF_OK;
}

static dnmf_status posterior_step(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  posterior_fit *p = state;
  double extra[CHAIN_EXTRA] = {0};
  const int64_t sweep = p->sampler.sweeps;
  DNMF_TRY(dnmf_sampler_draw_factors(&p->sampler, &loop->seconds));
  DNMF_TRY(chain_look(loop, p, extra));
  dnmf_loop_ask(loop, extra + CHAIN_ASKS);
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_sampler_draw_priors(&p->sampler, CHAIN_EXTRA, extra));
  loop->seconds.exchange += dnmf_lap(&clock);
  loop->fits->memory.chain_squares = p->sampler.squares;
  loop->fits->memory.chain_start = p->posterior->start_iterations;
  dnmf_panel_set(&p->trace, sweep, TRACE_NOISE, p->sampler.noise_precision);
  dnmf_panel_set(&p->trace, sweep, TRACE_WATCHED,
                 p->held_out ? extra[CHAIN_SQUARES] : dnmf_exact_value(extra + CHAIN_WATCHED));
  take_extra(p, extra, true, reached);
  return DNMF_OK;
}

static void posterior_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  posterior_fit *p = state;
  (void)loop;
  chain_part parts[CHAIN_PARTS];
  list_parts(p, parts);
  for (int i = 0; i < CHAIN_PARTS; i++)
    if (parts[i].own->components > 0)
      now->panels[now->panel_count++] = (dnmf_model_part){parts[i].name, parts[i].side, parts[i].own};
}

static dnmf_status describe_chain(posterior_fit *p) {
  dnmf_posterior *posterior = p->posterior;
  const int64_t first = p->sampler.sweeps > p->settings->posterior.burn_in ? p->settings->posterior.burn_in : 0;
  const int64_t count = p->sampler.sweeps - first;
  double *noise = NULL;
  double sum = 0;
  DNMF_TRY(allocate_numbers(&p->context->error, 2 * count + 1, &noise));
  double *watched = noise + count;
  for (int64_t i = 0; i < count; i++) {
    noise[i] = dnmf_panel_get(&p->trace, first + i, TRACE_NOISE);
    watched[i] = dnmf_panel_get(&p->trace, first + i, TRACE_WATCHED);
    sum += noise[i];
  }
  posterior->noise_precision = count > 0 ? sum / (double)count : p->sampler.noise_precision;
  posterior->noise_r_hat = dnmf_split_r_hat(count, noise);
  posterior->noise_effective = dnmf_effective_samples(count, noise);
  posterior->watched_r_hat = dnmf_split_r_hat(count, watched);
  posterior->watched_effective = dnmf_effective_samples(count, watched);
  free(noise);
  return DNMF_OK;
}

/* A chain that was ended before a draw was kept leaves its last one. */
static dnmf_status posterior_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  posterior_fit *p = state;
  dnmf_posterior *posterior = p->posterior;
  (void)loop;
  (void)reached;
  if (p->kept == 0) {
    keep_draw(p->w, 0, false, &posterior->kept_w);
    keep_draw(p->h, 0, false, &posterior->kept_h);
    keep_terms(p, 0);
    p->kept = 1;
  }
  posterior->is_mean = p->settings->posterior.keep_mean;
  posterior->kept = posterior->is_mean ? 1 : p->kept;
  return dnmf_agree(p->context, describe_chain(p));
}

static const dnmf_problem_kind posterior_kind = {.open = posterior_open,
                                                 .begin = posterior_begin,
                                                 .step = posterior_step,
                                                 .save = posterior_save,
                                                 .settle = posterior_settle,
                                                 .close = posterior_close};

/* --- The fit ----------------------------------------------------------------------------------------------- */

static dnmf_status run_chain(dnmf_context *context, const dnmf_settings *settings, posterior_fit *p,
                             dnmf_fit_result *result) {
  const dnmf_ratings *ratings = p->ratings;
  const double stored = (double)ratings->stored;
  p->chain = *settings;
  p->chain.max_iterations = all_sweeps(settings);
  p->chain.tolerance = 0;
  p->chain.stop = DNMF_STOP_OBJECTIVE;
  p->settings = &p->chain;
  const dnmf_problem problem = {.kind = &posterior_kind,
                                .state = p,
                                .precision = ratings->precision,
                                .sum = stored * ratings->mean,
                                .sum_squares =
                                    stored * (ratings->mean * ratings->mean + ratings->deviation * ratings->deviation)};
  return dnmf_loop_run(context, &p->chain, &problem, result);
}

/* Time and traffic of the fit before the chain count, too. */
static void add_start(const dnmf_fit_result *start, dnmf_fit_result *result) {
  result->seconds.update += start->seconds.update;
  result->seconds.exchange += start->seconds.exchange;
  result->seconds.total += start->seconds.total;
  result->traffic.gather_words += start->traffic.gather_words;
  result->traffic.scatter_words += start->traffic.scatter_words;
  result->traffic.gram_words += start->traffic.gram_words;
  result->traffic.control_words += start->traffic.control_words;
  result->traffic.messages += start->traffic.messages;
}

static bool is_in_chain(const dnmf_settings *settings) {
  return settings->host && settings->host->resume && dnmf_fit_state_panel(settings->host->resume, DNMF_PART_TRACE);
}

dnmf_status dnmf_fit_posterior(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                               const dnmf_ratings_view *held_out, dnmf_panel *w, dnmf_panel *h, dnmf_evidence *evidence,
                               dnmf_posterior *posterior, dnmf_fit_result *result) {
  dnmf_settings later = *settings;
  dnmf_fit_host host = {.state = NULL};
  dnmf_fit_result start = {.iterations = 0};
  posterior_fit p = {.context = context,
                     .settings = &later,
                     .ratings = ratings,
                     .held_out = held_out,
                     .w = w,
                     .h = h,
                     .evidence = evidence,
                     .posterior = posterior};
  dnmf_status status = DNMF_OK;
  if (is_in_chain(settings)) {
    posterior->start_iterations = (int)fmax(0, settings->host->resume->memory.chain_start); /* 0 where it is NaN */
  } else {
    status = dnmf_fit_observed(context, settings, ratings, held_out, w, h, evidence, result);
    if (status != DNMF_OK || strcmp(result->stop_reason, "signal") == 0 ||
        strcmp(result->stop_reason, "time-limit") == 0)
      return status;
    start = *result;
    posterior->start_iterations = start.iterations;
    later.time_limit -= start.seconds.total;
    if (settings->host) {
      host = *settings->host;
      host.resume = NULL;
      later.host = &host;
    }
  }
  status = run_chain(context, &later, &p, result);
  add_start(&start, result);
  dnmf_fit_result_free(&start);
  if (status == DNMF_OK && result->history_count > 0)
    result->validation_rmse = result->validation_history[result->history_count - 1];
  if (status == DNMF_OK && strcmp(result->stop_reason, "max-iter") == 0)
    result->stop_reason = "samples";
  return status;
}
