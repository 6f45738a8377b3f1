#define _GNU_SOURCE /* sched_getaffinity */
#include "comm/context.h"

#include <limits.h>
#include <omp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_mpi_check(dnmf_context *context, int mpi_code, const char *call) {
  if (mpi_code == MPI_SUCCESS)
    return DNMF_OK;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(mpi_code, text, &length);
  for (char *end = strchr(text, '\n'); end; end = strchr(end, '\n'))
    *end = ' ';
  return dnmf_fail(&context->error, DNMF_ERROR_MPI, "%s failed on process %d: %s", call, context->rank, text);
}

dnmf_status dnmf_context_init(dnmf_context *context, MPI_Comm comm) {
  memset(context, 0, sizeof *context);
  context->comm = comm;
  context->size = 1;
  context->isa = dnmf_isa_detect();
  context->message_limit = INT_MAX;
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler"));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_rank(comm, &context->rank), "MPI_Comm_rank"));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_size(comm, &context->size), "MPI_Comm_size"));
  return dnmf_context_default_threads(context, &context->threads);
}

/* The same number for processes that may run on the same cores; nonnegative, as MPI_Comm_split wants. */
static int affinity_color(void) {
  cpu_set_t cores;
  unsigned color = 0;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) == 0)
    for (unsigned core = 0; core < CPU_SETSIZE; core++)
      color = color * 31 + (CPU_ISSET(core, &cores) != 0);
  return (int)(color & INT_MAX);
}

/* Processes of this context beside this one, itself included. */
typedef struct neighbours {
  int node;  /* on this node */
  int cores; /* of those, with this process's affinity mask */
} neighbours;

static dnmf_status find_neighbours(dnmf_context *context, neighbours *found) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm sharers = MPI_COMM_NULL;
  int code = MPI_Comm_split_type(context->comm, MPI_COMM_TYPE_SHARED, context->rank, MPI_INFO_NULL, &node);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Comm_split_type"));
  MPI_Comm_size(node, &found->node);
  code = MPI_Comm_split(node, affinity_color(), context->rank, &sharers);
  MPI_Comm_free(&node);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Comm_split"));
  MPI_Comm_size(sharers, &found->cores);
  MPI_Comm_free(&sharers);
  return DNMF_OK;
}

/* A positive number from the environment; 0 when it is absent or something else. */
static int environment_count(const char *name) {
  const char *text = getenv(name);
  char *end = NULL;
  long count = text ? strtol(text, &end, 10) : 0;
  return text && *end == '\0' && count > 0 && count <= INT_MAX ? (int)count : 0;
}

/* The cores that Slurm granted to each of the processes of this node; 0 without Slurm. It gives every task its
 * SLURM_CPUS_PER_TASK, but mpirun may start other numbers of processes in the job's cores of the node. */
static int slurm_cores(int node_processes) {
  int for_task = environment_count("SLURM_CPUS_PER_TASK");
  int on_node = environment_count("SLURM_CPUS_ON_NODE");
  int share = on_node / node_processes;
  if (on_node == 0)
    return for_task;
  if (share == 0)
    return 1;
  return for_task > 0 && for_task < share ? for_task : share;
}

dnmf_status dnmf_context_split(dnmf_context *parent, int color, dnmf_context *part) {
  MPI_Comm comm = MPI_COMM_NULL;
  memset(part, 0, sizeof *part);
  part->comm = MPI_COMM_NULL;
  DNMF_TRY(dnmf_mpi_check(parent, MPI_Comm_split(parent->comm, color, parent->rank, &comm), "MPI_Comm_split"));
  dnmf_status status = dnmf_context_init(part, comm);
  if (status != DNMF_OK)
    parent->error = part->error;
  part->comm = comm;
  part->threads = parent->threads;
  part->cores = parent->cores;
  part->sharers = parent->sharers;
  part->isa = parent->isa;
  part->message_limit = parent->message_limit;
  return status;
}

void dnmf_context_leave(dnmf_context *part) {
  if (part->size > 0 && part->comm != MPI_COMM_NULL)
    MPI_Comm_free(&part->comm);
}

dnmf_status dnmf_context_default_threads(dnmf_context *context, int *threads) {
  neighbours beside = {1, 1};
  DNMF_TRY(find_neighbours(context, &beside));
  int share = omp_get_num_procs() / beside.cores; /* the cores of the affinity mask */
  int granted = slurm_cores(beside.node);
  share = share > 1 ? share : 1;
  context->cores = granted > 0 && granted < share ? granted : share;
  context->sharers = beside.cores;
  context->cores_withheld = 0;
  if (granted > share && !getenv("OMP_NUM_THREADS"))
    context->cores_withheld = granted - share;
  *threads = getenv("OMP_NUM_THREADS") ? omp_get_max_threads() : context->cores;
  return DNMF_OK;
}

dnmf_status dnmf_agree(dnmf_context *context, dnmf_status status) {
  if (status == DNMF_ERROR_MPI)
    return status;
  int first = status == DNMF_OK ? context->size : context->rank;
  int code = MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Allreduce"));
  if (first == context->size)
    return DNMF_OK;
  if (context->rank == first)
    dnmf_fail(&context->error, status, "process %d failed without saying why", first); /* keeps a message */
  code = MPI_Bcast(&context->error, (int)sizeof context->error, MPI_BYTE, first, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Bcast"));
  return context->error.status;
}

void dnmf_reading_begin(const dnmf_context *context, const char *path, int seconds) {
  if (context->reporter.reading)
    context->reporter.reading(context->reporter.state, path, seconds);
}

void dnmf_reading_end(const dnmf_context *context) {
  if (context->reporter.has_read)
    context->reporter.has_read(context->reporter.state);
}

void dnmf_warn(dnmf_context *context, const char *format, ...) {
  if (context->rank != 0 || !context->reporter.warn)
    return;
  char text[DNMF_ERROR_TEXT];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  context->reporter.warn(context->reporter.state, text);
}
