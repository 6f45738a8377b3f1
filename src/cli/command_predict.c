/*
 * dnmf predict: scores of pairs of a row and a column.
 */
#include "commands.h"
#include "scoring.h"
#include "session.h"

#include "api/model.h"
#include "api/scores.h"
#include "store/output.h"
#include "store/text/pairs.h"

#include <inttypes.h>
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

static const predict_options defaults = {.scoring = {.unknown = "average"}};

#define PREDICT(member) offsetof(predict_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_FILE, PREDICT(output), "OUT", "the file to write: CSV, or HDF5 when it ends in .h5", 0,
     0, NULL},
    {"row", 0, CLI_TEXT, PREDICT(row), "ID", "instead of PAIRS and OUT: print the score of this row ...", 0, 0, NULL},
    {"col", 0, CLI_TEXT, PREDICT(col), "ID", "... and this column", 0, 0, NULL},
};

/* Pairs on their way to scores. */
typedef struct prediction {
  const char *model_name;
  const char *pairs_name; /* NULL: one pair, of the command line */
  dnmf_model model;
  dnmf_scorer scorer;
  dnmf_pairs pairs;
  dnmf_scores scores;
} prediction;

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

static dnmf_status check_predict_options(dnmf_error *error, const predict_options *options, int argument_count) {
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

/* --unknown error: says which id of which line it is. */
static dnmf_status refuse_pair(dnmf_error *error, const prediction *p, int64_t i) {
  char place[512] = "";
  const bool no_row = p->scores.pairs[i].row < 0;
  const dnmf_ids *rows = &p->pairs.row_names;
  const dnmf_ids *names = no_row ? rows : &p->pairs.col_names;
  const int64_t row = p->pairs.row[i];
  const int64_t at = no_row ? row : p->pairs.col[i];
  if (p->pairs_name)
    snprintf(place, sizeof place, "%s, line %" PRId64 ": ", p->pairs_name, p->pairs.line[i]);
  if (no_row || p->scores.pairs[i].col < 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "%sthe %s id %.*s is not in %s; give --unknown average, bias, mean, nan or drop", place,
                     no_row ? "row" : "column", name_length(names, at), names->text + names->starts[at], p->model_name);
  return dnmf_fail(
      error, DNMF_ERROR_INPUT,
      "%srow %.*s or column %.*s had no rating when %s was fitted; give --unknown average, bias, mean, nan or drop",
      place, name_length(rows, row), rows->text + rows->starts[row], name_length(names, at),
      names->text + names->starts[at], p->model_name);
}

static dnmf_status place_pairs(dnmf_context *context, prediction *p) {
  const dnmf_pairs *pairs = &p->pairs;
  int64_t *rows = calloc((size_t)pairs->row_names.count + 1, sizeof *rows);
  int64_t *cols = calloc((size_t)pairs->col_names.count + 1, sizeof *cols);
  dnmf_status status = dnmf_scores_create(&context->error, pairs->count, &p->scores);
  if (!rows || !cols)
    status = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for the indices of ids");
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_find_names(context, &p->model, false, &pairs->row_names, p->pairs_name, rows);
  if (status == DNMF_OK)
    status = dnmf_find_names(context, &p->model, true, &pairs->col_names, p->pairs_name, cols);
  for (int64_t i = 0; i < pairs->count && status == DNMF_OK; i++)
    p->scores.pairs[i] = (dnmf_pair){rows[pairs->row[i]], cols[pairs->col[i]]};
  free(rows);
  free(cols);
  return status;
}

static dnmf_status score_pairs(cli_session *session, prediction *p) {
  dnmf_context *context = session->context;
  DNMF_TRY(place_pairs(context, p));
  DNMF_TRY(dnmf_scores_compute(context, &p->scorer, &p->scores));
  const int64_t refused = p->scores.refused;
  return dnmf_agree(context, refused >= 0 ? refuse_pair(&context->error, p, refused) : DNMF_OK);
}

static bool is_hdf5_name(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (strcasecmp(dot, ".h5") == 0 || strcasecmp(dot, ".hdf5") == 0);
}

static dnmf_status write_scores(cli_session *session, const char *path, const dnmf_output *output,
                                const prediction *p) {
  dnmf_context *context = session->context;
  const dnmf_scores *s = &p->scores;
  const double *deviations = dnmf_scorer_has_deviations(&p->scorer) ? s->deviations : NULL;
  if (is_hdf5_name(path))
    return dnmf_scores_write_hdf5(context, output->partial, &p->pairs, s->scores, deviations, s->left_out);
  return dnmf_scores_write_text(context, output->partial, &p->pairs, s->scores, deviations, s->left_out);
}

static void report_scores(cli_session *session, const predict_options *options, const prediction *p) {
  const dnmf_scores *s = &p->scores;
  const int64_t written = s->all - s->all_left_out;
  char clipped[64] = "not clipped";
  if (p->scorer.clip)
    snprintf(clipped, sizeof clipped, "%" PRId64 " clipped to %g ... %g", s->clipped, p->scorer.predictor.smallest,
             p->scorer.predictor.largest);
  cli_say(session, "%" PRId64 " pairs, %s; %" PRId64 " with an unknown row or column (--unknown %s)", s->all, clipped,
          s->unknown, options->scoring.unknown);
  if (dnmf_scorer_has_deviations(&p->scorer))
    cli_say(session, "deviations over %d draws; what is observed deviates by %.4g more, independently",
            p->scorer.predictor.samples, p->scorer.predictor.noise);
  cli_say(session, "%s written, %" PRId64 " scores", options->output, written);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:i, s:f}", "command",
                               "predict", "version", DNMF_VERSION, "model", p->model_name, "input", p->pairs_name,
                               "output", options->output, "pairs", (json_int_t)s->all, "written", (json_int_t)written,
                               "unknown", (json_int_t)s->unknown, "clipped", (json_int_t)s->clipped, "clip",
                               p->scorer.clip, "unknown_policy", options->scoring.unknown, "processes",
                               session->context->size, "seconds", MPI_Wtime() - session->began));
}

static dnmf_status predict_file(cli_session *session, const predict_options *options, prediction *p) {
  dnmf_output output;
  dnmf_source_options how = cli_source_options(&options->input);
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status = dnmf_pairs_read(session->context, p->pairs_name, &how, &p->pairs);
  if (status == DNMF_OK)
    status = score_pairs(session, p);
  if (status == DNMF_OK)
    status = write_scores(session, options->output, &output, p);
  DNMF_TRY(dnmf_output_end(session->context, &output, status));
  report_scores(session, options, p);
  return DNMF_OK;
}

/* Process 0 holds the pair, and prints. */
static dnmf_status predict_one(cli_session *session, const predict_options *options, prediction *p) {
  dnmf_context *context = session->context;
  dnmf_status status = dnmf_pairs_single(&context->error, options->row, options->col, &p->pairs);
  if (context->rank != 0)
    p->pairs.count = 0;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(score_pairs(session, p));
  if (context->rank != 0)
    return DNMF_OK;
  const bool known = p->scores.unknown == 0;
  if (!known)
    dnmf_warn(context, "row %s or column %s is unknown to the model; --unknown %s", options->row, options->col,
              options->scoring.unknown);
  if (!session->common->json && !p->scores.left_out[0] && dnmf_scorer_has_deviations(&p->scorer))
    printf("%.10g +- %.4g\n", p->scores.scores[0], p->scores.deviations[0]);
  else if (!session->common->json && !p->scores.left_out[0])
    printf("%.10g\n", p->scores.scores[0]);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:b}", "command", "predict", "version",
                               DNMF_VERSION, "model", p->model_name, "row", options->row, "col", options->col, "score",
                               cli_json_real(p->scores.scores[0]), "deviation", cli_json_real(p->scores.deviations[0]),
                               "known", known, "clip", p->scorer.clip));
  return DNMF_OK;
}

static dnmf_status run_predict(cli_session *session, const void *given, char **arguments, int argument_count) {
  const predict_options *options = given;
  dnmf_context *context = session->context;
  const char *clip = NULL;
  prediction p = {.model_name = arguments[0], .pairs_name = options->row ? NULL : arguments[1]};
  DNMF_TRY(check_predict_options(&context->error, options, argument_count));
  DNMF_TRY(cli_clip(&context->error, &options->scoring, &clip));
  dnmf_status status = dnmf_model_open(context, arguments[0], DNMF_IN_DOUBLE, &p.model);
  if (status == DNMF_OK)
    status = dnmf_scorer_create(context, &p.model, options->scoring.unknown, clip, &p.scorer);
  if (status == DNMF_OK)
    status = options->row ? predict_one(session, options, &p) : predict_file(session, options, &p);
  dnmf_pairs_free(&p.pairs);
  dnmf_scores_free(&p.scores);
  dnmf_scorer_free(&p.scorer);
  dnmf_model_free(&p.model);
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
        "pairs in the same order: row,column,score, or HDF5 datasets row, col and score. Of a model of fit --samples,\n"
        "deviation comes behind it: the standard deviation of the prediction over the draws; nan where the row or\n"
        "the column is unknown.\n\n" CLI_UNKNOWN_HELP "\n"
        "  --unknown nan      nan\n"
        "  --unknown drop     the line is left out\n"
        "  --unknown error    stop\n\n"
        "  dnmf predict model.h5 pairs.csv -o scores.csv\n"
        "  dnmf predict model.h5 --row 196 --col 242\n"
        "  mpirun -n 8 dnmf predict model.h5 pairs.tsv -o scores.h5 --unknown drop",
    .min_arguments = 1,
    .max_arguments = 2,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(predict_options),
    .defaults = &defaults,
    .run = run_predict,
};
