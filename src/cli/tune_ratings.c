/* tune of ratings and weak zeros: components, penalty and biases by cross-validation, side by side. */
#include "fit_report.h"
#include "load.h"
#include "terminal.h"
#include "tune.h"
#include "version.h"

#include "fit/weak_fit.h"
#include "model/tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const confidence_choices[] = {"one", "linear", "log", NULL};
static const char *const terms_choices[] = {"none", "rows", "cols", "both", NULL};
static const char *const shrink_choices[] = {"auto", "zero", "mean", "level", NULL};

static const char *scale_name(double power, char text[32]) {
  snprintf(text, 32, "%.4g", power);
  if (power == 0)
    return "raw";
  if (power == 0.5)
    return "sqrt-count";
  return power == 1 ? "count" : text;
}

static const char *number_text(double l2, char text[32]) {
  if (l2 < 0)
    return "default";
  snprintf(text, 32, "%.4g", l2);
  return text;
}

/* --metric ndcg@10 */
static dnmf_status parse_metric(dnmf_error *error, const cli_tune_options *options, dnmf_tune_metric *metric) {
  const char *text = options->metric;
  const char *at = strchr(text, '@');
  *metric = (dnmf_tune_metric){.relevant = options->relevant};
  if (strcmp(text, "rmse") == 0)
    return isnan(options->relevant) ? DNMF_OK
                                    : dnmf_fail(error, DNMF_ERROR_USAGE,
                                                "--relevant is for --metric ndcg@N and the "
                                                "like; RMSE knows nothing relevant");
  for (int f = 0; at && f <= DNMF_LIST_MRR; f++) {
    char *end = NULL;
    long long length = strtoll(at + 1, &end, 10);
    if (strlen(dnmf_list_figure_names[f]) != (size_t)(at - text) ||
        strncmp(dnmf_list_figure_names[f], text, (size_t)(at - text)) != 0 || end == at + 1 || *end || length < 1)
      continue;
    metric->ranks = true;
    metric->figure = (dnmf_list_figure)f;
    metric->at = length;
    return DNMF_OK;
  }
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--metric %s: give rmse, or precision, recall, hit_rate, ndcg, map or mrr with the length of the "
                   "lists, e.g. ndcg@10",
                   text);
}

enum { CANDIDATE_TEXT = 200 };

/* `before` and the weight of implicit terms that was given; empty where there is none. */
static const char *l2_terms_text(const dnmf_candidate *candidate, const char *before, char text[40]) {
  text[0] = 0;
  if (candidate->evidence != DNMF_EVIDENCE_NONE && candidate->l2_evidence >= 0)
    snprintf(text, 40, "%s%.4g", before, candidate->l2_evidence);
  return text;
}

/* "k 8, l2 default, sqrt-count, both biases". */
static const char *candidate_text(const dnmf_candidate *candidate, char text[CANDIDATE_TEXT]) {
  char l2[32];
  char scale[32];
  char alpha[32];
  char l2_terms[40];
  char kind[96];
  if (candidate->weight >= 0)
    snprintf(kind, sizeof kind, "missing weight %.4g, alpha %s", candidate->weight,
             number_text(candidate->alpha, alpha));
  else
    snprintf(kind, sizeof kind, "%s biases%s%s%s", candidate->bias ? "both" : "no",
             candidate->evidence == DNMF_EVIDENCE_NONE ? "" : ", implicit terms ",
             candidate->evidence == DNMF_EVIDENCE_NONE ? "" : terms_choices[candidate->evidence],
             l2_terms_text(candidate, ", l2-terms ", l2_terms));
  snprintf(text, CANDIDATE_TEXT, "k %d, l2 %s, %s, %s", candidate->components, number_text(candidate->l2, l2),
           scale_name(candidate->count_power, scale), kind);
  return text;
}

/* Called by the first process of each group; only process 0's words are heard. */
static void tell_fit(void *state, const dnmf_candidate *candidate, int fold, double score) {
  char what[CANDIDATE_TEXT];
  char text[CANDIDATE_TEXT + 48];
  cli_session *session = state;
  if (session->common->progress == CLI_PROGRESS_NEVER || session->context->rank > 0 || session->common->quiet)
    return;
  snprintf(text, sizeof text, "%s, fold %d: %.5f", candidate_text(candidate, what), fold + 1, score);
  if (session->display.live)
    fprintf(stderr, "\r\033[K%.*s", cli_width_of(stderr, CLI_USUAL_WIDTH) - 1, text);
  else
    fprintf(stderr, "%s\n", text);
  session->display.open_line = session->display.live;
}

/* The first of a table may be off the screen. */
static void say_best(cli_session *session, const dnmf_candidate *best, bool is_fitted) {
  char text[CANDIDATE_TEXT];
  cli_say(session, "best: %s, %d iterations%s", candidate_text(best, text), best->iterations,
          is_fitted ? "" : "; -o MODEL.h5 fits it to all entries");
}

/* " 0.123", for people who ask how it was done. */
static const char *seconds_text(const cli_session *session, double seconds, char text[32]) {
  text[0] = 0;
  if (session->common->verbose)
    snprintf(text, 32, " %8.3g", seconds);
  return text;
}

static int best_first(const void *a, const void *b) {
  return dnmf_tune_compare(a, b);
}

static void print_weak_table(cli_session *session, const dnmf_tune_plan *plan, const cli_tune_options *options) {
  char l2[32];
  char scale[32];
  char alpha[32];
  char seconds[32];
  cli_say(session, "   k      l2 scale       weight   alpha %12s       +- iterations%s", options->metric,
          session->common->verbose ? "  seconds" : "");
  for (int64_t i = 0; i < plan->candidate_count; i++) {
    const dnmf_candidate *c = &plan->candidates[i];
    cli_say(session, "%4d %7s %-10s %7.4g %7s %12.5f %8.5f %10d%s", c->components, number_text(c->l2, l2),
            scale_name(c->count_power, scale), c->weight, number_text(c->alpha, alpha), c->metric, c->metric_spread,
            c->iterations, seconds_text(session, c->seconds, seconds));
  }
}

static void print_table(cli_session *session, const dnmf_tune_plan *plan, const cli_tune_options *options) {
  char l2[32];
  char scale[32];
  char seconds[32];
  char l2_terms[40];
  char head[80] = "";
  const bool weights = options->lists.l2_terms != NULL;
  if (plan->metric.ranks)
    snprintf(head, sizeof head, " %10s     +-", options->metric);
  cli_say(session, "   k      l2 scale      bias terms%s%s     RMSE     +- iterations%s", weights ? " l2-terms" : "",
          head, session->common->verbose ? "  seconds" : "");
  for (int64_t i = 0; i < plan->candidate_count; i++) {
    const dnmf_candidate *c = &plan->candidates[i];
    char lists[80] = "";
    char weight[48] = "";
    if (weights)
      snprintf(weight, sizeof weight, " %8s", l2_terms_text(c, "", l2_terms));
    if (plan->metric.ranks)
      snprintf(lists, sizeof lists, " %10.5f %6.4f", c->metric, c->metric_spread);
    cli_say(session, "%4d %7s %-10s %-4s %-5s%s%s %8.5f %6.4f %10d%s", c->components, number_text(c->l2, l2),
            scale_name(c->count_power, scale), c->bias ? "both" : "none", terms_choices[c->evidence], weight, lists,
            c->rmse, c->spread, c->iterations, seconds_text(session, c->seconds, seconds));
  }
}

static json_t *candidate_json(const cli_tune_options *options, const dnmf_candidate *c) {
  char scale[32];
  json_t *object = cli_json_pack("{s:i, s:o, s:s, s:s, s:s, s:o, s:o, s:i, s:f}", "components", c->components, "l2",
                                 c->l2 < 0 ? json_null() : cli_json_real(c->l2), "penalty_scale",
                                 scale_name(c->count_power, scale), "bias", c->bias ? "both" : "none", "implicit_terms",
                                 terms_choices[c->evidence], "rmse", cli_json_real(c->rmse), "spread",
                                 cli_json_real(c->spread), "iterations", c->iterations, "seconds", c->seconds);
  if (cli_tune_is_weak(options)) {
    cli_json_set(&object, "missing_weight", cli_json_real(c->weight));
    cli_json_set(&object, "alpha", c->alpha < 0 ? json_null() : cli_json_real(c->alpha));
  }
  const double l2_terms = c->l2_evidence >= 0 ? c->l2_evidence : DNMF_L2_EVIDENCE;
  cli_json_set(&object, "l2_terms", c->evidence == DNMF_EVIDENCE_NONE ? json_null() : cli_json_real(l2_terms));
  if (!isnan(c->metric)) {
    cli_json_set(&object, options->metric, cli_json_real(c->metric));
    cli_json_set(&object, "metric_spread", cli_json_real(c->metric_spread));
  }
  return object;
}

static void print_tune_json(cli_session *session, const dnmf_tune_plan *plan, const cli_tune_options *options) {
  json_t *list = json_array();
  for (int64_t i = 0; i < plan->candidate_count; i++)
    cli_json_append(&list, candidate_json(options, &plan->candidates[i]));
  cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:s?, s:f}", "command", "tune",
                                        "version", DNMF_VERSION, "input", plan->input, "metric", options->metric,
                                        "folds", plan->folds, "processes", session->context->size, "best",
                                        candidate_json(options, dnmf_tune_best(plan)), "candidates", list, "output",
                                        options->output, "seconds", MPI_Wtime() - session->began));
}

/* The best candidate as fit's settings: all entries, the number of iterations that was chosen. `scale` is room for a
 * text that the settings point to. */
static dnmf_fit_settings refit_settings(const cli_tune_options *options, const dnmf_candidate *best, char scale[32]) {
  dnmf_fit_settings fit;
  dnmf_fit_settings_init(&fit);
  fit.files.output = options->output;
  fit.components = best->components;
  fit.missing = cli_tune_is_weak(options) ? "weak" : "unobserved";
  fit.solver = "hals";
  fit.seed = options->fit.fit.seed;
  fit.max_iter = best->iterations;
  fit.l2 = best->l2;
  fit.sweeps = options->fit.fit.sweeps > 0 ? options->fit.fit.sweeps : 1;
  fit.precision = options->fit.fit.precision;
  fit.penalty_scale = scale_name(best->count_power, scale);
  fit.ratings.init_scale = options->init_scale;
  if (cli_tune_is_weak(options)) {
    fit.weak.implicit = options->fit.fit.weak.implicit;
    fit.weak.weight = best->weight;
    fit.weak.like = options->like;
    fit.weak.confidence = confidence_choices[options->confidence];
    fit.weak.alpha = options->confidence == DNMF_CONFIDENCE_ONE ? -1 : best->alpha;
    fit.weak.epsilon = options->epsilon;
    return fit;
  }
  fit.tol = 0;
  fit.ratings.bias = best->bias ? "both" : "none";
  fit.ratings.shrink_to = shrink_choices[options->shrink_to];
  fit.ratings.l2_bias = best->bias ? options->l2_bias : -1;
  fit.ratings.implicit_terms = terms_choices[best->evidence];
  fit.ratings.l2_terms = best->l2_evidence;
  return fit;
}

static dnmf_status refit(cli_session *session, const cli_tune_options *options, const char *input,
                         const dnmf_candidate *best) {
  char scale[32];
  const dnmf_fit_settings settings = refit_settings(options, best, scale);
  cli_fit_run fit = {.session = session};
  dnmf_status status = cli_fit_execute(session, input, &options->fit.input, &settings, NULL, &fit);
  cli_fit_free(&fit);
  if (status == DNMF_OK)
    cli_say(session, "the best, fitted to all entries: %s", options->output);
  return status;
}

/* Options that fits of the other kinds have. */
static dnmf_status refuse_others(dnmf_error *error, const cli_given *given, bool weak) {
  static const char *const of_ratings[] = {"bias",           "shrink-to", "l2-bias", "patience",
                                           "implicit-terms", "l2-terms",  NULL};
  static const char *const of_weak_zeros[] = {"missing-weight", "confidence", "alpha", "epsilon", "like", NULL};
  static const char *const of_zeros[] = {"restarts", "perturb", "cluster", "holdout", "criterion", "checkpoint",
                                         "resume",   "loss",    "l1-w",    "l1-h",    "l2-w",      "l2-h",
                                         "solver",   "init",    "tol",     "stop",    "grid",      NULL};
  DNMF_TRY(cli_refuse_given(error, given, of_zeros,
                            "tune has it for matrices with zeros only (--missing zero); of ratings --l2, --bias, "
                            "--penalty-scale and the iterations are chosen, by squared error and --solver hals"));
  if (weak)
    return cli_refuse_given(error, given, of_ratings,
                            "fits with weak zeros have no biases and shrink to zero, and a --metric of lists decides");
  return cli_refuse_given(error, given, of_weak_zeros, "it needs --missing weak or --implicit");
}

/* Implicit terms move what fits with biases around a level pull towards. */
static dnmf_status check_terms(dnmf_error *error, const cli_tune_options *options, const cli_tune_space *space) {
  bool any = false;
  bool biased = true;
  for (int t = 0; t < space->terms.count; t++)
    any = any || space->terms.value[t] != DNMF_EVIDENCE_NONE;
  for (int b = 0; b < space->bias.count; b++)
    biased = biased && space->bias.value[b] != 0;
  const bool level = options->shrink_to == DNMF_SHRINK_AUTO || options->shrink_to == DNMF_SHRINK_LEVEL;
  if (!any && options->lists.l2_terms)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--l2-terms has no use here: there are no --implicit-terms");
  if (!any || (biased && level))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--implicit-terms %s move what --shrink-to level pulls towards; leave %s out", options->lists.terms,
                   biased ? "--shrink-to" : "--bias none");
}

/* Fits with weak zeros take what is not given as `fit` does. */
static dnmf_status settle_weak(dnmf_error *error, const cli_given *given, cli_tune_options *options,
                               cli_tune_space *space) {
  const dnmf_implicit_defaults implicit = dnmf_implicit_default_settings();
  DNMF_TRY(refuse_others(error, given, cli_tune_is_weak(options)));
  if (!cli_tune_is_weak(options))
    return DNMF_OK;
  if (options->fit.fit.weak.implicit && cli_is_given(given, "missing") && strcmp(options->fit.fit.missing, "weak") != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--missing %s: with --implicit what is not stored is a weak zero (--missing weak)",
                     options->fit.fit.missing);
  if (!options->fit.fit.weak.implicit && !options->lists.weight)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--missing weak: say with --missing-weight W,..., from 0 to 1, what an entry that is not stored "
                     "counts");
  if (!cli_is_given(given, "metric"))
    options->metric = "ndcg@10";
  if (strcmp(options->metric, "rmse") == 0)
    return dnmf_fail(
        error, DNMF_ERROR_USAGE,
        "--metric rmse: weak zeros are for lists, of which an error on entries tells nothing; give ndcg@10 "
        "or the like");
  if (!cli_is_given(given, "confidence"))
    options->confidence = options->fit.fit.weak.implicit ? (int)implicit.weak.confidence : DNMF_CONFIDENCE_ONE;
  if (!options->fit.fit.weak.implicit && options->confidence != DNMF_CONFIDENCE_ONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--confidence %s needs --implicit",
                     confidence_choices[options->confidence]);
  if (!cli_is_given(given, "init-scale"))
    options->init_scale = 1;
  if (!cli_is_given(given, "max-iter") && options->fit.fit.weak.implicit)
    options->fit.fit.max_iter = implicit.max_iterations;
  if (!options->lists.weight)
    space->weight.value[0] = implicit.weak.weight;
  if (!cli_is_given(given, "penalty-scale") && options->fit.fit.weak.implicit)
    space->power.value[0] = implicit.count_power;
  space->bias = (cli_tune_values){1, {0}};
  return DNMF_OK;
}

/* What all candidates share. */
static dnmf_tune_plan make_tune_plan(const cli_tune_options *options, const char *input, int processes) {
  dnmf_tune_plan plan = {.input = input,
                         .shrink = (dnmf_shrink)options->shrink_to,
                         .l2_bias = options->l2_bias,
                         .source = cli_source_options(&options->fit.input),
                         .precision = strcmp(options->fit.fit.precision, "single") == 0 ? DNMF_SINGLE : DNMF_DOUBLE,
                         .seed = (uint64_t)options->fit.fit.seed,
                         .folds = (int)options->folds,
                         .groups = options->groups > 0 ? (int)options->groups : processes};
  plan.source.missing_given = true;
  plan.source.missing = DNMF_MISSING_UNOBSERVED;
  plan.fit = (dnmf_settings){.seed = plan.seed,
                             .solver = DNMF_SOLVER_HALS,
                             .sweeps = options->fit.fit.sweeps > 0 ? (int)options->fit.fit.sweeps : 1,
                             .penalties = {.scale = DNMF_PENALTY_COUNT},
                             .max_iterations = (int)options->fit.fit.max_iter,
                             .time_limit = INFINITY,
                             .observed = {.start_scale = options->init_scale, .patience = (int)options->patience}};
  if (cli_tune_is_weak(options)) {
    plan.fit.tolerance = 1e-4; /* as in fit */
    plan.fit.observed.weak = (dnmf_weak_settings){.on = true,
                                                  .confidence = (dnmf_confidence)options->confidence,
                                                  .epsilon = options->epsilon,
                                                  .target_one = options->fit.fit.weak.implicit,
                                                  .like = options->fit.fit.weak.implicit ? options->like : 0};
  }
  if (options->fit.fit.weak.implicit)
    dnmf_source_add_repeats(&plan.source);
  return plan;
}

dnmf_status cli_tune_ratings(cli_session *session, const cli_tune_options *options, const char *input,
                             dnmf_source *opened) {
  cli_tune_options chosen = *options;
  dnmf_error *error = &session->context->error;
  cli_tune_space space;
  if (chosen.fit.fit.max_iter < 0)
    chosen.fit.fit.max_iter = 60;
  if (chosen.folds == 0)
    chosen.folds = 5;
  DNMF_TRY(cli_tune_parse(error, session->given, &chosen.lists, &space));
  DNMF_TRY(settle_weak(error, session->given, &chosen, &space));
  DNMF_TRY(check_terms(error, &chosen, &space));
  dnmf_tune_plan plan = make_tune_plan(&chosen, input, session->context->size);
  plan.opened = opened;
  if (chosen.folds < 2)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--folds 1: ratings are parted into 2 or more");
  if (chosen.output)
    DNMF_TRY(cli_refuse_pipe(session, input, "-o fits the best to all entries again"));
  if (plan.groups > 1 && session->context->size > 1)
    DNMF_TRY(cli_refuse_pipe(session, input, "each group of processes reads the input (--groups 1: one does)"));
  DNMF_TRY(parse_metric(error, &chosen, &plan.metric));
  plan.candidates = calloc(CLI_TUNE_MOST_CANDIDATES, sizeof *plan.candidates);
  dnmf_status status = DNMF_OK;
  if (!plan.candidates)
    status = dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the list of candidates");
  status = dnmf_agree(session->context, status);
  if (status == DNMF_OK) {
    plan.candidate_count = chosen.search == CLI_TUNE_RANDOM
                               ? cli_tune_random(&space, plan.seed, chosen.samples, plan.candidates)
                               : cli_tune_grid(&space, plan.candidates);
    cli_say(session, "%" PRId64 " candidates, %d folds; fits side by side: %d", plan.candidate_count, plan.folds,
            plan.groups < session->context->size ? plan.groups : session->context->size);
    status = dnmf_tune(session->context, &plan, tell_fit, session);
  }
  if (status == DNMF_OK) {
    qsort(plan.candidates, (size_t)plan.candidate_count, sizeof *plan.candidates, best_first);
    if (cli_tune_is_weak(&chosen))
      print_weak_table(session, &plan, &chosen);
    else
      print_table(session, &plan, &chosen);
    if (plan.candidate_count > 1)
      say_best(session, dnmf_tune_best(&plan), chosen.output);
  }
  if (status == DNMF_OK && chosen.output)
    status = refit(session, &chosen, input, dnmf_tune_best(&plan));
  if (status == DNMF_OK)
    print_tune_json(session, &plan, &chosen);
  free(plan.candidates);
  return status;
}
