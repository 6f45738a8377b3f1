/*
 * The program's entry: finds the command, starts MPI only when there is work, and turns a status into one
 * message from one process and the same exit status everywhere.
 */
#include "commands.h"
#include "session.h"
#include "version.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_command *const commands[] = {
    &cli_import,  &cli_generate,  &cli_info,     &cli_split,    &cli_fit,         &cli_tune,   &cli_transform,
    &cli_predict, &cli_recommend, &cli_evaluate, &cli_describe, &cli_reconstruct, &cli_export, &cli_plan_command};
enum { COMMANDS = sizeof commands / sizeof *commands };

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

/* This process's number as its launcher tells it, before MPI is started; NULL without a launcher. */
static const char *launcher_rank(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (getenv(names[i]))
      return getenv(names[i]);
  return NULL;
}

/* Help and version come from one process and need no MPI. */
static bool speaks(void) {
  const char *rank = launcher_rank();
  return !rank || strcmp(rank, "0") == 0;
}

static void print_overview(void) {
  printf("dnmf %s: distributed nonnegative matrix factorization, A = W H with W, H >= 0\n\n"
         "usage: dnmf COMMAND [OPTIONS]               on one machine\n"
         "       mpirun -n 8 dnmf COMMAND [OPTIONS]   the same on 8 processes\n\ncommands:\n",
         DNMF_VERSION);
  for (int c = 0; c < COMMANDS; c++)
    printf("  %-12s %s\n", commands[c]->name, commands[c]->summary);
  printf("  %-12s %s\n", "help", "help COMMAND: its options and examples");
  printf("\nfirst steps:\n"
         "  dnmf import ratings.csv -o ratings.h5\n"
         "  dnmf fit ratings.h5 -o model.h5 -k 20\n"
         "  dnmf info model.h5\n");
}

static const cli_command *find_command(const char *name) {
  for (int c = 0; c < COMMANDS; c++)
    if (strcmp(commands[c]->name, name) == 0)
      return commands[c];
  return NULL;
}

static dnmf_status unknown_command(dnmf_error *error, const char *name) {
  const char *names[COMMANDS + 2] = {NULL};
  for (int c = 0; c < COMMANDS; c++)
    names[c] = commands[c]->name;
  names[COMMANDS] = "help";
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

/* Whether Open MPI will find no launcher. A process of a batch script has Slurm's variables, but no launcher's. */
static bool starts_alone(void) {
  return !getenv("OMPI_COMM_WORLD_RANK") && !getenv("PMIX_RANK") && !getenv("PMI_RANK");
}

/* Without a launcher Open MPI would start a daemon for processes we never spawn, most of a small job's time. Spared
 * that, all jobs of a person would share one folder for temporary files, and remove it under each other: each gets its
 * own, which Open MPI removes at the end. */
static bool spare_daemon(void) {
  const char *parent = getenv("TMPDIR");
  char folder[PATH_MAX];
  int length = snprintf(folder, sizeof folder, "%s/dnmf.XXXXXX", parent && *parent ? parent : "/tmp");
  if (length < 0 || (size_t)length >= sizeof folder || !mkdtemp(folder))
    return true; /* with the daemon, then */
  return setenv("OMPI_MCA_orte_jobfam_session_dir", folder, 0) == 0 &&
         setenv("OMPI_MCA_ess_singleton_isolated", "1", 0) == 0;
}

/* HDF5 uses no shared file pointers. On several hosts Open MPI would keep one for each open file in another file beside
 * it, which a killed job would leave there. A person's own choice stays. */
static bool spare_shared_file_pointers(void) {
  return setenv("OMPI_MCA_sharedfp", "^lockedfile,individual", 0) == 0;
}

/* Says why it could not. */
static bool start_mpi(void) {
  int provided = 0;
  bool prepared = (!starts_alone() || spare_daemon()) && spare_shared_file_pointers();
  if (!prepared || MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    fprintf(stderr, "dnmf: error: MPI could not be started\n");
    return false;
  }
  if (provided < MPI_THREAD_FUNNELED) { /* OpenMP's threads, and the one that reads ahead */
    fprintf(stderr, "dnmf: error: this MPI does not allow threads beside the one that calls it\n");
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILED);
  }
  return true;
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
    cli_session session = {.context = &context, .given = given, .command = command, .command_line = command_line};
    session.began = MPI_Wtime();
    status = cli_session_begin(&session, options);
    if (status == DNMF_OK)
      status = command->run(&session, options, arguments, argument_count);
    dnmf_status ended = cli_session_end(&session);
    status = dnmf_agree(&context, status == DNMF_OK ? ended : status);
  }
  report(&context, &context.error);
  MPI_Finalize();
  return exit_code(status);
}

/* Parses and runs one command; argv[0] is its name. */
static int run_command(const cli_command *command, int argc, char **argv) {
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
  } else if (status != DNMF_OK && !launcher_rank()) {
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
  if (launcher_rank())
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
    print_overview();
  return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv) {
  if (argc < 2 || is(argv[1], "--help", "-h"))
    return run_help(NULL);
  if (strcmp(argv[1], "help") == 0)
    return run_help(argc > 2 ? argv[2] : NULL);
  if (is(argv[1], "--version", "version")) {
    if (speaks())
      cli_print_version();
    return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
  }
  const cli_command *command = find_command(argv[1]);
  if (!command)
    return refuse_command(argv[1]);
  return run_command(command, argc - 1, argv + 1);
}
