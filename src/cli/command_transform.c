/*
 * dnmf transform: new rows folded into a model, H fixed.
 */
#include "commands.h"
#include "fold_in.h"
#include "model_input.h"

#include "store/file.h"
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
  cli_fold_in fold;
} transformation;

static void transformation_free(transformation *t) {
  cli_fold_in_free(&t->fold);
  dnmf_model_free(&t->model);
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
  snprintf(checksum, sizeof checksum, "%016" PRIx64, t->fold.checksum);
  for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
    forget(model, replaced[i]);
  forget_curves(model);
  forget(model, "transformed_from");
  DNMF_TRY(dnmf_model_set_text(error, model, "transformed_from", path));
  DNMF_TRY(dnmf_model_set_text(error, model, "command_line", session->command_line));
  DNMF_TRY(dnmf_model_set_text(error, model, "input", name));
  DNMF_TRY(dnmf_model_set_text(error, model, "checksum", checksum));
  DNMF_TRY(dnmf_model_set_integer(error, model, "rows", model->rows));
  DNMF_TRY(dnmf_model_set_integer(error, model, "stored", t->fold.result.entries));
  DNMF_TRY(dnmf_model_set_integer(error, model, "processes", session->context->size));
  return dnmf_model_set_real(error, model, "objective", t->fold.result.loss + t->fold.result.penalty);
}

/* A divergence tells nothing about squares. */
static double rmse(const transformation *t) {
  if (t->fold.settings.loss.divergence)
    return NAN;
  double cells = t->fold.missing == DNMF_MISSING_UNOBSERVED ? (double)t->fold.result.entries
                                                            : (double)t->model.rows * (double)t->model.cols;
  return sqrt(2 * t->fold.result.loss / cells);
}

static void report(cli_session *session, const transform_options *options, const char *path, const char *name,
                   const transformation *t) {
  const double objective = t->fold.result.loss + t->fold.result.penalty;
  if (t->fold.settings.loss.divergence)
    cli_say(session, "%" PRId64 " rows folded in from %" PRId64 " entries; objective %.9g", t->model.rows,
            t->fold.result.entries, objective);
  else
    cli_say(session, "%" PRId64 " rows folded in from %" PRId64 " entries; objective %.9g, RMSE %.6f", t->model.rows,
            t->fold.result.entries, objective, rmse(t));
  cli_say(session, "  model     %s", options->output);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:o, s:o, s:f}",
                               "command", "transform", "version", DNMF_VERSION, "model", path, "input", name, "output",
                               options->output, "rows", (json_int_t)t->model.rows, "cols", (json_int_t)t->model.cols,
                               "stored", (json_int_t)t->fold.result.entries, "empty_rows",
                               (json_int_t)t->fold.result.empty_rows, "unknown_columns",
                               (json_int_t)t->fold.unknown_cols, "unknown_entries", (json_int_t)t->fold.dropped_entries,
                               "absent_columns", (json_int_t)t->fold.absent_cols, "iterations",
                               t->fold.result.iterations, "objective", cli_json_real(objective), "rmse",
                               cli_json_real(rmse(t)), "seconds", MPI_Wtime() - session->began));
}

static dnmf_status fold(cli_session *session, const transform_options *options, char **arguments, transformation *t) {
  DNMF_TRY(cli_read_model(session, arguments[0], options->precision, &t->model));
  DNMF_TRY(cli_fold_rows(session, arguments[0], arguments[1], &options->input, &t->model, NULL, &t->fold));
  return dnmf_agree(session->context, describe(session, arguments[0], arguments[1], t));
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
