/*
 * dnmf evaluate: how well a model predicts entries it has not seen.
 */
#include "commands.h"
#include "load.h"
#include "scoring.h"
#include "version.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "model/metrics.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

typedef struct evaluate_options {
  cli_common common;
  cli_input input;
  cli_scoring scoring;
  double relevant; /* NaN: the mean */
  const char *at;
} evaluate_options;

static const evaluate_options defaults = {.relevant = NAN, .at = "10"};

#define EVALUATE(member) offsetof(evaluate_options, member)
static const cli_option options_table[] = {
    {"relevant", 0, CLI_REAL, EVALUATE(relevant), "X",
     "entries of X or more are relevant (default: the mean of the fitted ratings)", -INFINITY, INFINITY, NULL},
    {"at", 0, CLI_TEXT, EVALUATE(at), "N,...", "lengths of the lists that ranking metrics look at (default 10)", 0, 0,
     NULL},
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
  const cli_input input = cli_input_of_entries(&options->input);
  dnmf_source_options how = cli_source_options(&input);
  const dnmf_model *model = &e->scorer.model;
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

static double coverage(const evaluation *e) {
  return 1 - (double)e->unknown / (double)e->matched.total;
}

static json_t *to_json(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_metrics *m = &e->metrics;
  json_t *object = cli_json_pack(
      "{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:f, s:I, s:I, s:s, s:b, s:f, s:I, s:o, s:o, s:i, s:f}", "command",
      "evaluate", "version", DNMF_VERSION, "model", e->scorer.name, "input", e->test, "n", (json_int_t)m->entries,
      "rmse", cli_json_real(dnmf_metrics_rmse(m)), "mae", cli_json_real(dnmf_metrics_mae(m)), "coverage", coverage(e),
      "entries", (json_int_t)e->matched.total, "unknown", (json_int_t)e->unknown, "unknown_policy",
      cli_unknown_name(&options->scoring), "clip", e->scorer.clip, "relevant", e->ranking.relevant, "rows",
      (json_int_t)m->rows, "map", cli_json_real(dnmf_metrics_map(m)), "fcp", cli_json_real(dnmf_metrics_fcp(m)),
      "processes", session->context->size, "seconds", MPI_Wtime() - session->began);
  for (int c = 0; c < e->ranking.cut_count && object; c++) {
    static const struct {
      const char *name;
      double (*value)(const dnmf_metrics *, int);
    } figures[] = {{"precision", dnmf_metrics_precision},
                   {"recall", dnmf_metrics_recall},
                   {"hit_rate", dnmf_metrics_hit_rate},
                   {"ndcg", dnmf_metrics_ndcg}};
    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
      char key[48];
      snprintf(key, sizeof key, "%s@%" PRId64, figures[f].name, e->ranking.cuts[c]);
      cli_json_set(&object, key, cli_json_real(figures[f].value(m, c)));
    }
  }
  return object;
}

static void print(cli_session *session, const evaluate_options *options, const evaluation *e) {
  const dnmf_metrics *m = &e->metrics;
  cli_say(session,
          "%.0f of %" PRId64 " entries scored%s; %.2f%% have a row and a column the model knows (--unknown %s)",
          m->entries, e->matched.total, e->scorer.clip ? ", clipped to the scale" : "", 100 * coverage(e),
          cli_unknown_name(&options->scoring));
  cli_say(session, "  RMSE       %.6f\n  MAE        %.6f", dnmf_metrics_rmse(m), dnmf_metrics_mae(m));
  cli_say(session, "ranking the entries of each of %.0f rows; relevant from %.4g up, in %.0f rows", m->rows,
          e->ranking.relevant, m->relevant_rows);
  for (int c = 0; c < e->ranking.cut_count; c++)
    cli_say(session, "  at %-7" PRId64 " precision %.4f  recall %.4f  NDCG %.4f  hit rate %.4f", e->ranking.cuts[c],
            dnmf_metrics_precision(m, c), dnmf_metrics_recall(m, c), dnmf_metrics_ndcg(m, c),
            dnmf_metrics_hit_rate(m, c));
  cli_say(session, "  MAP        %.4f\n  FCP        %.4f", dnmf_metrics_map(m), dnmf_metrics_fcp(m));
  cli_print_json(session, to_json(session, options, e));
}

static dnmf_status evaluate(cli_session *session, const evaluate_options *options, evaluation *e) {
  dnmf_context *context = session->context;
  if (options->scoring.unknown == CLI_UNKNOWN_NAN)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--unknown nan: nan has no error; give drop to leave unknown rows and columns out");
  DNMF_TRY(parse_cuts(&context->error, options->at, &e->ranking));
  DNMF_TRY(cli_scorer_open(session, e->scorer.name, &options->scoring, &e->scorer));
  e->ranking.relevant = isnan(options->relevant) ? e->scorer.predictor.mean : options->relevant;
  DNMF_TRY(match(session, options, e));
  DNMF_TRY(predict(context, e));
  DNMF_TRY(dnmf_agree(context, measure(&context->error, e)));
  DNMF_TRY(dnmf_metrics_share(context, &e->metrics));
  print(session, options, e);
  return DNMF_OK;
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  evaluation e = {.test = arguments[1], .scorer = {.name = arguments[0]}};
  (void)argument_count;
  dnmf_status status = evaluate(session, given, &e);
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
    .summary = "RMSE, MAE, coverage and ranking metrics on held-out entries",
    .usage = "MODEL TEST [OPTIONS]",
    .details =
        "TEST is anything that import reads; its rows and columns are found in the model by their ids. Coverage is\n"
        "the share of entries whose row and column the model knows.\n\n" CLI_UNKNOWN_HELP "\n"
        "  --unknown drop   the entry is left out        --unknown error   stop at an id that is not in the model\n\n"
        "Ranking metrics order the entries that a row has in TEST, and no others, by score before clipping. An\n"
        "entry is relevant when its value is --relevant or more.\n"
        "  precision  relevant ones among the first n, over n (or all entries, if fewer); mean over rows\n"
        "  recall     relevant ones among the first n, over all relevant ones; mean over rows with one\n"
        "  hit rate   share of rows with a relevant entry that have one among the first n\n"
        "  NDCG       scikit-learn's ndcg_score, gain = value; mean over rows of two entries or more\n"
        "  MAP        scikit-learn's average_precision_score; mean over rows with a relevant entry\n"
        "  FCP        Surprise's fcp: concordant pairs over concordant and discordant ones, each a mean over rows\n\n"
        "  dnmf evaluate model.h5 test.csv\n"
        "  dnmf evaluate model.h5 test.h5 --relevant 4 --at 5,10 --json",
    .min_arguments = 2,
    .max_arguments = 2,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(evaluate_options),
    .defaults = &defaults,
    .run = run,
};
