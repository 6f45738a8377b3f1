#include "dnmf/context.h"

#include "dnmf/collective.h"

#include <limits.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Processes of this context on this node. */
static int node_processes(dnmf_context *context) {
  MPI_Comm node = MPI_COMM_NULL;
  int processes = context->size;
  if (MPI_Comm_split_type(context->comm, MPI_COMM_TYPE_SHARED, context->rank, MPI_INFO_NULL, &node) != MPI_SUCCESS)
    return processes;
  MPI_Comm_size(node, &processes);
  MPI_Comm_free(&node);
  return processes;
}

int dnmf_context_default_threads(dnmf_context *context) {
  int neighbours = node_processes(context);
  if (getenv("OMP_NUM_THREADS"))
    return omp_get_max_threads();
  int mine = omp_get_num_procs();
  int online = (int)sysconf(_SC_NPROCESSORS_ONLN);
  bool bound_apart = (int64_t)mine * neighbours <= online;
  int share = bound_apart ? mine : online / neighbours;
  share = share < mine ? share : mine;
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
  code = MPI_Bcast(&context->error, (int)sizeof context->error, MPI_BYTE, first, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Bcast"));
  return context->error.status;
}

static void say(void (*speak)(void *, const char *), void *state, const char *format, va_list arguments) {
  char text[DNMF_ERROR_TEXT];
  vsnprintf(text, sizeof text, format, arguments);
  speak(state, text);
}

void dnmf_note(dnmf_context *context, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (context->rank == 0 && context->reporter.note)
    say(context->reporter.note, context->reporter.state, format, arguments);
  va_end(arguments);
}

void dnmf_warn(dnmf_context *context, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (context->rank == 0 && context->reporter.warn)
    say(context->reporter.warn, context->reporter.state, format, arguments);
  va_end(arguments);
}
