/*
 * The chains as a problem of the loop: an iteration is a sweep of each.
 */
#include "fit/posterior_fit.h"

#include "chain_figures.h"
#include "posterior_chains.h"
#include "posterior_scores.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct posterior_fit {
  dnmf_settings chain; /* those of the fit, but when to stop */
  const dnmf_settings *settings;
  dnmf_context *context;
  const dnmf_ratings *ratings;
  const dnmf_ratings_view *held_out;
  dnmf_posterior *posterior;
  posterior_chains chains;
  posterior_scores scores;          /* with held-out entries */
  double (*extra)[POSTERIOR_EXTRA]; /* of a sweep: the sums of each chain of the group, */
  double *shared;                   /* and what all processes learn */
} posterior_fit;

/* What is shared by all processes after a sweep; the last are TRACE_FIGURES of each chain. */
enum { SHARED_FAILED = 0, SHARED_ASKS, SHARED_MEAN_SQUARES = SHARED_ASKS + DNMF_ASKS, SHARED_COUNT, SHARED_TRACE };

/* --- Memory ------------------------------------------------------------------------------------------------ */

static dnmf_status allocate_numbers(dnmf_error *error, int64_t count, double **numbers) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "held-out predictions", count, sizeof(double), &memory);
  *numbers = memory;
  return status;
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
    status = posterior_scores_create(&p->chains, &p->scores);
  if (status != DNMF_OK && p->chains.groups.count > 1 && p->chains.groups.context->error.text[0])
    p->context->error = p->chains.groups.context->error;
  return status;
}

static void posterior_close(void *state) {
  posterior_fit *p = state;
  posterior_chains_free(&p->chains);
  posterior_scores_free(&p->scores);
  free(p->extra);
  free(p->shared);
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
      DNMF_TRY(posterior_scores_of_draw(&p->scores, chain));
      loop->seconds.exchange += dnmf_lap(&clock);
      extra[POSTERIOR_SQUARES] = posterior_scores_squares(&p->scores, chain);
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
    DNMF_TRY(posterior_scores_renew(&p->scores, p->chains.done));
  if (keeps || p->chains.done > 0)
    *mean_squares = posterior_scores_squares(&p->scores, NULL);
  else
    for (int i = 0; i < p->chains.count; i++)
      *mean_squares += p->extra[i][POSTERIOR_SQUARES] / p->chains.groups.chains;
  *count = (double)posterior_scores_count(&p->scores);
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
      DNMF_TRY(posterior_scores_restore(&p->scores, resume));
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
  p->chain.max_iterations = posterior->burn_in + posterior->samples;
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
