/* The course of a search: settings, rounds, what is shared and kept. */
#include "api/search.h"

#include "api/job.h"
#include "api/job_plan.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "store/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Records ----------------------------------------------------------------------------------------------- */

static const dnmf_search_candidate nothing_found = {.relative_error = NAN,
                                                    .median_error = NAN,
                                                    .objective = NAN,
                                                    .heldout = NAN,
                                                    .heldout_spread = NAN,
                                                    .silhouette_min = NAN,
                                                    .silhouette_mean = NAN,
                                                    .cophenetic = NAN,
                                                    .outliers = NAN,
                                                    .seconds = NAN};

static dnmf_status search_make_records(dnmf_error *error, dnmf_search *s) {
  void *memory = NULL;
  s->count = s->asked->count;
  DNMF_TRY(dnmf_allocate_zero(error, "the candidates of a search", s->count, sizeof *s->records, &memory));
  s->records = memory;
  for (int64_t c = 0; c < s->count; c++) {
    dnmf_search_record *record = &s->records[c];
    record->figures = nothing_found;
    record->figures.components = s->asked->components[c];
    record->figures.restarts = s->restarts;
    DNMF_TRY(dnmf_allocate_zero(error, "errors of folds", s->folds, sizeof(double), &memory));
    record->fold_errors = memory;
    DNMF_TRY(dnmf_allocate_zero(error, "the stability of components", 2 * record->figures.components, sizeof(double),
                                &memory));
    record->stability = memory;
    record->inlying = record->stability + record->figures.components;
  }
  return DNMF_OK;
}

void dnmf_search_free(dnmf_search *s) {
  for (int64_t c = 0; s->records && c < s->count; c++) {
    free(s->records[c].fold_errors);
    free(s->records[c].stability);
    dnmf_panel_free(&s->records[c].medians);
  }
  free(s->records);
  dnmf_fitting_free(&s->f);
  dnmf_context_leave(&s->part);
  memset(s, 0, sizeof *s);
}

/* What the record of a candidate that one group has fitted is to everybody. */
static dnmf_status search_share_record(dnmf_context *context, const dnmf_search *s, bool mine,
                                       dnmf_search_record *record) {
  const int64_t count = dnmf_search_number_count(s, record);
  void *memory = NULL;
  DNMF_TRY(dnmf_agree(
      context, dnmf_allocate_zero(&context->error, "the figures of a search", count + 1, sizeof(double), &memory)));
  double *numbers = memory;
  if (mine && s->part.rank == 0) {
    dnmf_search_move_numbers(s, record, numbers, false);
    numbers[count] = record->done;
  }
  dnmf_status status = dnmf_sum_doubles(context, context->comm, numbers, count + 1);
  if (status == DNMF_OK) {
    dnmf_search_move_numbers(s, record, numbers, true);
    record->done = numbers[count] > 0;
  }
  free(memory);
  if (status == DNMF_OK && record->done && !mine)
    status = dnmf_panel_create(&context->error, "medians of components", 0, (int)record->figures.components,
                               s->f.precision, &record->medians);
  return dnmf_agree(context, status);
}

/* --- Rounds ------------------------------------------------------------------------------------------------ */

/* The candidates that are not done, the most components first; returns how many. */
static int64_t search_order(const dnmf_search *s, int64_t *order) {
  int64_t count = 0;
  for (int64_t c = 0; c < s->count; c++) {
    int64_t at = count;
    if (s->records[c].done)
      continue;
    for (; at > 0 && s->records[order[at - 1]].figures.components < s->records[c].figures.components; at--)
      order[at] = order[at - 1];
    order[at] = c;
    count++;
  }
  return count;
}

static dnmf_status search_stopped(dnmf_context *context, const dnmf_search *s) {
  int64_t done = 0;
  for (int64_t c = 0; c < s->count; c++)
    done += s->records[c].done;
  if (s->asked->checkpoint)
    return dnmf_fail(&context->error, DNMF_INTERRUPTED,
                     "stopped by a signal with %" PRId64 " of %" PRId64
                     " numbers of components done; go on with the same command and --resume %s",
                     done, s->count, s->asked->checkpoint);
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                   "stopped by a signal with %" PRId64 " of %" PRId64
                   " numbers of components done; with --checkpoint FILE.h5 a later job can go on",
                   done, s->count);
}

/* A candidate in each group, then what they found to everybody and to the file. */
static dnmf_status search_round(dnmf_context *context, dnmf_search *s, const int64_t *order, int count) {
  dnmf_status status = DNMF_OK;
  if (s->group < count)
    status = dnmf_search_fit(s, &s->records[order[s->group]]);
  int64_t stopped = status == DNMF_INTERRUPTED;
  if (status != DNMF_OK && !stopped)
    context->error = s->part.error;
  DNMF_TRY(dnmf_agree(context, stopped ? DNMF_OK : status));
  DNMF_TRY(dnmf_max_int64(context, context->comm, &stopped, 1));
  for (int g = 0; g < count; g++) {
    dnmf_search_record *record = &s->records[order[g]];
    DNMF_TRY(search_share_record(context, s, g == s->group, record));
    if (record->done && s->host->done)
      s->host->done(s->host->state, s, &record->figures);
  }
  if (s->asked->checkpoint)
    DNMF_TRY(dnmf_search_keep(context, s));
  return stopped ? search_stopped(context, s) : DNMF_OK;
}

static dnmf_status search_all(dnmf_context *context, dnmf_search *s) {
  void *memory = NULL;
  DNMF_TRY(
      dnmf_agree(context, dnmf_allocate(&context->error, "the order of a search", s->count, sizeof(int64_t), &memory)));
  const int64_t *order = memory;
  const int64_t left = search_order(s, memory);
  dnmf_status status = DNMF_OK;
  for (int64_t at = 0; at < left && status == DNMF_OK; at += s->group_count)
    status = search_round(context, s, order + at, (int)(left - at < s->group_count ? left - at : s->group_count));
  free(memory);
  return status;
}

/* --- Before and after -------------------------------------------------------------------------------------- */

static int64_t search_most_components(const dnmf_search_settings *search) {
  int64_t most = 0;
  for (int64_t c = 0; c < search->count; c++)
    most = search->components[c] > most ? search->components[c] : most;
  return most;
}

/* The matrix, opened and planned for the largest number of components. collective in the group */
static dnmf_status search_plan(dnmf_search *s, const dnmf_data *data) {
  dnmf_context *part = &s->part;
  dnmf_fitting *f = &s->f;
  DNMF_TRY(dnmf_data_open(part, data, f->taken_as, &f->source));
  f->takes_out = s->folds > 0;
  f->takes_entries = true; /* of perturbed copies, and of cells held out in turn */
  DNMF_TRY(dnmf_agree(part, dnmf_fitting_plan(part, f)));
  if (f->missing != DNMF_MISSING_ZERO)
    return dnmf_fail(&part->error, DNMF_ERROR_USAGE,
                     "%s: what is not stored is unobserved; a search of this kind needs --missing zero",
                     f->source.name);
  return DNMF_OK;
}

static dnmf_status search_read(dnmf_search *s) {
  dnmf_fitting *f = &s->f;
  DNMF_TRY(dnmf_fitting_read(&s->part, f));
  s->sample_count = dnmf_consensus_sample(f->settings.seed, s->clusters_h ? f->source.rows : f->source.cols, s->sample);
  return DNMF_OK;
}

static dnmf_status search_open(dnmf_context *context, const dnmf_data *data, dnmf_search *s) {
  s->group = context->rank % s->group_count;
  DNMF_TRY(dnmf_context_split(context, s->group, &s->part));
  s->part.reporter = context->reporter;
  s->part.reporter.step = NULL;
  if (s->group != 0)
    s->part.reporter.warn = NULL;
  s->stop = (dnmf_fit_host){.state = s->host->state, .told_to_stop = s->host->told_to_stop, .every_seconds = INFINITY};
  dnmf_status status = search_plan(s, data);
  if (status != DNMF_OK)
    context->error = s->part.error;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_fitting_check_memory(context, &s->f, dnmf_search_bytes(s, &s->f),
                                     "use fewer --groups, --precision single or more machines"));
  status = search_read(s);
  if (status != DNMF_OK)
    context->error = s->part.error;
  return dnmf_agree(context, status);
}

static void search_suggest(dnmf_search *s, double *errors, dnmf_search_candidate *figures) {
  for (int64_t c = 0; c < s->count; c++) {
    figures[c] = s->records[c].figures;
    memcpy(errors + c * s->folds, s->records[c].fold_errors, (size_t)s->folds * sizeof(double));
  }
  if (s->folds > 0)
    dnmf_choose_spread(s->count, s->folds, errors, figures);
  dnmf_choose_components(s->criterion, s->count, figures, &s->suggestion);
  for (int64_t c = 0; c < s->count; c++)
    s->records[c].figures = figures[c];
}

static dnmf_status search_conclude(dnmf_context *context, dnmf_search *s) {
  void *errors = NULL;
  void *figures = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "errors of folds", s->count * s->folds, sizeof(double), &errors);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "candidates", s->count, sizeof(dnmf_search_candidate), &figures);
  if (status == DNMF_OK)
    search_suggest(s, errors, figures);
  free(errors);
  free(figures);
  return dnmf_agree(context, status);
}

static dnmf_status search_write_model(dnmf_context *context, dnmf_search *s, const char *path) {
  dnmf_output output = {.lock = -1};
  if (s->suggestion.at < 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "no model is written: %s", s->suggestion.reason);
  DNMF_TRY(dnmf_output_begin(context, path, &output));
  return dnmf_output_end(context, &output, dnmf_search_write(context, s, s->suggestion.at, output.partial));
}

/* A group a process where that many copies of the matrix are small. */
static dnmf_status search_choose_groups(dnmf_context *context, const dnmf_data *data, dnmf_search *s) {
  static const double SMALL = 64 * 1048576.0;
  dnmf_source source = {0};
  const char *grid = s->f.asked.zeros.grid;
  const bool of_all = grid && strcmp(grid, "auto") != 0; /* a grid that is given is one of all processes */
  dnmf_data quiet = *data;                               /* borrowed; it is told of when it is read */
  quiet.opened = NULL;
  if (s->asked->groups > 0 || of_all || context->size == 1 || data->kind != DNMF_DATA_FILE)
    return DNMF_OK;
  DNMF_TRY(dnmf_data_open(context, &quiet, s->f.taken_as, &source));
  const bool sparse = source.sparse && !source.has_missing; /* as f->partial will be */
  const double entries = sparse ? 3 * (double)source.stored : (double)source.rows * (double)source.cols;
  if (entries * (double)dnmf_precision_size(s->f.precision) <= SMALL)
    s->group_count = context->size;
  if (s->group_count > s->count)
    s->group_count = (int)s->count;
  dnmf_source_close(&source);
  return DNMF_OK;
}

dnmf_status dnmf_search_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                            const dnmf_search_settings *search, const dnmf_search_host *host, const char *output,
                            dnmf_search *s) {
  static const dnmf_job_host nobody = {.state = NULL};
  s->part.comm = MPI_COMM_NULL;
  s->wants_model = s->wants_model || output;
  s->asked = search;
  s->host = host;
  s->began = MPI_Wtime();
  s->f.asked = *settings;
  s->f.asked.components = search_most_components(search);
  s->f.data = data;
  s->f.host = &nobody;
  dnmf_status status = dnmf_search_settle(&context->error, context, s);
  if (status == DNMF_OK)
    status = dnmf_fitting_check(&context->error, &s->f);
  if (status == DNMF_OK)
    status = search_make_records(&context->error, s);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(search_choose_groups(context, data, s));
  DNMF_TRY(search_open(context, data, s));
  s->fits = s->count * (s->restarts + s->folds * DNMF_SEARCH_FOLD_STARTS);
  if (search->resume)
    DNMF_TRY(dnmf_search_resume(context, s));
  if (host->begins)
    host->begins(host->state, s);
  DNMF_TRY(search_all(context, s));
  DNMF_TRY(search_conclude(context, s));
  return output ? search_write_model(context, s, output) : DNMF_OK;
}
