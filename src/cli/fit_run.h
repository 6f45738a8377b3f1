/*
 * The phases of a fit: open, plan, read, start, iterate, write. Each ends with all processes agreeing.
 */
#ifndef DNMF_CLI_FIT_RUN_H
#define DNMF_CLI_FIT_RUN_H

#include "load.h"

#include "dnmf/fit.h"

/* The command line of `fit`. */
typedef struct cli_fit_options {
  cli_common common;
  cli_input input;
  const char *output;
  int64_t components;
  int missing; /* 0: as the input has it, else dnmf_missing + 1 */
  int solver;
  const char *init;
  int64_t seed;
  int64_t max_iterations;
  double tolerance;
  int stop; /* 0: by solver, else dnmf_stop + 1 */
  double time_limit;
  dnmf_penalties penalties;
  int penalty_scale;
  const char *grid;
  int precision;
} cli_fit_options;

/* Seconds of the phases; the slowest process's. */
typedef struct cli_fit_seconds {
  double read;
  double init;
  double iterate;
  double write;
  double total;
} cli_fit_seconds;

typedef struct cli_fit_run {
  const char *input;
  dnmf_source source;
  cli_matrix a;
  dnmf_missing missing;
  dnmf_fit_options plan;
  dnmf_factor w;
  dnmf_factor h;
  dnmf_fit_result result;
  cli_fit_seconds seconds;
} cli_fit_run;

/* Runs all phases; the model is on disk when it returns DNMF_OK. collective */
dnmf_status cli_fit_execute(cli_session *session, const cli_fit_options *options, cli_fit_run *fit);

void cli_fit_free(cli_fit_run *fit); /* collective */

#endif
