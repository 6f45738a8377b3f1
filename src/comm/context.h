/*
 * The context of a run: its processes, its error, what it says to people, and what it has sent.
 *
 * One context a process, made by main and passed down; there are no mutable globals. Functions are marked
 *   collective  every process of the context's communicator must call it, in the same order
 *   local       any process may call it alone
 */
#ifndef DNMF_CONTEXT_H
#define DNMF_CONTEXT_H

#include "base/precision.h"
#include "base/queue.h"
#include "base/status.h"

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

/* Words (numbers of the run's precision or doubles) and messages sent by this process, counted where they are
 * handed to MPI. A collective is counted as what its bandwidth-optimal schedule sends (Chan et al. 2007):
 * all-gather and reduce-scatter of N words in total, (share of the others); all-reduce of N words, 2N(1-1/p).
 * Messages: log2 of the group, rounded up, each way. */
typedef struct dnmf_traffic {
  double gather_words;  /* factor rows gathered */
  double scatter_words; /* contributions summed and scattered */
  double gram_words;    /* k x k Gram matrices all-reduced */
  double control_words; /* what rides along: objective, stopping, agreement */
  double messages;
} dnmf_traffic;

/* One finished iteration, or a part of the next, as told to people and logs. Values that were not computed are NaN. */
typedef struct dnmf_step {
  int iteration; /* 1-based; 0 is the start */
  int max_iterations;
  int64_t batch; /* mini-batches done of the pass after this iteration; 0: the iteration itself is told */
  int64_t batches;
  int fits;         /* of the job; of several that run, the furthest iteration and the least objective are told */
  int fits_running; /* those side by side that go on */
  int fits_done;
  int groups; /* of processes that share the fits: those told are of the first; 0: there are none */
  double objective;
  double relative_error;    /* |A - WH|_F / |A|_F */
  double violation;         /* projected gradient relative to the first iteration's */
  double validation_rmse;   /* held-out RMSE */
  double seconds;           /* since the loop began */
  double iteration_seconds; /* of this iteration */
} dnmf_step;

/* Where warnings and progress go. Functions may be NULL. */
typedef struct dnmf_reporter {
  void *state;
  void (*warn)(void *state, const char *text); /* on process 0 only, as `step` */
  void (*step)(void *state, const dnmf_step *step);

  /* Around what HDF5 does with a file that may be damaged, which may end in a crash or never: a program can say then
   * which file it was. On any process; brackets may lie within each other. `seconds` of processor time are plenty for
   * it; DNMF_NO_LIMIT: it may take any. */
  void (*reading)(void *state, const char *path, int seconds);
  void (*has_read)(void *state);
} dnmf_reporter;

enum { DNMF_NO_LIMIT = 0, DNMF_LOOK_SECONDS = 60 /* finding something in a file */ };

/* A sum over all processes that is on its way while local work goes on; see collective.h. */
typedef struct dnmf_underway {
  bool begun;
  int code; /* what MPI said of it so far */
  MPI_Request request;
} dnmf_underway;

typedef struct dnmf_context {
  MPI_Comm comm;
  int rank;
  int size;
  int threads;           /* OpenMP threads of this process */
  int cores;             /* that this process may use without sharing them with its neighbours; at least 1 */
  int sharers;           /* processes that may use the same cores, this one included */
  int cores_withheld;    /* cores that Slurm granted this process and its affinity mask denies it */
  dnmf_isa isa;          /* instruction set of the kernels */
  int64_t message_limit; /* most items one MPI call may carry; INT_MAX, lower in tests */
  dnmf_error error;
  dnmf_reporter reporter;
  dnmf_traffic traffic;
  dnmf_underway underway;
  dnmf_queue_pool chunks; /* of queues, while a matrix is assembled from what waits in one */
} dnmf_context;

/* Fills a context over `comm`, which stays the caller's. Communicator errors are set to return. collective */
dnmf_status dnmf_context_init(dnmf_context *context, MPI_Comm comm);

/* A context over some of the parent's processes: those of `color`, in their order; quiet, with the parent's settings.
 * Released with dnmf_context_leave, also after a failure. collective over the parent */
dnmf_status dnmf_context_split(dnmf_context *parent, int color, dnmf_context *part);
void dnmf_context_leave(dnmf_context *part); /* collective over the part; accepts a zeroed one */

/* Threads this process may use without sharing cores with its neighbours on the node: OMP_NUM_THREADS when it is
 * set. Else the cores of its affinity mask divided among the processes of the node that have the same ones, and in a
 * Slurm job no more than it was granted: SLURM_CPUS_PER_TASK, and its share of SLURM_CPUS_ON_NODE. Sets
 * context->cores and context->cores_withheld. collective */
dnmf_status dnmf_context_default_threads(dnmf_context *context, int *threads);

/* Everybody leaves with the same status: when any process failed, all return the status of the lowest failing
 * rank and hold its message. Called at phase boundaries. DNMF_ERROR_MPI is returned at once, without
 * communication. collective */
dnmf_status dnmf_agree(dnmf_context *context, dnmf_status status);

/* DNMF_OK, or an error naming `call` with MPI's own text. local */
dnmf_status dnmf_mpi_check(dnmf_context *context, int mpi_code, const char *call);

/* Tell the reporter that a file is being read, and that it has been. local */
void dnmf_reading_begin(const dnmf_context *context, const char *path, int seconds);
void dnmf_reading_end(const dnmf_context *context);

/* Warns the person, from process 0 only. local */
void dnmf_warn(dnmf_context *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
