#include "api/job_groups.h"

#include "api/restart_checkpoint.h"
#include "api/restart_state.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "comm/fetch_range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_fitting_form_groups(dnmf_context *context, dnmf_fitting *f) {
  const int64_t asked = f->asked.zeros.groups;
  const int64_t restarts = f->asked.zeros.restarts;
  int64_t count = asked < context->size ? asked : context->size;
  count = count < restarts ? count : restarts;
  f->processes = context->size;
  if (count <= 1)
    return DNMF_OK;
  if (f->data->kind != DNMF_DATA_FILE)
    return dnmf_agree(context, dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                                         "--groups %d: arrays in memory can be read by one group only", (int)asked));
  f->group_count = (int)count;
  f->group = context->rank % f->group_count;
  f->at = &f->part;
  DNMF_TRY(dnmf_context_split(context, f->group, &f->part));
  if (f->group == 0)
    f->part.reporter = context->reporter;
  f->part.reporter.reading = context->reporter.reading;
  f->part.reporter.has_read = context->reporter.has_read;
  f->part.reporter.state = context->reporter.state;
  return DNMF_OK;
}

/* The restarts of a job, and who has what of them. */
typedef struct grouped_restarts {
  dnmf_restarts_host host;
  dnmf_fitting *f;
  int *owner;         /* of each restart: the group that fits it and has its factors; owned, with */
  int *begun_at;      /* of each: the iteration that this job goes on from */
  dnmf_restarts mine; /* this group's while they are fitted; items are the job's, moved there and back */
  double began;
} grouped_restarts;

/* --- Who fits which ---------------------------------------------------------------------------------------- */

/* Those that are left one group after another, and those that are done likewise. */
static void assign_restarts(grouped_restarts *g) {
  const dnmf_restarts *all = &g->f->restarts;
  int left = 0;
  int done = 0;
  for (int r = 0; r < all->count; r++) {
    const dnmf_restart *restart = &all->items[r];
    int *place = restart->stage == DNMF_RESTART_DONE ? &done : &left;
    g->owner[r] = (*place)++ % g->f->group_count;
    g->begun_at[r] = restart->stage == DNMF_RESTART_RUNNING ? restart->result.iterations : 0;
  }
}

/* The factors of a restart that another group has. */
static void release_factors(grouped_restarts *g, int r) {
  if (g->owner[r] == g->f->group)
    return;
  for (int p = 0; p < DNMF_RESTART_PANELS; p++)
    dnmf_panel_free(dnmf_restart_panel(&g->f->restarts.items[r], &dnmf_restart_parts[p]));
}

static bool is_mine_to_fit(const grouped_restarts *g, int r) {
  return g->owner[r] == g->f->group && g->f->restarts.items[r].stage != DNMF_RESTART_DONE;
}

/* This group's restarts that are not done, between the job's list and the one that is fitted. */
static void move_mine(grouped_restarts *g, bool to_mine) {
  dnmf_restarts *all = &g->f->restarts;
  int next = 0;
  for (int r = 0; r < all->count; r++) {
    if (!(to_mine ? is_mine_to_fit(g, r) : next < g->mine.count && g->mine.items[next].seed == all->items[r].seed))
      continue;
    if (to_mine)
      g->mine.items[next] = all->items[r];
    else
      all->items[r] = g->mine.items[next];
    next++;
  }
  if (to_mine)
    g->mine.count = next;
}

/* --- A slice ----------------------------------------------------------------------------------------------- */

/* What is saved is saved between slices. */
static dnmf_status keep_running(void *state, const dnmf_restarts *now, bool last) {
  (void)state;
  (void)now;
  (void)last;
  return DNMF_OK;
}

/* The iterations that this group's restarts may have reached after the next slice. */
static int slice_iterations(const grouped_restarts *g) {
  const int most = g->f->settings.max_iterations;
  const int every = g->f->settings.host->every_iterations;
  int least = most;
  if (!g->mine.save || every == 0)
    return most;
  for (int r = 0; r < g->mine.count; r++) {
    const dnmf_restart *restart = &g->mine.items[r];
    const int reached = restart->stage == DNMF_RESTART_WAITING ? 0 : restart->result.iterations;
    least = reached < least ? reached : least;
  }
  return least < most - every ? least + every : most;
}

/* Restarts that a slice ended by its number of iterations go on. */
static void reopen_restarts(grouped_restarts *g) {
  for (int r = 0; r < g->mine.count; r++) {
    dnmf_restart *restart = &g->mine.items[r];
    if (restart->stage == DNMF_RESTART_DONE && strcmp(restart->result.stop_reason, "max-iter") == 0 &&
        restart->result.iterations < g->f->settings.max_iterations)
      restart->stage = DNMF_RESTART_RUNNING;
  }
}

static dnmf_status fit_slice(grouped_restarts *g) {
  dnmf_fitting *f = g->f;
  const dnmf_fit_host *host = g->f->settings.host;
  const dnmf_fit_host watch = {.state = host->state, .told_to_stop = host->told_to_stop, .every_seconds = INFINITY};
  dnmf_settings settings = f->settings;
  move_mine(g, true);
  g->mine.ended = NULL;
  g->mine.steps = 0;
  g->mine.seconds = (dnmf_fit_seconds){0};
  g->mine.traffic = (dnmf_traffic){0};
  if (g->mine.count == 0)
    return DNMF_OK;
  settings.host = &watch;
  settings.max_iterations = slice_iterations(g);
  settings.time_limit -= MPI_Wtime() - g->began;
  if (g->mine.save && host->every_seconds < settings.time_limit)
    settings.time_limit = host->every_seconds;
  const dnmf_status status = dnmf_fit_restarts(f->at, &settings, &f->a.matrix, &f->a.layout, &g->mine);
  reopen_restarts(g);
  move_mine(g, false);
  return status;
}

/* --- What is everybody's ----------------------------------------------------------------------------------- */

/* The figures of the slice of all groups: the longest, and the traffic of all. Whether something ends the job. */
static dnmf_status share_slice(grouped_restarts *g, const char **end) {
  dnmf_context *context = g->host.context;
  dnmf_restarts *all = &g->f->restarts;
  const dnmf_fit_seconds *s = &g->mine.seconds;
  const dnmf_traffic *t = &g->mine.traffic;
  const bool tells = g->f->at->rank == 0;
  double most[] = {s->product,
                   s->gram,
                   s->update,
                   s->exchange,
                   s->read,
                   s->total,
                   g->mine.steps,
                   g->mine.ended && strcmp(g->mine.ended, "signal") == 0,
                   MPI_Wtime() - g->began > g->f->settings.time_limit};
  double sums[] = {t->gather_words, t->scatter_words, t->gram_words, t->control_words, t->messages};
  for (int i = 0; i < 5 && !tells; i++)
    sums[i] = 0;
  DNMF_TRY(dnmf_max_doubles(context, context->comm, most, 9));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 5));
  all->seconds = (dnmf_fit_seconds){.product = all->seconds.product + most[0],
                                    .gram = all->seconds.gram + most[1],
                                    .update = all->seconds.update + most[2],
                                    .exchange = all->seconds.exchange + most[3],
                                    .read = all->seconds.read + most[4],
                                    .total = all->seconds.total + most[5]};
  all->traffic = (dnmf_traffic){.gather_words = all->traffic.gather_words + sums[0],
                                .scatter_words = all->traffic.scatter_words + sums[1],
                                .gram_words = all->traffic.gram_words + sums[2],
                                .control_words = all->traffic.control_words + sums[3],
                                .messages = all->traffic.messages + sums[4]};
  all->steps += (int)most[6];
  *end = most[7] > 0 ? "signal" : most[8] > 0 ? "time-limit" : NULL;
  return DNMF_OK;
}

/* Stages and results without histories, of each restart from the group that fits it. */
static dnmf_status share_states(grouped_restarts *g, double *numbers) {
  dnmf_context *context = g->host.context;
  dnmf_restarts *all = &g->f->restarts;
  memset(numbers, 0, (size_t)all->count * DNMF_RESTART_NUMBERS * sizeof *numbers);
  for (int r = 0; r < all->count; r++)
    if (g->owner[r] == g->f->group && g->f->at->rank == 0)
      dnmf_restart_to_numbers(&all->items[r], numbers + (int64_t)r * DNMF_RESTART_NUMBERS);
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, numbers, (int64_t)all->count * DNMF_RESTART_NUMBERS));
  for (int r = 0; r < all->count; r++) {
    dnmf_restart *restart = &all->items[r];
    if (g->owner[r] != g->f->group) {
      dnmf_fit_result_free(&restart->result);
      dnmf_restart_from_numbers(numbers + (int64_t)r * DNMF_RESTART_NUMBERS, restart);
    }
    restart->result.resumed_iterations = g->begun_at[r];
  }
  return DNMF_OK;
}

/* Histories, after the states: one kind of all restarts, through room for it. */
static dnmf_status share_history(grouped_restarts *g, const dnmf_restart_history *history, int64_t total,
                                 double *values) {
  dnmf_context *context = g->host.context;
  dnmf_restarts *all = &g->f->restarts;
  dnmf_status status = DNMF_OK;
  double *at = values;
  for (int r = 0; r < all->count; at += all->items[r].result.history_count, r++) {
    const bool tells = g->owner[r] == g->f->group && g->f->at->rank == 0;
    const double *from = *dnmf_restart_history_of(&all->items[r].result, history);
    for (int64_t i = 0; i < all->items[r].result.history_count; i++)
      at[i] = !tells ? 0 : from ? from[i] : NAN;
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, values, total));
  at = values;
  for (int r = 0; r < all->count; at += all->items[r].result.history_count, r++) {
    const int64_t count = all->items[r].result.history_count;
    void *memory = NULL;
    if (g->owner[r] == g->f->group || count == 0 || status != DNMF_OK)
      continue;
    status = dnmf_allocate(&context->error, "the history of the fit", count, sizeof(double), &memory);
    if (status == DNMF_OK)
      memcpy(memory, at, (size_t)count * sizeof(double));
    *dnmf_restart_history_of(&all->items[r].result, history) = memory;
  }
  return dnmf_agree(context, status);
}

static dnmf_status share_results(grouped_restarts *g) {
  dnmf_context *context = g->host.context;
  const dnmf_restarts *all = &g->f->restarts;
  void *numbers = NULL;
  void *values = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "the state of restarts",
                                     (int64_t)all->count * DNMF_RESTART_NUMBERS, sizeof(double), &numbers);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = share_states(g, numbers);
  const int64_t total = dnmf_restarts_history_total(all);
  if (status == DNMF_OK)
    status =
        dnmf_agree(context, dnmf_allocate(&context->error, "the history of the fit", total, sizeof(double), &values));
  for (int h = 0; h < DNMF_RESTART_HISTORIES && status == DNMF_OK; h++)
    status = share_history(g, &dnmf_restart_histories[h], total, values);
  free(numbers);
  free(values);
  return status;
}

/* --- Factors ----------------------------------------------------------------------------------------------- */

/* A panel of restart r from the group that has it to the first one, or to all others. */
static dnmf_status fetch_part(grouped_restarts *g, int r, bool to_all, const dnmf_restart_part *part) {
  static const dnmf_range nothing = {0, 0};
  dnmf_fitting *f = g->f;
  dnmf_context *context = g->host.context;
  const dnmf_factor *like = part->side == DNMF_SIDE_ROWS ? &f->w : &f->h;
  dnmf_panel *panel = dnmf_restart_panel(&f->restarts.items[r], part);
  const bool has = f->group == g->owner[r];
  const bool wants = !has && (to_all || f->group == 0);
  const size_t item = (size_t)f->components * dnmf_precision_size(f->precision);
  dnmf_status status = DNMF_OK;
  if (wants)
    status = dnmf_panel_create(&context->error, "a restart", like->mine.rows, f->components, f->precision, panel);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_fetch_range(context, has ? like->owned : nothing, panel->data, item, wants ? like->owned : nothing,
                          panel->data);
}

static dnmf_status fetch_factors(grouped_restarts *g, int r, bool to_all) {
  for (int p = 0; p < dnmf_restart_part_count(g->f->settings.solver); p++)
    DNMF_TRY(fetch_part(g, r, to_all, &dnmf_restart_parts[p]));
  return DNMF_OK;
}

/* The checkpoint of all: the first group has all factors meanwhile. */
static dnmf_status save_groups(grouped_restarts *g, bool last) {
  dnmf_restarts *all = &g->f->restarts;
  dnmf_status status = DNMF_OK;
  for (int r = 0; r < all->count && status == DNMF_OK; r++)
    if (g->owner[r] != 0 && all->items[r].stage != DNMF_RESTART_WAITING)
      status = fetch_factors(g, r, false);
  if (status == DNMF_OK)
    status = dnmf_restarts_save(&g->host, last);
  for (int r = 0; r < all->count; r++)
    release_factors(g, r);
  return status;
}

/* --- All of it --------------------------------------------------------------------------------------------- */

static dnmf_status run_slices(grouped_restarts *g) {
  dnmf_context *context = g->host.context;
  dnmf_restarts *all = &g->f->restarts;
  const char *end = NULL;
  for (bool goes_on = dnmf_restarts_unfinished(all); goes_on;) {
    DNMF_TRY(dnmf_fitting_agree_groups(context, g->f, fit_slice(g)));
    DNMF_TRY(share_slice(g, &end));
    DNMF_TRY(share_results(g));
    goes_on = g->mine.save && !end && dnmf_restarts_unfinished(all);
    if (g->mine.save && (g->f->settings.host->every_iterations > 0 || dnmf_restarts_unfinished(all)))
      DNMF_TRY(save_groups(g, end != NULL));
  }
  for (int r = 0; r < all->count && end; r++) {
    const char *reason = all->items[r].result.stop_reason;
    if (all->items[r].stage != DNMF_RESTART_DONE || (reason && strcmp(reason, end) == 0))
      all->ended = end;
  }
  return DNMF_OK;
}

static dnmf_status create_groups(dnmf_error *error, grouped_restarts *g) {
  const int count = g->f->restart_count;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "restarts", 2 * (int64_t)count, sizeof(int), &memory));
  g->owner = memory;
  g->begun_at = g->owner + count;
  DNMF_TRY(dnmf_allocate_zero(error, "restarts", count, sizeof(dnmf_restart), &memory));
  g->mine.items = memory;
  if (g->f->restarts.items)
    return DNMF_OK;
  return dnmf_restarts_create(error, count, g->f->settings.seed, &g->f->restarts);
}

dnmf_status dnmf_fitting_iterate_groups(dnmf_context *context, dnmf_fitting *f) {
  grouped_restarts g = {.host = {context, f}, .f = f, .began = MPI_Wtime()};
  dnmf_restarts *all = &f->restarts;
  dnmf_status status = dnmf_agree(context, create_groups(&context->error, &g));
  if (status == DNMF_OK) {
    g.mine.side_by_side = f->side_by_side;
    g.mine.groups = f->group_count;
    g.mine.state = &g.host;
    g.mine.start = dnmf_restarts_start;
    g.mine.save = f->settings.host->save ? keep_running : NULL;
    assign_restarts(&g);
    for (int r = 0; r < all->count; r++)
      release_factors(&g, r);
    status = run_slices(&g);
  }
  if (status == DNMF_OK)
    status = fetch_factors(&g, dnmf_restarts_best(all), true);
  if (status == DNMF_OK) {
    dnmf_restarts_take_best(f);
    dnmf_fit_result_move(&all->items[f->best_restart].result, &f->result);
    f->result.seconds = all->seconds;
    f->result.traffic = all->traffic;
    f->result.interrupted = g.mine.save && dnmf_restarts_unfinished(all);
    if (f->result.interrupted)
      f->result.stop_reason = all->ended;
  }
  free(g.owner);
  free(g.mine.items);
  return status;
}
