#include "fit/restarts.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "fit/zeros_fit.h"
#include "init/start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_restarts_create(dnmf_error *error, int count, uint64_t seed, dnmf_restarts *restarts) {
  void *memory = NULL;
  *restarts = (dnmf_restarts){.count = count};
  DNMF_TRY(dnmf_allocate_zero(error, "restarts", count, sizeof(dnmf_restart), &memory));
  restarts->items = memory;
  for (int r = 0; r < count; r++)
    restarts->items[r].seed = seed + (uint64_t)r;
  return DNMF_OK;
}

static void free_restart(dnmf_restart *restart) {
  dnmf_panel_free(&restart->w);
  dnmf_panel_free(&restart->h);
  dnmf_panel_free(&restart->ahead);
  dnmf_fit_result_free(&restart->result);
}

void dnmf_restarts_free(dnmf_restarts *restarts) {
  for (int r = 0; restarts->items && r < restarts->count; r++)
    free_restart(&restarts->items[r]);
  free(restarts->items);
  *restarts = (dnmf_restarts){.count = 0};
}

int dnmf_restarts_best(const dnmf_restarts *restarts) {
  int best = -1;
  for (int r = 0; r < restarts->count; r++)
    if (restarts->items[r].stage != DNMF_RESTART_WAITING &&
        (best < 0 || restarts->items[r].result.objective < restarts->items[best].result.objective))
      best = r;
  return best;
}

static int count_done(const dnmf_restarts *restarts) {
  int done = 0;
  for (int r = 0; r < restarts->count; r++)
    done += restarts->items[r].stage == DNMF_RESTART_DONE;
  return done;
}

bool dnmf_restarts_unfinished(const dnmf_restarts *restarts) {
  return count_done(restarts) < restarts->count;
}

/* --- Starts ------------------------------------------------------------------------------------------------ */

static dnmf_status copy_panel_rows(dnmf_error *error, const dnmf_panel *from, dnmf_panel *to) {
  DNMF_TRY(dnmf_panel_create(error, "a restart", from->rows, from->components, from->precision, to));
  const size_t row_bytes = (size_t)from->components * dnmf_precision_size(from->precision);
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)from->rows * row_bytes);
  return DNMF_OK;
}

/* The panels of a restart that has not begun. */
static dnmf_status make_start(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                              const dnmf_layout *layout, const dnmf_restarts *restarts, dnmf_restart *restart) {
  dnmf_factor w = {.rows = 0};
  dnmf_factor h = {.rows = 0};
  dnmf_status status = dnmf_factor_create_w(context, layout, settings->components, a->precision, &w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, layout, settings->components, a->precision, &h);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && restarts->start)
    status = restarts->start(context, restarts->state, restart->seed, &w, &h);
  else if (status == DNMF_OK)
    dnmf_start_random(a, restart->seed, &w, &h);
  if (status == DNMF_OK)
    status = copy_panel_rows(&context->error, &w.mine, &restart->w);
  if (status == DNMF_OK)
    status = copy_panel_rows(&context->error, &h.mine, &restart->h);
  if (status == DNMF_OK && settings->solver == DNMF_SOLVER_AHALS)
    status = copy_panel_rows(&context->error, &h.mine, &restart->ahead);
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  return dnmf_agree(context, status);
}

/* --- Rounds ------------------------------------------------------------------------------------------------ */

/* Restarts that are fitted side by side. */
typedef struct restart_round {
  dnmf_context *context;
  const dnmf_settings *settings; /* the caller's */
  dnmf_restarts *all;
  int count;
  dnmf_restart **items;
  dnmf_loop_fit *fits;
  dnmf_fit_state *states; /* where those that run go on from */
  dnmf_fit_result *results;
  dnmf_zeros_panels *starts; /* their panels */
} restart_round;

static dnmf_status create_round(dnmf_error *error, int most, restart_round *round) {
  struct {
    size_t size;
    void *memory;
  } parts[] = {{sizeof *round->items, NULL},
               {sizeof *round->fits, NULL},
               {sizeof *round->states, NULL},
               {sizeof *round->results, NULL},
               {sizeof *round->starts, NULL}};
  dnmf_status status = DNMF_OK;
  for (int i = 0; i < 5 && status == DNMF_OK; i++)
    status = dnmf_allocate_zero(error, "a round of restarts", most, parts[i].size, &parts[i].memory);
  round->items = parts[0].memory;
  round->fits = parts[1].memory;
  round->states = parts[2].memory;
  round->results = parts[3].memory;
  round->starts = parts[4].memory;
  return status;
}

static void free_round(restart_round *round) {
  free(round->items);
  free(round->fits);
  free(round->states);
  free(round->results);
  free(round->starts);
}

/* The next restarts that are not done, at most so many; those that run go on from where they are. */
static void choose_round(dnmf_restarts *restarts, int most, restart_round *round) {
  round->count = 0;
  for (int r = 0; r < restarts->count && round->count < most; r++) {
    dnmf_restart *restart = &restarts->items[r];
    const int place = round->count;
    if (restart->stage == DNMF_RESTART_DONE)
      continue;
    round->items[place] = restart;
    round->starts[place] = (dnmf_zeros_panels){.w = &restart->w, .h = &restart->h, .ahead = &restart->ahead};
    round->states[place] = (dnmf_fit_state){.result = restart->result, .memory = restart->memory};
    round->fits[place] =
        (dnmf_loop_fit){.resume = restart->stage == DNMF_RESTART_RUNNING ? &round->states[place] : NULL,
                        .result = &round->results[place]};
    round->count++;
  }
}

/* Each restart as its fit is now. The histories of a result may have moved. */
static void note_round(restart_round *round) {
  for (int i = 0; i < round->count; i++) {
    dnmf_restart *restart = round->items[i];
    const bool over = round->fits[i].done && !round->results[i].interrupted;
    restart->stage = over ? DNMF_RESTART_DONE : DNMF_RESTART_RUNNING;
    restart->memory = round->fits[i].memory;
    restart->result = round->results[i];
  }
}

/* --- The host of the loop ---------------------------------------------------------------------------------- */

static bool round_told_to_stop(void *state) {
  const restart_round *round = state;
  const dnmf_fit_host *host = round->settings->host;
  return host && host->told_to_stop && host->told_to_stop(host->state);
}

static dnmf_status round_save(void *state, const dnmf_fit_state *now, bool last) {
  restart_round *round = state;
  (void)now;
  note_round(round);
  return round->all->save(round->all->state, round->all, last);
}

/* --- Fitting ----------------------------------------------------------------------------------------------- */

static dnmf_status fit_round(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                             const dnmf_layout *layout, restart_round *round) {
  const int width = round->count * settings->components;
  dnmf_factor w = {.rows = 0};
  dnmf_factor h = {.rows = 0};
  dnmf_status status = dnmf_factor_create_w(context, layout, width, a->precision, &w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, layout, width, a->precision, &h);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_fit_zeros_together(context, settings, a, &w, &h, round->count, round->starts, round->fits);
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  return status;
}

/* What ends the job, on all processes alike; NULL: nothing does. */
static dnmf_status find_end(dnmf_context *context, const dnmf_settings *settings, double began, const char **end) {
  const dnmf_fit_host *host = settings->host;
  double asks[] = {host && host->told_to_stop && host->told_to_stop(host->state),
                   MPI_Wtime() - began > settings->time_limit};
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, asks, 2));
  *end = asks[0] > 0 ? "signal" : asks[1] > 0 ? "time-limit" : NULL;
  return DNMF_OK;
}

/* Whether the fits of a round were ended from outside. */
static bool is_cut_short(const restart_round *round) {
  for (int i = 0; i < round->count; i++) {
    const char *reason = round->results[i].stop_reason;
    if (strcmp(reason, "signal") == 0 || strcmp(reason, "time-limit") == 0)
      return true;
  }
  return false;
}

static void add_round(restart_round *round) {
  dnmf_restarts *all = round->all;
  const dnmf_fit_seconds *s = &round->results[0].seconds;
  const dnmf_traffic *t = &round->results[0].traffic;
  int steps = 0;
  for (int i = 0; i < round->count; i++) {
    const int done = round->results[i].iterations - round->results[i].resumed_iterations;
    steps = done > steps ? done : steps;
  }
  all->steps += steps;
  all->seconds = (dnmf_fit_seconds){.product = all->seconds.product + s->product,
                                    .gram = all->seconds.gram + s->gram,
                                    .update = all->seconds.update + s->update,
                                    .exchange = all->seconds.exchange + s->exchange,
                                    .read = all->seconds.read + s->read,
                                    .total = all->seconds.total + s->total};
  all->traffic = (dnmf_traffic){.gather_words = all->traffic.gather_words + t->gather_words,
                                .scatter_words = all->traffic.scatter_words + t->scatter_words,
                                .gram_words = all->traffic.gram_words + t->gram_words,
                                .control_words = all->traffic.control_words + t->control_words,
                                .messages = all->traffic.messages + t->messages};
}

/* Begins the restarts of a round that wait, and iterates all of it. The results that it began with, whose histories
 * the loop has copied, are released. */
static dnmf_status run_round(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                             const dnmf_layout *layout, restart_round *round) {
  for (int i = 0; i < round->count; i++)
    if (round->items[i]->stage == DNMF_RESTART_WAITING)
      DNMF_TRY(make_start(context, round->settings, a, layout, round->all, round->items[i]));
  dnmf_status status = fit_round(context, settings, a, layout, round);
  note_round(round);
  for (int i = 0; i < round->count; i++)
    dnmf_fit_result_free(&round->states[i].result);
  return status;
}

static dnmf_status run_rounds(const dnmf_matrix *a, const dnmf_layout *layout, int most, restart_round *round) {
  const double began = MPI_Wtime();
  dnmf_context *context = round->context;
  dnmf_fit_host host = {.state = round, .told_to_stop = round_told_to_stop, .every_seconds = INFINITY};
  dnmf_settings settings = *round->settings;
  const char *end = NULL;
  settings.host = &host;
  if (round->settings->host) {
    host.every_iterations = round->settings->host->every_iterations;
    host.every_seconds = round->settings->host->every_seconds;
  }
  host.save = round->all->save ? round_save : NULL;
  for (choose_round(round->all, most, round); round->count > 0 && !end; choose_round(round->all, most, round)) {
    host.fits = round->all->count;
    host.fits_done = count_done(round->all);
    host.groups = round->all->groups;
    host.seconds_done = round->all->seconds.total;
    settings.time_limit = round->settings->time_limit - (MPI_Wtime() - began);
    DNMF_TRY(run_round(context, &settings, a, layout, round));
    add_round(round);
    DNMF_TRY(find_end(context, round->settings, began, &end));
    if (end && (is_cut_short(round) || dnmf_restarts_unfinished(round->all)))
      round->all->ended = end;
    if (host.save && !is_cut_short(round) && dnmf_restarts_unfinished(round->all))
      DNMF_TRY(round_save(round, NULL, end != NULL)); /* of a round that was cut short the loop has saved */
  }
  return DNMF_OK;
}

/* Bytes of a row of a panel up to which products with a sparse block gain from more starts (measured), unless the whole
 * panel stays in a cache. */
enum { SPARSE_ROW_BYTES = 384, SPARSE_PANEL_BYTES = 1 << 20 };

/* How many of `count` starts side by side are faster than fewer, for blocks of at most that size. */
static int count_that_pay(bool sparse, dnmf_precision precision, int components, bool divergence, int64_t block_rows,
                          int64_t block_cols, int count) {
  const int64_t longer = block_rows > block_cols ? block_rows : block_cols;
  const int64_t row_bytes = (int64_t)components * (int64_t)dnmf_precision_size(precision);
  const int64_t in_row = SPARSE_ROW_BYTES / row_bytes;
  const int64_t in_cache = SPARSE_PANEL_BYTES / row_bytes / longer;
  const int64_t most = in_row > in_cache ? in_row : in_cache;
  if (divergence || count < 1)
    return 1;
  if (!sparse || most >= count)
    return count;
  return most > 1 ? (int)most : 1;
}

dnmf_status dnmf_fit_restarts(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                              const dnmf_layout *layout, dnmf_restarts *restarts) {
  restarts->ended = NULL;
  restarts->steps = 0;
  restarts->seconds = (dnmf_fit_seconds){0};
  restarts->traffic = (dnmf_traffic){0};
  const dnmf_grid *grid = layout->grid;
  const int most = count_that_pay(a->sparse, a->precision, settings->components, settings->loss.divergence,
                                  a->rows / grid->rows + 1, a->cols / grid->cols + 1, restarts->side_by_side);
  restart_round round = {.context = context, .settings = settings, .all = restarts};
  dnmf_status status = dnmf_agree(context, create_round(&context->error, most, &round));
  if (status == DNMF_OK)
    status = run_rounds(a, layout, most, &round);
  free_round(&round);
  return status;
}

/* --- Memory ------------------------------------------------------------------------------------------------ */

int dnmf_restarts_at_once(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols, int count,
                          double bytes) {
  const int paying = count_that_pay(job->sparse, job->precision, job->components, job->loss.divergence,
                                    job->rows / grid_rows + 1, job->cols / grid_cols + 1, count);
  int starts = paying;
  for (; starts > 1; starts--) {
    dnmf_job together = *job;
    dnmf_cost cost;
    together.starts = starts;
    together.restarts = count;
    dnmf_cost_of(context, &together, NULL, grid_rows, grid_cols, &cost);
    if (cost.memory.peak <= bytes)
      break;
  }
  return starts > 1 ? starts : 1;
}
