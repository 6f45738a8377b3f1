/*
 * The chains as a problem of the loop: an iteration is a sweep of each.
 */
#include "fit/posterior_fit.h"

#include "chain_figures.h"
#include "held_out.h"
#include "posterior_chains.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Held-out entries as one context has them, and room to score them. */
typedef struct held_out_room {
  dnmf_context *context;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *view;
  dnmf_panel needed;
  double *squares; /* of each owned row */
} held_out_room;

typedef struct posterior_fit {
  dnmf_settings chain; /* those of the fit, but when to stop */
  const dnmf_settings *settings;
  dnmf_context *context;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *held_out;
  dnmf_posterior *posterior;
  posterior_chains chains;
  held_out_room of_draws; /* in this process's group */
  held_out_room of_model; /* of all processes */
  double *arrived;        /* scores of one chain from its group */
  double *mean_scores;    /* by the model that is kept: the mean of the draws' scores, or those of their mean */
  double (*extra)[POSTERIOR_EXTRA]; /* of a sweep: the sums of each chain of the group, */
  double *shared;                   /* and what all processes learn */
} posterior_fit;

/* What is shared by all processes after a sweep; the last are TRACE_FIGURES of each chain. */
enum { SHARED_FAILED = 0, SHARED_ASKS, SHARED_MEAN_SQUARES = SHARED_ASKS + DNMF_ASKS, SHARED_COUNT, SHARED_TRACE };

void dnmf_posterior_free(dnmf_posterior *posterior) {
  dnmf_panel_free(&posterior->kept_w);
  dnmf_panel_free(&posterior->kept_h);
  dnmf_panel_free(&posterior->kept_of_cols);
  dnmf_panel_free(&posterior->row_terms);
  dnmf_panel_free(&posterior->col_terms);
  memset(posterior, 0, sizeof *posterior);
}

int dnmf_posterior_chains(const dnmf_posterior_settings *settings) {
  return settings->chains > 1 ? settings->chains : 1;
}

int dnmf_posterior_kept(const dnmf_posterior_settings *settings, int sweeps) {
  const int counted = sweeps - settings->burn_in;
  return counted > 0 ? counted / settings->thin : 0;
}

int dnmf_posterior_thin(int samples, int chains) {
  enum { MOST_KEPT = 100 };
  const int64_t thin = ((int64_t)samples * chains + MOST_KEPT - 1) / MOST_KEPT;
  return thin < samples ? (int)thin : samples;
}

static int all_sweeps(const dnmf_posterior_settings *settings) {
  return settings->burn_in + settings->samples;
}

int dnmf_posterior_draws(const dnmf_posterior_settings *settings) {
  const int of_one = settings->keep_mean ? 1 : dnmf_posterior_kept(settings, all_sweeps(settings));
  return dnmf_posterior_chains(settings) * of_one;
}

int dnmf_posterior_trace(const dnmf_posterior_settings *settings) {
  return all_sweeps(settings) * dnmf_posterior_chains(settings) * TRACE_FIGURES;
}

/* --- Memory ------------------------------------------------------------------------------------------------ */

static dnmf_status allocate_numbers(dnmf_error *error, int64_t count, double **numbers) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "held-out predictions", count, sizeof(double), &memory);
  *numbers = memory;
  return status;
}

static int64_t held_out_count(const held_out_room *room) {
  return room->view->entries.start[room->view->entries.rows];
}

static dnmf_status create_room(dnmf_context *context, const dnmf_ratings *ratings, const dnmf_ratings_view *view,
                               const dnmf_panel *h, held_out_room *room) {
  *room = (held_out_room){.context = context, .ratings = ratings, .view = view};
  DNMF_TRY(dnmf_panel_create(&context->error, "fetched factor rows", view->needed_count, h->components, h->precision,
                             &room->needed));
  return allocate_numbers(&context->error, view->entries.rows, &room->squares);
}

static void free_room(held_out_room *room) {
  dnmf_panel_free(&room->needed);
  free(room->squares);
}

static dnmf_status create_held_out(posterior_fit *p) {
  dnmf_error *error = &p->context->error;
  const dnmf_chain_groups *groups = &p->chains.groups;
  DNMF_TRY(create_room(groups->context, groups->ratings, groups->held_out, p->chains.h, &p->of_draws));
  DNMF_TRY(create_room(p->context, p->ratings, p->held_out, p->chains.h, &p->of_model));
  DNMF_TRY(allocate_numbers(error, held_out_count(&p->of_model), &p->mean_scores));
  return groups->count > 1 ? allocate_numbers(error, held_out_count(&p->of_model), &p->arrived) : DNMF_OK;
}

static int64_t shared_count(const posterior_fit *p) {
  return SHARED_TRACE + (int64_t)TRACE_FIGURES * p->chains.groups.chains;
}

static dnmf_status create_figures(posterior_fit *p) {
  dnmf_error *error = &p->context->error;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "figures of a sweep", p->chains.count, sizeof *p->extra, &memory));
  p->extra = memory;
  return allocate_numbers(error, shared_count(p), &p->shared);
}

static dnmf_status posterior_open(dnmf_loop *loop, void *state) {
  posterior_fit *p = state;
  (void)loop;
  dnmf_status status = posterior_chains_create(&p->chains);
  if (status == DNMF_OK)
    status = create_figures(p);
  if (status == DNMF_OK && p->held_out)
    status = create_held_out(p);
  if (status != DNMF_OK && p->chains.groups.count > 1 && p->chains.groups.context->error.text[0])
    p->context->error = p->chains.groups.context->error;
  return status;
}

static void posterior_close(void *state) {
  posterior_fit *p = state;
  posterior_chains_free(&p->chains);
  free_room(&p->of_draws);
  free_room(&p->of_model);
  free(p->arrived);
  free(p->mean_scores);
  free(p->extra);
  free(p->shared);
}

/* --- Held-out entries -------------------------------------------------------------------------------------- */

static dnmf_held_out view_of(const posterior_fit *p, const held_out_room *room, const dnmf_panel *w) {
  return (dnmf_held_out){.settings = p->settings,
                         .ratings = room->ratings,
                         .view = room->view,
                         .w = w,
                         .needed = &room->needed,
                         .squares = room->squares};
}

/* The scores of the held-out entries by these factors. collective in the room's context */
static dnmf_status score_held_out(const posterior_fit *p, held_out_room *room, const dnmf_panel *w, const dnmf_panel *h,
                                  double *scores) {
  DNMF_TRY(dnmf_ratings_gather(room->context, room->view, h, &room->needed));
  const dnmf_held_out view = view_of(p, room, w);
  dnmf_held_out_scores(&view, room->context->threads, scores);
  return DNMF_OK;
}

/* The sum of squared errors of scores, over the entries of this process. */
static double squares_of_scores(const posterior_fit *p, const held_out_room *room, const double *scores) {
  const dnmf_held_out view = view_of(p, room, NULL);
  return dnmf_held_out_squares_of(&view, room->context->threads, scores);
}

/* One draw more in the mean of those `before`. */
static void add_to_mean_scores(posterior_fit *p, const double *scores, int before) {
  const int64_t count = held_out_count(&p->of_model);
  for (int64_t i = 0; i < count; i++)
    p->mean_scores[i] += (scores[i] - p->mean_scores[i]) / (before + 1);
}

/* Slot number `slot` as a panel of its own. */
static void take_slot(const dnmf_panel *slots, int slot, dnmf_panel *x) {
  for (int64_t row = 0; row < x->rows; row++)
    for (int c = 0; c < x->components; c++)
      dnmf_panel_set(x, row, c, dnmf_panel_get(slots, row, slot * x->components + c));
}

/* Factors of one draw, for all processes. */
typedef struct draw_room {
  dnmf_panel w;
  dnmf_panel h;
} draw_room;

static void free_draw_room(draw_room *room) {
  dnmf_panel_free(&room->w);
  dnmf_panel_free(&room->h);
}

/* collective */
static dnmf_status create_draw_room(const posterior_fit *p, int slots, draw_room *room) {
  const dnmf_panel *w = p->chains.w;
  const dnmf_panel *h = p->chains.h;
  dnmf_error *error = &p->context->error;
  dnmf_status status = dnmf_panel_create(error, "draws", w->rows, slots * w->components, w->precision, &room->w);
  if (status == DNMF_OK)
    status = dnmf_panel_create(error, "draws", h->rows, slots * h->components, h->precision, &room->h);
  return dnmf_agree(p->context, status);
}

/* p->mean_scores by the mean of all chains' means. collective */
static dnmf_status score_mean(posterior_fit *p) {
  const dnmf_chain_groups *groups = &p->chains.groups;
  const posterior_kept *kept = &p->chains.kept;
  draw_room of_chains = {.w = {0}};
  draw_room mean = {.w = {0}};
  dnmf_status status = create_draw_room(p, groups->chains, &of_chains);
  if (status == DNMF_OK)
    status = create_draw_room(p, 1, &mean);
  if (status == DNMF_OK)
    status = dnmf_chain_groups_collect(groups, false, 1, &kept->w, &of_chains.w);
  if (status == DNMF_OK)
    status = dnmf_chain_groups_collect(groups, true, 1, &kept->h, &of_chains.h);
  if (status == DNMF_OK) {
    posterior_average_slots(&of_chains.w, groups->chains, &mean.w);
    posterior_average_slots(&of_chains.h, groups->chains, &mean.h);
    status = score_held_out(p, &p->of_model, &mean.w, &mean.h, p->mean_scores);
  }
  free_draw_room(&of_chains);
  free_draw_room(&mean);
  return status;
}

/* p->mean_scores with the draws that have just been kept, number `at` of each chain. collective */
static dnmf_status renew_mean_scores(posterior_fit *p, int at) {
  const dnmf_chain_groups *groups = &p->chains.groups;
  if (p->settings->posterior.keep_mean)
    return score_mean(p);
  for (int chain = 0; chain < groups->chains; chain++) {
    const bool here = chain >= groups->mine.begin && chain < groups->mine.end;
    const double *scores = here ? p->chains.items[chain - groups->mine.begin].scores : NULL;
    if (groups->count > 1)
      DNMF_TRY(dnmf_chain_groups_collect_scores(groups, chain, scores, p->arrived));
    add_to_mean_scores(p, groups->count > 1 ? p->arrived : scores, at * groups->chains + chain);
  }
  return DNMF_OK;
}

/* p->mean_scores by what a job before has kept. collective */
static dnmf_status restore_mean_scores(posterior_fit *p, const dnmf_fit_state *saved) {
  const int draws = p->chains.done * p->chains.groups.chains;
  draw_room draw = {.w = {0}};
  if (p->settings->posterior.keep_mean)
    return score_mean(p);
  dnmf_status status = create_draw_room(p, 1, &draw);
  void *memory = NULL;
  if (status == DNMF_OK)
    status = dnmf_agree(p->context, dnmf_allocate(&p->context->error, "held-out predictions",
                                                  held_out_count(&p->of_model), sizeof(double), &memory));
  for (int at = 0; at < draws && status == DNMF_OK; at++) {
    take_slot(dnmf_fit_state_panel(saved, DNMF_PART_KEPT_W), at, &draw.w);
    take_slot(dnmf_fit_state_panel(saved, DNMF_PART_KEPT_H), at, &draw.h);
    status = score_held_out(p, &p->of_model, &draw.w, &draw.h, memory);
    if (status == DNMF_OK)
      add_to_mean_scores(p, memory, at);
  }
  free(memory);
  free_draw_room(&draw);
  return status;
}

/* --- Figures ----------------------------------------------------------------------------------------------- */

/* A sum of predictions of fitted entries, one of each owned column, each added or subtracted by chance, in units; the
 * same entries in all chains. */
static void sum_watched(const posterior_fit *p, const posterior_chain *chain, double parts[DNMF_EXACT_PARTS]) {
  const dnmf_ratings_view *view = &p->chains.groups.ratings->by_cols;
  const dnmf_panel *w = &chain->sampler.cols.needed;
  const dnmf_panel *h = chain->h;
  const int k = p->settings->components;
  for (int64_t row = 0; row < h->rows; row++) {
    const int64_t entries = view->entries.start[row + 1] - view->entries.start[row];
    const uint64_t bits =
        dnmf_random_bits(p->settings->seed, DNMF_STREAM_CHAIN_WATCHED, (uint64_t)(view->owned.begin + row), 0);
    if (entries == 0)
      continue;
    const int64_t place = view->entries.index[view->entries.start[row] + (int64_t)((bits >> 1) % (uint64_t)entries)];
    double score = dnmf_panel_get(h, row, k) + dnmf_panel_get(w, place, k);
    for (int c = 0; c < k; c++)
      score += dnmf_panel_get(h, row, c) * dnmf_panel_get(w, place, c);
    dnmf_exact_add((bits & 1 ? score : -score) / chain->sampler.unit, parts);
  }
}

/* --- Sweeps ------------------------------------------------------------------------------------------------ */

static int64_t sweeps_done(const posterior_fit *p) {
  return p->chains.items[0].sampler.sweeps;
}

/* New factors of the group's chains, and what each has come to. collective in the group */
static dnmf_status draw_chains(dnmf_loop *loop, posterior_fit *p) {
  for (int i = 0; i < p->chains.count; i++) {
    posterior_chain *chain = &p->chains.items[i];
    double *extra = p->extra[i];
    memset(extra, 0, sizeof p->extra[i]);
    DNMF_TRY(dnmf_sampler_draw_factors(&chain->sampler, &loop->seconds));
    if (p->held_out) {
      double clock = MPI_Wtime();
      DNMF_TRY(score_held_out(p, &p->of_draws, chain->w, chain->h, chain->scores));
      loop->seconds.exchange += dnmf_lap(&clock);
      extra[POSTERIOR_SQUARES] = squares_of_scores(p, &p->of_draws, chain->scores);
    } else {
      sum_watched(p, chain, extra + POSTERIOR_WATCHED);
    }
  }
  return DNMF_OK;
}

/* This process's part of the squared errors of the model kept on the held-out entries; before there is one, of the mean
 * over the chains. Where draws have just been kept collective over all processes, else local */
static dnmf_status look_at_model(posterior_fit *p, bool keeps, double *mean_squares, double *count) {
  *mean_squares = *count = 0;
  if (!p->held_out)
    return DNMF_OK;
  if (keeps)
    DNMF_TRY(renew_mean_scores(p, p->chains.done));
  if (keeps || p->chains.done > 0)
    *mean_squares = squares_of_scores(p, &p->of_model, p->mean_scores);
  else
    for (int i = 0; i < p->chains.count; i++)
      *mean_squares += p->extra[i][POSTERIOR_SQUARES] / p->chains.groups.chains;
  *count = (double)held_out_count(&p->of_model);
  return DNMF_OK;
}

/* Noise and priors of the group's chains; what they shared comes back in p->extra. collective in the group */
static dnmf_status draw_hyperparameters(dnmf_loop *loop, posterior_fit *p) {
  for (int i = 0; i < p->chains.count; i++) {
    double clock = MPI_Wtime();
    DNMF_TRY(dnmf_sampler_draw_priors(&p->chains.items[i].sampler, POSTERIOR_EXTRA, p->extra[i]));
    loop->seconds.exchange += dnmf_lap(&clock);
  }
  return DNMF_OK;
}

/* The figures of the group's chains into what is shared. */
static void put_trace(posterior_fit *p) {
  for (int i = 0; i < p->chains.count; i++) {
    const double *extra = p->extra[i];
    double *to = p->shared + SHARED_TRACE + TRACE_FIGURES * (p->chains.groups.mine.begin + i);
    to[TRACE_NOISE] = p->chains.items[i].sampler.noise_precision;
    to[TRACE_WATCHED] = p->held_out ? extra[POSTERIOR_SQUARES] : dnmf_exact_value(extra + POSTERIOR_WATCHED);
    to[TRACE_SQUARES] = p->chains.items[i].sampler.squares;
  }
}

/* What all processes learn of the sweep. Of one group the sums of its last chain brought it along; of several each
 * group's first process has the figures of its chains. collective over all processes */
static dnmf_status share_sweep(posterior_fit *p, dnmf_status status) {
  const dnmf_chain_groups *groups = &p->chains.groups;
  const double *last = p->extra[p->chains.count - 1];
  double *shared = p->shared;
  if (status == DNMF_OK && (groups->count == 1 || groups->context->rank == 0))
    put_trace(p);
  if (groups->count == 1) {
    memcpy(shared + SHARED_ASKS, last + POSTERIOR_ASKS, DNMF_ASKS * sizeof *shared);
    shared[SHARED_MEAN_SQUARES] = last[POSTERIOR_MEAN_SQUARES];
    shared[SHARED_COUNT] = last[POSTERIOR_COUNT];
    return status;
  }
  shared[SHARED_FAILED] = status != DNMF_OK;
  if (status == DNMF_ERROR_MPI)
    return dnmf_chain_groups_agree(groups, status);
  DNMF_TRY(dnmf_sum_gram(groups->all, shared, 0, shared_count(p)));
  return shared[SHARED_FAILED] > 0 ? dnmf_chain_groups_agree(groups, status) : DNMF_OK;
}

/* All but the sharing. Of several groups a failure is that of one of them, which the others hear of later. */
static dnmf_status sweep_chains(dnmf_loop *loop, posterior_fit *p, bool keeps) {
  const bool meets = p->chains.groups.count > 1 && p->held_out && keeps;
  double *shared = p->shared;
  double *last = p->extra[p->chains.count - 1];
  dnmf_status status = draw_chains(loop, p);
  if (meets)
    status = dnmf_chain_groups_agree(&p->chains.groups, status);
  DNMF_TRY(status);
  if (keeps)
    posterior_chains_keep(&p->chains, p->chains.done);
  DNMF_TRY(look_at_model(p, keeps, &shared[SHARED_MEAN_SQUARES], &shared[SHARED_COUNT]));
  memcpy(last + POSTERIOR_ASKS, shared + SHARED_ASKS, DNMF_ASKS * sizeof *last);
  last[POSTERIOR_MEAN_SQUARES] = shared[SHARED_MEAN_SQUARES];
  last[POSTERIOR_COUNT] = shared[SHARED_COUNT];
  return draw_hyperparameters(loop, p);
}

/* The mean over the chains of the squared error after the last sweep. */
static double mean_squares(const posterior_fit *p) {
  const int chains = p->chains.groups.chains;
  const int64_t sweeps = sweeps_done(p);
  double sum = 0;
  if (sweeps == 0)
    return p->chains.items[0].sampler.squares;
  for (int chain = 0; chain < chains; chain++)
    sum += posterior_trace_get(&p->chains, sweeps - 1, chain, TRACE_SQUARES);
  return sum / chains;
}

static void take_reached(const posterior_fit *p, bool has_loss, dnmf_reached *reached) {
  const double squares = mean_squares(p);
  reached->has_loss = has_loss;
  reached->squares = has_loss ? squares : NAN;
  reached->loss = reached->watched = 0.5 * squares;
  reached->held_out_squares = p->shared[SHARED_MEAN_SQUARES];
  reached->held_out_count = p->shared[SHARED_COUNT];
  memcpy(reached->asks, p->shared + SHARED_ASKS, sizeof reached->asks);
}

/* --- The loop's functions ---------------------------------------------------------------------------------- */

/* Each chain at its start, or where it was; `sweeps` are done. collective in the group */
static dnmf_status begin_chains(posterior_fit *p, int sweeps) {
  for (int i = 0; i < p->chains.count; i++) {
    const int chain = (int)p->chains.groups.mine.begin + i;
    const double squares = sweeps > 0 ? posterior_trace_get(&p->chains, sweeps - 1, chain, TRACE_SQUARES) : -1;
    DNMF_TRY(dnmf_sampler_begin(&p->chains.items[i].sampler, sweeps, squares, 0, NULL));
  }
  return DNMF_OK;
}

static dnmf_status posterior_begin(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  posterior_fit *p = state;
  const dnmf_fit_state *resume = loop->fits->resume;
  const int sweeps = resume ? resume->result.iterations : 0;
  if (resume) {
    DNMF_TRY(posterior_chains_resume(&p->chains, resume));
    p->chains.done = dnmf_posterior_kept(&p->settings->posterior, sweeps);
    if (p->held_out && p->chains.done > 0)
      DNMF_TRY(restore_mean_scores(p, resume));
  } else {
    DNMF_TRY(posterior_chains_start(&p->chains));
  }
  DNMF_TRY(dnmf_chain_groups_agree(&p->chains.groups, begin_chains(p, sweeps)));
  p->chains.groups.own.traffic = (dnmf_traffic){0};
  take_reached(p, resume != NULL, reached);
  return DNMF_OK;
}

static dnmf_status posterior_step(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  posterior_fit *p = state;
  posterior_chains *chains = &p->chains;
  const int64_t sweep = sweeps_done(p);
  const bool keeps = dnmf_posterior_kept(&p->settings->posterior, (int)sweep + 1) > chains->done;
  memset(p->shared, 0, (size_t)shared_count(p) * sizeof *p->shared);
  dnmf_loop_ask(loop, p->shared + SHARED_ASKS);
  DNMF_TRY(share_sweep(p, sweep_chains(loop, p, keeps)));
  for (int chain = 0; chain < chains->groups.chains; chain++)
    for (int figure = 0; figure < TRACE_FIGURES; figure++)
      posterior_trace_set(chains, sweep, chain, (trace_figure)figure,
                          p->shared[SHARED_TRACE + TRACE_FIGURES * chain + figure]);
  chains->done += keeps;
  loop->fits->memory.chain_start = p->posterior->start_iterations;
  dnmf_chain_groups_count_traffic(&chains->groups);
  take_reached(p, true, reached);
  return DNMF_OK;
}

static dnmf_status posterior_save(dnmf_loop *loop, void *state, dnmf_fit_state *now) {
  posterior_fit *p = state;
  (void)loop;
  return posterior_chains_save(&p->chains, now);
}

/* One figure of the sweeps that count, of one chain after another. */
static void take_series(const posterior_fit *p, int64_t first, int64_t count, trace_figure figure, double *series) {
  for (int chain = 0; chain < p->chains.groups.chains; chain++)
    for (int64_t i = 0; i < count; i++)
      series[chain * count + i] = posterior_trace_get(&p->chains, first + i, chain, figure);
}

static dnmf_status describe_chains(posterior_fit *p) {
  dnmf_posterior *posterior = p->posterior;
  const int chains = p->chains.groups.chains;
  const int64_t sweeps = sweeps_done(p);
  const int64_t first = sweeps > p->settings->posterior.burn_in ? p->settings->posterior.burn_in : 0;
  const int64_t count = sweeps - first;
  double *series = NULL;
  double sum = 0;
  DNMF_TRY(allocate_numbers(&p->context->error, chains * count + 1, &series));
  take_series(p, first, count, TRACE_NOISE, series);
  for (int64_t i = 0; i < chains * count; i++)
    sum += series[i];
  posterior->noise_precision = count > 0 ? sum / (double)(chains * count) : p->chains.items[0].sampler.noise_precision;
  posterior->noise_r_hat = dnmf_split_r_hat(chains, count, series);
  posterior->noise_effective = dnmf_effective_samples(chains, count, series);
  take_series(p, first, count, TRACE_WATCHED, series);
  posterior->watched_r_hat = dnmf_split_r_hat(chains, count, series);
  posterior->watched_effective = dnmf_effective_samples(chains, count, series);
  free(series);
  return DNMF_OK;
}

/* Chains that were ended before a draw was kept leave their last ones. */
static dnmf_status posterior_settle(dnmf_loop *loop, void *state, dnmf_reached *reached) {
  posterior_fit *p = state;
  (void)loop;
  (void)reached;
  if (p->chains.done == 0) {
    posterior_chains_keep(&p->chains, 0);
    p->chains.done = 1;
  }
  DNMF_TRY(posterior_chains_collect(&p->chains, p->posterior));
  p->posterior->groups = p->chains.groups.count;
  return dnmf_agree(p->context, describe_chains(p));
}

static const dnmf_problem_kind posterior_kind = {.open = posterior_open,
                                                 .begin = posterior_begin,
                                                 .step = posterior_step,
                                                 .save = posterior_save,
                                                 .settle = posterior_settle,
                                                 .close = posterior_close};

/* --- The fit ----------------------------------------------------------------------------------------------- */

static dnmf_status run_chains(dnmf_context *context, const dnmf_settings *settings, posterior_fit *p,
                              dnmf_fit_result *result) {
  const dnmf_ratings *ratings = p->ratings;
  const dnmf_posterior_settings *posterior = &settings->posterior;
  const double stored = (double)ratings->stored;
  p->chain = *settings;
  p->chain.max_iterations = all_sweeps(posterior);
  p->chain.tolerance = 0;
  p->chain.stop = DNMF_STOP_OBJECTIVE;
  p->settings = &p->chain;
  p->chains.settings = &p->chain;
  const dnmf_problem problem = {.kind = &posterior_kind,
                                .state = p,
                                .precision = ratings->precision,
                                .sum = stored * ratings->mean,
                                .sum_squares =
                                    stored * (ratings->mean * ratings->mean + ratings->deviation * ratings->deviation)};
  dnmf_status status =
      dnmf_chain_groups_create(context, posterior->groups > 1 ? posterior->groups : 1, dnmf_posterior_chains(posterior),
                               ratings, p->held_out, &p->chains.groups);
  if (status == DNMF_OK)
    status = dnmf_loop_run(context, &p->chain, &problem, result);
  dnmf_chain_groups_free(&p->chains.groups);
  return status;
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
                     .posterior = posterior,
                     .chains = {.w = w, .h = h, .evidence = evidence}};
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
  status = run_chains(context, &later, &p, result);
  add_start(&start, result);
  dnmf_fit_result_free(&start);
  if (status == DNMF_OK && result->history_count > 0)
    result->validation_rmse = result->validation_history[result->history_count - 1];
  if (status == DNMF_OK && strcmp(result->stop_reason, "max-iter") == 0)
    result->stop_reason = "samples";
  return status;
}
