/*
 * dnmf reconstruct: the model's predictions for every row and column, as a dense matrix.
 */
#include "commands.h"
#include "model_input.h"

#include "api/model.h"
#include "base/range.h"
#include "model/reconstruct.h"
#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>
#include <string.h>

typedef struct reconstruct_options {
  cli_common common;
  const char *output;
  const char *rows;
  const char *cols;
  bool clip;
  int precision;
} reconstruct_options;

static const reconstruct_options defaults = {.output = NULL};

#define RECONSTRUCT(member) offsetof(reconstruct_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_HDF5, RECONSTRUCT(output), "FULL.h5", "the matrix file to write (required)", 0, 0, NULL},
    {"rows", 0, CLI_TEXT, RECONSTRUCT(rows), "A:B",
     "rows A up to and without B, counted from 0; either may be left out (default: all)", 0, 0, NULL},
    {"cols", 0, CLI_TEXT, RECONSTRUCT(cols), "A:B", "likewise columns", 0, 0, NULL},
    {"clip", 0, CLI_FLAG, RECONSTRUCT(clip), NULL,
     "clip to the scale of the ratings (default: the prediction as it is)", 0, 0, NULL},
    {"precision", 0, CLI_CHOICE, RECONSTRUCT(precision), "P",
     "of the file: auto (default, the model's), double or single", 0, 0, cli_precision_choices},
};

/* What is asked for, of a model that is there. */
typedef struct wanted {
  const char *path;
  dnmf_range rows;
  dnmf_range cols;
  dnmf_model model;
  dnmf_reconstruct_options how;
  dnmf_reconstruct_work work;
} wanted;

static dnmf_status find_ranges(dnmf_error *error, const reconstruct_options *options, const dnmf_model_shape *shape,
                               wanted *w) {
  DNMF_TRY(dnmf_range_parse(error, "--rows", options->rows, "rows", shape->rows, &w->rows));
  return dnmf_range_parse(error, "--cols", options->cols, "columns", shape->cols, &w->cols);
}

static dnmf_status choose_clipping(dnmf_error *error, const reconstruct_options *options, wanted *w) {
  bool has_scale = dnmf_model_scale(&w->model, &w->how.smallest, &w->how.largest);
  w->how.clip = options->clip;
  w->how.mean = dnmf_model_expectation(&w->model);
  if (options->clip && !has_scale)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "--clip: %s has no scale of ratings to clip to", w->path);
  return DNMF_OK;
}

static double bytes_of(const wanted *w) {
  return (double)w->model.rows * (double)w->model.cols * (double)dnmf_precision_size(w->model.w.precision);
}

static dnmf_status fill_matrix_file(cli_session *session, const dnmf_output *output, wanted *w) {
  dnmf_context *context = session->context;
  dnmf_dense_file *file = NULL;
  DNMF_TRY(dnmf_dense_file_begin(context, output->partial, w->model.rows, w->model.cols, w->model.w.precision,
                                 &w->model.row_ids, &w->model.col_ids, &file));
  return dnmf_dense_file_end(context, file, dnmf_reconstruct(context, &w->model, &w->how, file, &w->work));
}

static dnmf_status print(cli_session *session, const reconstruct_options *options, const wanted *w) {
  int64_t memory = 0;
  DNMF_TRY(cli_peak_memory(session, &memory));
  double seconds = MPI_Wtime() - session->began;
  cli_say(session, "%s written in %.3g s (computing %.3g s, writing %.3g s)", options->output, seconds,
          w->work.compute_seconds, w->work.write_seconds);
  cli_print_json(session, cli_json_pack("{s:s, s:s, s:s, s:s, s:[I,I], s:[I,I], s:s, s:b, s:f, s:I, s:{s:f, s:f, s:f}}",
                                        "command", "reconstruct", "version", DNMF_VERSION, "model", w->path, "output",
                                        options->output, "rows", (json_int_t)w->rows.begin, (json_int_t)w->rows.end,
                                        "cols", (json_int_t)w->cols.begin, (json_int_t)w->cols.end, "precision",
                                        dnmf_precision_name(w->model.w.precision), "clip", options->clip, "bytes",
                                        bytes_of(w), "peak_memory", (json_int_t)memory, "seconds", "compute",
                                        w->work.compute_seconds, "write", w->work.write_seconds, "total", seconds));
  return DNMF_OK;
}

static dnmf_status reconstruct(cli_session *session, const reconstruct_options *options, wanted *w) {
  dnmf_context *context = session->context;
  dnmf_model_shape shape;
  dnmf_output output;
  char size[CLI_SIZE_TEXT];
  DNMF_TRY(dnmf_model_inspect(context, w->path, &shape));
  DNMF_TRY(find_ranges(&context->error, options, &shape, w));
  DNMF_TRY(dnmf_model_open_part(context, w->path, options->precision, w->rows, w->cols, &w->model));
  DNMF_TRY(choose_clipping(&context->error, options, w));
  cli_say(session, "%s: rows %" PRId64 ":%" PRId64 ", columns %" PRId64 ":%" PRId64 ", %s precision: %s", w->path,
          w->rows.begin, w->rows.end, w->cols.begin, w->cols.end, dnmf_precision_name(w->model.w.precision),
          cli_size_text(bytes_of(w), size));
  DNMF_TRY(dnmf_output_begin(context, options->output, &output));
  DNMF_TRY(dnmf_output_end(context, &output, fill_matrix_file(session, &output, w)));
  return print(session, options, w);
}

static dnmf_status run_reconstruct(cli_session *session, const void *given, char **arguments, int argument_count) {
  const reconstruct_options *options = given;
  wanted w = {.path = arguments[0]};
  (void)argument_count;
  if (!options->output)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "dnmf reconstruct: name the matrix file to write with -o FULL.h5");
  dnmf_status status = reconstruct(session, options, &w);
  dnmf_model_free(&w.model);
  return status;
}

static const cli_group groups[] = {
    {"what to write:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(reconstruct_options, common)},
};

const cli_command cli_reconstruct = {
    .name = "reconstruct",
    .summary = "write W H, whole or a range of it, as a dense matrix",
    .usage = "MODEL -o FULL.h5 [--rows A:B] [--cols A:B] [OPTIONS]",
    .details =
        "FULL.h5 holds /matrix with the ids of its rows and columns. A model of ratings is written with its mean\n"
        "and biases: what predict says of each pair. The size is told before anything is written; a range of\n"
        "rows and columns makes it smaller. Memory is some tens of megabytes besides the model.\n\n"
        "  dnmf reconstruct model.h5 -o full.h5\n"
        "  mpirun -n 8 dnmf reconstruct model.h5 -o part.h5 --rows 0:1000 --precision single\n"
        "  dnmf reconstruct ratings-model.h5 -o full.h5 --clip",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(reconstruct_options),
    .defaults = &defaults,
    .run = run_reconstruct,
};
