/*
 * dnmf import: any text or array format -> one HDF5 file, read and written by all processes.
 */
#include "commands.h"
#include "load.h"

#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>
#include <string.h>

typedef struct import_options {
  cli_common common;
  cli_input input;
  const char *output;
  int missing; /* dnmf_data_missing */
} import_options;

static const import_options defaults = {.common = {0}};

static const char *const missing_choices[] = {"auto", "zero", "unobserved", NULL};

#define IMPORT(member) offsetof(import_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_HDF5, IMPORT(output), "FILE.h5", "the HDF5 file to write (required)", 0, 0, NULL},
    {"missing", 0, CLI_CHOICE, IMPORT(missing), "M",
     "what is not stored: auto (triples: unobserved, else zero), zero, unobserved", 0, 0, missing_choices},
};

static dnmf_status write_imported(cli_session *session, const import_options *options, const dnmf_output *output,
                                  const dnmf_source *source, const dnmf_matrix *matrix) {
  dnmf_missing missing = options->missing ? (dnmf_missing)(options->missing - 1) : source->missing;
  DNMF_TRY(dnmf_matrix_write(session->context, output->partial, matrix, missing, &source->row_ids, &source->col_ids));
  if (source->has_missing)
    DNMF_TRY(dnmf_matrix_set_missing_cells(session->context, output->partial, matrix));
  if (source->index_base == DNMF_INDEX_AUTO)
    return DNMF_OK;
  return dnmf_matrix_set_base(session->context, output->partial, source->index_base == DNMF_INDEX_FROM_0 ? 0 : 1);
}

static void print_imported(cli_session *session, const import_options *options, const dnmf_source *source,
                           const dnmf_matrix *matrix, double reading, double seconds) {
  cli_say(session, "%s: %" PRId64 " x %" PRId64 ", %" PRId64 " stored, written in %.3g s by %d process%s",
          options->output, matrix->rows, matrix->cols, matrix->stored, seconds, session->context->size,
          session->context->size > 1 ? "es" : "");
  if (source->has_missing)
    cli_say(session, "  a dense matrix: %" PRId64 " cells have no value and are unobserved, zeros count",
            matrix->rows * matrix->cols - matrix->stored);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:f, s:f}", "command", "import",
                               "version", DNMF_VERSION, "input", source->name, "format", source->format, "output",
                               options->output, "rows", (json_int_t)matrix->rows, "cols", (json_int_t)matrix->cols,
                               "stored", (json_int_t)matrix->stored, "duplicates", (json_int_t)matrix->duplicates,
                               "processes", session->context->size, "reading", reading, "seconds", seconds));
}

static dnmf_status run_import(cli_session *session, const void *given, char **arguments, int argument_count) {
  const import_options *options = given;
  (void)argument_count;
  if (!options->output)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE, "dnmf import: name the file to write with -o FILE.h5");
  dnmf_source source;
  dnmf_placed loaded;
  dnmf_output output;
  double loaded_after = 0;
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status =
      cli_load_rows(session, arguments[0], &options->input, (dnmf_data_missing)options->missing, &source, &loaded);
  loaded_after = MPI_Wtime() - session->began;
  if (status == DNMF_OK)
    status = write_imported(session, options, &output, &source, &loaded.matrix);
  status = dnmf_output_end(session->context, &output, status);
  if (status == DNMF_OK)
    print_imported(session, options, &source, &loaded.matrix, loaded_after, MPI_Wtime() - session->began);
  dnmf_source_close(&source);
  dnmf_placed_free(&loaded);
  return status;
}

static const cli_group groups[] = {
    {"output:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(import_options, input)},
    CLI_SELECT_GROUP(import_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(import_options, common)},
};

const cli_command cli_import = {
    .name = "import",
    .summary = "read ratings, a table, an array, a sparse matrix or HDF5 and write one HDF5 file",
    .usage = "SOURCE -o FILE.h5 [OPTIONS]",
    .details = "SOURCE is rating triples (CSV, TSV, ::, blanks; string or integer ids), a numeric table, Matrix\n"
               "Market, svmlight, a NumPy array or archive (.npy, .npz; SciPy's sparse ones too), or HDF5: a\n"
               "dataset, an AnnData, 10x Genomics or MATLAB 7.3 matrix. FILE.h5:/path or FILE.npz:/name names one\n"
               "of several. The ids of triples are sorted.\n\n"
               "A dense matrix with cells without a value (--missing unobserved) is written without these cells, and\n"
               "the file says so: fit takes it as it takes the source.\n\n"
               "Files are read by all processes, each its part; text packed with gzip, zstd or xz, and compressed\n"
               "members of an archive, are unpacked by one process, which hands them on piece by piece.\n\n"
               "  dnmf import ratings.csv -o ratings.h5\n"
               "  mpirun -n 4 dnmf import ratings.dat --delimiter :: -o ratings.h5\n"
               "  dnmf import log.csv --row-column user --col-column song --value-column plays -o plays.h5",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(import_options),
    .defaults = &defaults,
    .run = run_import,
};
