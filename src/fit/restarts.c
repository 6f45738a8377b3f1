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

bool dnmf_restarts_unfinished(const dnmf_restarts *restarts) {
  for (int r = 0; r < restarts->count; r++)
    if (restarts->items[r].stage != DNMF_RESTART_DONE)
      return true;
  return false;
}

static dnmf_status make_start(dnmf_context *context, const dnmf_restarts *restarts, const dnmf_matrix *a, uint64_t seed,
                              dnmf_factor *w, dnmf_factor *h) {
  if (restarts->start)
    return restarts->start(context, restarts->state, seed, w, h);
  dnmf_start_random(a, seed, w, h);
  return DNMF_OK;
}

static dnmf_status keep_rows(dnmf_error *error, const dnmf_factor *factor, dnmf_panel *panel) {
  const dnmf_panel *mine = &factor->mine;
  DNMF_TRY(dnmf_panel_create(error, "a restart", mine->rows, mine->components, mine->precision, panel));
  if (mine->rows > 0)
    memcpy(panel->data, mine->data, (size_t)(mine->rows * mine->components) * dnmf_precision_size(mine->precision));
  return DNMF_OK;
}

static dnmf_status fit_one(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                           const dnmf_layout *layout, const dnmf_restarts *restarts, dnmf_restart *restart) {
  dnmf_factor w = {.rows = 0};
  dnmf_factor h = {.rows = 0};
  dnmf_status status = dnmf_factor_create_w(context, layout, settings->components, a->precision, &w);
  if (status == DNMF_OK)
    status = dnmf_factor_create_h(context, layout, settings->components, a->precision, &h);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = make_start(context, restarts, a, restart->seed, &w, &h);
  if (status == DNMF_OK)
    status = dnmf_fit_zeros(context, settings, a, &w, &h, &restart->result);
  if (status == DNMF_OK)
    status = keep_rows(&context->error, &w, &restart->w);
  if (status == DNMF_OK)
    status = keep_rows(&context->error, &h, &restart->h);
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  restart->stage = DNMF_RESTART_DONE;
  return dnmf_agree(context, status);
}

/* Whether a job that began then has to end, on all processes alike. */
static dnmf_status must_end(dnmf_context *context, const dnmf_settings *settings, double began, bool *end) {
  const dnmf_fit_host *host = settings->host;
  double told = host && host->told_to_stop && host->told_to_stop(host->state);
  told += MPI_Wtime() - began > settings->time_limit;
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, &told, 1));
  *end = told > 0;
  return DNMF_OK;
}

dnmf_status dnmf_fit_restarts(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                              const dnmf_layout *layout, dnmf_restarts *restarts) {
  const double began = MPI_Wtime();
  dnmf_fit_host host = {.every_seconds = INFINITY};
  dnmf_settings each = *settings;
  if (settings->host) {
    host.state = settings->host->state;
    host.told_to_stop = settings->host->told_to_stop;
  }
  each.host = &host;
  bool end = false;
  for (int r = 0; r < restarts->count && !end; r++) {
    if (restarts->items[r].stage == DNMF_RESTART_DONE)
      continue;
    each.time_limit = settings->time_limit - (MPI_Wtime() - began);
    DNMF_TRY(fit_one(context, &each, a, layout, restarts, &restarts->items[r]));
    DNMF_TRY(must_end(context, settings, began, &end));
  }
  return DNMF_OK;
}

int dnmf_restarts_at_once(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols, int count,
                          double bytes) {
  (void)context, (void)job, (void)grid_rows, (void)grid_cols, (void)count, (void)bytes;
  return 1;
}
