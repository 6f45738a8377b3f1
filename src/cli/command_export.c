/*
 * dnmf export: a matrix or a model's factors as triples, CSV, Matrix Market, .npy, .npz; a matrix as .h5ad.
 */
#include "commands.h"
#include "files.h"
#include "load.h"

#include "api/model.h"
#include "comm/collective.h"
#include "store/file.h"
#include "store/output.h"
#include "store/write/anndata.h"

#include <stdlib.h>
#include <string.h>

enum { TO_AUTO = 0, TO_TRIPLES, TO_CSV, TO_MATRIX_MARKET, TO_NPY, TO_NPZ, TO_H5AD };
enum { FACTOR_BOTH = 0, FACTOR_W, FACTOR_H };
enum { PATH_TEXT = 4096 };

typedef struct export_options {
  cli_common common;
  cli_input input;
  const char *output;
  const char *into;
  const char *key;
  int to;
  int factor;
} export_options;

static const export_options defaults = {.key = "nmf"};

static const char *const to_choices[] = {"auto", "triples", "csv", "mm", "npy", "npz", "h5ad", NULL};
static const char *const factor_choices[] = {"both", "W", "H", NULL};

#define EXPORT(member) offsetof(export_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_FILE, EXPORT(output), "OUT", "the file to write (required, or --into)", 0, 0, NULL},
    {"into", 0, CLI_OUTPUT_FILE, EXPORT(into), "FILE.h5ad",
     "add a model's factors to an AnnData file, matched by name: W as obsm/X_nmf, H as varm/nmf", 0, 0, NULL},
    {"key", 0, CLI_TEXT, EXPORT(key), "KEY", "with --into: obsm/X_KEY, varm/KEY and uns/KEY (default nmf)", 0, 0, NULL},
    {"to", 0, CLI_CHOICE, EXPORT(to), "F",
     "triples, csv (table), mm (Matrix Market), npy, npz, h5ad; auto (default): by OUT's ending", 0, 0, to_choices},
    {"factor", 0, CLI_CHOICE, EXPORT(factor), "F", "of a model: W, H, or both (default), as OUT-W and OUT-H", 0, 0,
     factor_choices},
};

#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

/* By OUT's ending, where --to says nothing; TO_AUTO when it tells none. */
static int chosen(const export_options *options, bool sparse) {
  static const struct {
    const char *ending;
    int dense;
    int sparse;
  } endings[] = {{".csv", TO_CSV, TO_TRIPLES},
                 {".mtx", TO_MATRIX_MARKET, TO_MATRIX_MARKET},
                 {".npy", TO_NPY, TO_NPY},
                 {".npz", TO_NPZ, TO_NPZ},
                 {".h5ad", TO_H5AD, TO_H5AD}};
  for (size_t i = 0; i < sizeof endings / sizeof *endings && options->to == TO_AUTO; i++)
    if (cli_ends_with(options->output, endings[i].ending))
      return sparse ? endings[i].sparse : endings[i].dense;
  return options->to;
}

static dnmf_status choose_format(dnmf_error *error, const export_options *options, bool sparse, int *to) {
  *to = chosen(options, sparse);
  if (*to == TO_AUTO)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "%s: the ending is none of .csv, .mtx, .npy, .npz, .h5ad; say what to write with --to "
                     "triples|csv|mm|npy|npz|h5ad",
                     options->output);
  return DNMF_OK;
}

static dnmf_export_format format_of(int to) {
  static const dnmf_export_format formats[] = {DNMF_EXPORT_TRIPLES,       DNMF_EXPORT_TRIPLES, DNMF_EXPORT_CSV,
                                               DNMF_EXPORT_MATRIX_MARKET, DNMF_EXPORT_NPY,     DNMF_EXPORT_NPZ};
  return formats[to];
}

static dnmf_status write_matrix(dnmf_context *context, const char *path, int to, const dnmf_source *source,
                                const dnmf_matrix *matrix) {
  if (to == TO_H5AD)
    return dnmf_matrix_write_anndata(context, path, matrix, source->missing, &source->row_ids, &source->col_ids);
  return dnmf_matrix_export(context, path, format_of(to), matrix, &source->row_ids, &source->col_ids);
}

static dnmf_status export_matrix(cli_session *session, const export_options *options, const char *name) {
  dnmf_source source;
  dnmf_placed loaded;
  dnmf_output output;
  int to = TO_AUTO;
  dnmf_status status = cli_load_rows(session, name, &options->input, DNMF_AS_UNOBSERVED, &source, &loaded);
  if (status == DNMF_OK)
    status = choose_format(&session->context->error, options, source.sparse, &to);
  if (status == DNMF_OK)
    status = dnmf_output_begin(session->context, options->output, &output);
  if (status == DNMF_OK) {
    status = write_matrix(session->context, output.partial, to, &source, &loaded.matrix);
    status = dnmf_output_end(session->context, &output, status);
  }
  if (status == DNMF_OK)
    cli_say(session, "%s written", options->output);
  dnmf_source_close(&source);
  dnmf_placed_free(&loaded);
  return status;
}

/* OUT.csv -> OUT-W.csv when both factors are written. */
static void factor_path(const export_options *options, const char *factor, char path[PATH_TEXT]) {
  const char *name = options->output;
  const char *slash = strrchr(name, '/');
  const char *dot = strrchr(name, '.');
  size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - name) : strlen(name);
  if (options->factor == FACTOR_BOTH)
    snprintf(path, PATH_TEXT, "%.*s-%s%s", (int)stem, name, factor, name + stem);
  else
    snprintf(path, PATH_TEXT, "%s", name);
}

/* Leaves `output` to take its name. */
static dnmf_status export_factor(cli_session *session, const export_options *options, const char *factor,
                                 const dnmf_panel *panel, const dnmf_ids *ids, dnmf_output *output) {
  char path[PATH_TEXT];
  int to = TO_AUTO;
  DNMF_TRY(choose_format(&session->context->error, options, false, &to));
  if (to == TO_H5AD)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "a model's factors are added to an AnnData file that is there: --into %s", options->output);
  factor_path(options, factor, path);
  if (strcmp(path, options->output) != 0)
    DNMF_TRY(cli_files_check_output(session, options, path));
  DNMF_TRY(dnmf_output_begin(session->context, path, output));
  return dnmf_panel_export(session->context, output->partial, format_of(to), panel, ids);
}

static void say_written(cli_session *session, const export_options *options, const char *factor) {
  char path[PATH_TEXT];
  factor_path(options, factor, path);
  cli_say(session, "%s written", path);
}

static dnmf_status export_model(cli_session *session, const export_options *options, const char *name) {
  dnmf_model model;
  dnmf_output outputs[2] = {0};
  dnmf_output *begun[2];
  int count = 0;
  memset(&model, 0, sizeof model);
  if (dnmf_selects(&options->input.source.select))
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "%s is a model; rows and columns are selected of a matrix", name);
  dnmf_status status = dnmf_model_open(session->context, name, DNMF_IN_DOUBLE, &model);
  if (status == DNMF_OK && options->factor != FACTOR_H)
    status = export_factor(session, options, "W", &model.w, &model.row_ids, &outputs[0]);
  if (status == DNMF_OK && options->factor != FACTOR_W)
    status = export_factor(session, options, "H", &model.h, &model.col_ids, &outputs[1]);
  for (int i = 0; i < 2; i++)
    if (outputs[i].path)
      begun[count++] = &outputs[i];
  status = dnmf_outputs_end(session->context, begun, count, status);
  if (status == DNMF_OK && options->factor != FACTOR_H)
    say_written(session, options, "W");
  if (status == DNMF_OK && options->factor != FACTOR_W)
    say_written(session, options, "H");
  dnmf_model_free(&model);
  return status;
}

static dnmf_status check_into(dnmf_error *error, const export_options *options, const char *name, bool model) {
  size_t length = strlen(options->key);
  if (!model)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "%s is not a model; --into adds a model's factors", name);
  if (options->output || options->to != TO_AUTO || options->factor != FACTOR_BOTH ||
      dnmf_selects(&options->input.source.select))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--into adds both factors to a file that is there; give no other output");
  if (length == 0 || length > 64 || strspn(options->key, KEY_LETTERS) != length || *options->key == '.')
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--key %s: give a name of letters, digits, _, - and ., at most 64",
                     options->key);
  return DNMF_OK;
}

/* The whole file is written anew beside itself and takes its own place at the end. */
static dnmf_status export_into(cli_session *session, const export_options *options, const char *name) {
  dnmf_context *context = session->context;
  const char *path = options->into;
  dnmf_output output;
  dnmf_model model = {0};
  dnmf_status status = dnmf_model_open(context, name, DNMF_AS_FITTED, &model);
  if (status == DNMF_OK)
    status = dnmf_output_begin(context, path, &output);
  if (status == DNMF_OK) {
    status = dnmf_anndata_add(context, path, output.partial, options->key, name, &model);
    status = dnmf_output_end(context, &output, status);
  }
  if (status == DNMF_OK)
    cli_say(session, "%s: obsm/X_%s, varm/%s and uns/%s added", options->into, options->key, options->key,
            options->key);
  dnmf_model_free(&model);
  return status;
}

static dnmf_status export_any(cli_session *session, const export_options *options, const char *name, bool model) {
  if (!options->into && !options->output)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE, "dnmf export: name the file to write with -o OUT");
  if (!options->into)
    return model ? export_model(session, options, name) : export_matrix(session, options, name);
  DNMF_TRY(check_into(&session->context->error, options, name, model));
  return export_into(session, options, name);
}

static dnmf_status run_export(cli_session *session, const void *given, char **arguments, int argument_count) {
  const export_options *options = given;
  bool model = false;
  (void)argument_count;
  DNMF_TRY(dnmf_is_model(session->context, arguments[0], &model));
  DNMF_TRY(export_any(session, options, arguments[0], model));
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s}", "command", "export", "version", DNMF_VERSION, "input",
                               arguments[0], "output", options->into ? options->into : options->output, "kind",
                               model ? "model" : "matrix"));
  return DNMF_OK;
}

static const cli_group groups[] = {
    {"output:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(export_options, input)},
    CLI_SELECT_GROUP(export_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(export_options, common)},
};

const cli_command cli_export = {
    .name = "export",
    .summary = "write a matrix or a model's factors as triples, CSV, Matrix Market, .npy, .npz or .h5ad",
    .usage = "FILE -o OUT | --into FILE.h5ad [OPTIONS]",
    .details = "A factor has a line a row: W's rows are the rows of A, H is written a line a column of A.\n\n"
               "  dnmf export ratings.h5 -o ratings.csv\n"
               "  dnmf export ratings.h5 -o ratings.npz          for scipy.sparse.load_npz, without ids\n"
               "  dnmf export ratings.h5 -o ratings.h5ad         a matrix as an AnnData file\n"
               "  dnmf export model.h5 -o factors.csv            writes factors-W.csv and factors-H.csv\n"
               "  dnmf export model.h5 --factor H -o items.npy\n"
               "  dnmf export model.h5 --into cells.h5ad         adds obsm/X_nmf, varm/nmf and uns/nmf",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(export_options),
    .defaults = &defaults,
    .run = run_export,
};
