/* tune of matrices with zeros: the search of the library (api/search.h), its table, progress and JSON object. */
#include "load.h"
#include "signals.h"
#include "terminal.h"
#include "tune.h"
#include "version.h"

#include "api/job_plan.h"
#include "api/search.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Settings ---------------------------------------------------------------------------------------------- */

static dnmf_status refuse_ratings_options(dnmf_error *error, const cli_given *given, bool partial) {
  static const char *const of_ratings[] = {"bias",     "implicit-terms", "l2-terms",  "search",  "samples",    "metric",
                                           "relevant", "patience",       "shrink-to", "l2-bias", "init-scale", NULL};
  static const char *const of_weak_zeros[] = {"missing-weight", "confidence", "alpha", "epsilon", "like", NULL};
  DNMF_TRY(cli_refuse_given(error, given, of_ratings,
                            partial ? "it is for ratings, and this is a matrix with cells without a value; with --bias "
                                      "it is taken for ratings"
                                    : "it needs --missing unobserved, and this matrix counts what is not stored as "
                                      "zeros"));
  return cli_refuse_given(error, given, of_weak_zeros, "it needs --missing weak or --implicit");
}

/* The fit that the same options of `fit` ask for. */
static dnmf_status fit_settings_of(dnmf_error *error, const cli_tune_options *options, bool partial,
                                   dnmf_fit_settings *settings) {
  const dnmf_fit_settings *given = &options->fit.fit;
  dnmf_fit_settings_init(settings);
  settings->missing = partial ? "unobserved" : "zero";
  settings->loss = given->loss;
  settings->l1_w = given->l1_w;
  settings->l1_h = given->l1_h;
  settings->l2_w = given->l2_w;
  settings->l2_h = given->l2_h;
  settings->penalty_scale = options->lists.scale;
  settings->solver = given->solver;
  settings->sweeps = given->sweeps;
  settings->init = given->init;
  settings->seed = given->seed;
  settings->max_iter = given->max_iter;
  settings->tol = given->tol;
  settings->stop = given->stop;
  settings->precision = given->precision;
  settings->zeros.grid = given->zeros.grid;
  if (!options->lists.l2)
    return DNMF_OK;
  char *end = NULL;
  settings->l2 = strtod(options->lists.l2, &end);
  if (end == options->lists.l2 || *end || !(settings->l2 >= 0) || isinf(settings->l2))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--l2 %s: of a matrix with zeros give one number; lists are for ratings",
                     options->lists.l2);
  return DNMF_OK;
}

/* -k, or as much of 2:20 as the matrix has; `largest` 0: not known. */
static dnmf_status components_of(dnmf_error *error, const cli_given *given, const cli_tune_options *options,
                                 int64_t largest, int64_t components[CLI_TUNE_MOST_VALUES], int64_t *count) {
  const char *text = options->lists.components;
  cli_tune_values list;
  DNMF_TRY(cli_tune_parse_components(error, given, text ? text : "2:20", &list));
  *count = 0;
  for (int i = 0; i < list.count; i++)
    if (text || largest == 0 || list.value[i] <= (double)largest)
      components[(*count)++] = (int64_t)list.value[i];
  if (*count == 0)
    components[(*count)++] = 1;
  return DNMF_OK;
}

static dnmf_search_settings search_settings_of(const cli_tune_options *options, const cli_given *given, int64_t count,
                                               const int64_t *components) {
  dnmf_search_settings search;
  dnmf_search_settings_init(&search);
  search.count = count;
  search.components = components;
  search.restarts = options->restarts;
  search.perturb = options->perturb;
  search.cluster = options->cluster;
  search.holdout = options->holdout;
  if (options->folds > 0)
    search.folds = options->folds;
  if (cli_is_given(given, "criterion"))
    search.criterion = options->criterion;
  if (options->groups > 0)
    search.groups = options->groups;
  search.checkpoint = options->checkpoint;
  search.resume = options->resume;
  return search;
}

/* --- What is told ------------------------------------------------------------------------------------------ */

static bool search_told_to_stop(void *state) {
  (void)state;
  return cli_signals_came();
}

static void announce(void *state, const dnmf_search *s) {
  cli_session *session = state;
  char held_out[96] = "no cells are held out";
  char perturbed[64] = "";
  char loss[DNMF_LOSS_TEXT];
  const dnmf_solver fold_solver = dnmf_fitting_fold_solver(&s->f);
  if (s->folds > 0)
    snprintf(held_out, sizeof held_out, "%d fold%s of %.4g of all cells held out%s%s", s->folds,
             s->folds == 1 ? "" : "s", s->holdout, fold_solver == s->f.settings.solver ? "" : ", fitted by ",
             fold_solver == s->f.settings.solver ? "" : dnmf_solver_name(fold_solver));
  if (s->perturb.kind != DNMF_PERTURB_NONE)
    snprintf(perturbed, sizeof perturbed, " of perturbed copies (%s)", s->asked->perturb);
  cli_say(session, "%" PRId64 " number%s of components, each with %d restart%s%s, %s", s->count,
          s->count == 1 ? "" : "s", s->restarts, s->restarts == 1 ? "" : "s", perturbed, held_out);
  cli_say(session,
          "  %s; loss %s, solver %s, init %s, seed %" PRIu64 "; components are compared in %s; fits side by side: %d",
          s->f.partial ? "cells without a value are unobserved and zeros count" : "unstored entries are zeros",
          dnmf_loss_name(s->f.settings.loss, loss), dnmf_solver_name(s->f.settings.solver), s->f.init,
          s->f.settings.seed, s->clusters_h ? "H" : "W", s->group_count);
  if (s->fits_kept > 0)
    cli_say(session, "  %" PRId64 " of %" PRId64 " fits are done already", s->fits_kept, s->fits);
  cli_signals_watch();
}

/* "  0.123", or that it is not known. */
static const char *figure_text(double value, int width, const char *format, char text[32]) {
  char number[24];
  if (!isfinite(value))
    snprintf(number, sizeof number, "-");
  else
    snprintf(number, sizeof number, format, value);
  snprintf(text, 32, "%*s", width, number);
  return text;
}

void cli_tune_say_figures(cli_session *session, const dnmf_search_candidate *c, const char *mark) {
  char text[8][32];
  char seconds[32] = "";
  if (session->common->verbose)
    snprintf(seconds, sizeof seconds, " %8.3g", c->seconds);
  cli_say(session, "%5" PRId64 " %s %s %s %s %s %s %s %s%s%s", c->components,
          figure_text(c->relative_error, 10, "%.6f", text[0]), figure_text(c->median_error, 9, "%.6f", text[1]),
          figure_text(c->heldout, 8, "%.5g", text[2]), figure_text(c->heldout_spread, 6, "%.2g", text[3]),
          figure_text(c->silhouette_min, 8, "%.3f", text[4]), figure_text(c->silhouette_mean, 6, "%.3f", text[5]),
          figure_text(c->cophenetic, 7, "%.4f", text[6]), figure_text(100 * c->outliers, 8, "%.1f%%", text[7]), seconds,
          mark);
}

void cli_tune_say_heading(cli_session *session) {
  cli_say(session, "    k rel. error    median held out  +- se sil. min   mean cophen. outliers%s",
          session->common->verbose ? "  seconds" : "");
}

json_t *cli_tune_figures_json(const dnmf_search_candidate *c) {
  return cli_json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "k", (json_int_t)c->components,
                       "restarts", (json_int_t)c->restarts, "relative_error", cli_json_real(c->relative_error),
                       "median_error", cli_json_real(c->median_error), "objective", cli_json_real(c->objective),
                       "heldout", cli_json_real(c->heldout), "heldout_spread", cli_json_real(c->heldout_spread),
                       "silhouette_min", cli_json_real(c->silhouette_min), "silhouette_mean",
                       cli_json_real(c->silhouette_mean), "cophenetic", cli_json_real(c->cophenetic), "outliers",
                       cli_json_real(c->outliers), "seconds", cli_json_real(c->seconds));
}

/* Share of the search that is done: fits of k components take about k + 1 times a unit. `at_work`, of the candidate of
 * so many components the fits that are done; 0: none is at work. */
static double done_share(const dnmf_search *s, int64_t components, int64_t at_work) {
  const double each = s->restarts + s->folds * DNMF_SEARCH_FOLD_STARTS;
  double work = 0;
  double done = 0;
  for (int64_t i = 0; i < s->count; i++) {
    const dnmf_search_record *record = &s->records[i];
    const double cost = (double)record->figures.components + 1;
    work += cost;
    done += record->done ? cost : record->figures.components == components ? cost * (double)at_work / each : 0;
  }
  return done / work;
}

/* ", 12 s left", where the time so far tells. */
static void left_text(const dnmf_search *s, double share, char *text, size_t size) {
  const double elapsed = MPI_Wtime() - s->began;
  text[0] = 0;
  if (s->fits_kept == 0 && share > 0 && share < 1)
    snprintf(text, size, ", %.3g s left", elapsed * (1 - share) / share);
}

static bool is_told(const cli_session *session) {
  return session->common->progress != CLI_PROGRESS_NEVER && session->context->rank == 0 && !session->common->quiet;
}

/* Fits of the first group's candidate are done. */
static void tell_fits(void *state, const dnmf_search *s, int64_t components, int64_t done) {
  cli_session *session = state;
  char left[48];
  char text[160];
  const double share = done_share(s, components, done);
  if (!is_told(session) || !session->display.live)
    return;
  left_text(s, share, left, sizeof left);
  snprintf(text, sizeof text, "k %" PRId64 ": %" PRId64 " fits done, %.0f%% of the search%s", components, done,
           100 * share, left);
  fprintf(stderr, "\r\033[K%.*s", cli_width_of(stderr, CLI_USUAL_WIDTH) - 1, text);
  fflush(stderr);
  session->display.open_line = true;
}

/* A number of components is done. */
static void tell_candidate(void *state, const dnmf_search *s, const dnmf_search_candidate *c) {
  cli_session *session = state;
  char left[48];
  char error[32];
  char silhouette[32];
  const double share = done_share(s, 0, 0);
  if (!is_told(session))
    return;
  left_text(s, share, left, sizeof left);
  fprintf(stderr, "%sk %" PRId64 ": relative error %s, silhouette %s; %.0f%% of the search%s\n",
          session->display.open_line ? "\r\033[K" : "", c->components, figure_text(c->relative_error, 0, "%.5f", error),
          figure_text(c->silhouette_min, 0, "%.3f", silhouette), 100 * share, left);
  session->display.open_line = false;
}

static void say_search(cli_session *session, const dnmf_search *s, const char *output) {
  const dnmf_search_suggestion *suggestion = &s->suggestion;
  const double total = (double)s->f.source.rows + (double)s->f.source.cols;
  cli_tune_say_heading(session);
  for (int64_t c = 0; c < s->count; c++)
    cli_tune_say_figures(session, &s->records[c].figures, c == suggestion->at ? "  <-" : "");
  if (s->sample_count == DNMF_CONSENSUS_SAMPLE && total > DNMF_CONSENSUS_SAMPLE)
    cli_say(session, "cophenetic: of %d %s, chosen by hash", DNMF_CONSENSUS_SAMPLE, s->clusters_h ? "rows" : "columns");
  if (s->restarts == 1)
    cli_say(session, "stability is not defined with one restart");
  if (suggestion->at >= 0)
    cli_say(session, "suggested: k = %" PRId64 "; %s", s->records[suggestion->at].figures.components,
            suggestion->reason);
  else
    cli_say(session, "no suggestion: %s", suggestion->reason);
  if (output)
    cli_say(session, "the consensus of its restarts: %s", output);
}

static json_t *candidate_json(const dnmf_search *s, const dnmf_search_record *record) {
  const dnmf_search_candidate *c = &record->figures;
  json_t *stability = json_array();
  json_t *runs = json_array();
  json_t *folds = json_array(); /* errors as `heldout`, fold by fold */
  for (int fold = 0; fold < s->folds; fold++)
    cli_json_append(&folds, cli_json_real(sqrt(record->fold_errors[fold])));
  for (int64_t k = 0; k < c->components; k++) {
    cli_json_append(&stability, cli_json_real(record->stability[k]));
    cli_json_append(&runs, cli_json_real(record->inlying[k]));
  }
  json_t *object = cli_tune_figures_json(c);
  cli_json_set(&object, "heldout_folds", folds);
  cli_json_set(&object, "stability", stability);
  cli_json_set(&object, "runs", runs);
  return object;
}

static json_t *suggested(const dnmf_search *s, int64_t at) {
  return at < 0 ? json_null() : json_integer((json_int_t)s->records[at].figures.components);
}

static void print_search_json(cli_session *session, const dnmf_search *s, const char *output) {
  static const char *const criteria[] = {"both", "heldout", "stability"};
  const dnmf_settings *settings = &s->f.settings;
  const dnmf_matrix *a = &s->f.a.matrix;
  char loss[DNMF_LOSS_TEXT];
  json_t *list = json_array();
  for (int64_t c = 0; c < s->count; c++)
    cli_json_append(&list, candidate_json(s, &s->records[c]));
  json_t *suggestion =
      cli_json_pack("{s:o, s:s, s:s, s:o, s:o}", "k", suggested(s, s->suggestion.at), "reason", s->suggestion.reason,
                    "criterion", criteria[s->criterion], "by_heldout", suggested(s, s->suggestion.by_heldout),
                    "by_stability", suggested(s, s->suggestion.by_stability));
  json_t *object = cli_json_pack(
      "{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:s, s:f, s:i, s:i, s:i, s:o, s:o, "
      "s:s?, s:f}",
      "command", "tune", "version", DNMF_VERSION, "input", s->f.source.name, "rows", (json_int_t)a->rows, "cols",
      (json_int_t)a->cols, "stored", (json_int_t)a->stored, "missing", s->f.partial ? "unobserved" : "zero",
      "missing_cells", s->f.partial ? json_integer((json_int_t)s->f.held.missing) : json_null(), "loss",
      dnmf_loss_name(settings->loss, loss), "solver", dnmf_solver_name(settings->solver), "fold_solver",
      dnmf_solver_name(dnmf_fitting_fold_solver(&s->f)), "init", s->f.init, "seed", (json_int_t)settings->seed,
      "restarts", s->restarts, "perturb", s->asked->perturb ? s->asked->perturb : "none", "cluster",
      s->clusters_h ? "h" : "w", "holdout", s->holdout, "folds", s->folds, "processes", session->context->size,
      "groups", s->group_count, "candidates", list, "suggestion", suggestion, "output", output, "seconds",
      MPI_Wtime() - session->began);
  cli_print_json(session, object);
}

/* --- The search -------------------------------------------------------------------------------------------- */

dnmf_status cli_tune_zeros(cli_session *session, const cli_tune_options *options, const char *input, int64_t largest,
                           bool partial) {
  dnmf_error *error = &session->context->error;
  dnmf_fit_settings settings;
  int64_t components[CLI_TUNE_MOST_VALUES];
  int64_t count = 0;
  char libraries[512];
  dnmf_data *data = NULL;
  dnmf_search s;
  memset(&s, 0, sizeof s);
  DNMF_TRY(refuse_ratings_options(error, session->given, partial));
  DNMF_TRY(fit_settings_of(error, options, partial, &settings));
  DNMF_TRY(components_of(error, session->given, options, largest, components, &count));
  dnmf_search_settings search = search_settings_of(options, session->given, count, components);
  if (search.groups != 1)
    DNMF_TRY(cli_refuse_pipe(session, input, "each group of processes reads the input (--groups 1: one does)"));
  cli_library_versions(libraries, sizeof libraries);
  const dnmf_search_host host = {.state = session,
                                 .begins = announce,
                                 .done = tell_candidate,
                                 .fitted = tell_fits,
                                 .told_to_stop = search_told_to_stop,
                                 .command_line = session->command_line,
                                 .libraries = libraries};
  dnmf_status status = cli_data(session, input, &options->fit.input, &data);
  if (status == DNMF_OK)
    status = dnmf_search_run(session->context, data, &settings, &search, &host, options->output, &s);
  if (status == DNMF_OK) {
    say_search(session, &s, options->output);
    print_search_json(session, &s, options->output);
  }
  dnmf_search_free(&s);
  dnmf_data_destroy(&data);
  return status;
}
