#define _GNU_SOURCE /* sched_getaffinity */
#include "dnmf/context.h"

#include "dnmf/collective.h"

#include <limits.h>
#include <omp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_context_init(dnmf_context *context, MPI_Comm comm) {
  memset(context, 0, sizeof *context);
  context->comm = comm;
  context->size = 1;
  context->isa = dnmf_isa_detect();
  context->message_limit = INT_MAX;
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler"));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_rank(comm, &context->rank), "MPI_Comm_rank"));
  DNMF_TRY(dnmf_mpi_check(context, MPI_Comm_size(comm, &context->size), "MPI_Comm_size"));
  context->threads = dnmf_context_default_threads(context);
  return DNMF_OK;
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

/* Processes of this context on this node with this process's affinity mask, itself included. */
static int processes_sharing_cores(dnmf_context *context) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm sharers = MPI_COMM_NULL;
  int processes = context->size;
  if (MPI_Comm_split_type(context->comm, MPI_COMM_TYPE_SHARED, context->rank, MPI_INFO_NULL, &node) != MPI_SUCCESS)
    return processes;
  if (MPI_Comm_split(node, affinity_color(), context->rank, &sharers) == MPI_SUCCESS) {
    MPI_Comm_size(sharers, &processes);
    MPI_Comm_free(&sharers);
  }
  MPI_Comm_free(&node);
  return processes;
}

int dnmf_context_default_threads(dnmf_context *context) {
  int sharers = processes_sharing_cores(context);
  if (getenv("OMP_NUM_THREADS"))
    return omp_get_max_threads();
  int share = omp_get_num_procs() / sharers; /* the cores of the affinity mask */
  return share > 1 ? share : 1;
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
