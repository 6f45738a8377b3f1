/* dnmf tune: choose components, penalty and biases by cross-validation inside one job, side by side. */
#include "commands.h"
#include "fit_report.h"
#include "fit_run.h"
#include "load.h"
#include "tune_space.h"

#include "base/random.h"
#include "fit/weak_fit.h"
#include "model/tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct tune_options {
  cli_common common;
  cli_input input;
  const char *output;
  cli_tune_lists lists;
  int64_t folds;
  int search; /* cli_tune_search */
  const char *metric;
  double relevant;
  int64_t samples;
  int64_t groups;
  int64_t seed;
  int64_t max_iterations;
  int64_t patience;
  int64_t sweeps;
  double l2_bias;
  double init_scale;
  int shrink_to; /* dnmf_shrink */
  int precision;
  bool implicit;
  int missing; /* MISSING_... */
  int confidence;
  double epsilon;
  double like; /* negative: not given */
} tune_options;

static const tune_options defaults = {
    .lists = {.components = "10,20,40", .bias = "both", .scale = "sqrt-count", .terms = "none"},
    .folds = 5,
    .metric = "rmse",
    .epsilon = -1,
    .like = -1,
    .relevant = NAN,
    .samples = 20,
    .max_iterations = 60,
    .patience = 10,
    .sweeps = 1,
    .l2_bias = -1,
    .init_scale = 0.05};

static const char *const search_choices[] = {"grid", "random", NULL};
static const char *const missing_choices[] = {"unobserved", "weak", NULL};
static const char *const confidence_choices[] = {"one", "linear", "log", NULL};
static const char *const terms_choices[] = {"none", "rows", "cols", "both", NULL};
static const char *const shrink_choices[] = {"auto", "zero", "mean", "level", NULL};
enum { MISSING_UNOBSERVED = 0, MISSING_WEAK };
static const char *const precision_choices[] = {"double", "single", NULL};

#define TUNE(member) offsetof(tune_options, member)
static const cli_option options_table[] = {
    {"components", 'k', CLI_TEXT, TUNE(lists.components), "K,K,...", "components to try (default 10,20,40)", 0, 0,
     NULL},
    {"l2", 0, CLI_TEXT, TUNE(lists.l2), "X,X,...", "L2 weights to try (default: those of fit alone)", 0, 0, NULL},
    {"bias", 0, CLI_TEXT, TUNE(lists.bias), "B,B", "biases to try: both, none (default both)", 0, 0, NULL},
    {"penalty-scale", 0, CLI_TEXT, TUNE(lists.scale), "S,S,...",
     "sqrt-count (default), count, raw, or exponents from 0 to 1", 0, 0, NULL},
    {"implicit-terms", 0, CLI_TEXT, TUNE(lists.terms), "T,T,...",
     "implicit terms to try: none (default), rows, cols, both; see fit", 0, 0, NULL},
    {"folds", 0, CLI_INT, TUNE(folds), "V", "parts of the entries, each held out once (default 5)", 2, 100, NULL},
    {"search", 0, CLI_CHOICE, TUNE(search), "S",
     "grid (default): every combination; random: --samples draws, l2 log-uniform\n"
     "                               between the smallest and the largest given",
     0, 0, search_choices},
    {"samples", 0, CLI_INT, TUNE(samples), "N", "random draws (default 20)", 1, CLI_TUNE_MOST_CANDIDATES, NULL},
    {"metric", 0, CLI_TEXT, TUNE(metric), "M",
     "rmse (default), or of lists of N columns that a row does not have: ndcg@N, recall@N,\n"
     "                               precision@N, hit_rate@N, map@N, mrr@N; see evaluate",
     0, 0, NULL},
    {"relevant", 0, CLI_REAL, TUNE(relevant), "X",
     "with a list metric: held-out entries of X or more are relevant (default: their mean, of\n"
     "                               strengths --like)",
     -INFINITY, INFINITY, NULL},
    {"groups", 0, CLI_INT, TUNE(groups), "N", "groups of processes, a fit each at a time (default: one a process)", 1,
     1e6, NULL},
    {"output", 'o', CLI_OUTPUT_HDF5, TUNE(output), "MODEL.h5", "refit the best on all entries and write the model", 0,
     0, NULL},
};
static const cli_option weak_table[] = {
    {"missing", 0, CLI_CHOICE, TUNE(missing), "M", "what is not stored: unobserved (default) or weak", 0, 0,
     missing_choices},
    {"implicit", 0, CLI_FLAG, TUNE(implicit), NULL, "fits --implicit: strengths beside weak zeros", 0, 0, NULL},
    {"missing-weight", 0, CLI_TEXT, TUNE(lists.weight), "W,W,...", "weights of what is not stored to try", 0, 0, NULL},
    {"confidence", 0, CLI_CHOICE, TUNE(confidence), "C", "one, linear or log, as fit has it", 0, 0, confidence_choices},
    {"alpha", 0, CLI_TEXT, TUNE(lists.alpha), "A,A,...", "alphas of confidences to try", 0, 0, NULL},
    {"epsilon", 0, CLI_REAL, TUNE(epsilon), "E", "of --confidence log, as fit has it", 0, INFINITY, NULL},
    {"like", 0, CLI_REAL, TUNE(like), "X", "entries below X are no sign of liking, as fit has it", 0, INFINITY, NULL},
};
static const cli_option fits_table[] = {
    {"seed", 0, CLI_INT, TUNE(seed), "N", "seed of starts and folds (default 0)", 0, 9.2e18, NULL},
    {"max-iter", 0, CLI_INT, TUNE(max_iterations), "N", "most iterations of a fit (default 60)", 1, 1e6, NULL},
    {"patience", 0, CLI_INT, TUNE(patience), "N", "iterations without improvement that end a fit (default 10)", 1, 1e6,
     NULL},
    {"sweeps", 0, CLI_INT, TUNE(sweeps), "N", "coordinate sweeps over a row's components (default 1)", 1, 1000, NULL},
    {"shrink-to", 0, CLI_CHOICE, TUNE(shrink_to), "T",
     "what L2 pulls factor rows towards, as for fit: level, mean or zero; auto (default)", 0, 0, shrink_choices},
    {"l2-bias", 0, CLI_REAL, TUNE(l2_bias), "N", "weight of biases, as for fit", 0, INFINITY, NULL},
    {"init-scale", 0, CLI_REAL, TUNE(init_scale), "X", "scale of the random start (default 0.05)", 1e-6, 1e3, NULL},
    {"precision", 0, CLI_CHOICE, TUNE(precision), "P", "double (default) or single", 0, 0, precision_choices},
};

static const char *scale_name(double power, char text[32]) {
  snprintf(text, 32, "%.4g", power);
  if (power == 0)
    return "raw";
  if (power == 0.5)
    return "sqrt-count";
  return power == 1 ? "count" : text;
}

static bool is_weak(const tune_options *options) {
  return options->implicit || options->missing == MISSING_WEAK;
}

static const char *number_text(double l2, char text[32]) {
  if (l2 < 0)
    return "default";
  snprintf(text, 32, "%.4g", l2);
  return text;
}

/* --metric ndcg@10 */
static dnmf_status parse_metric(dnmf_error *error, const tune_options *options, dnmf_tune_metric *metric) {
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

/* Called by the first process of each group; only process 0's words are heard. */
static void tell_fit(void *state, const dnmf_candidate *candidate, int fold, double score) {
  char l2[32];
  char scale[32];
  char alpha[32];
  char kind[80];
  const cli_session *session = state;
  if (candidate->weight >= 0)
    snprintf(kind, sizeof kind, "missing weight %.4g, alpha %s", candidate->weight,
             number_text(candidate->alpha, alpha));
  else
    snprintf(kind, sizeof kind, "%s biases%s%s", candidate->bias ? "both" : "no",
             candidate->evidence == DNMF_EVIDENCE_NONE ? "" : ", implicit terms ",
             candidate->evidence == DNMF_EVIDENCE_NONE ? "" : terms_choices[candidate->evidence]);
  if (session->common->progress != CLI_PROGRESS_NEVER && session->context->rank == 0 && !session->common->quiet)
    fprintf(stderr, "k %d, l2 %s, %s, %s, fold %d: %.5f\n", candidate->components, number_text(candidate->l2, l2),
            scale_name(candidate->count_power, scale), kind, fold + 1, score);
}

static int best_first(const void *a, const void *b) {
  return dnmf_tune_compare(a, b);
}

static void print_weak_table(cli_session *session, const dnmf_tune_plan *plan, const tune_options *options) {
  char l2[32];
  char scale[32];
  char alpha[32];
  cli_say(session, "    k        l2  scale       missing weight     alpha  %14s   +- folds  iterations   seconds",
          options->metric);
  for (int64_t i = 0; i < plan->candidate_count; i++) {
    const dnmf_candidate *c = &plan->candidates[i];
    cli_say(session, "%5d  %8s  %-10s  %14.4g  %8s  %14.5f  %9.5f  %10d  %8.3g", c->components, number_text(c->l2, l2),
            scale_name(c->count_power, scale), c->weight, number_text(c->alpha, alpha), c->metric, c->metric_spread,
            c->iterations, c->seconds);
  }
}

static void print_table(cli_session *session, const dnmf_tune_plan *plan, const tune_options *options) {
  char l2[32];
  char scale[32];
  char head[80] = "";
  if (plan->metric.ranks)
    snprintf(head, sizeof head, "  %14s   +- folds", options->metric);
  cli_say(session, "    k        l2  scale       bias  terms%s   held-out RMSE   +- folds  iterations   seconds", head);
  for (int64_t i = 0; i < plan->candidate_count; i++) {
    const dnmf_candidate *c = &plan->candidates[i];
    char lists[80] = "";
    if (plan->metric.ranks)
      snprintf(lists, sizeof lists, "  %14.5f  %9.5f", c->metric, c->metric_spread);
    cli_say(session, "%5d  %8s  %-10s  %-4s  %-5s%s  %14.5f  %9.5f  %10d  %8.3g", c->components, number_text(c->l2, l2),
            scale_name(c->count_power, scale), c->bias ? "both" : "none", terms_choices[c->evidence], lists, c->rmse,
            c->spread, c->iterations, c->seconds);
  }
}

static json_t *candidate_json(const tune_options *options, const dnmf_candidate *c) {
  char scale[32];
  json_t *object = cli_json_pack("{s:i, s:o, s:s, s:s, s:s, s:o, s:o, s:i, s:f}", "components", c->components, "l2",
                                 c->l2 < 0 ? json_null() : cli_json_real(c->l2), "penalty_scale",
                                 scale_name(c->count_power, scale), "bias", c->bias ? "both" : "none", "implicit_terms",
                                 terms_choices[c->evidence], "rmse", cli_json_real(c->rmse), "spread",
                                 cli_json_real(c->spread), "iterations", c->iterations, "seconds", c->seconds);
  if (is_weak(options)) {
    cli_json_set(&object, "missing_weight", cli_json_real(c->weight));
    cli_json_set(&object, "alpha", c->alpha < 0 ? json_null() : cli_json_real(c->alpha));
  }
  if (!isnan(c->metric)) {
    cli_json_set(&object, options->metric, cli_json_real(c->metric));
    cli_json_set(&object, "metric_spread", cli_json_real(c->metric_spread));
  }
  return object;
}

static void print_tune_json(cli_session *session, const dnmf_tune_plan *plan, const tune_options *options) {
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
static dnmf_fit_settings refit_settings(const tune_options *options, const dnmf_candidate *best, char scale[32]) {
  dnmf_fit_settings fit;
  dnmf_fit_settings_init(&fit);
  fit.files.output = options->output;
  fit.components = best->components;
  fit.missing = is_weak(options) ? "weak" : "unobserved";
  fit.solver = "hals";
  fit.seed = options->seed;
  fit.max_iter = best->iterations;
  fit.l2 = best->l2;
  fit.sweeps = options->sweeps;
  fit.precision = precision_choices[options->precision];
  fit.penalty_scale = scale_name(best->count_power, scale);
  fit.ratings.init_scale = options->init_scale;
  if (is_weak(options)) {
    fit.weak.implicit = options->implicit;
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
  return fit;
}

static dnmf_status refit(cli_session *session, const tune_options *options, const char *input,
                         const dnmf_candidate *best) {
  char scale[32];
  const dnmf_fit_settings settings = refit_settings(options, best, scale);
  cli_fit_run fit = {.session = session};
  dnmf_status status = cli_fit_execute(session, input, &options->input, &settings, NULL, &fit);
  cli_fit_free(&fit);
  if (status == DNMF_OK)
    cli_say(session, "the best, fitted to all entries: %s", options->output);
  return status;
}

/* Options that fits of the other kind have. */
static dnmf_status refuse_others(dnmf_error *error, const cli_given *given, bool weak) {
  static const char *const of_ratings[] = {"bias", "shrink-to", "l2-bias", "patience", "implicit-terms", NULL};
  static const char *const of_weak_zeros[] = {"missing-weight", "confidence", "alpha", "epsilon", "like", NULL};
  for (const char *const *name = weak ? of_ratings : of_weak_zeros; *name; name++)
    if (cli_is_given(given, *name))
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s has no use here: %s", *name,
                       weak ? "fits with weak zeros have no biases and shrink to zero, and a --metric of lists decides"
                            : "it needs --missing weak or --implicit");
  return DNMF_OK;
}

/* Implicit terms move what fits with biases around a level pull towards. */
static dnmf_status check_terms(dnmf_error *error, const tune_options *options, const cli_tune_space *space) {
  bool any = false;
  bool biased = true;
  for (int t = 0; t < space->terms.count; t++)
    any = any || space->terms.value[t] != DNMF_EVIDENCE_NONE;
  for (int b = 0; b < space->bias.count; b++)
    biased = biased && space->bias.value[b] != 0;
  const bool level = options->shrink_to == DNMF_SHRINK_AUTO || options->shrink_to == DNMF_SHRINK_LEVEL;
  if (!any || (biased && level))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--implicit-terms %s move what --shrink-to level pulls towards; leave %s out", options->lists.terms,
                   biased ? "--shrink-to" : "--bias none");
}

/* Fits with weak zeros take what is not given as `fit` does. */
static dnmf_status settle_weak(dnmf_error *error, const cli_given *given, tune_options *options,
                               cli_tune_space *space) {
  const dnmf_implicit_defaults implicit = dnmf_implicit_default_settings();
  DNMF_TRY(refuse_others(error, given, is_weak(options)));
  if (!is_weak(options))
    return DNMF_OK;
  if (options->implicit && cli_is_given(given, "missing") && options->missing != MISSING_WEAK)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--missing unobserved: with --implicit what is not stored is a weak zero (--missing weak)");
  if (!options->implicit && !options->lists.weight)
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
    options->confidence = options->implicit ? (int)implicit.weak.confidence : DNMF_CONFIDENCE_ONE;
  if (!options->implicit && options->confidence != DNMF_CONFIDENCE_ONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--confidence %s needs --implicit",
                     confidence_choices[options->confidence]);
  if (!cli_is_given(given, "init-scale"))
    options->init_scale = 1;
  if (!cli_is_given(given, "max-iter") && options->implicit)
    options->max_iterations = implicit.max_iterations;
  if (!options->lists.weight)
    space->weight.value[0] = implicit.weak.weight;
  if (!cli_is_given(given, "penalty-scale") && options->implicit)
    space->power.value[0] = implicit.count_power;
  space->bias = (cli_tune_values){1, {0}};
  return DNMF_OK;
}

/* What all candidates share. */
static dnmf_tune_plan make_tune_plan(const tune_options *options, const char *input, int processes) {
  dnmf_tune_plan plan = {.input = input,
                         .shrink = (dnmf_shrink)options->shrink_to,
                         .l2_bias = options->l2_bias,
                         .source = cli_source_options(&options->input),
                         .precision = (dnmf_precision)options->precision,
                         .seed = (uint64_t)options->seed,
                         .folds = (int)options->folds,
                         .groups = options->groups > 0 ? (int)options->groups : processes};
  plan.source.missing_given = true;
  plan.source.missing = DNMF_MISSING_UNOBSERVED;
  plan.fit = (dnmf_settings){.seed = plan.seed,
                             .solver = DNMF_SOLVER_HALS,
                             .sweeps = (int)options->sweeps,
                             .penalties = {.scale = DNMF_PENALTY_COUNT},
                             .max_iterations = (int)options->max_iterations,
                             .time_limit = INFINITY,
                             .observed = {.start_scale = options->init_scale, .patience = (int)options->patience}};
  if (is_weak(options)) {
    plan.fit.tolerance = 1e-4; /* as in fit */
    plan.fit.observed.weak = (dnmf_weak_settings){.on = true,
                                                  .confidence = (dnmf_confidence)options->confidence,
                                                  .epsilon = options->epsilon,
                                                  .target_one = options->implicit,
                                                  .like = options->implicit ? options->like : 0};
  }
  if (options->implicit)
    dnmf_source_add_repeats(&plan.source);
  return plan;
}

static dnmf_status run_tune(cli_session *session, const void *given, char **arguments, int argument_count) {
  tune_options chosen = *(const tune_options *)given;
  const tune_options *options = &chosen;
  dnmf_error *error = &session->context->error;
  (void)argument_count;
  cli_tune_space space;
  DNMF_TRY(cli_tune_parse(error, &options->lists, &space));
  DNMF_TRY(settle_weak(error, session->given, &chosen, &space));
  DNMF_TRY(check_terms(error, options, &space));
  dnmf_tune_plan plan = make_tune_plan(options, arguments[0], session->context->size);
  if (options->output)
    DNMF_TRY(cli_refuse_pipe(session, arguments[0], "-o fits the best to all entries again"));
  if (plan.groups > 1 && session->context->size > 1)
    DNMF_TRY(cli_refuse_pipe(session, arguments[0], "each group of processes reads the input (--groups 1: one does)"));
  DNMF_TRY(parse_metric(error, options, &plan.metric));
  plan.candidates = calloc(CLI_TUNE_MOST_CANDIDATES, sizeof *plan.candidates);
  dnmf_status status = DNMF_OK;
  if (!plan.candidates)
    status = dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the list of candidates");
  status = dnmf_agree(session->context, status);
  if (status == DNMF_OK) {
    plan.candidate_count = options->search == CLI_TUNE_RANDOM
                               ? cli_tune_random(&space, plan.seed, options->samples, plan.candidates)
                               : cli_tune_grid(&space, plan.candidates);
    cli_say(session, "%" PRId64 " candidates, %d folds; fits side by side: %d", plan.candidate_count, plan.folds,
            plan.groups < session->context->size ? plan.groups : session->context->size);
    status = dnmf_tune(session->context, &plan, tell_fit, session);
  }
  if (status == DNMF_OK) {
    qsort(plan.candidates, (size_t)plan.candidate_count, sizeof *plan.candidates, best_first);
    if (is_weak(options))
      print_weak_table(session, &plan, options);
    else
      print_table(session, &plan, options);
  }
  if (status == DNMF_OK && options->output)
    status = refit(session, options, arguments[0], dnmf_tune_best(&plan));
  if (status == DNMF_OK)
    print_tune_json(session, &plan, options);
  free(plan.candidates);
  return status;
}

static const cli_group groups[] = {
    {"search:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"fits:", fits_table, sizeof fits_table / sizeof *fits_table, 0},
    {"weak zeros (by a --metric of lists, default ndcg@10):", weak_table, sizeof weak_table / sizeof *weak_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(tune_options, input)},
    CLI_SELECT_GROUP(tune_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(tune_options, common)},
};

const cli_command cli_tune = {
    .name = "tune",
    .summary = "choose components, penalty and biases by cross-validation",
    .usage = "INPUT [-k K,K,...] [--l2 X,X,...] [--folds V] [OPTIONS]",
    .details =
        "Every combination is fitted once a fold, several side by side on different processes. The number of\n"
        "iterations is chosen too: where the held-out RMSE over all folds is lowest. With --metric ndcg@10 or the\n"
        "like, the best is the candidate whose lists are best: each fold's fit, at its own lowest RMSE, ranks\n"
        "all columns that a row does not have in the other folds, as evaluate --seen does. With --implicit, and\n"
        "--missing weak, lists are those at the end of a fit.\n\n"
        "  mpirun -n 4 dnmf tune ratings.h5 -k 10,20,40 --l2 0.8,1.1 --folds 5\n"
        "  dnmf tune ratings.csv -k 32,64 --l2 0.3,3 --search random --samples 30 -o best.h5\n"
        "  dnmf tune ratings.csv -k 10,20,40 --bias both,none --metric ndcg@10 --relevant 4 -o best.h5\n"
        "  dnmf tune plays.csv --implicit -k 32,64,128 --alpha 8,16,32 --l2 0.8,1.1,1.5 -o best.h5",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(tune_options),
    .defaults = &defaults,
    .run = run_tune,
};
