/*
 * dnmf generate: synthetic matrices, each process making and writing its own rows.
 */
#include "commands.h"
#include "load.h"

#include "matrix/generate.h"
#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>

typedef struct generate_options {
  cli_common common;
  const char *output;
  int kind;
  int64_t rows;
  int64_t cols;
  bool sparse;
  double density; /* 0: not given */
  int64_t nnz;    /* 0: not given */
  int64_t components;
  double noise;
  const char *scale;
  int64_t seed;
} generate_options;

static const generate_options defaults = {.components = 10, .noise = 0.1, .scale = "1:5:1"};

static const char *const kind_choices[] = {"uniform", "planted", "ratings", NULL};

#define GENERATE(member) offsetof(generate_options, member)
static const cli_option options_table[] = {
    {"output", 'o', CLI_OUTPUT_HDF5, GENERATE(output), "FILE.h5", "the HDF5 file to write (required)", 0, 0, NULL},
    {"rows", 0, CLI_INT, GENERATE(rows), "M", "rows (required)", 1, 1e15, NULL},
    {"cols", 0, CLI_INT, GENERATE(cols), "N", "columns (required)", 1, 1e15, NULL},
    {"kind", 0, CLI_CHOICE, GENERATE(kind), "KIND", "uniform (default), planted (low rank) or ratings (power law)", 0,
     0, kind_choices},
    {"sparse", 0, CLI_FLAG, GENERATE(sparse), NULL, "store only the places with a value; ratings always are", 0, 0,
     NULL},
    {"density", 0, CLI_REAL, GENERATE(density), "D", "share of places with a value (default 1, sparse 0.01)", 1e-12, 1,
     NULL},
    {"nnz", 0, CLI_INT, GENERATE(nnz), "N", "about that many places with a value, instead of --density", 1, 1e15, NULL},
    {"components", 'k', CLI_INT, GENERATE(components), "K", "planted factors (default 10)", 1, 1e5, NULL},
    {"noise", 0, CLI_REAL, GENERATE(noise), "X",
     "planted: relative to the product; ratings: share of the scale (default 0.1)", 0, 1e6, NULL},
    {"scale", 0, CLI_TEXT, GENERATE(scale), "A:B:STEP", "ratings: values from A to B by STEP (default 1:5:1)", 0, 0,
     NULL},
    {"seed", 0, CLI_INT, GENERATE(seed), "N", "seed; the same matrix on any number of processes (default 0)", 0, 9.2e18,
     NULL},
};

/* A:B:STEP */
static dnmf_status parse_scale(dnmf_error *error, const char *text, dnmf_generate_options *plan) {
  char end = 0;
  if (sscanf(text, "%lf:%lf:%lf%c", &plan->scale_min, &plan->scale_max, &plan->scale_step, &end) != 3)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--scale %s: give SMALLEST:LARGEST:STEP, e.g. 0.5:5:0.5", text);
  return DNMF_OK;
}

static dnmf_status make_generate_plan(dnmf_error *error, const generate_options *options, dnmf_generate_options *plan) {
  if (!options->output)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf generate: name the file to write with -o FILE.h5");
  if (options->rows == 0 || options->cols == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf generate: say how large with --rows M --cols N");
  if (options->density > 0 && options->nnz > 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf generate: give --density or --nnz, not both");
  double cells = (double)options->rows * (double)options->cols;
  if ((double)options->nnz > cells)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--nnz %" PRId64 ": the matrix has only %.0f places", options->nnz,
                     cells);
  plan->kind = (dnmf_generate_kind)options->kind;
  plan->sparse = options->sparse || plan->kind == DNMF_GENERATE_RATINGS;
  plan->density = plan->sparse ? 0.01 : 1;
  if (options->density > 0)
    plan->density = options->density;
  if (options->nnz > 0)
    plan->density = (double)options->nnz / cells;
  plan->components = (int)options->components;
  plan->noise = options->noise;
  plan->seed = (uint64_t)options->seed;
  return parse_scale(error, options->scale, plan);
}

static dnmf_status make_and_write(cli_session *session, const generate_options *options,
                                  const dnmf_generate_options *plan, dnmf_placed *made, const char *path) {
  DNMF_TRY(dnmf_place(session->context, session->context->size, 1, options->rows, options->cols, made));
  DNMF_TRY(dnmf_generate(session->context, plan, &made->layout, DNMF_DOUBLE, &made->matrix));
  dnmf_missing missing = plan->kind == DNMF_GENERATE_RATINGS ? DNMF_MISSING_UNOBSERVED : DNMF_MISSING_ZERO;
  return dnmf_matrix_write(session->context, path, &made->matrix, missing, NULL, NULL);
}

static void print_generated(cli_session *session, const generate_options *options, const dnmf_generate_options *plan,
                            const dnmf_matrix *matrix) {
  double seconds = MPI_Wtime() - session->began;
  const char *kind = dnmf_generate_kind_name(plan->kind);
  char checksum[32];
  snprintf(checksum, sizeof checksum, "%016" PRIx64, matrix->checksum);
  cli_say(session, "%s: %s, %" PRId64 " x %" PRId64 ", %" PRId64 " stored, seed %" PRId64 ", checksum %s, %.3g s",
          options->output, kind, matrix->rows, matrix->cols, matrix->stored, options->seed, checksum, seconds);
  cli_print_json(session,
                 cli_json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:I, s:s, s:i, s:f}", "command", "generate",
                               "version", DNMF_VERSION, "output", options->output, "kind", kind, "rows",
                               (json_int_t)matrix->rows, "cols", (json_int_t)matrix->cols, "stored",
                               (json_int_t)matrix->stored, "sparse", plan->sparse, "seed", (json_int_t)options->seed,
                               "checksum", checksum, "processes", session->context->size, "seconds", seconds));
}

static dnmf_status run_generate(cli_session *session, const void *given, char **arguments, int argument_count) {
  const generate_options *options = given;
  dnmf_generate_options plan = {0};
  dnmf_placed made = {0};
  dnmf_output output;
  (void)arguments;
  (void)argument_count;
  DNMF_TRY(make_generate_plan(&session->context->error, options, &plan));
  DNMF_TRY(dnmf_output_begin(session->context, options->output, &output));
  dnmf_status status = make_and_write(session, options, &plan, &made, output.partial);
  status = dnmf_output_end(session->context, &output, status);
  if (status == DNMF_OK)
    print_generated(session, options, &plan, &made.matrix);
  dnmf_placed_free(&made);
  return status;
}

static const cli_group groups[] = {
    {"matrix:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(generate_options, common)},
};

const cli_command cli_generate = {
    .name = "generate",
    .summary = "make a synthetic matrix: uniform, planted low rank, or power-law ratings",
    .usage = "-o FILE.h5 --rows M --cols N [OPTIONS]",
    .details = "  dnmf generate -o a.h5 --rows 20000 --cols 4000\n"
               "  dnmf generate -o low-rank.h5 --rows 5000 --cols 3000 --kind planted -k 12 --noise 0.05\n"
               "  mpirun -n 4 dnmf generate -o ratings.h5 --rows 943 --cols 1682 --kind ratings --nnz 100000",
    .min_arguments = 0,
    .max_arguments = 0,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(generate_options),
    .defaults = &defaults,
    .run = run_generate,
};
