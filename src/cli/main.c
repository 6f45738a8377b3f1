/*
 * The program's entry: finds the command, starts MPI only when there is work, and turns a status into one
 * message from one process and the same exit status everywhere.
 */
#include "commands.h"
#include "files.h"
#include "help.h"
#include "launch.h"
#include "session.h"
#include "version.h"

#include "base/memory.h"
#include "base/team.h"
#include "store/file.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 75 };

static int exit_code(dnmf_status status) {
  switch (status) {
  case DNMF_OK:
    return 0;
  case DNMF_ERROR_USAGE:
    return EXIT_USAGE;
  case DNMF_INTERRUPTED:
    return EXIT_INTERRUPTED;
  default:
    return EXIT_FAILED;
  }
}

/* Help and version come from one process and need no MPI. */
static bool speaks(void) {
  const char *rank = cli_launched_rank();
  return !rank || strcmp(rank, "0") == 0;
}

static const cli_command *find_command(const char *name) {
  for (const cli_command *const *command = cli_commands; *command; command++)
    if (strcmp((*command)->name, name) == 0)
      return *command;
  return NULL;
}

static dnmf_status unknown_command(dnmf_error *error, const char *name) {
  enum { MOST_COMMANDS = 64, OTHERS = 3 };
  const char *names[MOST_COMMANDS + OTHERS + 1] = {"help", "--version", cli_self_test.name};
  for (int c = 0; c < MOST_COMMANDS && cli_commands[c]; c++)
    names[c + OTHERS] = cli_commands[c]->name;
  const char *nearest = cli_nearest(name, names);
  return dnmf_fail(error, DNMF_ERROR_USAGE, "no command '%s'%s%s%s; see dnmf --help", name,
                   nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* The arguments joined by blanks, for the model's provenance. The caller frees it. */
static char *join_arguments(int argc, char **argv) {
  size_t length = 1;
  for (int i = 0; i < argc; i++)
    length += strlen(argv[i]) + 1;
  char *joined = calloc(length, 1);
  for (int i = 0; joined && i < argc; i++) {
    strcat(joined, argv[i]);
    if (i + 1 < argc)
      strcat(joined, " ");
  }
  return joined;
}

/* One message from one process; a broken MPI is told by whoever noticed, and ends the job. */
static void report(const dnmf_context *context, const dnmf_error *error) {
  if (error->status == DNMF_OK)
    return;
  if (context->rank == 0 || error->status == DNMF_ERROR_MPI)
    fprintf(stderr, "dnmf: %s%s\n", error->status == DNMF_INTERRUPTED ? "" : "error: ", error->text);
  if (error->status == DNMF_ERROR_MPI)
    MPI_Abort(context->comm, EXIT_FAILED);
}

/* Says why it could not. */
static bool start_mpi(void) {
  int provided = 0;
  dnmf_hdf5_start();
  if (!cli_prepare_mpi() || MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    fprintf(stderr, "dnmf: error: MPI could not be started\n");
    return false;
  }
  if (provided < MPI_THREAD_FUNNELED) { /* OpenMP's threads, and the one that reads ahead */
    fprintf(stderr, "dnmf: error: this MPI does not allow threads beside the one that calls it\n");
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILED);
  }
  return true;
}

/* A launcher ends the others when one leaves with a bad status: they wait for the process that says why. */
static void end_mpi(const dnmf_context *context, int code) {
  dnmf_team_end();
  if (code == EXIT_FAILED)
    MPI_Barrier(context->comm);
  MPI_Finalize();
}

/* Runs the command under MPI; `error` may already hold what is wrong with the command line, then `command` may be
 * NULL. */
static int run_job(const cli_command *command, const dnmf_error *error, const void *options, const cli_given *given,
                   const char *command_line, char **arguments, int argument_count) {
  if (!start_mpi())
    return EXIT_FAILED;
  dnmf_context context;
  dnmf_status status = dnmf_context_init(&context, MPI_COMM_WORLD);
  if (status == DNMF_OK && error->status != DNMF_OK) {
    context.error = *error;
    status = error->status;
  } else if (status == DNMF_OK) {
    cli_session session = {.context = &context,
                           .given = given,
                           .command = command,
                           .arguments = arguments,
                           .argument_count = argument_count,
                           .command_line = command_line,
                           .began = MPI_Wtime()};
    status = cli_files_check(&session, options);
    if (status == DNMF_OK)
      status = cli_session_begin(&session, options);
    if (status == DNMF_OK)
      status = command->run(&session, options, arguments, argument_count);
    if (status == DNMF_OK)
      status = cli_tell_cost(&session);
    dnmf_status ended = cli_session_end(&session);
    status = dnmf_agree(&context, status == DNMF_OK ? ended : status);
  }
  report(&context, &context.error);
  end_mpi(&context, exit_code(status));
  return exit_code(status);
}

/* Parses and runs one command; program[1] is its name. */
static int run_command(const cli_command *command, int words, char **program) {
  const int argc = words - 1;
  char **argv = program + 1;
  dnmf_error error = {0};
  cli_given given;
  bool help = false;
  int first = argc;
  char *command_line = join_arguments(argc, argv);
  void *options = calloc(1, command->options_size);
  if (!options || !command_line) {
    fprintf(stderr, "dnmf: error: not enough memory to start\n");
    free(command_line);
    free(options);
    return EXIT_FAILED;
  }
  dnmf_status status = cli_parse(&error, command, argc, argv, options, &given, &first, &help);
  int code = 0;
  if (help && status == DNMF_OK) {
    if (speaks())
      cli_print_help(command);
  } else if (status != DNMF_OK && !cli_launched_rank()) {
    fprintf(stderr, "dnmf: error: %s\n", error.text);
    code = exit_code(status);
  } else {
    code = run_job(command, &error, options, &given, command_line, argv + first, argc - first);
  }
  free(command_line);
  free(options);
  return code;
}

static bool is(const char *word, const char *a, const char *b) {
  return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* Tells of a word that is no command. Under a launcher the processes leave together: it would end the one that
 * speaks as soon as another has left with a bad status. */
static int refuse_command(const char *name) {
  dnmf_error error = {0};
  unknown_command(&error, name);
  if (cli_launched_rank())
    return run_job(NULL, &error, NULL, NULL, NULL, NULL, 0);
  fprintf(stderr, "dnmf: error: %s\n", error.text);
  return EXIT_USAGE;
}

/* help and version, with or without a command. */
static int run_help(const char *topic) {
  const cli_command *command = topic ? find_command(topic) : NULL;
  if (topic && !command)
    return refuse_command(topic);
  if (!speaks())
    return 0;
  if (command)
    cli_print_help(command);
  else
    cli_print_overview();
  return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv) {
  if (argc < 2 || is(argv[1], "--help", "-h"))
    return run_help(NULL);
  if (strcmp(argv[1], "help") == 0)
    return run_help(argc > 2 && strcmp(argv[2], "help") != 0 && !is(argv[2], "--help", "-h") ? argv[2] : NULL);
  if (is(argv[1], "--version", "version") || strcmp(argv[1], "-V") == 0) {
    if (speaks())
      cli_print_version();
    return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
  }
  const cli_command *command = strcmp(argv[1], cli_self_test.name) == 0 ? &cli_self_test : find_command(argv[1]);
  if (!command)
    return refuse_command(argv[1]);
  return run_command(command, argc, argv);
}
