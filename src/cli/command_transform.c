/*
 * dnmf transform: new rows folded into a model, H fixed.
 */
#include "commands.h"
#include "load.h"
#include "model_input.h"

#include "api/model.h"
#include "api/transform.h"
#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>
#include <math.h>

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

/* A divergence tells nothing about squares, and with weak zeros each has a weight of its own. */
static double rmse(const dnmf_model *model, const dnmf_folding *folding) {
  if (folding->settings.loss.divergence || folding->settings.observed.weak.on)
    return NAN;
  double cells = folding->missing == DNMF_MISSING_UNOBSERVED ? (double)folding->result.entries
                                                             : (double)model->rows * (double)model->cols;
  return sqrt(2 * folding->result.loss / cells);
}

static void report_transform(cli_session *session, const transform_options *options, char **arguments,
                             const dnmf_model *model, const dnmf_folding *folding) {
  const dnmf_transform_result *result = &folding->result;
  const double objective = result->loss + result->penalty;
  char error[48] = "";
  if (isfinite(rmse(model, folding)))
    snprintf(error, sizeof error, ", RMSE %.6f", rmse(model, folding));
  cli_say(session, "%" PRId64 " rows folded in from %" PRId64 " entries; objective %.9g%s", model->rows,
          result->entries, objective, error);
  cli_say(session, "  model     %s", options->output);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:o, s:o, s:f}",
                               "command", "transform", "version", DNMF_VERSION, "model", arguments[0], "input",
                               arguments[1], "output", options->output, "rows", (json_int_t)model->rows, "cols",
                               (json_int_t)model->cols, "stored", (json_int_t)result->entries, "empty_rows",
                               (json_int_t)result->empty_rows, "unknown_columns", (json_int_t)folding->unknown_cols,
                               "unknown_entries", (json_int_t)folding->unknown_entries, "absent_columns",
                               (json_int_t)folding->absent_cols, "iterations", result->iterations, "objective",
                               cli_json_real(objective), "rmse", cli_json_real(rmse(model, folding)), "seconds",
                               MPI_Wtime() - session->began));
}

static dnmf_status transform_rows(cli_session *session, const transform_options *options, char **arguments,
                                  dnmf_model *model, dnmf_folding *folding) {
  dnmf_context *context = session->context;
  dnmf_data *data = NULL;
  dnmf_status status = dnmf_model_open(context, arguments[0], options->precision, model);
  if (status == DNMF_OK)
    status = cli_data(session, arguments[1], &options->input, &data);
  if (status == DNMF_OK)
    status = dnmf_fold_data(context, data, model, NULL, folding);
  dnmf_data_destroy(&data);
  DNMF_TRY(status);
  return dnmf_agree(context, dnmf_model_set_text(&context->error, model, "command_line", session->command_line));
}

static dnmf_status run_transform(cli_session *session, const void *given, char **arguments, int argument_count) {
  const transform_options *options = given;
  dnmf_model model = {.rows = 0};
  dnmf_folding folding;
  dnmf_output output;
  (void)argument_count;
  if (!options->output)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "dnmf transform: name the model file to write with -o OUT.h5");
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status = transform_rows(session, options, arguments, &model, &folding);
  if (status == DNMF_OK)
    status = dnmf_model_write(session->context, output.partial, &model);
  status = dnmf_output_end(session->context, &output, status);
  if (status == DNMF_OK)
    report_transform(session, options, arguments, &model, &folding);
  dnmf_model_free(&model);
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
    .run = run_transform,
};
