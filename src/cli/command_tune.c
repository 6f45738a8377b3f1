/* dnmf tune: choose the number of components, and of ratings penalty and biases, inside one job. */
#include "commands.h"
#include "load.h"
#include "tune.h"

#include <math.h>
#include <string.h>

static const cli_tune_options defaults = {.fit = {.fit = {.missing = "auto",
                                                          .loss = "frobenius",
                                                          .init = "random",
                                                          .precision = "double",
                                                          .l2_w = -1,
                                                          .l2_h = -1,
                                                          .tol = -1,
                                                          .sweeps = -1,
                                                          .max_iter = -1,
                                                          .zeros = {.grid = "auto"}}},
                                          .metric = "rmse",
                                          .relevant = NAN,
                                          .samples = 20,
                                          .patience = 10,
                                          .l2_bias = -1,
                                          .init_scale = 0.05,
                                          .epsilon = -1,
                                          .like = -1,
                                          .restarts = 10,
                                          .perturb = "none",
                                          .cluster = "w",
                                          .holdout = 0.05,
                                          .criterion = "both"};

static const char *const search_choices[] = {"grid", "random", NULL};
static const char *const missing_choices[] = {"auto", "zero", "unobserved", "weak", NULL};
static const char *const confidence_choices[] = {"one", "linear", "log", NULL};
static const char *const shrink_choices[] = {"auto", "zero", "mean", "level", NULL};
static const char *const precision_choices[] = {"double", "single", NULL};
static const char *const criterion_choices[] = {"both", "heldout", "stability", NULL};
static const char *const cluster_choices[] = {"w", "h", NULL};
static const char *const resume_words[] = {"auto", NULL};

#define TUNE(member) offsetof(cli_tune_options, member)
static const cli_option options_table[] = {
    {"components", 'k', CLI_TEXT, TUNE(lists.components), "K,K,...",
     "components to try: numbers, or ranges like 2:20 or 2:20:2 (default: ratings 10,20,40; "
     "zeros 2:20)",
     0, 0, NULL},
    {"missing", 0, CLI_WORD, TUNE(fit.fit.missing), "M",
     "what is not stored, as for fit: auto (default: as the file says), zero, unobserved, weak", 0, 0, missing_choices},
    {"folds", 0, CLI_INT, TUNE(folds), "V",
     "ratings: parts of the entries, each held out once; zeros: shares of --holdout, held out "
     "one after another (default 5)",
     1, 1000, NULL},
    {"groups", 0, CLI_INT, TUNE(groups), "N",
     "groups of processes, a fit each at a time (default: one a process; zeros: where the "
     "matrix takes at most 64 MiB and no --grid is given, else 1)",
     1, 1e6, NULL},
    {"output", 'o', CLI_OUTPUT_HDF5, TUNE(output), "MODEL.h5",
     "ratings: refit the best on all entries; zeros: the consensus of the restarts with the "
     "number of components suggested",
     0, 0, NULL},
};
static const cli_option zeros_table[] = {
    {"restarts", 0, CLI_INT, TUNE(restarts), "R", "fits of each k, from seed, seed + 1, ... (default 10)", 1, 1e5,
     NULL},
    {"perturb", 0, CLI_TEXT, TUNE(perturb), "P",
     "what each is fitted to: none (default), the matrix itself; a number X, each stored value "
     "times a number in 1 -+ X; poisson, each drawn from a Poisson distribution",
     0, 0, NULL},
    {"cluster", 0, CLI_WORD, TUNE(cluster), "F",
     "the factor whose components are compared: w (default; components over the rows) or h", 0, 0, cluster_choices},
    {"holdout", 0, CLI_REAL, TUNE(holdout), "S",
     "share of all cells, zeros too, that is held out (default 0.05; 0: none)", 0, 1, NULL},
    {"criterion", 0, CLI_WORD, TUNE(criterion), "C", "what suggests a k: heldout, stability or both (default)", 0, 0,
     criterion_choices},
    {"checkpoint", 0, CLI_OUTPUT_HDF5, TUNE(checkpoint), "FILE.h5",
     "keep what is done after every k; with it SIGTERM, SIGINT and SIGUSR1 end the job with "
     "exit status 75",
     0, 0, NULL},
    {"resume", 0, CLI_INPUT_FILE, TUNE(resume), "FILE.h5",
     "take what is done from such a file, with the same options; auto: from that of "
     "--checkpoint, or anew where there is none",
     0, 0, resume_words},
};
static const cli_option ratings_table[] = {
    {"l2", 0, CLI_TEXT, TUNE(lists.l2), "X,X,...", "L2 weights to try (default: those of fit alone; zeros: one)", 0, 0,
     NULL},
    {"bias", 0, CLI_TEXT, TUNE(lists.bias), "B,B", "biases to try: both, none (default both)", 0, 0, NULL},
    {"penalty-scale", 0, CLI_TEXT, TUNE(lists.scale), "S,S,...",
     "sqrt-count (default), count, raw, or exponents from 0 to 1; zeros: raw or dimension", 0, 0, NULL},
    {"implicit-terms", 0, CLI_TEXT, TUNE(lists.terms), "T,T,...",
     "implicit terms to try: none (default), rows, cols, both; see fit", 0, 0, NULL},
    {"l2-terms", 0, CLI_TEXT, TUNE(lists.l2_terms), "X,X,...", "weights of implicit terms to try (default 100)", 0, 0,
     NULL},
    {"search", 0, CLI_CHOICE, TUNE(search), "S",
     "grid (default): every combination; random: --samples draws, l2 log-uniform "
     "between the smallest and the largest given",
     0, 0, search_choices},
    {"samples", 0, CLI_INT, TUNE(samples), "N", "random draws (default 20)", 1, CLI_TUNE_MOST_CANDIDATES, NULL},
    {"metric", 0, CLI_TEXT, TUNE(metric), "M",
     "rmse (default), or of lists of N columns that a row does not have: ndcg@N, recall@N, "
     "precision@N, hit_rate@N, map@N, mrr@N; see evaluate",
     0, 0, NULL},
    {"relevant", 0, CLI_REAL, TUNE(relevant), "X",
     "with a list metric: held-out entries of X or more are relevant (default: their mean, of "
     "strengths --like)",
     -INFINITY, INFINITY, NULL},
    {"patience", 0, CLI_INT, TUNE(patience), "N", "iterations without improvement that end a fit (default 10)", 1, 1e6,
     NULL},
    {"shrink-to", 0, CLI_CHOICE, TUNE(shrink_to), "T",
     "what L2 pulls factor rows towards, as for fit: level, mean or zero; auto (default)", 0, 0, shrink_choices},
    {"l2-bias", 0, CLI_REAL, TUNE(l2_bias), "N", "weight of biases, as for fit", 0, INFINITY, NULL},
    {"init-scale", 0, CLI_REAL, TUNE(init_scale), "X", "scale of the random start (default 0.05)", 1e-6, 1e3, NULL},
};
static const cli_option weak_table[] = {
    {"implicit", 0, CLI_FLAG, TUNE(fit.fit.weak.implicit), NULL, "fits --implicit: strengths beside weak zeros", 0, 0,
     NULL},
    {"missing-weight", 0, CLI_TEXT, TUNE(lists.weight), "W,W,...", "weights of what is not stored to try", 0, 0, NULL},
    {"confidence", 0, CLI_CHOICE, TUNE(confidence), "C", "one, linear or log, as fit has it", 0, 0, confidence_choices},
    {"alpha", 0, CLI_TEXT, TUNE(lists.alpha), "A,A,...", "alphas of confidences to try", 0, 0, NULL},
    {"epsilon", 0, CLI_REAL, TUNE(epsilon), "E", "of --confidence log, as fit has it", 0, INFINITY, NULL},
    {"like", 0, CLI_REAL, TUNE(like), "X", "entries below X are no sign of liking, as fit has it", 0, INFINITY, NULL},
};
static const cli_option fits_table[] = {
    {"seed", 0, CLI_INT, TUNE(fit.fit.seed), "N", "seed of starts and of what is held out (default 0)", 0, 9.2e18,
     NULL},
    {"max-iter", 0, CLI_INT, TUNE(fit.fit.max_iter), "N",
     "most iterations of a fit (default: ratings 60, with --implicit 100; zeros 200)", 1, 1e6, NULL},
    {"sweeps", 0, CLI_INT, TUNE(fit.fit.sweeps), "N", "coordinate sweeps over a row's components (default 1)", 1, 1000,
     NULL},
    {"precision", 0, CLI_WORD, TUNE(fit.fit.precision), "P", "double (default) or single", 0, 0, precision_choices},
};

/* The file says what it is, and a pipe that it can be read once. With `unobserved` it is a file of ratings, or a dense
 * matrix with cells without a value: which, only its cells say. */
static dnmf_status tune_as_file_says(cli_session *session, const cli_tune_options *options, const char *input,
                                     bool unobserved) {
  dnmf_context *context = session->context;
  dnmf_source source;
  dnmf_source_options reading = cli_source_options(&options->fit.input);
  memset(&source, 0, sizeof source);
  reading.missing_given = unobserved;
  reading.missing = DNMF_MISSING_UNOBSERVED;
  if (options->output) /* before the pipe is opened */
    DNMF_TRY(cli_refuse_pipe(session, input, "-o fits the best to all entries again"));
  if (context->size > 1 && options->groups != 1)
    DNMF_TRY(cli_refuse_pipe(session, input, "each group of processes reads the input (--groups 1: one does)"));
  dnmf_status status = dnmf_source_open(context, input, &reading, &source);
  const bool partial = source.has_missing && !cli_is_given(session->given, "bias");
  const bool ratings = (unobserved || source.missing == DNMF_MISSING_UNOBSERVED) && !partial;
  const int64_t largest = source.rows > source.cols ? source.rows : source.cols;
  if (status == DNMF_OK && ratings && (context->size == 1 || options->groups == 1)) {
    status = cli_tune_ratings(session, options, input, &source); /* which is open */
  } else {
    dnmf_source_close(&source);
    if (status == DNMF_OK && !ratings)
      status = cli_refuse_pipe(session, input,
                               partial ? "that cells have no value was to be found in it"
                                       : "what is not stored was to be found in it (--missing zero says so)");
    if (status == DNMF_OK)
      status = ratings ? cli_tune_ratings(session, options, input, NULL)
                       : cli_tune_zeros(session, options, input, largest, partial);
  }
  dnmf_source_close(&source);
  return status;
}

/* The default -k ends with what the matrix has, which a pipe does not tell before it is read. */
static dnmf_status tune_as_zeros(cli_session *session, const cli_tune_options *options, const char *input) {
  const dnmf_source_options reading = cli_source_options(&options->fit.input);
  dnmf_source source;
  bool pipe = false;
  memset(&source, 0, sizeof source);
  DNMF_TRY(cli_is_pipe(session, input, &pipe));
  if (!pipe && !options->lists.components)
    DNMF_TRY(dnmf_source_open(session->context, input, &reading, &source));
  const int64_t largest = source.rows > source.cols ? source.rows : source.cols;
  dnmf_source_close(&source);
  return cli_tune_zeros(session, options, input, largest, false);
}

static dnmf_status run_tune(cli_session *session, const void *given, char **arguments, int argument_count) {
  const cli_tune_options *options = given;
  (void)argument_count;
  const bool unobserved = strcmp(options->fit.fit.missing, "unobserved") == 0;
  if (cli_tune_is_weak(options) || (unobserved && cli_is_given(session->given, "bias")))
    return cli_tune_ratings(session, options, arguments[0], NULL);
  if (strcmp(options->fit.fit.missing, "zero") == 0)
    return tune_as_zeros(session, options, arguments[0]);
  return tune_as_file_says(session, options, arguments[0], unobserved);
}

static const cli_group groups[] = {
    {"search:", options_table, sizeof options_table / sizeof *options_table, 0},
    {"matrices with zeros:", zeros_table, sizeof zeros_table / sizeof *zeros_table, 0},
    {"ratings:", ratings_table, sizeof ratings_table / sizeof *ratings_table, 0},
    {"weak zeros (by a --metric of lists, default ndcg@10):", weak_table, sizeof weak_table / sizeof *weak_table, 0},
    {"fits:", fits_table, sizeof fits_table / sizeof *fits_table, 0},
    {"reading input:", cli_input_options, CLI_INPUT_OPTIONS, offsetof(cli_tune_options, fit.input)},
    CLI_SELECT_GROUP(cli_tune_options, fit.input),
    {"common:", cli_common_options, CLI_COMMON_OPTIONS, offsetof(cli_tune_options, fit.common)},
};

static const char *const borrowed_names[] = {"loss", "solver", "l1-w", "l1-h", "l2-w", "l2-h",
                                             "init", "tol",    "stop", "grid", NULL};
static const cli_borrowed borrowed = {"fits of matrices with zeros, as in fit:", &cli_fit, borrowed_names};

const cli_command cli_tune = {
    .name = "tune",
    .summary = "choose components for any matrix; of ratings penalty and biases, too",
    .usage = "INPUT [-k K,K,...] [OPTIONS]",
    .details =
        "Matrices with zeros: every k is fitted from several starts, and again with a share of all cells held out,\n"
        "a fold after another. Told are of each k the relative error (the least of the starts, and the median), the\n"
        "error on held-out cells, and how alike the starts' components are: they are matched one to one into k\n"
        "clusters by cosine, of which the silhouettes are told, smallest and mean; the cophenetic correlation of the\n"
        "consensus matrix; and the share of components that are far from all others. A k is suggested by\n"
        "  heldout    the smallest k whose error on held-out cells is within one standard error of the least\n"
        "  stability  the largest k whose components are all stable: a smallest silhouette of 0.75 or more\n"
        "each of which goes on to fewer components as long as the last one adds less than 0.35 of what the one before\n"
        "it added to the sum of squares that is explained, on held-out cells or by the fit;\n"
        "  both       the smaller of the two\n"
        "-o writes the consensus: the medians of the clusters without outliers, the other factor fitted to them.\n"
        "A dense matrix with cells without a value (--missing unobserved) is searched likewise, as fit fits it: these\n"
        "cells are left out, zeros count, and every error is one of the cells that have a value. With --bias it is\n"
        "taken for ratings.\n\n"
        "  dnmf tune counts.h5 -k 2:20 --restarts 20 --loss kullback-leibler\n"
        "  mpirun -n 8 dnmf tune faces.h5 -k 5:50:5 --checkpoint part.h5 --resume auto -o consensus.h5\n\n"
        "Ratings: every combination is fitted once a fold, several side by side on different processes. The number\n"
        "of iterations is chosen too: where the held-out RMSE over all folds is lowest. With --metric ndcg@10 or the\n"
        "like, the best is the candidate whose lists are best: each fold's fit, at its own lowest RMSE, ranks\n"
        "all columns that a row does not have in the other folds, as evaluate --seen does. With --implicit, and\n"
        "--missing weak, lists are those at the end of a fit.\n\n"
        "  mpirun -n 4 dnmf tune ratings.h5 -k 10,20,40 --l2 0.8,1.1 --folds 5\n"
        "  dnmf tune ratings.csv -k 32,64 --l2 0.3,3 --search random --samples 30 -o best.h5\n"
        "  dnmf tune ratings.csv -k 10,20,40 --bias both,none --metric ndcg@10 --relevant 4 -o best.h5\n"
        "  dnmf tune plays.csv --implicit -k 32,64,128 --alpha 8,16,32 --l2 0.8,1.1,1.5 -o best.h5",
    .min_arguments = 1,
    .max_arguments = 1,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .borrowed = &borrowed,
    .options_size = sizeof(cli_tune_options),
    .defaults = &defaults,
    .run = run_tune,
};
