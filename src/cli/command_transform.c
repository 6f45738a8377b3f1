/*
 * dnmf transform: new rows folded into a model, H fixed.
 */
#include "commands.h"
#include "load.h"
#include "model_input.h"

#include "model/transform.h"
#include "store/file.h"
#include "store/ids/match.h"
#include "store/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct transform_options {
  cli_common common;
  cli_input input;
  const char *output;
  int precision;
} transform_options;

static const transform_options defaults = {.output = NULL};

#define TRANSFORM(member) offsetof(transform_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_HDF5, TRANSFORM(output), "OUT.h5", "the model file to write (required)", 0, 0, NULL},
    {"precision", 0, CLI_CHOICE, TRANSFORM(precision), "P", "double, single, auto (default): the fit's", 0, 0,
     cli_precision_choices},
};

/* What a run of the command holds. */
typedef struct transformation {
  dnmf_model model;
  dnmf_source source;
  cli_matrix loaded;
  dnmf_entries entries;
  dnmf_missing missing;
  dnmf_settings settings; /* how rows are fitted */
  dnmf_transform_result result;
  int64_t unknown_cols;    /* of NEW, which the model does not have */
  int64_t dropped_entries; /* in them */
  int64_t absent_cols;     /* of the model, which NEW does not have */
  uint64_t checksum;
} transformation;

static void transformation_free(transformation *t) {
  dnmf_entries_free(&t->entries);
  cli_matrix_free(&t->loaded);
  dnmf_source_close(&t->source);
  dnmf_model_free(&t->model);
}

/* Only where unstored entries are unobserved are zeros data, and only those that a sparse matrix stores. */
static void drop_zeros(transformation *t) {
  int64_t kept = 0;
  if (t->missing == DNMF_MISSING_UNOBSERVED)
    return;
  for (int64_t e = 0; e < t->entries.count; e++)
    if (t->entries.items[e].value > 0)
      t->entries.items[kept++] = t->entries.items[e];
  t->entries.count = kept;
}

/* t->entries = NEW's, in the model's columns. */
static dnmf_status match_columns(cli_session *session, const char *path, const char *name, transformation *t) {
  dnmf_context *context = session->context;
  const dnmf_target target = {path, t->model.rows, t->model.cols, NULL, &t->model.col_ids};
  dnmf_matched matched;
  dnmf_status status = dnmf_match(context, &t->source, &t->loaded.matrix, &target, &matched);
  if (status == DNMF_OK) {
    dnmf_matched_take(&matched, &t->entries);
    drop_zeros(t);
    t->unknown_cols = matched.unknown_cols;
    t->dropped_entries = matched.unknown_entries;
    t->absent_cols = t->model.cols - (t->source.cols - t->unknown_cols);
  }
  dnmf_matched_free(&matched);
  if (status == DNMF_OK && t->unknown_cols == t->source.cols)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s: none of its %" PRId64 " columns is in the model", name,
                     t->source.cols);
  return status;
}

static void warn(cli_session *session, const char *name, const transformation *t) {
  dnmf_context *context = session->context;
  if (t->unknown_cols > 0)
    dnmf_warn(context,
              "%s: %" PRId64 " of its %" PRId64 " columns are not in the model; their %" PRId64 " entries are left out",
              name, t->unknown_cols, t->source.cols, t->dropped_entries);
  if (t->result.empty_rows > 0)
    dnmf_warn(context, "%s: %" PRId64 " of its %" PRId64 " rows have no entry in the model's columns; they get zero",
              name, t->result.empty_rows, t->source.rows);
}

/* Takes an attribute away, so that it can be set anew. */
static void forget(dnmf_model *model, const char *name) {
  int64_t kept = 0;
  for (int64_t i = 0; i < model->attribute_count; i++) {
    if (strcmp(model->attributes[i].name, name) == 0)
      free(model->attributes[i].text);
    else
      model->attributes[kept++] = model->attributes[i];
  }
  model->attribute_count = kept;
}

static void forget_curves(dnmf_model *model) {
  for (int64_t i = 0; i < model->curve_count; i++)
    free(model->curves[i].values);
  model->curve_count = 0;
}

/* The provenance of the fit stays, but for what is about its rows or its course. */
static dnmf_status describe(cli_session *session, const char *path, const char *name, transformation *t) {
  static const char *const replaced[] = {"command_line", "input",      "rows",      "stored",         "checksum",
                                         "objective",    "iterations", "processes", "relative_error", "stop_reason",
                                         "grid",         "threads",    "date",      "validation_rmse"};
  dnmf_error *error = &session->context->error;
  dnmf_model *model = &t->model;
  char checksum[32];
  snprintf(checksum, sizeof checksum, "%016" PRIx64, t->checksum);
  for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
    forget(model, replaced[i]);
  forget_curves(model);
  forget(model, "transformed_from");
  DNMF_TRY(dnmf_model_set_text(error, model, "transformed_from", path));
  DNMF_TRY(dnmf_model_set_text(error, model, "command_line", session->command_line));
  DNMF_TRY(dnmf_model_set_text(error, model, "input", name));
  DNMF_TRY(dnmf_model_set_text(error, model, "checksum", checksum));
  DNMF_TRY(dnmf_model_set_integer(error, model, "rows", model->rows));
  DNMF_TRY(dnmf_model_set_integer(error, model, "stored", t->result.entries));
  DNMF_TRY(dnmf_model_set_integer(error, model, "processes", session->context->size));
  return dnmf_model_set_real(error, model, "objective", t->result.loss + t->result.penalty);
}

/* A divergence tells nothing about squares. */
static double rmse(const transformation *t) {
  if (t->settings.loss.divergence)
    return NAN;
  double cells =
      t->missing == DNMF_MISSING_UNOBSERVED ? (double)t->result.entries : (double)t->model.rows * (double)t->model.cols;
  return sqrt(2 * t->result.loss / cells);
}

static void report(cli_session *session, const transform_options *options, const char *path, const char *name,
                   const transformation *t) {
  const double objective = t->result.loss + t->result.penalty;
  if (t->settings.loss.divergence)
    cli_say(session, "%" PRId64 " rows folded in from %" PRId64 " entries; objective %.9g", t->model.rows,
            t->result.entries, objective);
  else
    cli_say(session, "%" PRId64 " rows folded in from %" PRId64 " entries; objective %.9g, RMSE %.6f", t->model.rows,
            t->result.entries, objective, rmse(t));
  cli_say(session, "  model     %s", options->output);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:o, s:o, s:f}",
                               "command", "transform", "version", DNMF_VERSION, "model", path, "input", name, "output",
                               options->output, "rows", (json_int_t)t->model.rows, "cols", (json_int_t)t->model.cols,
                               "stored", (json_int_t)t->result.entries, "empty_rows", (json_int_t)t->result.empty_rows,
                               "unknown_columns", (json_int_t)t->unknown_cols, "unknown_entries",
                               (json_int_t)t->dropped_entries, "absent_columns", (json_int_t)t->absent_cols,
                               "iterations", t->result.iterations, "objective", cli_json_real(objective), "rmse",
                               cli_json_real(rmse(t)), "seconds", MPI_Wtime() - session->began));
}

static dnmf_status fold(cli_session *session, const transform_options *options, char **arguments, transformation *t) {
  dnmf_context *context = session->context;
  const char *name = arguments[1];
  DNMF_TRY(cli_read_model(session, arguments[0], options->precision, &t->model));
  DNMF_TRY(dnmf_transform_settings(&context->error, &t->model, &t->missing, &t->settings));
  cli_input input = options->input;
  input.missing = (int)t->missing + 1; /* as in the fit */
  DNMF_TRY(cli_load_rows(session, name, &input, &t->source, &t->loaded));
  t->checksum = t->loaded.matrix.checksum;
  DNMF_TRY(match_columns(session, arguments[0], name, t));
  dnmf_matrix_free(&t->loaded.matrix);
  DNMF_TRY(dnmf_transform(context, t->missing, &t->settings, t->source.rows, &t->entries, &t->model, &t->result));
  warn(session, name, t);
  dnmf_ids_free(&t->model.row_ids);
  t->model.row_ids = t->source.row_ids;
  t->source.row_ids = (dnmf_ids){0};
  return dnmf_agree(context, describe(session, arguments[0], name, t));
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  const transform_options *options = given;
  transformation t;
  dnmf_output output;
  (void)argument_count;
  if (!options->output)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "dnmf transform: name the model file to write with -o OUT.h5");
  memset(&t, 0, sizeof t);
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status = fold(session, options, arguments, &t);
  if (status == DNMF_OK)
    status = dnmf_model_write(session->context, output.partial, &t.model);
  status = dnmf_output_end(session->context, &output, status);
  if (status == DNMF_OK)
    report(session, options, arguments[0], arguments[1], &t);
  transformation_free(&t);
  return status;
}

static const cli_group groups[] = {
    {"output:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(transform_options, input)},
    CLI_SELECT_GROUP(transform_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(transform_options, common)},
};

const cli_command cli_transform = {
    .name = "transform",
    .summary = "fold new rows into a model, H fixed, under the fit's own objective",
    .usage = "MODEL NEW -o OUT.h5 [OPTIONS]",
    .details =
        "NEW's columns are matched with the model's by their ids: columns the model does not have are left out\n"
        "and counted, those NEW does not have are zero or unobserved, as in the fit. Each row is the exact\n"
        "minimizer of the fit's loss, penalties and row bias; other losses than frobenius are iterated as in the\n"
        "fit, with its --tol and --max-iter. OUT is a model with the new W and the old H.\n\n"
        "  dnmf transform model.h5 new-users.csv -o new-model.h5\n"
        "  dnmf recommend new-model.h5 --seen new-users.csv -o lists.csv",
    .min_arguments = 2,
    .max_arguments = 2,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(transform_options),
    .defaults = &defaults,
    .run = run,
};
