/*
 * A machine as the cost model sees it: how fast one process computes and how fast processes talk.
 *
 * The four figures alone give rooflines (Williams, Waterman, Patterson 2009): a kernel takes the longer of its
 * arithmetic at `flops` and its memory traffic at `bandwidth`. Measured rates of the kernels themselves go before
 * that: they are taken on data of the planned kind, at one number of components.
 */
#ifndef DNMF_MACHINE_H
#define DNMF_MACHINE_H

#include "matrix/matrix.h"
#include "solve/loss.h"
#include "solve/solver.h"

/* The local work of an iteration, each with its count of operations (cost.h). */
typedef enum dnmf_work_kind {
  DNMF_WORK_DENSE = 0,        /* A F of a dense block */
  DNMF_WORK_DENSE_TRANSPOSED, /* transpose(A) F */
  DNMF_WORK_DENSE_ONE_PASS,   /* both in one pass over whole rows */
  DNMF_WORK_SPARSE,           /* the same two of a sparse one */
  DNMF_WORK_SPARSE_TRANSPOSED,
  DNMF_WORK_GRAM, /* X'X and <B, X> */
  DNMF_WORK_HALS, /* updates of owned rows, in the order of dnmf_solver */
  DNMF_WORK_MU,
  DNMF_WORK_BPP,
  DNMF_WORK_OBSERVED,   /* rows over observed entries: normal equations and a sweep */
  DNMF_WORK_DIVERGENCE, /* contributions under a beta-divergence */
  DNMF_WORK_KINDS
} dnmf_work_kind;

/* "dense", "dense_transposed", ...: as files say it. local */
const char *dnmf_work_name(dnmf_work_kind kind);

typedef struct dnmf_machine {
  double flops;     /* operations a second of one process */
  double bandwidth; /* bytes a second it reads from memory */
  double latency;   /* seconds a message takes, whatever its length */
  double network;   /* bytes a second it sends to another */

  /* Operations a second of each kind of work; 0: not measured. */
  double rate[DNMF_WORK_KINDS];
  int components; /* at which they were measured; 0: none were */
  dnmf_precision precision;
  int threads;
} dnmf_machine;

/* Figures of an ordinary core and network, for plans that are given none: 20 Gflop/s, 10 GB/s, 2 us, 10 GB/s. */
dnmf_machine dnmf_machine_assumed(void);

/* What is to be measured for. */
typedef struct dnmf_machine_work {
  int64_t rows; /* of a process's block: shapes the measured one, which is cut down to some tens of megabytes */
  int64_t cols;
  double stored;
  bool sparse;
  bool observed;
  int components;
  dnmf_solver solver;
  dnmf_loss loss;
  dnmf_precision precision;
} dnmf_machine_work;

/* Measures bandwidth and the kernels of `work` on all processes at once, as in a fit, and, between two processes and
 * more, latency and network; other rates become 0, and `flops` the best rate. Takes about a second. The same
 * figures on every process: means over them. collective */
dnmf_status dnmf_machine_measure(dnmf_context *context, const dnmf_machine_work *work, dnmf_machine *machine);

#endif
