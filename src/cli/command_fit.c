/*
 * dnmf fit: factorize a matrix and write the model.
 */
#include "commands.h"
#include "fit_report.h"
#include "fit_run.h"

#include <float.h>
#include <math.h>

static const cli_fit_options defaults = {.solver = DNMF_SOLVER_HALS,
                                         .max_iterations = 200,
                                         .tolerance = 1e-4,
                                         .time_limit = INFINITY,
                                         .init = "random",
                                         .grid = "auto"};

static const char *const missing_choices[] = {"auto", "zero", "unobserved", NULL};
static const char *const solver_choices[] = {"hals", "mu", "bpp", NULL};
static const char *const stop_choices[] = {"auto", "gradient", "objective", NULL};
static const char *const scale_choices[] = {"raw", "dimension", NULL};
static const char *const precision_choices[] = {"double", "single", NULL};

#define FIT(member) offsetof(cli_fit_options, member)
static const cli_option model_table[] = {
    {"output", 'o', CLI_TEXT, FIT(output), "MODEL.h5", "the model file to write (required)", 0, 0, NULL},
    {"components", 'k', CLI_INT, FIT(components), "K", "inner dimension: latent factors (required)", 1, 1e6, NULL},
    {"missing", 0, CLI_CHOICE, FIT(missing), "M", "what is not stored: auto (as the file says), zero, unobserved", 0, 0,
     missing_choices},
    {"l1-w", 0, CLI_REAL, FIT(penalties.l1_w), "X", "weight of the sum of W (default 0)", 0, INFINITY, NULL},
    {"l1-h", 0, CLI_REAL, FIT(penalties.l1_h), "X", "weight of the sum of H (default 0)", 0, INFINITY, NULL},
    {"l2-w", 0, CLI_REAL, FIT(penalties.l2_w), "X", "weight of half the squared norm of W (default 0)", 0, INFINITY,
     NULL},
    {"l2-h", 0, CLI_REAL, FIT(penalties.l2_h), "X", "weight of half the squared norm of H (default 0)", 0, INFINITY,
     NULL},
    {"penalty-scale", 0, CLI_CHOICE, FIT(penalty_scale), "S",
     "raw (default), or dimension: W's times the columns, H's times the rows", 0, 0, scale_choices},
};
static const cli_option run_table[] = {
    {"solver", 0, CLI_CHOICE, FIT(solver), "S", "hals (default), mu or bpp", 0, 0, solver_choices},
    {"init", 0, CLI_TEXT, FIT(init), "I", "random (default), or file:MODEL.h5 to start from a model", 0, 0, NULL},
    {"seed", 0, CLI_INT, FIT(seed), "N", "seed of the start (default 0); the same start on any grid", 0, 9.2e18, NULL},
    {"max-iter", 0, CLI_INT, FIT(max_iterations), "N", "most iterations (default 200; 0 keeps the start)", 0, 1e9,
     NULL},
    {"tol", 0, CLI_REAL, FIT(tolerance), "X", "tolerance of the stopping rule (default 1e-4; 0: never)", 0, 1, NULL},
    {"stop", 0, CLI_CHOICE, FIT(stop), "R",
     "gradient: projected gradient below tol of the first; objective: progress of 10\n"
     "                               iterations below tol of the start; auto (default): objective for mu",
     0, 0, stop_choices},
    {"time-limit", 0, CLI_REAL, FIT(time_limit), "S", "stop after S seconds of iterating (default: none)", 0, INFINITY,
     NULL},
    {"grid", 0, CLI_TEXT, FIT(grid), "RxC", "process grid: auto (default, fewest words sent) or e.g. 4x2", 0, 0, NULL},
    {"precision", 0, CLI_CHOICE, FIT(precision), "P", "double (default) or single", 0, 0, precision_choices},
};

static dnmf_status check_options(dnmf_error *error, const cli_fit_options *options) {
  if (!options->output)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf fit: name the model file to write with -o MODEL.h5");
  if (options->components == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf fit: say how many components with -k K, e.g. -k 20");
  return DNMF_OK;
}

static dnmf_status run(cli_session *session, const void *given, char **arguments, int argument_count) {
  const cli_fit_options *options = given;
  (void)argument_count;
  DNMF_TRY(check_options(&session->context->error, options));
  cli_fit_run fit = {.input = arguments[0]};
  dnmf_status status = cli_fit_execute(session, options, &fit);
  if (status == DNMF_OK)
    status = cli_fit_print(session, options, &fit);
  cli_fit_free(&fit);
  return status;
}

static const cli_group groups[] = {
    {"model:", model_table, sizeof model_table / sizeof *model_table, 0},
    {"run:", run_table, sizeof run_table / sizeof *run_table, 0},
    {"reading text:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(cli_fit_options, input)},
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(cli_fit_options, common)},
};

const cli_command cli_fit = {
    .name = "fit",
    .summary = "factorize a matrix: A = W H with nonnegative factors",
    .usage = "INPUT -o MODEL.h5 -k K [OPTIONS]",
    .details = "INPUT is anything that import reads. W has a row a row of A, H a column a column of A.\n\n"
               "  dnmf fit ratings.h5 -o model.h5 -k 20 --missing zero\n"
               "  mpirun -n 8 dnmf fit counts.h5:/layers/raw -o model.h5 -k 50 --precision single\n"
               "  dnmf fit faces.h5 -o model.h5 -k 30 --solver bpp --seed 7 --json",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(cli_fit_options),
    .defaults = &defaults,
    .run = run,
};
