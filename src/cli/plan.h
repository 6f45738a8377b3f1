/*
 * A plan: what a fit of given sizes will cost on some numbers of processes.
 */
#ifndef DNMF_CLI_PLAN_H
#define DNMF_CLI_PLAN_H

#include "session.h"

#include "cost/cost.h"

/* The command line of `plan`. */
typedef struct cli_plan_options {
  cli_common common;
  cli_input input;
  int64_t rows; /* 0: not given, as the next two */
  int64_t cols;
  int64_t nnz;
  int64_t components;
  int64_t restarts;  /* 0: one fit */
  int64_t groups;    /* of processes that share them; 0 and 1: none do */
  double validation; /* share of cells held out */
  int64_t samples;   /* of a chain; 0: there is none */
  int64_t chains;    /* 0: not given */
  const char *processes;
  const char *grid;
  bool implicit;
  int terms;   /* dnmf_evidence_of */
  int missing; /* 0: as the input has it, else dnmf_missing + 1 */
  int solver;
  const char *loss;
  int precision;
  bool measure;
  const char *save;
  const char *machine;
  double flops; /* 0: not given, as the next three */
  double bandwidth;
  double latency;
  double network;
} cli_plan_options;

/* Where the figures of a machine come from, for people. */
typedef struct cli_machine {
  dnmf_machine figures;
  char origin[256];
  char network_origin[256];
} cli_machine;

/* The machine of the options: assumed, from a file, measured, given, each going before the one before. `block` is the
 * share of the job a process will hold. Saves it when asked to. collective */
dnmf_status cli_plan_machine(cli_session *session, const cli_plan_options *options, const dnmf_machine_work *block,
                             cli_machine *machine);

/* The machine as a file holds it. The caller owns the reference; NULL without memory. local */
json_t *cli_machine_json(const dnmf_machine *machine);

/* Everything the report needs. */
typedef struct cli_plan {
  const char *input; /* NULL: sizes were given */
  dnmf_job job;
  int64_t groups; /* of processes, each of which the plans are of one; 0 and 1: there are none */
  cli_machine machine;
  int64_t count;
  dnmf_cost *costs; /* owned; count of them */
  double alone;     /* seconds of an iteration of one process */
  int64_t program;  /* bytes this program takes before it has any data */
} cli_plan;

/* The table, and with --json the object. local */
void cli_plan_print(cli_session *session, const cli_plan *plan);

#endif
