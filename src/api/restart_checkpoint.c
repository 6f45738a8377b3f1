#include "api/restart_checkpoint.h"

#include "api/job_start.h"
#include "api/restart_state.h"
#include "base/memory.h"
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_restarts_start(dnmf_context *context, void *state, uint64_t seed, dnmf_factor *w, dnmf_factor *h) {
  const dnmf_restarts_host *host = state;
  return dnmf_fitting_start_seed(context, host->f, seed, w, h);
}

/* --- Saving ------------------------------------------------------------------------------------------------ */

static void join_histories(const dnmf_restarts *restarts, const dnmf_restart_history *history, double *to) {
  for (int r = 0; r < restarts->count; r++) {
    dnmf_fit_result *result = &restarts->items[r].result;
    const double *from = *dnmf_restart_history_of(result, history);
    for (int64_t i = 0; i < result->history_count; i++)
      *to++ = from[i];
  }
}

dnmf_status dnmf_restarts_describe(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_restarts *restarts = &f->restarts;
  const int64_t total = dnmf_restarts_history_total(restarts);
  const int64_t numbers = (int64_t)restarts->count * DNMF_RESTART_NUMBERS;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the state of restarts", numbers > total ? numbers : total, sizeof(double), &memory));
  double *values = memory;
  for (int r = 0; r < restarts->count; r++)
    dnmf_restart_to_numbers(&restarts->items[r], values + (int64_t)r * DNMF_RESTART_NUMBERS);
  dnmf_status status = dnmf_model_add_curve(error, model, "restarts", numbers, values);
  for (int h = 0; h < DNMF_RESTART_HISTORIES && status == DNMF_OK; h++) {
    join_histories(restarts, &dnmf_restart_histories[h], values);
    status = dnmf_model_add_curve(error, model, dnmf_restart_histories[h].name, total, values);
  }
  free(values);
  return status;
}

static int count_begun(const dnmf_restarts *restarts) {
  int begun = 0;
  for (int r = 0; r < restarts->count; r++)
    begun += restarts->items[r].stage != DNMF_RESTART_WAITING;
  return begun;
}

/* Some columns of a panel from or into those of a narrower one, from column `first` on. */
static void copy_part(dnmf_panel *wide, int first, dnmf_panel *narrow, bool to_wide) {
  const size_t size = dnmf_precision_size(narrow->precision);
  const size_t bytes = (size_t)narrow->components * size;
  for (int64_t row = 0; row < narrow->rows; row++) {
    char *in_wide = (char *)wide->data + ((size_t)row * (size_t)wide->components + (size_t)first) * size;
    char *in_narrow = (char *)narrow->data + (size_t)row * bytes;
    memcpy(to_wide ? in_wide : in_narrow, to_wide ? in_narrow : in_wide, bytes);
  }
}

/* Panels of all that have begun, between their own panels and one in which they lie side by side. */
static void copy_parts(dnmf_restarts *restarts, const dnmf_restart_part *part, dnmf_panel *wide, bool to_wide) {
  int first = 0;
  for (int r = 0; r < restarts->count; r++) {
    dnmf_panel *own = dnmf_restart_panel(&restarts->items[r], part);
    if (restarts->items[r].stage == DNMF_RESTART_WAITING)
      continue;
    copy_part(wide, first, own, to_wide);
    first += own->components;
  }
}

static void copy_rows(const dnmf_panel *from, dnmf_panel *to) {
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
}

/* The best so far is the model; its result stays the restart's. */
void dnmf_restarts_take_best(dnmf_fitting *f) {
  f->best_restart = dnmf_restarts_best(&f->restarts);
  const dnmf_restart *best = &f->restarts.items[f->best_restart];
  if (best->w.data) /* of another group it may not be here */
    copy_rows(&best->w, &f->w.mine);
  if (best->h.data)
    copy_rows(&best->h, &f->h.mine);
  f->result = best->result;
}

dnmf_status dnmf_restarts_save(const dnmf_restarts_host *host, bool last) {
  dnmf_fitting *f = host->f;
  dnmf_context *at = f->at;
  const bool writes = f->group == 0;
  const int width = writes ? count_begun(&f->restarts) * f->components : 0;
  dnmf_panel wide[DNMF_RESTART_PANELS] = {{.rows = 0}};
  dnmf_fit_state state_now = {.panel_count = dnmf_restart_part_count(f->settings.solver)};
  dnmf_status status = DNMF_OK;
  for (int p = 0; p < state_now.panel_count && status == DNMF_OK; p++) {
    const dnmf_restart_part *part = &dnmf_restart_parts[p];
    const int64_t rows = part->side == DNMF_SIDE_ROWS ? f->w.mine.rows : f->h.mine.rows;
    state_now.panels[p] = (dnmf_model_part){part->name, part->side, &wide[p]};
    status = dnmf_panel_create(&at->error, "the factors of restarts", rows, width, f->precision, &wide[p]);
  }
  status = dnmf_fitting_agree_groups(host->context, f, dnmf_agree(at, status));
  if (status == DNMF_OK) {
    for (int p = 0; p < state_now.panel_count && writes; p++)
      copy_parts(&f->restarts, &dnmf_restart_parts[p], &wide[p], true);
    dnmf_restarts_take_best(f);
    state_now.result = f->result;
    state_now.memory = f->restarts.items[f->best_restart].memory;
    status = f->settings.host->save(f->settings.host->state, &state_now, last);
    f->result = (dnmf_fit_result){0};
  }
  for (int p = 0; p < DNMF_RESTART_PANELS; p++)
    dnmf_panel_free(&wide[p]);
  return status;
}

/* --- Going on ---------------------------------------------------------------------------------------------- */

static dnmf_status restarts_damaged(dnmf_error *error, const dnmf_fitting *f) {
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s is no checkpoint of such a fit: the state of its %d restarts is missing or damaged",
                   f->resume.path, f->restart_count);
}

static const double *restarts_curve(const dnmf_model *saved, const char *name, int64_t count) {
  for (int64_t i = 0; i < saved->curve_count; i++)
    if (strcmp(saved->curves[i].name, name) == 0 && saved->curves[i].count == count)
      return saved->curves[i].values;
  return NULL;
}

static dnmf_status restart_copy_history(dnmf_error *error, const double *from, int64_t count, double **to) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the history of the fit", count, sizeof(double), &memory));
  memcpy(memory, from, (size_t)count * sizeof(double));
  *to = memory;
  return DNMF_OK;
}

/* Stages, results and histories. */
static dnmf_status read_states(dnmf_error *error, dnmf_fitting *f) {
  dnmf_restarts *restarts = &f->restarts;
  const dnmf_model *saved = &f->resume.saved;
  const double *numbers = restarts_curve(saved, "restarts", (int64_t)restarts->count * DNMF_RESTART_NUMBERS);
  for (int r = 0; r < restarts->count; r++)
    if (!numbers || !dnmf_restart_from_numbers(numbers + (int64_t)r * DNMF_RESTART_NUMBERS, &restarts->items[r])) {
      for (int s = 0; s <= r; s++)
        restarts->items[s].result.history_count = 0;
      return restarts_damaged(error, f);
    }
  for (int r = 0; r < restarts->count; r++) { /* more iterations may be allowed now */
    dnmf_restart *restart = &restarts->items[r];
    const bool out_of_iterations = strcmp(restart->result.stop_reason, "max-iter") == 0;
    if (restart->stage == DNMF_RESTART_DONE && out_of_iterations &&
        restart->result.iterations < f->settings.max_iterations)
      restart->stage = DNMF_RESTART_RUNNING;
  }
  const int64_t total = dnmf_restarts_history_total(restarts);
  for (int h = 0; h < DNMF_RESTART_HISTORIES; h++) {
    const double *values = restarts_curve(saved, dnmf_restart_histories[h].name, total);
    if (!values || total == 0)
      return restarts_damaged(error, f);
    for (int r = 0; r < restarts->count; r++) {
      dnmf_fit_result *result = &restarts->items[r].result;
      if (result->history_count > 0)
        DNMF_TRY(restart_copy_history(error, values, result->history_count,
                                      dnmf_restart_history_of(result, &dnmf_restart_histories[h])));
      values += result->history_count;
    }
  }
  return DNMF_OK;
}

/* Panels of one kind, into the restarts' own. collective */
static dnmf_status read_kept(dnmf_context *context, const dnmf_restart_part *kept, dnmf_fitting *f) {
  const dnmf_model_part part = {.name = kept->name, .side = kept->side};
  const dnmf_panel *mine = kept->side == DNMF_SIDE_ROWS ? &f->w.mine : &f->h.mine;
  const int width = count_begun(&f->restarts) * f->components;
  dnmf_panel wide = {.rows = 0};
  dnmf_status status =
      dnmf_checkpoint_read_part(context, f->resume.path, &part, f->w.owned, f->h.owned, width, f->precision, &wide);
  if (status == DNMF_OK && wide.components != width)
    status = restarts_damaged(&context->error, f);
  for (int r = 0; r < f->restarts.count && status == DNMF_OK; r++) {
    dnmf_restart *restart = &f->restarts.items[r];
    if (restart->stage != DNMF_RESTART_WAITING)
      status = dnmf_panel_create(&context->error, "a restart", mine->rows, f->components, f->precision,
                                 dnmf_restart_panel(restart, kept));
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    copy_parts(&f->restarts, kept, &wide, false);
  dnmf_panel_free(&wide);
  return status;
}

dnmf_status dnmf_restarts_read(dnmf_context *context, dnmf_fitting *f) {
  dnmf_error *error = &context->error;
  dnmf_status status = dnmf_restarts_create(error, f->restart_count, f->settings.seed, &f->restarts);
  if (status == DNMF_OK)
    status = read_states(error, f);
  DNMF_TRY(dnmf_agree(context, status));
  for (int p = 0; p < dnmf_restart_part_count(f->settings.solver); p++)
    DNMF_TRY(read_kept(context, &dnmf_restart_parts[p], f));
  return DNMF_OK;
}
