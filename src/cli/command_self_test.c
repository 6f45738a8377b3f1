/*
 * dnmf --self-test: whether this installation works, on as many processes as it is started with: versions, where the
 * processes run, a fit with a known answer, a model written to a file and read again.
 */
#include "commands.h"
#include "placement.h"
#include "session.h"
#include "version.h"

#include "comm/collective.h"
#include "dnmf.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct self_test_options {
  cli_common common;
  const char *folder;
} self_test_options;

enum { ROWS = 5, COLS = 4, COMPONENTS = 2, PATH_TEXT = 4096, MOST_LISTED = 12 };

/* The table of inputs/ratings-5x4.csv, and the mean squared error of its best factorization with two components. */
static const double table[ROWS][COLS] = {{5, 3, 0, 1}, {4, 0, 0, 1}, {1, 1, 0, 5}, {1, 0, 0, 4}, {0, 1, 5, 4}};
static const double BEST = 0.914435;
static const double CLOSE = 1e-6;

typedef struct self_test {
  cli_session *session;
  cli_place *places; /* of all processes; process 0's only */
  dnmf_library *handle;
  double error; /* mean squared, of the fit */
  int64_t iterations;
  double seconds[2]; /* to write a model, to read it */
  char path[PATH_TEXT];
} self_test;

static void say_places(const self_test *test) {
  cli_session *session = test->session;
  const int size = session->context->size;
  if (session->context->rank != 0)
    return;
  const int hosts = cli_count_hosts(test->places, size);
  cli_say(session, "processes   %d on %d host%s", size, hosts, hosts > 1 ? "s" : "");
  for (int p = 0; p < size && p < MOST_LISTED; p++)
    cli_say(session, "  %-8d  %s, cores %s, %d thread%s", p, test->places[p].host, test->places[p].cores,
            test->places[p].threads, test->places[p].threads > 1 ? "s" : "");
  if (size > MOST_LISTED)
    cli_say(session, "  ...       and %d more (--json lists all)", size - MOST_LISTED);
}

/* --- The fit, and its model in a file ------------------------------------------------------------------------ */

/* What a call of the library came to. */
static dnmf_status library_status(self_test *test, const char *what, int code) {
  dnmf_error *error = &test->session->context->error;
  if (code == DNMF_SUCCESS)
    return DNMF_OK;
  return dnmf_fail(error, code == DNMF_ERR_MPI ? DNMF_ERROR_MPI : DNMF_ERROR_LIBRARY, "--self-test: %s: %s", what,
                   test->handle ? dnmf_library_error(test->handle) : "MPI failed");
}

static dnmf_status fit_table(self_test *test, dnmf_model **model) {
  dnmf_context *context = test->session->context;
  dnmf_data *data = NULL;
  dnmf_dense block;
  dnmf_fit_settings settings;
  dnmf_result result = {0};
  const int64_t first = (int64_t)ROWS * context->rank / context->size;
  dnmf_dense_init(&block);
  block.first_row = first;
  block.rows = (int64_t)ROWS * (context->rank + 1) / context->size - first;
  block.cols = COLS;
  block.values = &table[first < ROWS ? first : 0][0];
  dnmf_fit_settings_init(&settings);
  settings.components = COMPONENTS;
  settings.tol = 1e-9;
  settings.max_iter = 20000;
  int code = dnmf_data_from_dense(test->handle, ROWS, COLS, &block, &data);
  if (code == DNMF_SUCCESS)
    code = dnmf_model_fit(test->handle, data, &settings, model, &result);
  dnmf_data_destroy(&data);
  test->error = result.rmse * result.rmse;
  test->iterations = result.iterations;
  DNMF_TRY(library_status(test, "the fit", code));
  if (!(fabs(test->error - BEST) < CLOSE))
    return dnmf_fail(&context->error, DNMF_ERROR_LIBRARY,
                     "--self-test: the fit's mean squared error is %.9g, not %.6f: do not use this program on this "
                     "machine; DNMF_ISA=portable or another BLAS library may tell why",
                     test->error, BEST);
  return DNMF_OK;
}

/* Whether two models have the same factors, each process looking at all of both. */
static int compare_models(self_test *test, const dnmf_model *one, const dnmf_model *two, bool *same) {
  double w[2][ROWS * COMPONENTS] = {{0}};
  double h[2][COLS * COMPONENTS] = {{0}};
  const dnmf_model *models[2] = {one, two};
  int code = DNMF_SUCCESS;
  for (int m = 0; m < 2 && code == DNMF_SUCCESS; m++) {
    code = dnmf_model_w(test->handle, models[m], 0, ROWS, w[m], COMPONENTS);
    if (code == DNMF_SUCCESS)
      code = dnmf_model_h(test->handle, models[m], 0, COLS, h[m], 0);
  }
  *same = true;
  for (int i = 0; i < ROWS * COMPONENTS; i++)
    *same = *same && w[0][i] == w[1][i];
  for (int i = 0; i < COLS * COMPONENTS; i++)
    *same = *same && h[0][i] == h[1][i];
  return code;
}

/* All processes write the model to one file, and read it. */
static dnmf_status try_file(self_test *test, const dnmf_model *model) {
  dnmf_context *context = test->session->context;
  dnmf_model *again = NULL;
  bool same = false;
  const double began = MPI_Wtime();
  int code = dnmf_model_save(test->handle, model, test->path);
  test->seconds[0] = MPI_Wtime() - began;
  if (code == DNMF_SUCCESS)
    code = dnmf_model_load(test->handle, test->path, &again);
  test->seconds[1] = MPI_Wtime() - began - test->seconds[0];
  if (code == DNMF_SUCCESS)
    code = compare_models(test, model, again, &same);
  dnmf_status status =
      library_status(test, code == DNMF_ERR_FILE ? "a file (--folder names another place)" : "a model in a file", code);
  if (status == DNMF_OK && !same)
    status = dnmf_fail(&context->error, DNMF_ERROR_LIBRARY,
                       "--self-test: process %d reads other numbers from %s than were written: the file system does "
                       "not show all processes the same; --folder names another place",
                       context->rank, test->path);
  status = dnmf_agree(context, status);
  dnmf_model_destroy(&again);
  if (context->rank == 0)
    remove(test->path);
  return status;
}

static dnmf_status name_file(self_test *test, const char *folder) {
  dnmf_context *context = test->session->context;
  int length = snprintf(test->path, sizeof test->path, "%s/dnmf-self-test-%ld.h5", folder, (long)getpid());
  dnmf_status status = DNMF_OK;
  if (length >= PATH_TEXT)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "--folder: a shorter name, please");
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, test->path, sizeof test->path, 0);
}

/* --- Report -------------------------------------------------------------------------------------------------- */

static json_t *test_to_json(const self_test *test, const char *libraries) {
  const dnmf_context *context = test->session->context;
  json_t *places = json_array();
  for (int p = 0; test->places && p < context->size; p++)
    cli_json_append(&places, cli_json_pack("{s:i, s:s, s:s, s:i}", "process", p, "host", test->places[p].host, "cores",
                                           test->places[p].cores, "threads", test->places[p].threads));
  return cli_json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:I, s:f, s:f, s:o}", "command", "self-test", "version",
                       DNMF_VERSION, "libraries", libraries, "processes", context->size, "mean_squared_error",
                       test->error, "expected", BEST, "iterations", (json_int_t)test->iterations, "write_seconds",
                       test->seconds[0], "read_seconds", test->seconds[1], "placement", places);
}

static dnmf_status run_checks(self_test *test, const char *folder) {
  cli_session *session = test->session;
  dnmf_model *model = NULL;
  DNMF_TRY(name_file(test, folder));
  DNMF_TRY(library_status(test, "the library", dnmf_library_create(session->context->comm, &test->handle)));
  dnmf_library_set_threads(test->handle, session->context->threads);
  dnmf_status status = fit_table(test, &model);
  if (status == DNMF_OK) {
    cli_say(session, "fit         mean squared error %.6f after %" PRId64 " iterations, as it must be", test->error,
            test->iterations);
    status = try_file(test, model);
  }
  if (status == DNMF_OK)
    cli_say(session, "file        written in %.3g s and read in %.3g s by all processes: %s", test->seconds[0],
            test->seconds[1], test->path);
  dnmf_model_destroy(&model);
  return status;
}

static dnmf_status run_self_test(cli_session *session, const void *given, char **arguments, int argument_count) {
  const self_test_options *options = given;
  self_test test = {.session = session};
  char libraries[512];
  (void)arguments;
  (void)argument_count;
  cli_library_versions(libraries, sizeof libraries);
  cli_say(session, "dnmf        %s, kernels %s", DNMF_VERSION, dnmf_isa_name(session->context->isa));
  cli_say(session, "libraries   %s", libraries);
  dnmf_status status = cli_find_places(session->context, &test.places);
  if (status == DNMF_OK) {
    say_places(&test);
    status = run_checks(&test, options->folder);
  }
  if (status == DNMF_OK) {
    cli_say(session, "all is well");
    cli_print_json(session, session->context->rank == 0 ? test_to_json(&test, libraries) : NULL);
  }
  dnmf_library_destroy(&test.handle);
  free(test.places);
  return status;
}

static const self_test_options defaults = {.folder = "."};

static const cli_option test_table[] = {
    {"folder", 0, CLI_TEXT, offsetof(self_test_options, folder), "DIR",
     "where the file is written and removed again: one that all processes see (default: this one)", 0, 0, NULL},
};

static const cli_group groups[] = {
    {"what to try:", test_table, sizeof test_table / sizeof *test_table, 0},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(self_test_options, common)},
};

const cli_command cli_self_test = {
    .name = "--self-test",
    .summary = "check this installation, on as many processes as it is started with",
    .usage = "[OPTIONS]",
    .details = "Tells versions, where each process runs and on which cores, fits a small table whose best "
               "factorization is\n"
               "known, writes the model to a file and reads it. The exit status is 0 when all is well.\n\n"
               "  dnmf --self-test\n"
               "  mpirun -n 8 dnmf --self-test --folder /scratch",
    .min_arguments = 0,
    .max_arguments = 0,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(self_test_options),
    .defaults = &defaults,
    .run = run_self_test,
};
