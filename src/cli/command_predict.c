/*
 * dnmf predict: scores of pairs of a row and a column.
 */
#include "commands.h"
#include "scoring.h"
#include "version.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/ids_find.h"
#include "store/ids/match.h"
#include "store/output.h"
#include "store/text/pairs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct predict_options {
  cli_common common;
  cli_input input;
  cli_scoring scoring;
  const char *output;
  const char *row;
  const char *col;
} predict_options;

static const predict_options defaults = {.common = {0}};

#define PREDICT(member) offsetof(predict_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_FILE, PREDICT(output), "OUT", "the file to write: CSV, or HDF5 when it ends in .h5", 0,
     0, NULL},
    {"row", 0, CLI_TEXT, PREDICT(row), "ID", "instead of PAIRS and OUT: print the score of this row ...", 0, 0, NULL},
    {"col", 0, CLI_TEXT, PREDICT(col), "ID", "... and this column", 0, 0, NULL},
};

/* The pairs on their way to scores. */
typedef struct prediction_run {
  const char *source; /* the pairs file, or NULL */
  cli_scorer scorer;
  dnmf_pairs pairs;
  dnmf_pair *indices;
  dnmf_prediction *predictions;
  double *scores;
  bool *left_out;
  int64_t counts[4]; /* over all processes: */
} prediction_run;

enum { PAIRS = 0, UNKNOWN, LEFT_OUT, CLIPPED, COUNTS };

/* Endings that say another thing than CSV and HDF5. */
static dnmf_status check_name(dnmf_error *error, const char *path) {
  static const char *const endings[] = {".tsv", ".tab", ".json", ".jsonl", ".mtx", ".npy", ".npz", ".h5ad", ".parquet"};
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
    if (strcasecmp(dot, endings[i]) == 0)
      return dnmf_fail(error, DNMF_ERROR_USAGE,
                       "-o %s: dnmf predict writes CSV, or HDF5 when the name ends in .h5; name it so", path);
  return DNMF_OK;
}

static dnmf_status check_options(dnmf_error *error, const predict_options *options, int argument_count) {
  bool one = options->row || options->col;
  if (one && (argument_count > 1 || options->output))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "dnmf predict: --row and --col print one score; leave PAIRS and -o out, or score a file");
  if (one && !(options->row && options->col))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf predict: give --row and --col both");
  if (!one && argument_count < 2)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf predict: name a file of pairs, or one pair with --row and --col");
  if (!one && !options->output)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf predict: name the file to write with -o OUT");
  return options->output ? check_name(error, options->output) : DNMF_OK;
}

static int name_length(const dnmf_ids *names, int64_t at) {
  int64_t length = names->starts[at + 1] - names->starts[at];
  return length < 100 ? (int)length : 100;
}

/* The model's index of every name of one side, the caller frees *index; of a file, warns where hardly any is found. */
static dnmf_status find_names(dnmf_context *context, const prediction_run *run, bool rows, int64_t **index) {
  void *memory = NULL;
  const dnmf_model *model = &run->scorer.model;
  const dnmf_target target = {run->scorer.name, model->rows, model->cols, &model->row_ids, &model->col_ids};
  const dnmf_ids *names = rows ? &run->pairs.row_names : &run->pairs.col_names;
  dnmf_found found = {.count = names->count};
  dnmf_status status = dnmf_allocate(&context->error, "indices of ids", names->count, sizeof(int64_t), &memory);
  *index = memory;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_ids_find(context, rows ? target.row_ids : target.col_ids, rows ? model->rows : model->cols,
                         names->count, names->starts, names->text, *index));
  for (int64_t i = 0; i < names->count; i++)
    if ((*index)[i] < 0 && found.unknown++ == 0)
      snprintf(found.example, sizeof found.example, "%.*s", name_length(names, i), names->text + names->starts[i]);
  DNMF_TRY(dnmf_found_total(context, &found));
  return run->source ? dnmf_warn_unlike(context, &target, run->source, rows, &found) : DNMF_OK;
}

static dnmf_status allocate_run(dnmf_error *error, prediction_run *run) {
  void *memory = NULL;
  int64_t count = run->pairs.count;
  DNMF_TRY(dnmf_allocate(error, "pairs", count, sizeof(dnmf_pair), &memory));
  run->indices = memory;
  DNMF_TRY(dnmf_allocate(error, "predictions", count, sizeof(dnmf_prediction), &memory));
  run->predictions = memory;
  DNMF_TRY(dnmf_allocate(error, "scores", count, sizeof(double), &memory));
  run->scores = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "scores", count, sizeof(bool), &memory));
  run->left_out = memory;
  return DNMF_OK;
}

static dnmf_status find_pairs(dnmf_context *context, prediction_run *run) {
  int64_t *rows = NULL;
  int64_t *cols = NULL;
  dnmf_status status = dnmf_agree(context, allocate_run(&context->error, run));
  if (status == DNMF_OK)
    status = find_names(context, run, true, &rows);
  if (status == DNMF_OK)
    status = find_names(context, run, false, &cols);
  for (int64_t i = 0; i < run->pairs.count && status == DNMF_OK; i++)
    run->indices[i] = (dnmf_pair){rows[run->pairs.row[i]], cols[run->pairs.col[i]]};
  free(rows);
  free(cols);
  return status;
}

/* --unknown error: says which id of which line it is. */
static dnmf_status refuse_unknown(dnmf_error *error, const prediction_run *run, int64_t i) {
  char place[512] = "";
  bool no_row = run->indices[i].row < 0;
  const dnmf_ids *names = no_row ? &run->pairs.row_names : &run->pairs.col_names;
  int64_t at = no_row ? run->pairs.row[i] : run->pairs.col[i];
  if (run->source)
    snprintf(place, sizeof place, "%s, line %" PRId64 ": ", run->source, run->pairs.line[i]);
  if (no_row || run->indices[i].col < 0)
    return dnmf_fail(
        error, DNMF_ERROR_INPUT, "%sthe %s id %.*s is not in %s; give --unknown average, bias, mean, nan or drop",
        place, no_row ? "row" : "column", name_length(names, at), names->text + names->starts[at], run->scorer.name);
  const dnmf_ids *rows = &run->pairs.row_names;
  return dnmf_fail(
      error, DNMF_ERROR_INPUT,
      "%srow %.*s or column %.*s had no rating when %s was fitted; give --unknown average, bias, mean, nan or drop",
      place, name_length(rows, run->pairs.row[i]), rows->text + rows->starts[run->pairs.row[i]], name_length(names, at),
      names->text + names->starts[at], run->scorer.name);
}

/* Predictions -> scores: clipped, left out, counted. */
static dnmf_status settle_scores(dnmf_error *error, prediction_run *run) {
  const cli_scorer *scorer = &run->scorer;
  int unknown = scorer->scoring->unknown;
  run->counts[PAIRS] = run->pairs.count;
  for (int64_t i = 0; i < run->pairs.count; i++) {
    const dnmf_prediction *p = &run->predictions[i];
    if (!p->known && unknown == CLI_UNKNOWN_ERROR)
      return refuse_unknown(error, run, i);
    run->scores[i] = scorer->clip ? dnmf_clip(&scorer->predictor, p->score) : p->score;
    run->left_out[i] = !p->known && unknown == CLI_UNKNOWN_DROP;
    run->counts[UNKNOWN] += !p->known;
    run->counts[LEFT_OUT] += run->left_out[i];
    run->counts[CLIPPED] += isfinite(p->score) && run->scores[i] != p->score;
  }
  return DNMF_OK;
}

static dnmf_status score_pairs(cli_session *session, prediction_run *run) {
  dnmf_context *context = session->context;
  DNMF_TRY(find_pairs(context, run));
  DNMF_TRY(dnmf_predict(context, &run->scorer.predictor, run->scorer.fallback, run->pairs.count, run->indices,
                        run->predictions));
  DNMF_TRY(dnmf_agree(context, settle_scores(&context->error, run)));
  return dnmf_sum_int64(context, context->comm, run->counts, COUNTS);
}

static bool is_hdf5_name(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (strcasecmp(dot, ".h5") == 0 || strcasecmp(dot, ".hdf5") == 0);
}

static dnmf_status write_scores(cli_session *session, const char *path, const dnmf_output *output,
                                const prediction_run *run) {
  dnmf_context *context = session->context;
  if (is_hdf5_name(path))
    return dnmf_scores_write_hdf5(context, output->partial, &run->pairs, run->scores, run->left_out);
  return dnmf_scores_write_text(context, output->partial, &run->pairs, run->scores, run->left_out);
}

static void say_summary(cli_session *session, const predict_options *options, const prediction_run *run) {
  const int64_t *n = run->counts;
  char clipped[64] = "not clipped";
  if (run->scorer.clip)
    snprintf(clipped, sizeof clipped, "%" PRId64 " clipped to %g ... %g", n[CLIPPED], run->scorer.predictor.smallest,
             run->scorer.predictor.largest);
  cli_say(session, "%" PRId64 " pairs, %s; %" PRId64 " with an unknown row or column (--unknown %s)", n[PAIRS], clipped,
          n[UNKNOWN], cli_unknown_name(&options->scoring));
  cli_say(session, "%s written, %" PRId64 " scores", options->output, n[PAIRS] - n[LEFT_OUT]);
  cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:i, s:f}", "command",
                                        "predict", "version", DNMF_VERSION, "model", run->scorer.name, "input",
                                        run->source, "output", options->output, "pairs", (json_int_t)n[PAIRS],
                                        "written", (json_int_t)(n[PAIRS] - n[LEFT_OUT]), "unknown",
                                        (json_int_t)n[UNKNOWN], "clipped", (json_int_t)n[CLIPPED], "clip",
                                        run->scorer.clip, "unknown_policy", cli_unknown_name(&options->scoring),
                                        "processes", session->context->size, "seconds", MPI_Wtime() - session->began));
}

static dnmf_status predict_file(cli_session *session, const predict_options *options, const char *name,
                                prediction_run *run) {
  dnmf_output output;
  dnmf_source_options how = cli_source_options(&options->input);
  run->source = name;
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status = dnmf_pairs_read(session->context, name, &how, &run->pairs);
  if (status == DNMF_OK)
    status = score_pairs(session, run);
  if (status == DNMF_OK)
    status = write_scores(session, options->output, &output, run);
  DNMF_TRY(dnmf_output_end(session->context, &output, status));
  say_summary(session, options, run);
  return DNMF_OK;
}

/* Process 0 holds the pair, and prints. */
static dnmf_status predict_one(cli_session *session, const predict_options *options, prediction_run *run) {
  dnmf_context *context = session->context;
  dnmf_status status = dnmf_pairs_single(&context->error, options->row, options->col, &run->pairs);
  if (context->rank != 0)
    run->pairs.count = 0;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(score_pairs(session, run));
  if (context->rank != 0)
    return DNMF_OK;
  if (run->counts[UNKNOWN] > 0)
    dnmf_warn(context, "row %s or column %s is unknown to the model; --unknown %s", options->row, options->col,
              cli_unknown_name(&options->scoring));
  if (!session->common->json && !run->left_out[0])
    printf("%.10g\n", run->scores[0]);
  cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b}", "command", "predict", "version",
                                        DNMF_VERSION, "model", run->scorer.name, "row", options->row, "col",
                                        options->col, "score", cli_json_real(run->scores[0]), "known",
                                        run->counts[UNKNOWN] == 0, "clip", run->scorer.clip));
  return DNMF_OK;
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  const predict_options *options = given;
  prediction_run predictions = {0};
  DNMF_TRY(check_options(&session->context->error, options, argument_count));
  dnmf_status status = cli_scorer_open(session, arguments[0], &options->scoring, &predictions.scorer);
  if (status == DNMF_OK)
    status = options->row ? predict_one(session, options, &predictions)
                          : predict_file(session, options, arguments[1], &predictions);
  dnmf_pairs_free(&predictions.pairs);
  free(predictions.indices);
  free(predictions.predictions);
  free(predictions.scores);
  free(predictions.left_out);
  cli_scorer_free(&predictions.scorer);
  return status;
}

static const cli_group groups[] = {
    {"output:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"scores:", cli_scoring_options, CLI_SCORING_OPTIONS, offsetof(predict_options, scoring)},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(predict_options, input)},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(predict_options, common)},
};

const cli_command cli_predict = {
    .name = "predict",
    .summary = "score pairs of a row and a column",
    .usage = "MODEL PAIRS -o OUT [OPTIONS]   or   MODEL --row ID --col ID",
    .details =
        "PAIRS is text with a row id and a column id a line; further columns are passed over. OUT has the same\n"
        "pairs in the same order: row,column,score, or HDF5 datasets row, col and score.\n\n" CLI_UNKNOWN_HELP "\n"
        "  --unknown nan      nan        --unknown drop   the line is left out        --unknown error   stop\n\n"
        "  dnmf predict model.h5 pairs.csv -o scores.csv\n"
        "  dnmf predict model.h5 --row 196 --col 242\n"
        "  mpirun -n 8 dnmf predict model.h5 pairs.tsv -o scores.h5 --unknown drop",
    .min_arguments = 1,
    .max_arguments = 2,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(predict_options),
    .defaults = &defaults,
    .run = run,
};
