/*
 * dnmf fit: factorize a matrix and write the model.
 */
#include "commands.h"
#include "files.h"
#include "fit_report.h"
#include "fit_run.h"
#include "options_saved.h"

#include <math.h>
#include <stdlib.h>

/* What is not given, as dnmf_fit_settings_init has it; options of which the fit asks whether they were given, and the
 * value that they come to if they were not. */
#define UNGIVEN                                                                                                        \
  .l2 = -1, .l2_w = -1, .l2_h = -1, .l1_w = 0, .l1_h = 0, .loss = "frobenius", .init = "random", .seed = 0,            \
  .missing = "auto", .precision = "double", .penalty_scale = "auto", .time_limit = -1,                                 \
  .zeros = {.fix = "none", .grid = "auto", .restarts = 1, .groups = 1}, .files = {.checkpoint_every = "10min"}
static const cli_fit_options defaults = {
    .fit = {UNGIVEN, .max_iter = -1, .sweeps = -1, .tol = -1,
            .ratings = {.l2_bias = -1, .patience = -1, .init_scale = -1, .l2_terms = -1},
            .posterior = {.samples = -1, .chains = -1, .burn_in = -1, .thin = -1},
            .weak = {.weight = -1, .alpha = -1, .epsilon = -1, .like = -1},
            .batches = {.memory = -1, .batch_rows = -1, .forget = -1}}};
static const cli_fit_options meant = {
    .fit = {UNGIVEN, .max_iter = 200, .solver = "auto", .sweeps = 1, .tol = 1e-4, .stop = "auto",
            .ratings = {.bias = "auto",
                        .shrink_to = "auto",
                        .l2_bias = 3,
                        .patience = 10,
                        .init_scale = 0.05,
                        .implicit_terms = "none",
                        .l2_terms = 100},
            .posterior = {.samples = -1, .chains = 1, .burn_in = 50, .thin = -1, .keep = "samples"},
            .weak = {.weight = 1, .alpha = -1, .epsilon = -1, .like = -1},
            .batches = {.memory = -1, .batch_rows = -1, .forget = 0}}};

static const char *const missing_choices[] = {"auto", "zero", "unobserved", "weak", NULL};
static const char *const confidence_choices[] = {"one", "linear", "log", NULL};
static const char *const solver_choices[] = {"auto", "hals", "mu", "bpp", "newton", "ahals", NULL};
static const char *const stop_choices[] = {"auto", "gradient", "objective", "validation", NULL};
static const char *const shrink_choices[] = {"auto", "zero", "mean", "level", NULL};
static const char *const bias_choices[] = {"auto", "none", "both", "row", "col", NULL};
static const char *const terms_choices[] = {"none", "rows", "cols", "both", NULL};
static const char *const keep_choices[] = {"samples", "mean", NULL};
static const char *const fix_choices[] = {"none", "w", "h", NULL};
static const char *const init_words[] = {"random", "nndsvd", "nndsvda", "nndsvdar", NULL};
static const char *const resume_words[] = {"auto", NULL};
static const char *const precision_choices[] = {"double", "single", NULL};

#define FIT(member) offsetof(cli_fit_options, fit.member)
static const cli_option model_table[] = {
    {"output", 'o', CLI_OUTPUT_HDF5, FIT(files.output), "MODEL.h5", "the model file to write (required)", 0, 0, NULL},
    {"components", 'k', CLI_INT, FIT(components), "K", "inner dimension: latent factors (required)", 1, 1e6, NULL},
    {"missing", 0, CLI_WORD, FIT(missing), "M",
     "what is not stored: auto (as the file says), zero, unobserved, or weak (zeros that count "
     "--missing-weight); of a dense matrix with NaN, NA or blanks, unobserved leaves out these cells alone: a fit with "
     "zeros, unless settings of ratings are given",
     0, 0, missing_choices},
    {"loss", 0, CLI_TEXT, FIT(loss), "L",
     "frobenius (default), kullback-leibler; of fits with zeros also itakura-saito or the beta "
     "of a beta-divergence, e.g. 0.5; all but frobenius by --solver mu, "
     "kullback-leibler with zeros also by newton",
     0, 0, NULL},
    {"l1-w", 0, CLI_REAL, FIT(l1_w), "X", "weight of the sum of W (default 0)", 0, INFINITY, NULL},
    {"l1-h", 0, CLI_REAL, FIT(l1_h), "X", "weight of the sum of H (default 0)", 0, INFINITY, NULL},
    {"l2", 0, CLI_REAL, FIT(l2), "X",
     "weight of half the squared norms of W and H (default 0; ratings: 1.15 of their "
     "standard deviation; 0.12 by count, 12 raw; 1.26 times that with --implicit-terms; with --implicit 1.1)",
     0, INFINITY, NULL},
    {"l2-w", 0, CLI_REAL, FIT(l2_w), "X", "... of W alone", 0, INFINITY, NULL},
    {"l2-h", 0, CLI_REAL, FIT(l2_h), "X", "... of H alone", 0, INFINITY, NULL},
    {"penalty-scale", 0, CLI_TEXT, FIT(penalty_scale), "S",
     "raw; dimension (W's times the columns, H's times the rows); ratings: count or "
     "sqrt-count (a row's l2 times its number of ratings, or the root of it), or a "
     "number from 0 to 1, the exponent of that number, in which weak zeros count with "
     "their weight; auto: raw, or sqrt-count",
     0, 0, NULL},
};
static const cli_option ratings_table[] = {
    {"bias", 0, CLI_WORD, FIT(ratings.bias), "B", "fit biases: none, both, row, col; auto (default): both, none for mu",
     0, 0, bias_choices},
    {"shrink-to", 0, CLI_WORD, FIT(ratings.shrink_to), "T",
     "what L2 pulls a factor's rows towards: zero; mean, their mean row; level, a constant "
     "row, the product being of deviations from it, and biases towards what is "
     "usual for their count; auto (default): level, mean without biases, zero for mu",
     0, 0, shrink_choices},
    {"l2-bias", 0, CLI_REAL, FIT(ratings.l2_bias), "N",
     "shrink a bias as N ratings of its mean would (default 5); with --shrink-to level N times "
     "the root of its count for columns, 0.25 of that for rows (default 3)",
     0, INFINITY, NULL},
    {"implicit-terms", 0, CLI_WORD, FIT(ratings.implicit_terms), "T",
     "which columns a row has rated is itself evidence of what it is like, which rows a column "
     "likewise: rows, cols, both or none (default); with --shrink-to level",
     0, 0, terms_choices},
    {"l2-terms", 0, CLI_REAL, FIT(ratings.l2_terms), "N",
     "weight of the squares of implicit terms, in multiples of l2; a fifth of it for columns' "
     "(default 100)",
     0, INFINITY, NULL},
    {"validation", 0, CLI_INPUT_FILE, FIT(ratings.validation), "F|FILE",
     "hold out this fraction, or the ratings of FILE (matched by ids); stop when their RMSE "
     "stops improving, keep the best model. With zeros: a fraction of all cells, which "
     "only measure the fit unless --stop is validation",
     0, 0, NULL},
    {"patience", 0, CLI_INT, FIT(ratings.patience), "N", "iterations without improvement before stopping (default 10)",
     1, 1e9, NULL},
    {"sweeps", 0, CLI_INT, FIT(sweeps), "N",
     "coordinate sweeps over a row's components, or steps of newton (default 1; mini-batches 3)", 1, 1000, NULL},
    {"init-scale", 0, CLI_REAL, FIT(ratings.init_scale), "X", "scale of the random start (default 0.05)", 1e-6, 1e3,
     NULL},
};
static const cli_option posterior_table[] = {
    {"samples", 0, CLI_INT, FIT(posterior.samples), "N",
     "after the fit, N sweeps of a Gibbs chain from it: the model is the average over its "
     "draws, K components each, which predicts better, and tells how sure it is",
     1, 1e6, NULL},
    {"chains", 0, CLI_INT, FIT(posterior.chains), "N",
     "N chains of --samples sweeps each, with random numbers of their own (default 1): the model is the average over "
     "all, and split R-hat and effective samples compare them; with more processes side by side, with the same model",
     1, 100, NULL},
    {"burn-in", 0, CLI_INT, FIT(posterior.burn_in), "N", "sweeps of a chain before its draws count (default 50)", 0,
     1e6, NULL},
    {"thin", 0, CLI_INT, FIT(posterior.thin), "N",
     "keep every N-th draw of a chain (default: as little as keeps at most 100 draws of all chains)", 1, 1e6, NULL},
    {"keep", 0, CLI_WORD, FIT(posterior.keep), "W",
     "samples (default): all draws kept; mean: their mean W and H, K components to look at, "
     "which predict worse and tell no deviation",
     0, 0, keep_choices},
};
static const cli_option weak_table[] = {
    {"implicit", 0, CLI_FLAG, FIT(weak.implicit), NULL,
     "values are strengths, as of plays and clicks (lines of two columns count 1): what is "
     "stored is to be predicted as 1, what is not as a weak zero; repeated entries add "
     "up; defaults that make good lists",
     0, 0, NULL},
    {"missing-weight", 0, CLI_REAL, FIT(weak.weight), "W",
     "what an entry that is not stored counts, from 0 to 1 (default with --implicit 1)", 0, 1, NULL},
    {"confidence", 0, CLI_WORD, FIT(weak.confidence), "C",
     "with --implicit what a stored value v counts: one (1), linear (1 + alpha v) or log "
     "(1 + alpha log(1 + v / epsilon), default)",
     0, 0, confidence_choices},
    {"alpha", 0, CLI_REAL, FIT(weak.alpha), "A",
     "what strength adds to a confidence (default 16 by log, 6.5 over the values' mean when "
     "linear)",
     0, INFINITY, NULL},
    {"epsilon", 0, CLI_REAL, FIT(weak.epsilon), "E", "(default twice the mean)", 0, INFINITY, NULL},
    {"like", 0, CLI_REAL, FIT(weak.like), "X",
     "with --implicit: entries below X are known, but no sign of liking, and count as what is "
     "not stored; 0: all are (default: of values whose mean is above the middle of "
     "their range, as that of ratings is, the mean; else 0)",
     0, INFINITY, NULL},
};
static const cli_option stream_table[] = {
    {"memory", 0, CLI_SIZE, FIT(batches.memory), "SIZE",
     "most memory a process may take, e.g. 512MB or 4GiB: a matrix that does not fit is read "
     "in batches of rows, pass after pass (default: it is held whole)",
     1, 9.2e18, NULL},
    {"batch-rows", 0, CLI_INT, FIT(batches.batch_rows), "N",
     "rows of a batch, shared by all processes (default with --memory: a 16th of all rows, or "
     "what fits of it); makes batches also where the matrix would fit",
     1, 9.2e18, NULL},
    {"forget", 0, CLI_REAL, FIT(batches.forget), "F",
     "what earlier batches weigh after a pass, 0 to 1 (default 0: each counts as it was last, exactly; of losses other "
     "than frobenius, which cannot do that, 0.7); mu with F is scikit-learn's MiniBatchNMF",
     0, 1, NULL},
};
static const cli_option run_table[] = {
    {"solver", 0, CLI_WORD, FIT(solver), "S",
     "auto (default): the fastest to an error: with zeros ahals, newton for kullback-leibler and mu for other losses; "
     "hals where cells are held out, for ratings, in batches and with --sweeps; bpp with --fix. hals: coordinate "
     "descent; ahals: hals with as many sweeps as pay, or exact, and H extrapolated; bpp: exact least squares; mu; "
     "newton",
     0, 0, solver_choices},
    {"init", 0, CLI_INPUT_FILE, FIT(init), "I",
     "random (default); nndsvd, nndsvda, nndsvdar: singular vectors, zeros kept, mean, random; "
     "of ratings nndsvd only: for large ones, fewer iterations than from random; "
     "file:START.h5: a model, or any file with /W (rows x K), /H (K x columns) or both",
     0, 0, init_words},
    {"update", 0, CLI_INPUT_FILE, FIT(files.update), "MODEL.h5",
     "INPUT is a later state of this model's table, whole, with new rows and columns: the fit goes on from the model, "
     "whose rows and columns are found by their ids (without ids, by place), new ones from the mean row; with the "
     "model's options, but for those given anew",
     0, 0, NULL},
    {"fix", 0, CLI_WORD, FIT(zeros.fix), "F",
     "w or h: this factor stays as --init file: has it, the other is fitted; none (default)", 0, 0, fix_choices},
    {"seed", 0, CLI_INT, FIT(seed), "N", "seed of the start (default 0); the same start on any grid", 0, 9.2e18, NULL},
    {"restarts", 0, CLI_INT, FIT(zeros.restarts), "R",
     "with zeros: fit from R seeds, N, N + 1, ..., with A read once for as many as fit in "
     "memory, and keep the fit of the least objective (default 1)",
     1, 1e6, NULL},
    {"groups", 0, CLI_INT, FIT(zeros.groups), "N",
     "groups of processes that share the --restarts, each with the matrix on a --grid of its own: for a matrix that "
     "fits into the memory of a few processes (default 1)",
     1, 1e6, NULL},
    {"max-iter", 0, CLI_INT, FIT(max_iter), "N",
     "most iterations, or passes in batches (default 200, with --implicit 100; 0 keeps the "
     "start)",
     0, 1e9, NULL},
    {"tol", 0, CLI_REAL, FIT(tol), "X", "tolerance of the stopping rule (default 1e-4; 0: never)", 0, 1, NULL},
    {"stop", 0, CLI_WORD, FIT(stop), "R",
     "gradient: projected gradient below tol of the first; objective: progress of 10 "
     "iterations below tol of the start; auto (default): objective for mu "
     "and ratings; validation: with --validation",
     0, 0, stop_choices},
    {"time-limit", 0, CLI_TIME, FIT(time_limit), "T",
     "stop after this time of iterating in this job: 90 (seconds), 90s, 10min, 2h, 00:10:00 "
     "(default: none)",
     0, INFINITY, NULL},
    {"exact-residual", 0, CLI_FLAG, FIT(zeros.exact_residual), NULL,
     "at the end, sum |A - WH|^2 entry by entry: exact also where the fit is, for the "
     "time of two iterations on a dense matrix",
     0, 0, NULL},
    {"grid", 0, CLI_TEXT, FIT(zeros.grid), "RxC",
     "process grid: auto (default, shortest predicted iteration) or e.g. 4x2", 0, 0, NULL},
    {"precision", 0, CLI_WORD, FIT(precision), "P", "double (default) or single", 0, 0, precision_choices},
};
static const cli_option long_table[] = {
    {"checkpoint", 0, CLI_OUTPUT_HDF5, FIT(files.checkpoint), "FILE.h5",
     "save the fit while it iterates; with it SIGTERM, SIGINT, SIGUSR1 and --time-limit end the "
     "job after a last save, with exit status 75",
     0, 0, NULL},
    {"checkpoint-every", 0, CLI_TEXT, FIT(files.checkpoint_every), "N|T",
     "a number of iterations, or a time: 30s, 10min, 2h, 00:10:00 (default 10min)", 0, 0, NULL},
    {"resume", 0, CLI_INPUT_FILE, FIT(files.resume), "FILE.h5",
     "go on from a checkpoint, with its options, on any number of processes; auto: from that of "
     "--checkpoint, or anew where there is none",
     0, 0, resume_words},
};

static dnmf_status check_fit_options(dnmf_error *error, const cli_fit_options *options) {
  if (!options->fit.files.output)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf fit: name the model file to write with -o MODEL.h5");
  if (options->fit.components == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "dnmf fit: say how many components with -k K, e.g. -k 20");
  return DNMF_OK;
}

/* What was given, for a later job to take up from a checkpoint or a model. The caller frees *text. */
static dnmf_status save_options(dnmf_error *error, const cli_fit_options *options, const cli_given *given,
                                char **text) {
  json_t *saved = cli_options_save(&cli_fit, options, given, cli_job_options);
  *text = saved ? json_dumps(saved, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  json_decref(saved);
  return *text ? DNMF_OK : dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the options in a checkpoint");
}

static dnmf_status run_fit(cli_session *session, const char *name, const cli_fit_options *options,
                           const cli_given *given) {
  dnmf_context *context = session->context;
  char *saved = NULL;
  cli_fit_run fit = {.session = session};
  dnmf_status status = dnmf_agree(context, save_options(&context->error, options, given, &saved));
  if (status == DNMF_OK)
    status = cli_fit_execute(session, name, &options->input, &options->fit, saved, &fit);
  if (status == DNMF_OK)
    status = cli_fit_print(session, &fit.f);
  cli_fit_free(&fit);
  free(saved);
  return status;
}

static dnmf_status run_fit_command(cli_session *session, const void *given, char **arguments, int argument_count) {
  cli_fit_options options = *(const cli_fit_options *)given;
  cli_given named = *session->given;
  cli_resume resume = {.goes_on = false};
  (void)argument_count;
  dnmf_status status = cli_resume_begin(session, &cli_fit, &options, &named, &resume);
  if (status == DNMF_OK)
    status = cli_update_begin(session, &cli_fit, &options, &named, &resume);
  if (status == DNMF_OK)
    status = check_fit_options(&session->context->error, &options);
  if (status == DNMF_OK && resume.options) /* with the names that the checkpoint or the model holds */
    status = cli_files_check(session, &options);
  if (status == DNMF_OK)
    status = run_fit(session, arguments[0], &options, &named);
  cli_resume_free(&resume);
  return status;
}

static const cli_group groups[] = {
    {"model:", model_table, sizeof model_table / sizeof *model_table, 0},
    {"ratings (--missing unobserved):", ratings_table, sizeof ratings_table / sizeof *ratings_table, 0},
    {"averaging over the posterior (ratings):", posterior_table, sizeof posterior_table / sizeof *posterior_table, 0},
    {"weak zeros (--missing weak, --implicit):", weak_table, sizeof weak_table / sizeof *weak_table, 0},
    {"a matrix larger than memory (HDF5, zeros counted):", stream_table, sizeof stream_table / sizeof *stream_table, 0},
    {"run:", run_table, sizeof run_table / sizeof *run_table, 0},
    {"long jobs:", long_table, sizeof long_table / sizeof *long_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(cli_fit_options, input)},
    CLI_SELECT_GROUP(cli_fit_options, input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(cli_fit_options, common)},
};

const cli_command cli_fit = {
    .name = "fit",
    .summary = "factorize a matrix: A = W H with nonnegative factors",
    .usage = "INPUT -o MODEL.h5 -k K [OPTIONS]",
    .details =
        "INPUT is anything that import reads. W has a row a row of A, H a column a column of A.\n\n"
        "Ctrl-C ends a fit with the model of its last iteration, or with --checkpoint saves it; a second Ctrl-C\n"
        "ends it at once.\n\n"
        "  dnmf fit ratings.csv -o model.h5 -k 20\n"
        "  dnmf fit ratings.h5 -o model.h5 -k 64 --validation 0.05\n"
        "  dnmf fit plays.csv -o model.h5 -k 32 --implicit\n"
        "  dnmf fit counts.h5 -o model.h5 -k 12 --restarts 20\n"
        "  mpirun -n 8 dnmf fit counts.h5:/layers/raw -o model.h5 -k 50 --precision single\n"
        "  dnmf fit faces.h5 -o model.h5 -k 30 --solver bpp --seed 7 --json\n"
        "  dnmf fit large.h5 -o model.h5 -k 64 --checkpoint part.h5 --resume auto\n"
        "  dnmf fit today.csv -o today.h5 --update yesterday.h5",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .options_size = sizeof(cli_fit_options),
    .defaults = &defaults,
    .meant = &meant,
    .run = run_fit_command,
};
