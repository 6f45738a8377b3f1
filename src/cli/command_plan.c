/*
 * dnmf plan: grid, memory, traffic and time of a fit before it is run.
 */
#include "commands.h"
#include "load.h"
#include "plan.h"

#include "base/memory.h"
#include "fit/posterior_fit.h"
#include "fit/restarts.h"
#include "fit/settings.h"
#include "fit/solver_choice.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SOLVER_AUTO = 0 }; /* else one more than a dnmf_solver */
static const cli_plan_options defaults = {
    .processes = NULL, .grid = "auto", .loss = "frobenius", .solver = SOLVER_AUTO};

static const char *const missing_choices[] = {"auto", "zero", "unobserved", "weak", NULL};
enum { MISSING_UNOBSERVED = 2, MISSING_WEAK = 3 };
static const char *const solver_choices[] = {"auto", "hals", "mu", "bpp", "newton", "ahals", NULL};
static const char *const terms_choices[] = {"none", "rows", "cols", "both", NULL};
static const char *const precision_choices[] = {"double", "single", NULL};

#define PLAN(member) offsetof(cli_plan_options, member)
static const cli_option job_table[] = {
    {"rows", 0, CLI_INT, PLAN(rows), "M", "rows, instead of INPUT", 1, 1e15, NULL},
    {"cols", 0, CLI_INT, PLAN(cols), "N", "columns", 1, 1e15, NULL},
    {"nnz", 0, CLI_INT, PLAN(nnz), "N", "stored entries (default: all, a dense matrix)", 1, 1e18, NULL},
    {"components", 'k', CLI_INT, PLAN(components), "K", "inner dimension: latent factors (required)", 1, 1e6, NULL},
    {"validation", 0, CLI_REAL, PLAN(validation), "F", "a fit with zeros --validation F", 0, 1, NULL},
    {"restarts", 0, CLI_INT, PLAN(restarts), "R", "a fit --restarts R, as many side by side as pay", 1, 1e6, NULL},
    {"groups", 0, CLI_INT, PLAN(groups), "N", "... shared among N groups of processes: the plan of one of them", 1, 1e6,
     NULL},
    {"samples", 0, CLI_INT, PLAN(samples), "S", "a fit --samples S, which keeps at most 100 draws", 1, 1e6, NULL},
    {"chains", 0, CLI_INT, PLAN(chains), "N", "... --chains N, in as many groups of processes as pay", 1, 100, NULL},
    {"processes", 'n', CLI_TEXT, PLAN(processes), "N[,N...]", "numbers of processes (default: as many as answer)", 0, 0,
     NULL},
    {"grid", 0, CLI_TEXT, PLAN(grid), "G", "auto (default, as fit takes it), all shapes, or RxC", 0, 0, NULL},
    {"missing", 0, CLI_CHOICE, PLAN(missing), "M",
     "what is not stored: auto (as the file says, else zero), zero, unobserved, weak", 0, 0, missing_choices},
    {"implicit", 0, CLI_FLAG, PLAN(implicit), NULL, "a fit --implicit: weak zeros, and confidences", 0, 0, NULL},
    {"implicit-terms", 0, CLI_CHOICE, PLAN(terms), "T", "of ratings: rows, cols, both or none (default), as fit has it",
     0, 0, terms_choices},
    {"loss", 0, CLI_TEXT, PLAN(loss), "L",
     "frobenius (default), kullback-leibler, itakura-saito or a beta, as fit has it", 0, 0, NULL},
    {"solver", 0, CLI_CHOICE, PLAN(solver), "S", "auto (default, as fit takes it), hals, mu, bpp, newton or ahals", 0,
     0, solver_choices},
    {"precision", 0, CLI_CHOICE, PLAN(precision), "P", "double (default) or single", 0, 0, precision_choices},
};
static const cli_option machine_table[] = {
    {"measure", 0, CLI_FLAG, PLAN(measure), NULL,
     "measure this machine at this k: kernels, memory and, under mpirun, the network", 0, 0, NULL},
    {"save", 0, CLI_OUTPUT_FILE, PLAN(save), "FILE.json", "write the machine to FILE.json", 0, 0, NULL},
    {"machine", 0, CLI_INPUT_FILE, PLAN(machine), "FILE.json", "a machine that --save wrote", 0, 0, NULL},
    {"flops", 0, CLI_REAL, PLAN(flops), "F", "operations a second of a process, e.g. 20e9 (the default)", 1, 1e18,
     NULL},
    {"bandwidth", 0, CLI_REAL, PLAN(bandwidth), "B", "bytes a second it reads from memory (default 10e9)", 1, 1e18,
     NULL},
    {"latency", 0, CLI_REAL, PLAN(latency), "S", "seconds a message takes (default 2e-6)", 1e-12, 1e3, NULL},
    {"network", 0, CLI_REAL, PLAN(network), "B", "bytes a second between two processes (default 10e9)", 1, 1e18, NULL},
};

/* How the input is read: beside weak zeros, too, what is stored is observed. */
static int takes_as(const cli_plan_options *options) {
  return options->implicit || options->missing == MISSING_WEAK ? MISSING_UNOBSERVED : options->missing;
}

static dnmf_status check_plan_options(dnmf_error *error, const cli_plan_options *options, bool has_input) {
  if (options->components == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf plan: say how many components with -k K, e.g. -k 20");
  if (has_input && (options->rows > 0 || options->cols > 0 || options->nnz > 0))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf plan: give INPUT or --rows, --cols and --nnz, not both");
  if (!has_input && (options->rows == 0 || options->cols == 0))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf plan: name an INPUT, or give its sizes with --rows M --cols N");
  if (options->implicit && options->missing != 0 && options->missing != MISSING_WEAK)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--missing %s: with --implicit what is not stored is a weak zero (--missing weak)",
                     missing_choices[options->missing]);
  if (!has_input && takes_as(options) == MISSING_UNOBSERVED && options->nnz == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "dnmf plan: say how many entries are observed with --nnz N; --missing unobserved counts those");
  if ((double)options->nnz > (double)options->rows * (double)options->cols && !has_input)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--nnz %" PRId64 ": the matrix has only %.0f places", options->nnz,
                     (double)options->rows * (double)options->cols);
  return DNMF_OK;
}

/* The loss of a fit, and its solver where none is given. */
static dnmf_status settle_loss(cli_session *session, const cli_plan_options *options, dnmf_job *job) {
  dnmf_error *error = &session->context->error;
  const char *text = options->loss;
  if (!dnmf_loss_parse(text, &job->loss))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--loss %s: give frobenius, kullback-leibler, itakura-saito or a number, the beta of a "
                     "beta-divergence",
                     text);
  if (job->solver == DNMF_SOLVER_NEWTON && !dnmf_loss_is(job->loss, 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--solver newton needs --loss kullback-leibler");
  const dnmf_solver_case fit = {.loss = job->loss,
                                .observed = job->missing == DNMF_MISSING_UNOBSERVED || job->weak,
                                .takes_out = job->fills_out || options->validation > 0,
                                .longest = job->rows > job->cols ? job->rows : job->cols};
  if (options->solver == SOLVER_AUTO)
    job->solver = dnmf_choose_solver(&fit);
  if (job->solver == DNMF_SOLVER_AHALS && dnmf_refuse_ahals(&fit))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--solver ahals %s", dnmf_refuse_ahals(&fit));
  if (!job->loss.divergence)
    return DNMF_OK;
  if (job->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--loss %s: plans of observed entries know the squared error only", text);
  if (job->solver == DNMF_SOLVER_NEWTON && dnmf_loss_is(job->loss, 1))
    return DNMF_OK;
  if (job->solver != DNMF_SOLVER_MU)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--loss %s needs --solver mu; --solver %s minimizes the squared error",
                     text, dnmf_solver_name(job->solver));
  return DNMF_OK;
}

/* That a fit with --samples and --chains keeps. */
static int draws_of(const cli_plan_options *options) {
  const int chains = options->chains > 1 ? (int)options->chains : 1;
  return options->samples > 0 ? chains * ((int)options->samples / dnmf_posterior_thin((int)options->samples, chains))
                              : 0;
}

/* Sizes from the options or from the input, which is only opened. */
static dnmf_status make_job(cli_session *session, const cli_plan_options *options, cli_plan *plan) {
  dnmf_job *job = &plan->job;
  const int missing = takes_as(options);
  *job = (dnmf_job){.rows = options->rows,
                    .cols = options->cols,
                    .stored = options->nnz > 0 ? (double)options->nnz : (double)options->rows * (double)options->cols,
                    .sparse = options->nnz > 0,
                    .missing = missing ? (dnmf_missing)(missing - 1) : DNMF_MISSING_ZERO,
                    .weak = options->implicit || options->missing == MISSING_WEAK,
                    .confident = options->implicit,
                    .components = (int)options->components,
                    .restarts = options->restarts > 1 ? (int)options->restarts : 0,
                    .draws = draws_of(options),
                    .chains = (int)options->chains,
                    .solver = options->solver == SOLVER_AUTO ? DNMF_SOLVER_HALS : (dnmf_solver)(options->solver - 1),
                    .precision = (dnmf_precision)options->precision};
  if (plan->input) {
    dnmf_source source = {0};
    dnmf_status status = cli_open(session, plan->input, &options->input, (dnmf_data_missing)missing, &source);
    job->rows = source.rows;
    job->cols = source.cols;
    job->sparse = source.sparse;
    job->stored = source.sparse ? (double)source.stored : (double)source.rows * (double)source.cols;
    job->narrow = source.narrow;
    if (!missing)
      job->missing = source.missing;
    if (source.has_missing && !job->weak) { /* as fit takes such a matrix without settings of ratings */
      job->missing = DNMF_MISSING_ZERO;
      job->sparse = false;
      job->held_share = source.stored < 0 ? 0 : 1 - (double)source.stored / ((double)source.rows * (double)source.cols);
      job->stored = (double)source.rows * (double)source.cols;
      job->fills_out = true;
    }
    dnmf_source_close(&source);
    DNMF_TRY(status);
  }
  DNMF_TRY(settle_loss(session, options, job));
  if (job->restarts > 0 && job->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "--restarts has no use here: it is for --missing zero");
  if (options->groups > 1 && job->restarts == 0)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "--groups has no use here: it shares --restarts among groups of processes");
  if (options->validation > 0 && job->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "--validation has no use here: held-out ratings take what the others do");
  job->held_share += (1 - job->held_share) * options->validation;
  if (job->draws > 0 && (job->missing != DNMF_MISSING_UNOBSERVED || job->weak || job->solver == DNMF_SOLVER_MU))
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "--samples has no use here: it is for --missing unobserved, and not for mu");
  if (options->chains > 0 && job->draws == 0)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE, "--chains has no use here: it needs --samples");
  job->sparse = job->sparse || job->missing == DNMF_MISSING_UNOBSERVED;
  job->bias = job->solver != DNMF_SOLVER_MU && !job->weak;
  job->terms = dnmf_evidence_sides((dnmf_evidence_of)options->terms);
  job->row_terms = options->terms == DNMF_EVIDENCE_ROWS || options->terms == DNMF_EVIDENCE_BOTH;
  if (job->terms > 0 && (job->missing != DNMF_MISSING_UNOBSERVED || !job->bias))
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "--implicit-terms has no use here: it needs --missing unobserved, and biases");
  int64_t largest = job->rows > job->cols ? job->rows : job->cols;
  if (job->components > largest)
    return dnmf_fail(&session->context->error, DNMF_ERROR_USAGE,
                     "-k %d is larger than both dimensions (%" PRId64 " x %" PRId64 ")", job->components, job->rows,
                     job->cols);
  return DNMF_OK;
}

/* The next number of processes of the list at `*text`, which is moved past it and its comma. */
static dnmf_status next_count(dnmf_error *error, const char *list, const char **text, int *processes) {
  char *end = NULL;
  errno = 0;
  const long long count = strtoll(*text, &end, 10);
  const bool separated = *end == '\0' || (*end == ',' && end[1] != '\0');
  if (end == *text || !separated || errno != 0 || count < 1 || count > INT_MAX)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--processes %s: give whole numbers from 1 on, e.g. 64,256,1024", list);
  *processes = (int)count;
  *text = *end ? end + 1 : end;
  return DNMF_OK;
}

/* Groups of so many processes, of which none has no restart. */
static int groups_of(const cli_plan *plan, int processes) {
  const int64_t most = plan->job.restarts < processes ? plan->job.restarts : processes;
  return plan->groups <= 1 ? 1 : (int)(plan->groups < most ? plan->groups : most);
}

/* Of restarts, with as many side by side as pay on that grid, of those that a group has. */
static void cost_of(cli_session *session, const cli_plan *plan, int groups, int grid_rows, int grid_cols,
                    dnmf_cost *cost) {
  dnmf_job job = plan->job;
  if (job.restarts > 0)
    job.starts = dnmf_restarts_at_once(session->context, &plan->job, grid_rows, grid_cols,
                                       (int)((job.restarts + groups - 1) / groups), INFINITY);
  dnmf_cost_of(session->context, &job, &plan->machine.figures, grid_rows, grid_cols, cost);
}

static dnmf_status add_cost(cli_session *session, cli_plan *plan, int64_t *capacity, int groups, int grid_rows,
                            int grid_cols) {
  void *memory = plan->costs;
  DNMF_TRY(dnmf_grow(&session->context->error, "plans", plan->count + 1, sizeof *plan->costs, capacity, &memory));
  plan->costs = memory;
  cost_of(session, plan, groups, grid_rows, grid_cols, &plan->costs[plan->count++]);
  return DNMF_OK;
}

/* The grids asked for on so many processes, of groups on those of the smallest; observed entries have none. */
static dnmf_status add_grids(cli_session *session, const char *grid, int all, cli_plan *plan, int64_t *capacity) {
  const int groups = groups_of(plan, all);
  const int processes = all / groups;
  int rows = processes;
  int cols = 1;
  if (plan->job.missing == DNMF_MISSING_UNOBSERVED)
    return add_cost(session, plan, capacity, groups, rows, cols);
  if (strcmp(grid, "all") == 0) {
    for (rows = 1; rows <= processes; rows++)
      if (processes % rows == 0)
        DNMF_TRY(add_cost(session, plan, capacity, groups, rows, processes / rows));
    return DNMF_OK;
  }
  dnmf_cost_choose_grid(session->context, &plan->job, &plan->machine.figures, processes, &rows, &cols);
  if (strcmp(grid, "auto") != 0)
    DNMF_TRY(dnmf_grid_parse(&session->context->error, grid, processes, &rows, &cols));
  return add_cost(session, plan, capacity, groups, rows, cols);
}

static dnmf_status make_plans(cli_session *session, const cli_plan_options *options, const char *counts,
                              cli_plan *plan) {
  int64_t capacity = 0;
  dnmf_cost alone;
  plan->groups = options->groups;
  cost_of(session, plan, groups_of(plan, INT_MAX), 1, 1, &alone);
  plan->alone = alone.seconds.total;
  for (const char *text = counts; *text || text == counts;) {
    int processes = 0;
    DNMF_TRY(next_count(&session->context->error, counts, &text, &processes));
    DNMF_TRY(add_grids(session, options->grid, processes, plan, &capacity));
  }
  return DNMF_OK;
}

/* The share of the job that a process of the first planned number holds: what is measured. */
static dnmf_status first_block(cli_session *session, const cli_plan *plan, const char *counts,
                               dnmf_machine_work *block) {
  const dnmf_job *job = &plan->job;
  const dnmf_machine machine = dnmf_machine_assumed();
  int processes = 0;
  int rows = 1;
  int cols = 1;
  const char *text = counts;
  DNMF_TRY(next_count(&session->context->error, counts, &text, &processes));
  if (job->missing == DNMF_MISSING_UNOBSERVED)
    rows = processes;
  else
    dnmf_cost_choose_grid(session->context, job, &machine, processes, &rows, &cols);
  *block = dnmf_cost_work(job, rows, cols);
  return DNMF_OK;
}

static void warn_of_other_rates(cli_session *session, const cli_plan *plan) {
  const dnmf_machine *machine = &plan->machine.figures;
  if (machine->components == 0)
    return;
  if (machine->components != plan->job.components || machine->precision != plan->job.precision ||
      machine->threads != session->context->threads)
    dnmf_warn(session->context, "the machine was measured at k = %d, %s precision, %d threads, and is taken for this",
              machine->components, dnmf_precision_name(machine->precision), machine->threads);
}

static dnmf_status run_plan(cli_session *session, const void *given, char **arguments, int argument_count) {
  const cli_plan_options *options = given;
  dnmf_context *context = session->context;
  cli_plan plan = {.input = argument_count > 0 ? arguments[0] : NULL};
  dnmf_machine_work block = {0};
  char own_count[32];
  snprintf(own_count, sizeof own_count, "%d", context->size);
  const char *counts = options->processes ? options->processes : own_count;
  DNMF_TRY(check_plan_options(&context->error, options, plan.input != NULL));
  DNMF_TRY(cli_peak_memory(session, &plan.program));
  DNMF_TRY(make_job(session, options, &plan));
  DNMF_TRY(first_block(session, &plan, counts, &block));
  DNMF_TRY(cli_plan_machine(session, options, &block, &plan.machine));
  dnmf_status status = dnmf_agree(context, make_plans(session, options, counts, &plan));
  if (status == DNMF_OK) {
    warn_of_other_rates(session, &plan);
    cli_plan_print(session, &plan);
  }
  free(plan.costs);
  return status;
}

static const cli_group groups[] = {
    {"job:", job_table, sizeof job_table / sizeof *job_table, 0},
    {"machine:", machine_table, sizeof machine_table / sizeof *machine_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(cli_plan_options, input)},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(cli_plan_options, common)},
};

const cli_command cli_plan_command = {
    .name = "plan",
    .summary = "what a fit will cost on so many processes: grid, memory, traffic, time",
    .usage = "INPUT | --rows M --cols N [--nnz N] -k K [OPTIONS]",
    .details =
        "One process answers for any number. Memory, words and messages follow from the sizes; seconds also from\n"
        "the machine: its assumed, given or measured rates. INPUT is opened, not loaded.\n\n"
        "  dnmf plan --rows 1000000 --cols 20000 -k 50 -n 64,256,1024 --measure\n"
        "  dnmf plan ratings.h5 -k 64 -n 16,32 --precision single\n"
        "  mpirun -n 8 dnmf plan a.h5 -k 50 --measure --save machine.json\n"
        "  dnmf plan a.h5 -k 50 -n 512 --grid all --machine machine.json",
    .min_arguments = 0,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(cli_plan_options),
    .defaults = &defaults,
    .run = run_plan,
};
