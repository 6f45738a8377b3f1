/*
 * dnmf evaluate: how well a model predicts entries it has not seen, and how good the lists are that it makes.
 */
#include "commands.h"
#include "load.h"
#include "scoring.h"
#include "version.h"

#include "api/evaluate.h"
#include "api/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

typedef struct evaluate_options {
  cli_common common;
  cli_input input;
  cli_scoring scoring;
  const char *seen;
  double relevant; /* NaN: the mean */
  const char *at;
} evaluate_options;

static const evaluate_options defaults = {.relevant = NAN, .scoring = {.unknown = "average"}};

#define EVALUATE(member) offsetof(evaluate_options, member)
static const cli_option options_table[] = {
    {"seen", 0, CLI_INPUT_FILE, EVALUATE(seen), "TRAIN",
     "rank all columns that a row does not have in TRAIN, matched by ids", 0, 0, NULL},
    {"relevant", 0, CLI_REAL, EVALUATE(relevant), "X",
     "entries of X or more are relevant (default: the mean of the fitted ratings; with a "
     "model of --implicit its --like; one of a matrix with zeros needs X)",
     -INFINITY, INFINITY, NULL},
    {"at", 0, CLI_TEXT, EVALUATE(at), "N,...",
     "lengths of the lists that ranking metrics look at (default 10; with --seen 10,20,100)", 0, 0, NULL},
};

/* What there is to report. */
typedef struct evaluation {
  const char *model;
  const char *test;
  int64_t cols; /* of the model */
  dnmf_metrics_options ranking;
  dnmf_evaluated figures;
} evaluation;

/* --at 5,10 */
static dnmf_status parse_cuts(dnmf_error *error, const char *text, dnmf_metrics_options *ranking) {
  const char *at = text;
  ranking->cut_count = 0;
  while (ranking->cut_count < DNMF_MOST_CUTS) {
    char *end = NULL;
    long long cut = strtoll(at, &end, 10);
    if (end == at || cut < 1 || (*end && *end != ','))
      break;
    ranking->cuts[ranking->cut_count++] = cut;
    if (!*end)
      return DNMF_OK;
    at = end + 1;
  }
  return dnmf_fail(error, DNMF_ERROR_USAGE, "--at %s: give up to %d whole numbers from 1 up, e.g. 5,10", text,
                   DNMF_MOST_CUTS);
}

static double coverage(const evaluation *e) {
  return 1 - (double)e->figures.unknown / (double)e->figures.entries;
}

/* Puts "NAME@N" into the object. */
static void put_at(json_t **object, const char *name, int64_t cut, double value) {
  char key[64];
  snprintf(key, sizeof key, "%s@%" PRId64, name, cut);
  cli_json_set(object, key, cli_json_real(value));
}

static void put_list_figures(json_t **object, const evaluation *e, const dnmf_list_figures *figures) {
  for (int c = 0; c < e->ranking.cut_count; c++)
    for (int f = 0; f < DNMF_LIST_FIGURES; f++)
      put_at(object, dnmf_list_figure_names[f], e->ranking.cuts[c], figures->value[f][c]);
}

/* Figures of all unseen columns. */
static void put_lists(json_t **object, const evaluate_options *options, const evaluation *e) {
  json_t *popular = json_object();
  put_list_figures(&popular, e, &e->figures.lists.of_popular);
  json_t *more =
      cli_json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "seen", options->seen, "relevant_rows",
                    (json_int_t)e->figures.lists.rows, "relevant_entries", (json_int_t)e->figures.lists.relevant,
                    "relevant_unknown_columns", (json_int_t)e->figures.lists.unlisted, "relevant_seen",
                    (json_int_t)e->figures.lists.seen, "relevant_unknown_rows", (json_int_t)e->figures.strange_rows,
                    "popular_rows", (json_int_t)e->figures.lists.popular_rows, "list_seconds", e->figures.list_seconds);
  cli_json_merge(object, more);
  put_list_figures(object, e, &e->figures.lists.of_model);
  cli_json_set(object, "popular", popular);
}

/* Figures of the test's own entries. */
static void put_entries(json_t **object, const evaluation *e) {
  const dnmf_metrics *m = &e->figures.metrics;
  cli_json_set(object, "map", cli_json_real(dnmf_metrics_map(m)));
  cli_json_set(object, "fcp", cli_json_real(dnmf_metrics_fcp(m)));
  for (int c = 0; c < e->ranking.cut_count; c++) {
    put_at(object, "precision", e->ranking.cuts[c], dnmf_metrics_precision(m, c));
    put_at(object, "recall", e->ranking.cuts[c], dnmf_metrics_recall(m, c));
    put_at(object, "hit_rate", e->ranking.cuts[c], dnmf_metrics_hit_rate(m, c));
    put_at(object, "ndcg", e->ranking.cuts[c], dnmf_metrics_ndcg(m, c));
  }
}

static json_t *evaluation_json(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_metrics *m = &e->figures.metrics;
  json_t *object = cli_json_pack(
      "{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:f, s:I, s:I, s:s, s:b, s:f, s:s, s:I, s:i}", "command", "evaluate",
      "version", DNMF_VERSION, "model", e->model, "input", e->test, "n", (json_int_t)m->entries, "rmse",
      cli_json_real(e->figures.rmse), "mae", cli_json_real(e->figures.mae), "coverage", coverage(e), "entries",
      (json_int_t)e->figures.entries, "unknown", (json_int_t)e->figures.unknown, "unknown_policy",
      options->scoring.unknown, "clip", e->figures.clip, "relevant", e->figures.relevant, "ranked",
      options->seen ? "all unseen columns" : "entries of the test", "rows", (json_int_t)m->rows, "processes",
      session->context->size);
  if (options->seen)
    put_lists(&object, options, e);
  else
    put_entries(&object, e);
  cli_json_set(&object, "covered_50", cli_json_real(e->figures.covered[0]));
  cli_json_set(&object, "covered_90", cli_json_real(e->figures.covered[1]));
  cli_json_set(&object, "deviation", cli_json_real(e->figures.deviation));
  cli_json_set(&object, "seconds", cli_json_real(MPI_Wtime() - session->began));
  return object;
}

enum { FIGURE_TEXT = 32 };

/* A figure, which has no value where no row takes part in it. */
static const char *figure_text(double value, int digits, char text[FIGURE_TEXT]) {
  if (isfinite(value))
    snprintf(text, FIGURE_TEXT, "%.*f", digits, value);
  else
    snprintf(text, FIGURE_TEXT, "none");
  return text;
}

/* The figures of lists, in columns wide enough for their names. */
static const struct {
  dnmf_list_figure figure;
  const char *name;
  int width;
} list_columns[] = {{DNMF_LIST_PRECISION, "precision", 10},
                    {DNMF_LIST_RECALL, "recall", 8},
                    {DNMF_LIST_HIT_RATE, "hit rate", 9},
                    {DNMF_LIST_NDCG, "NDCG", 8},
                    {DNMF_LIST_MAP, "MAP", 8},
                    {DNMF_LIST_MRR, "MRR", 8},
                    {DNMF_LIST_CATALOGUE, "catalogue", 10}};
enum { LIST_COLUMNS = sizeof list_columns / sizeof *list_columns };

/* A line of the table of lists; its head where there are no figures. */
static void say_figures(cli_session *session, const char *at, const char *whose, const dnmf_list_figures *figures,
                        int cut) {
  char line[300];
  char text[FIGURE_TEXT];
  int used = 0;
  for (size_t c = 0; c < LIST_COLUMNS; c++)
    used +=
        snprintf(line + used, sizeof line - (size_t)used, "%*s", list_columns[c].width,
                 figures ? figure_text(figures->value[list_columns[c].figure][cut], 4, text) : list_columns[c].name);
  cli_say(session, "  %-8s %-7s%s", at, whose, line);
}

static void say_lists(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_rank_metrics *m = &e->figures.lists;
  cli_say(session,
          "ranking all %" PRId64 " columns but those a row has in %s, for %" PRId64 " rows with an entry of %.4g or "
          "more (%" PRId64 " entries), in %.3g s",
          e->cols, options->seen, m->rows, e->figures.relevant, m->relevant, e->figures.list_seconds);
  if (m->unlisted > 0)
    cli_say(session, "  %" PRId64 " of these entries are in columns that the model does not have: missed", m->unlisted);
  if (e->figures.strange_rows > 0)
    cli_say(session, "  %" PRId64 " rows with such an entry are not in the model: not ranked", e->figures.strange_rows);
  if (m->popular_rows > 0)
    cli_say(session, "  %" PRId64 " rows had no data in the fit: listed the most popular columns", m->popular_rows);
  say_figures(session, "", "", NULL, 0);
  for (int c = 0; c < e->ranking.cut_count; c++) {
    char at[32];
    snprintf(at, sizeof at, "at %" PRId64, e->ranking.cuts[c]);
    say_figures(session, at, "model", &m->of_model, c);
    say_figures(session, "", "popular", &m->of_popular, c);
  }
}

static void say_entries(cli_session *session, const evaluation *e) {
  const dnmf_metrics *m = &e->figures.metrics;
  char texts[4][FIGURE_TEXT];
  cli_say(session,
          "ranking only the entries that each of %.0f rows has in %s (--seen TRAIN ranks all columns); relevant from "
          "%.4g up, in %.0f rows",
          m->rows, e->test, e->figures.relevant, m->relevant_rows);
  for (int c = 0; c < e->ranking.cut_count; c++)
    cli_say(session, "  at %-7" PRId64 " precision %s  recall %s  NDCG %s  hit rate %s", e->ranking.cuts[c],
            figure_text(dnmf_metrics_precision(m, c), 4, texts[0]), figure_text(dnmf_metrics_recall(m, c), 4, texts[1]),
            figure_text(dnmf_metrics_ndcg(m, c), 4, texts[2]), figure_text(dnmf_metrics_hit_rate(m, c), 4, texts[3]));
  cli_say(session, "  MAP        %s\n  FCP        %s", figure_text(dnmf_metrics_map(m), 4, texts[0]),
          figure_text(dnmf_metrics_fcp(m), 4, texts[1]));
}

static void report_evaluation(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_metrics *m = &e->figures.metrics;
  cli_say(session,
          "%.0f of %" PRId64 " entries scored%s; %.2f%% have a row and a column the model knows (--unknown %s)",
          m->entries, e->figures.entries, e->figures.clip ? ", clipped to the scale" : "", 100 * coverage(e),
          options->scoring.unknown);
  char texts[2][FIGURE_TEXT];
  cli_say(session, "  RMSE       %s\n  MAE        %s", figure_text(e->figures.rmse, 6, texts[0]),
          figure_text(e->figures.mae, 6, texts[1]));
  if (e->figures.interval_entries > 0)
    cli_say(
        session,
        "  intervals  of 50 %% cover %.2f %%, of 90 %% %.2f %% of %.0f entries; mean deviation of a prediction %.4f",
        100 * e->figures.covered[0], 100 * e->figures.covered[1], e->figures.interval_entries, e->figures.deviation);
  if (options->seen)
    say_lists(session, options, e);
  else
    say_entries(session, e);
  cli_print_json(session, evaluation_json(session, options, e));
}

static dnmf_status evaluate_files(cli_session *session, const evaluate_options *options, char **arguments,
                                  dnmf_data **data, dnmf_model *model, evaluation *e) {
  dnmf_context *context = session->context;
  dnmf_evaluate_job job = {.unknown = options->scoring.unknown};
  cli_input seen = options->input;
  seen.source.select = (dnmf_select_options){.rows = NULL}; /* of TEST only */
  DNMF_TRY(parse_cuts(&context->error, options->at ? options->at : options->seen ? "10,20,100" : "10", &e->ranking));
  DNMF_TRY(cli_clip(&context->error, &options->scoring, &job.clip));
  DNMF_TRY(dnmf_model_open(context, arguments[0], DNMF_IN_DOUBLE, model));
  DNMF_TRY(cli_data(session, arguments[1], &options->input, &data[0]));
  data[0]->opened = NULL; /* the report tells what was found in it */
  if (options->seen)
    DNMF_TRY(cli_data(session, options->seen, &seen, &data[1]));
  job.ranking = e->ranking;
  job.seen = data[1];
  DNMF_TRY(dnmf_evaluate_data(context, model, data[0], &job, &e->figures));
  e->cols = model->cols;
  report_evaluation(session, options, e);
  return DNMF_OK;
}

static dnmf_status run_evaluate(cli_session *session, const void *given, char **arguments, int argument_count) {
  const evaluate_options *options = given;
  evaluation e = {.model = arguments[0], .test = arguments[1], .ranking = {.relevant = options->relevant}};
  dnmf_model model = {.rows = 0};
  dnmf_data *data[2] = {NULL, NULL}; /* TEST and TRAIN */
  (void)argument_count;
  dnmf_status status = evaluate_files(session, options, arguments, data, &model, &e);
  dnmf_data_destroy(&data[0]);
  dnmf_data_destroy(&data[1]);
  dnmf_model_free(&model);
  return status;
}

static const cli_group groups[] = {
    {"ranking:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"scores:", cli_scoring_options, CLI_SCORING_OPTIONS, offsetof(evaluate_options, scoring)},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(evaluate_options, input)},
    CLI_SELECT_GROUP(evaluate_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(evaluate_options, common)},
};

const cli_command cli_evaluate = {
    .name = "evaluate",
    .summary = "RMSE, MAE and coverage on held-out entries; ranking, of the whole catalogue with --seen",
    .usage = "MODEL TEST [--seen TRAIN] [OPTIONS]",
    .details =
        "TEST is anything that import reads; its rows and columns are found in the model by their ids. Coverage is\n"
        "the share of entries whose row and column the model knows.\n\n" CLI_UNKNOWN_HELP "\n"
        "  --unknown drop     the entry is left out\n"
        "  --unknown error    stop at an id that is not in the model\n\n"
        "Of a model of fit --samples, intervals are those of a normal distribution around the prediction whose "
        "variance\n"
        "is that of the draws and that of the noise; of entries with a known row and column, those are counted whose\n"
        "value is inside.\n\n"
        "An entry is relevant when its value is --relevant or more.\n\n"
        "With --seen TRAIN, all columns that a row does not have in TRAIN are ranked, for every row with a relevant\n"
        "entry in TEST, as recommend lists them: by score before clipping, equal ones in the order of the columns,\n"
        "columns without data in the fit left out. Beside it the same figures of the list of the columns with most\n"
        "entries in TRAIN. With r relevant entries of the row, means over these rows:\n"
        "  precision  relevant ones among the first n, over n\n"
        "  recall     relevant ones among the first n, over min(n, r) (Liang et al. 2018)\n"
        "  hit rate   share of rows with a relevant one among the first n\n"
        "  NDCG       gain 1, discount log2(place + 1): scikit-learn's ndcg_score of what is relevant, implicit's "
        "ndcg\n"
        "  MAP        sum over relevant places p <= n of precision at p, over min(n, r): implicit's map\n"
        "  MRR        1 / the first relevant place, 0 beyond n\n"
        "  catalogue  share of the columns that are in at least one list\n"
        "--json has also pooled_recall: relevant ones among the first n of all rows over the sum of min(n, r),\n"
        "implicit's precision. A relevant entry in a column that the model does not have counts as missed; rows that\n"
        "it does not have are counted and not ranked.\n\n"
        "Without --seen, only the entries that a row has in TEST are ranked, which tells nothing about lists:\n"
        "  precision  relevant ones among the first n, over n (or all entries, if fewer); mean over rows\n"
        "  recall     relevant ones among the first n, over all relevant ones; mean over rows with one\n"
        "  hit rate   share of rows with a relevant entry that have one among the first n\n"
        "  NDCG       scikit-learn's ndcg_score, gain = value; mean over rows of two entries or more\n"
        "  MAP        scikit-learn's average_precision_score; mean over rows with a relevant entry\n"
        "  FCP        Surprise's fcp: concordant pairs over concordant and discordant ones, each a mean over rows\n\n"
        "  dnmf evaluate model.h5 test.csv\n"
        "  dnmf evaluate model.h5 test.csv --seen train.csv --relevant 4\n"
        "  dnmf evaluate model.h5 test.h5 --relevant 4 --at 5,10 --json",
    .min_arguments = 2,
    .max_arguments = 2,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(evaluate_options),
    .defaults = &defaults,
    .run = run_evaluate,
};
