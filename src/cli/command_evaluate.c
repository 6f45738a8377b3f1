/*
 * dnmf evaluate: how well a model predicts entries it has not seen, and how good the lists are that it makes.
 */
#include "commands.h"
#include "load.h"
#include "model_entries.h"
#include "model_input.h"
#include "scoring.h"
#include "version.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/metrics.h"
#include "model/rank_metrics.h"
#include "store/ids/match.h"

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

static const evaluate_options defaults = {.relevant = NAN};

#define EVALUATE(member) offsetof(evaluate_options, member)
static const cli_option options_table[] = {
    {"seen", 0, CLI_INPUT_FILE, EVALUATE(seen), "TRAIN",
     "rank all columns that a row does not have in TRAIN, matched by ids", 0, 0, NULL},
    {"relevant", 0, CLI_REAL, EVALUATE(relevant), "X",
     "entries of X or more are relevant (default: the mean of the fitted ratings;\n"
     "                               a model of a matrix with zeros needs X)",
     -INFINITY, INFINITY, NULL},
    {"at", 0, CLI_TEXT, EVALUATE(at), "N,...",
     "lengths of the lists that ranking metrics look at (default 10; with --seen 10,20,100)", 0, 0, NULL},
};

typedef struct evaluation {
  const char *test;
  cli_scorer scorer;
  dnmf_metrics_options ranking;
  dnmf_matched matched;
  dnmf_pair *pairs;
  dnmf_prediction *predictions;
  dnmf_scored_entry *row; /* room for the longest */
  dnmf_metrics metrics;
  int64_t unknown; /* entries, over all processes */

  /* --seen */
  cli_model_entries seen;
  cli_model_entries relevant;
  int64_t strange_rows; /* of the test with a relevant entry, not in the model */
  dnmf_rank_metrics lists;
  double list_seconds;
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

static dnmf_status match(cli_session *session, const evaluate_options *options, evaluation *e) {
  dnmf_context *context = session->context;
  cli_input input = cli_input_of_entries(&options->input);
  const dnmf_model *model = &e->scorer.model;
  cli_read_as_fitted(model, &input);
  dnmf_source_options how = cli_source_options(&input);
  dnmf_target target = {e->scorer.name, model->rows, model->cols, &model->row_ids, &model->col_ids};
  DNMF_TRY(dnmf_match_source(context, e->test, &how, &target, &e->matched));
  if (options->scoring.unknown == CLI_UNKNOWN_ERROR && e->matched.unknown_entries > 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%s: the %s is not in %s, nor are those of %" PRId64 " entries in all; give --unknown bias, mean "
                     "or drop",
                     e->test, e->matched.unknown_example, e->scorer.name, e->matched.unknown_entries);
  return DNMF_OK;
}

static dnmf_status allocate(dnmf_error *error, evaluation *e) {
  void *memory = NULL;
  int64_t count = e->matched.count;
  DNMF_TRY(dnmf_allocate(error, "pairs", count, sizeof(dnmf_pair), &memory));
  e->pairs = memory;
  DNMF_TRY(dnmf_allocate(error, "predictions", count, sizeof(dnmf_prediction), &memory));
  e->predictions = memory;
  int64_t longest = 0;
  for (int64_t i = 0, begin = 0; i < count; i++) {
    begin = e->matched.file_row[i] == e->matched.file_row[begin] ? begin : i;
    longest = i - begin + 1 > longest ? i - begin + 1 : longest;
  }
  DNMF_TRY(dnmf_allocate(error, "the entries of a row", longest, sizeof(dnmf_scored_entry), &memory));
  e->row = memory;
  return DNMF_OK;
}

static dnmf_status predict(dnmf_context *context, evaluation *e) {
  DNMF_TRY(dnmf_agree(context, allocate(&context->error, e)));
  int64_t count = e->matched.count;
  for (int64_t i = 0; i < count; i++)
    e->pairs[i] = (dnmf_pair){e->matched.items[i].row, e->matched.items[i].col};
  DNMF_TRY(dnmf_predict(context, &e->scorer.predictor, e->scorer.fallback, count, e->pairs, e->predictions));
  for (int64_t i = 0; i < count; i++)
    e->unknown += !e->predictions[i].known;
  return dnmf_sum_int64(context, context->comm, &e->unknown, 1);
}

/* Whole rows are here: each is measured at once. */
static dnmf_status measure(dnmf_error *error, evaluation *e) {
  const dnmf_matched *m = &e->matched;
  for (int64_t i = 0; i < m->count;) {
    int64_t scored = 0;
    int64_t row = m->file_row[i];
    for (; i < m->count && m->file_row[i] == row; i++) {
      double score = e->predictions[i].score;
      if (isnan(score))
        continue;
      double prediction = e->scorer.clip ? dnmf_clip(&e->scorer.predictor, score) : score;
      e->row[scored] = (dnmf_scored_entry){m->items[i].value, score, prediction, scored};
      scored++;
    }
    DNMF_TRY(dnmf_metrics_add_row(error, &e->ranking, scored, e->row, &e->metrics));
  }
  return DNMF_OK;
}

/* The relevant entries of the test by the model's rows, those in no column of the model counted in one more. Each is 1;
 * a row's of no column are summed. Rows that the model does not have are counted. */
static dnmf_status place_relevant(cli_session *session, evaluation *e) {
  dnmf_context *context = session->context;
  const dnmf_model *model = &e->scorer.model;
  dnmf_entries entries = {0};
  void *memory = NULL;
  dnmf_status status =
      dnmf_allocate(&context->error, "relevant entries", e->matched.count, sizeof(dnmf_entry), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  entries.items = memory;
  int64_t strange = -1;
  for (int64_t i = 0; i < e->matched.count; i++) {
    dnmf_entry entry = e->matched.items[i];
    if (entry.value < e->ranking.relevant)
      continue;
    if (entry.row >= 0)
      entries.items[entries.count++] = (dnmf_entry){entry.row, entry.col < 0 ? model->cols : entry.col, 1};
    else if (e->matched.file_row[i] != strange) {
      strange = e->matched.file_row[i];
      e->strange_rows++;
    }
  }
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &e->strange_rows, 1));
  return cli_place_entries(session, model, model->cols + 1, DNMF_DUPLICATES_SUM, &entries, &e->relevant);
}

/* Ranks all unseen columns. */
static dnmf_status rank(cli_session *session, const evaluate_options *options, evaluation *e) {
  dnmf_context *context = session->context;
  const dnmf_model *model = &e->scorer.model;
  dnmf_recommend_options how = {.mean = cli_model_mean(model)};
  cli_input input = options->input;
  input.select = (cli_select){.rows = NULL}; /* of TEST only */
  DNMF_TRY(cli_load_model_entries(session, options->seen, &input, e->scorer.name, model, &e->seen));
  DNMF_TRY(place_relevant(session, e));
  dnmf_held_out_lists held_out = {&e->relevant.matrix.by_rows, e->relevant.matrix.precision, &e->seen.matrix.by_rows};
  double began = MPI_Wtime();
  DNMF_TRY(dnmf_rank_evaluate(context, model, &held_out, &how, &e->ranking, &e->lists));
  e->list_seconds = MPI_Wtime() - began;
  if (e->lists.seen > 0)
    dnmf_warn(context,
              "%" PRId64 " of %" PRId64 " relevant entries of %s are in %s too; they cannot be listed and "
              "count as missed",
              e->lists.seen, e->lists.relevant, e->test, options->seen);
  return DNMF_OK;
}

static double coverage(const evaluation *e) {
  return 1 - (double)e->unknown / (double)e->matched.total;
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
  put_list_figures(&popular, e, &e->lists.of_popular);
  json_t *more = cli_json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "seen", options->seen, "relevant_rows",
                               (json_int_t)e->lists.rows, "relevant_entries", (json_int_t)e->lists.relevant,
                               "relevant_unknown_columns", (json_int_t)e->lists.unlisted, "relevant_seen",
                               (json_int_t)e->lists.seen, "relevant_unknown_rows", (json_int_t)e->strange_rows,
                               "popular_rows", (json_int_t)e->lists.popular_rows, "list_seconds", e->list_seconds);
  cli_json_merge(object, more);
  put_list_figures(object, e, &e->lists.of_model);
  cli_json_set(object, "popular", popular);
}

/* Figures of the test's own entries. */
static void put_entries(json_t **object, const evaluation *e) {
  const dnmf_metrics *m = &e->metrics;
  cli_json_set(object, "map", cli_json_real(dnmf_metrics_map(m)));
  cli_json_set(object, "fcp", cli_json_real(dnmf_metrics_fcp(m)));
  for (int c = 0; c < e->ranking.cut_count; c++) {
    put_at(object, "precision", e->ranking.cuts[c], dnmf_metrics_precision(m, c));
    put_at(object, "recall", e->ranking.cuts[c], dnmf_metrics_recall(m, c));
    put_at(object, "hit_rate", e->ranking.cuts[c], dnmf_metrics_hit_rate(m, c));
    put_at(object, "ndcg", e->ranking.cuts[c], dnmf_metrics_ndcg(m, c));
  }
}

static json_t *to_json(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_metrics *m = &e->metrics;
  json_t *object = cli_json_pack(
      "{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:f, s:I, s:I, s:s, s:b, s:f, s:s, s:I, s:i}", "command", "evaluate",
      "version", DNMF_VERSION, "model", e->scorer.name, "input", e->test, "n", (json_int_t)m->entries, "rmse",
      cli_json_real(dnmf_metrics_rmse(m)), "mae", cli_json_real(dnmf_metrics_mae(m)), "coverage", coverage(e),
      "entries", (json_int_t)e->matched.total, "unknown", (json_int_t)e->unknown, "unknown_policy",
      cli_unknown_name(&options->scoring), "clip", e->scorer.clip, "relevant", e->ranking.relevant, "ranked",
      options->seen ? "all unseen columns" : "entries of the test", "rows", (json_int_t)m->rows, "processes",
      session->context->size);
  if (options->seen)
    put_lists(&object, options, e);
  else
    put_entries(&object, e);
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

static void say_figures(cli_session *session, const char *at, const char *whose, const dnmf_list_figures *figures,
                        int cut) {
  static const dnmf_list_figure shown[] = {DNMF_LIST_PRECISION, DNMF_LIST_RECALL, DNMF_LIST_HIT_RATE, DNMF_LIST_NDCG,
                                           DNMF_LIST_MAP,       DNMF_LIST_MRR,    DNMF_LIST_CATALOGUE};
  char line[300];
  char text[FIGURE_TEXT];
  int used = 0;
  for (size_t f = 0; f < sizeof shown / sizeof *shown; f++)
    used +=
        snprintf(line + used, sizeof line - (size_t)used, "  %9s", figure_text(figures->value[shown[f]][cut], 4, text));
  cli_say(session, "  %-8s %-8s%s", at, whose, line);
}

static void say_lists(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_rank_metrics *m = &e->lists;
  cli_say(session,
          "ranking all %" PRId64 " columns but those a row has in %s, for %" PRId64 " rows with an entry of %.4g or "
          "more (%" PRId64 " entries), in %.3g s",
          e->scorer.model.cols, options->seen, m->rows, e->ranking.relevant, m->relevant, e->list_seconds);
  if (m->unlisted > 0)
    cli_say(session, "  %" PRId64 " of these entries are in columns that the model does not have: missed", m->unlisted);
  if (e->strange_rows > 0)
    cli_say(session, "  %" PRId64 " rows with such an entry are not in the model: not ranked", e->strange_rows);
  if (m->popular_rows > 0)
    cli_say(session, "  %" PRId64 " rows had no data in the fit: listed the most popular columns", m->popular_rows);
  cli_say(session, "                     precision     recall   hit rate       NDCG        MAP        MRR  catalogue");
  for (int c = 0; c < e->ranking.cut_count; c++) {
    char at[32];
    snprintf(at, sizeof at, "at %" PRId64, e->ranking.cuts[c]);
    say_figures(session, at, "model", &m->of_model, c);
    say_figures(session, "", "popular", &m->of_popular, c);
  }
}

static void say_entries(cli_session *session, const evaluation *e) {
  const dnmf_metrics *m = &e->metrics;
  char texts[4][FIGURE_TEXT];
  cli_say(session,
          "ranking only the entries that each of %.0f rows has in %s (--seen TRAIN ranks all columns); relevant from "
          "%.4g up, in %.0f rows",
          m->rows, e->test, e->ranking.relevant, m->relevant_rows);
  for (int c = 0; c < e->ranking.cut_count; c++)
    cli_say(session, "  at %-7" PRId64 " precision %s  recall %s  NDCG %s  hit rate %s", e->ranking.cuts[c],
            figure_text(dnmf_metrics_precision(m, c), 4, texts[0]), figure_text(dnmf_metrics_recall(m, c), 4, texts[1]),
            figure_text(dnmf_metrics_ndcg(m, c), 4, texts[2]), figure_text(dnmf_metrics_hit_rate(m, c), 4, texts[3]));
  cli_say(session, "  MAP        %s\n  FCP        %s", figure_text(dnmf_metrics_map(m), 4, texts[0]),
          figure_text(dnmf_metrics_fcp(m), 4, texts[1]));
}

static void print(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_metrics *m = &e->metrics;
  cli_say(session,
          "%.0f of %" PRId64 " entries scored%s; %.2f%% have a row and a column the model knows (--unknown %s)",
          m->entries, e->matched.total, e->scorer.clip ? ", clipped to the scale" : "", 100 * coverage(e),
          cli_unknown_name(&options->scoring));
  char texts[2][FIGURE_TEXT];
  cli_say(session, "  RMSE       %s\n  MAE        %s", figure_text(dnmf_metrics_rmse(m), 6, texts[0]),
          figure_text(dnmf_metrics_mae(m), 6, texts[1]));
  if (options->seen)
    say_lists(session, options, e);
  else
    say_entries(session, e);
  cli_print_json(session, to_json(session, options, e));
}

/* What is relevant: a mean says nothing where most entries are zeros. */
static dnmf_status settle_relevant(dnmf_error *error, const evaluate_options *options, evaluation *e) {
  e->ranking.relevant = isnan(options->relevant) ? e->scorer.predictor.mean : options->relevant;
  if (!isnan(options->relevant) || dnmf_model_is_observed(&e->scorer.model))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "%s was fitted to a matrix with zeros, whose mean tells nothing of what is relevant; say from which "
                   "value on an entry of %s is, with --relevant X",
                   e->scorer.name, e->test);
}

static dnmf_status evaluate(cli_session *session, const evaluate_options *options, evaluation *e) {
  dnmf_context *context = session->context;
  if (options->scoring.unknown == CLI_UNKNOWN_NAN)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--unknown nan: nan has no error; give drop to leave unknown rows and columns out");
  DNMF_TRY(parse_cuts(&context->error, options->at ? options->at : options->seen ? "10,20,100" : "10", &e->ranking));
  DNMF_TRY(cli_scorer_open(session, e->scorer.name, &options->scoring, &e->scorer));
  DNMF_TRY(settle_relevant(&context->error, options, e));
  DNMF_TRY(match(session, options, e));
  DNMF_TRY(predict(context, e));
  DNMF_TRY(dnmf_agree(context, measure(&context->error, e)));
  DNMF_TRY(dnmf_metrics_share(context, &e->metrics));
  if (options->seen)
    DNMF_TRY(rank(session, options, e));
  print(session, options, e);
  return DNMF_OK;
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  evaluation e = {.test = arguments[1], .scorer = {.name = arguments[0]}};
  (void)argument_count;
  dnmf_status status = evaluate(session, given, &e);
  cli_model_entries_free(&e.seen);
  cli_model_entries_free(&e.relevant);
  dnmf_matched_free(&e.matched);
  free(e.pairs);
  free(e.predictions);
  free(e.row);
  cli_scorer_free(&e.scorer);
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
        "  --unknown drop   the entry is left out        --unknown error   stop at an id that is not in the model\n\n"
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
    .run = run,
};
