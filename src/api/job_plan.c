#include "api/job_plan.h"

#include "api/job_batches.h"
#include "api/job_cells.h"
#include "api/job_ratings.h"
#include "api/job_restarts.h"
#include "api/library.h"
#include "api/setting_words.h"
#include "comm/node_memory.h"
#include "fit/solver_choice.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- Values ------------------------------------------------------------------------------------------------ */

typedef struct number_limits {
  const char *option;
  double value; /* negative: not given */
  double least;
  double most;
} number_limits;

/* Negative numbers stand for defaults; a NaN for nothing. */
static dnmf_status check_numbers(dnmf_error *error, const dnmf_fit_settings *s) {
  const number_limits numbers[] = {
      {"l1-w", s->l1_w, 0, INFINITY},
      {"l1-h", s->l1_h, 0, INFINITY},
      {"l2", s->l2, 0, INFINITY},
      {"l2-w", s->l2_w, 0, INFINITY},
      {"l2-h", s->l2_h, 0, INFINITY},
      {"l2-bias", s->ratings.l2_bias, 0, INFINITY},
      {"l2-terms", s->ratings.l2_terms, 0, INFINITY},
      {"sweeps", (double)s->sweeps, 1, 1000},
      {"max-iter", (double)s->max_iter, 0, 1e9},
      {"tol", s->tol, 0, 1},
      {"time-limit", s->time_limit, 0, INFINITY},
      {"patience", (double)s->ratings.patience, 1, 1e9},
      {"init-scale", s->ratings.init_scale, 1e-6, 1e3},
      {"missing-weight", s->weak.weight, 0, 1},
      {"alpha", s->weak.alpha, 0, INFINITY},
      {"epsilon", s->weak.epsilon, 0, INFINITY},
      {"like", s->weak.like, 0, INFINITY},
      {"samples", (double)s->posterior.samples, 1, 1e6},
      {"chains", (double)s->posterior.chains, 1, 100},
      {"burn-in", (double)s->posterior.burn_in, 0, 1e6},
      {"thin", (double)s->posterior.thin, 1, 1e6},
      {"memory", (double)s->batches.memory, 1, INFINITY},
      {"batch-rows", (double)s->batches.batch_rows, 1, INFINITY},
      {"forget", s->batches.forget, 0, 1},
      {"restarts", (double)s->zeros.restarts, 1, 1e6},
      {"groups", (double)s->zeros.groups, 1, 1e6},
  };
  if (s->components < 1 || s->components > 1000000)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--components %" PRId64 ": give a number from 1 to 1000000",
                     s->components);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const number_limits *n = &numbers[i];
    if (isnan(n->value) || (n->value >= 0 && (n->value < n->least || n->value > n->most)))
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s %g: give a number from %g to %g", n->option, n->value, n->least,
                       n->most);
  }
  return DNMF_OK;
}

static bool fitting_names_solver(const dnmf_fitting *f) {
  return f->asked.solver && strcmp(f->asked.solver, "auto") != 0;
}

/* Only multiplicative updates minimize every loss, and Newton's method Kullback-Leibler. */
static dnmf_status choose_loss(dnmf_error *error, dnmf_fitting *f) {
  static const char *const solvers[] = {"hals", "mu", "bpp", "newton", "ahals", NULL};
  const bool named = fitting_names_solver(f);
  const dnmf_fit_settings *s = &f->asked;
  int solver = DNMF_SOLVER_HALS;
  if (s->loss && !dnmf_loss_parse(s->loss, &f->settings.loss))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--loss %s: give frobenius, kullback-leibler, itakura-saito or a number, the beta of a "
                     "beta-divergence",
                     s->loss);
  if (named)
    DNMF_TRY(dnmf_choose(error, "--solver", s->solver, solvers, &solver));
  f->settings.solver = named ? (dnmf_solver)solver : f->settings.loss.divergence ? DNMF_SOLVER_MU : DNMF_SOLVER_HALS;
  if (f->settings.solver == DNMF_SOLVER_NEWTON && !dnmf_loss_is(f->settings.loss, 1))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--solver newton needs --loss kullback-leibler");
  if (f->settings.loss.divergence && f->settings.solver != DNMF_SOLVER_MU && f->settings.solver != DNMF_SOLVER_NEWTON)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--loss %s needs --solver mu%s; --solver %s minimizes the squared error",
                     s->loss, dnmf_loss_is(f->settings.loss, 1) ? " or newton" : "", s->solver);
  return DNMF_OK;
}

dnmf_status dnmf_fitting_check(dnmf_error *error, dnmf_fitting *f) {
  static const char *const missing[] = {"auto", "zero", "unobserved", "weak", NULL};
  static const char *const precisions[] = {"double", "single", NULL};
  const dnmf_fit_settings *s = &f->asked;
  int choice = 0;
  DNMF_TRY(check_numbers(error, s));
  DNMF_TRY(dnmf_choose(error, "--missing", s->missing, missing, &choice));
  if (s->weak.implicit && choice != 0 && choice != 3)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--missing %s: with --implicit what is not stored is a weak zero (--missing weak)", s->missing);
  f->weak = s->weak.implicit || choice == 3;
  f->taken_as = f->weak ? DNMF_AS_UNOBSERVED : (dnmf_data_missing)choice;
  DNMF_TRY(dnmf_choose(error, "--precision", s->precision, precisions, &choice));
  f->precision = (dnmf_precision)choice;
  f->components = (int)s->components;
  return choose_loss(error, f);
}

/* --- Starts ------------------------------------------------------------------------------------------------ */

static dnmf_status check_start_of_ratings(dnmf_error *error, const dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  if (f->start == DNMF_START_MEMORY)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "start_w and start_h are for fits with zeros");
  if (f->start == DNMF_START_SVD && f->start_fill != DNMF_SVD_FILL_ZERO)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--init %s: a fit of observed entries starts at random, from nndsvd or from file:MODEL.h5",
                     s->init);
  if (f->start == DNMF_START_SVD && f->settings.solver == DNMF_SOLVER_MU)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--init nndsvd has zeros, which --solver mu cannot change; take --init random");
  if (f->settings.fixed != DNMF_FIXED_NONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--fix needs --missing zero; for new rows of ratings with H fixed there is dnmf transform");
  return DNMF_OK;
}

/* What --init and --fix ask for, and whether this fit can start so. */
static dnmf_status plan_start(dnmf_error *error, dnmf_fitting *f) {
  static const char *const svd_starts[] = {
      [DNMF_SVD_FILL_ZERO] = "nndsvd", [DNMF_SVD_FILL_MEAN] = "nndsvda", [DNMF_SVD_FILL_RANDOM] = "nndsvdar"};
  static const char *const fixed[] = {"none", "w", "h", NULL};
  static const char prefix[] = "file:";
  const char *init = f->asked.init ? f->asked.init : "random";
  int fix = 0;
  f->init = init;
  DNMF_TRY(dnmf_choose(error, "--fix", f->asked.zeros.fix, fixed, &fix));
  f->settings.fixed = (dnmf_fixed)fix;
  if (strncmp(init, prefix, strlen(prefix)) == 0) {
    f->start = DNMF_START_FILE;
    f->start_file = init + strlen(prefix);
  }
  if (f->asked.start_w || f->asked.start_h) {
    if (f->asked.init)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "init \"%s\" has no use: start_w or start_h is given", init);
    f->start = DNMF_START_MEMORY;
    f->init = init = "memory";
  }
  if (f->asked.files.update) {
    if (f->start != DNMF_START_RANDOM || strcmp(init, "random") != 0 || f->settings.fixed != DNMF_FIXED_NONE)
      return dnmf_fail(error, DNMF_ERROR_USAGE,
                       "--update starts from the model, both factors are fitted; leave --%s out",
                       f->settings.fixed != DNMF_FIXED_NONE ? "fix" : "init");
    f->start = DNMF_START_FILE;
    f->start_file = f->asked.files.update;
    f->init = init = "update";
    f->updates = true;
  }
  for (int fill = 0; fill <= DNMF_SVD_FILL_RANDOM; fill++)
    if (strcmp(init, svd_starts[fill]) == 0) {
      f->start = DNMF_START_SVD;
      f->start_fill = (dnmf_svd_fill)fill;
    }
  if (f->start == DNMF_START_RANDOM && strcmp(init, "random") != 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--init %s: give random, nndsvd, nndsvda, nndsvdar or file:START.h5",
                     init);
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return check_start_of_ratings(error, f);
  if (f->settings.fixed != DNMF_FIXED_NONE && f->start < DNMF_START_FILE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--fix %s: give the factor that stays as it is with --init file:START.h5",
                     fixed[fix]);
  int64_t smaller = f->source.rows < f->source.cols ? f->source.rows : f->source.cols;
  if (f->start == DNMF_START_SVD && f->components > smaller)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--init %s: -k %d is larger than the smaller dimension of %s (%" PRId64 " x %" PRId64
                     "), which has no more singular vectors; use --init random",
                     init, f->components, f->source.name, f->source.rows, f->source.cols);
  return DNMF_OK;
}

/* --- What has no use --------------------------------------------------------------------------------------- */

/* A setting that is given, whether this fit uses it, and why not if it does not. */
typedef struct setting_use {
  const char *option;
  bool given;
  bool used;
  const char *why_not;
} setting_use;

static dnmf_status refuse_unused(dnmf_error *error, const setting_use *uses, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (uses[i].given && !uses[i].used)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s has no use here: %s", uses[i].option, uses[i].why_not);
  return DNMF_OK;
}

/* Settings that weak zeros alone have. */
static dnmf_status refuse_without_weak(dnmf_error *error, const dnmf_fitting *f) {
  static const char why_not[] = "it needs --missing weak or --implicit";
  const dnmf_fit_settings *s = &f->asked;
  const setting_use uses[] = {
      {"missing-weight", s->weak.weight >= 0, f->weak, why_not},
      {"confidence", s->weak.confidence != NULL, f->weak, why_not},
      {"alpha", s->weak.alpha >= 0, f->weak, why_not},
      {"epsilon", s->weak.epsilon >= 0, f->weak, why_not},
      {"like", s->weak.like >= 0, f->weak, why_not},
  };
  return refuse_unused(error, uses, sizeof uses / sizeof *uses);
}

/* Settings that a chain alone has. */
static dnmf_status refuse_without_chain(dnmf_error *error, const dnmf_fit_settings *s) {
  static const char why_not[] = "it needs --samples";
  const setting_use uses[] = {
      {"chains", s->posterior.chains >= 0, s->posterior.samples > 0, why_not},
      {"burn-in", s->posterior.burn_in >= 0, s->posterior.samples > 0, why_not},
      {"thin", s->posterior.thin >= 0, s->posterior.samples > 0, why_not},
      {"keep", s->posterior.keep != NULL, s->posterior.samples > 0, why_not},
  };
  return refuse_unused(error, uses, sizeof uses / sizeof *uses);
}

static dnmf_status refuse_with_zeros(dnmf_error *error, const dnmf_fitting *f) {
  static const char ratings[] =
      "it needs --missing unobserved, and this fit counts entries that are not stored as zeros";
  static const char sweeping[] = "only --solver hals sweeps, and newton takes as many steps";
  static const char exact[] = "--solver bpp is exact at once";
  const dnmf_fit_settings *s = &f->asked;
  static const char one_start[] = "the start is the same from every seed; it needs --init random or nndsvdar";
  static const char no_batches[] = "a matrix that is read in batches is fitted from one start";
  const bool in_batches = s->batches.memory >= 0 || s->batches.batch_rows >= 0;
  const bool by_validation = s->stop && strcmp(s->stop, "validation") == 0;
  const bool by_seed =
      f->start == DNMF_START_RANDOM || (f->start == DNMF_START_SVD && f->start_fill == DNMF_SVD_FILL_RANDOM);
  const setting_use uses[] = {
      {"restarts", s->zeros.restarts > 1, by_seed && !in_batches, in_batches ? no_batches : one_start},
      {"update", f->updates, !in_batches, "a matrix that is read in batches is fitted anew"},
      {"samples", s->posterior.samples >= 0, false, ratings},
      {"groups", s->zeros.groups > 1, s->zeros.restarts > 1, "it shares --restarts among groups of processes"},
      {"restarts", s->zeros.restarts > 1, !by_validation, "a fit that held-out cells stop has one start"},
      {"exact-residual", s->zeros.exact_residual, !s->ratings.validation,
       "with --validation the residual is that of the cells that are not held out"},
      {"l2-bias", s->ratings.l2_bias >= 0, false, ratings},
      {"shrink-to", s->ratings.shrink_to != NULL, false, ratings},
      {"implicit-terms", s->ratings.implicit_terms != NULL, false, ratings},
      {"l2-terms", s->ratings.l2_terms >= 0, false, ratings},
      {"patience", s->ratings.patience >= 0, by_validation, "it needs --stop validation"},
      {"tol", s->tol >= 0, !by_validation, "with --stop validation the RMSE of the held-out cells decides"},
      {"sweeps", s->sweeps >= 0,
       in_batches ? f->settings.solver != DNMF_SOLVER_BPP
                  : f->settings.solver == DNMF_SOLVER_HALS || f->settings.solver == DNMF_SOLVER_NEWTON,
       in_batches ? exact : sweeping},
      {"forget", s->batches.forget >= 0, in_batches, "it needs --memory or --batch-rows"},
      {"init-scale", s->ratings.init_scale >= 0, false, ratings},
  };
  return refuse_unused(error, uses, sizeof uses / sizeof *uses);
}

static dnmf_status refuse_with_ratings(dnmf_error *error, const dnmf_fitting *f) {
  static const char batches[] = "mini-batches are for --missing zero";
  const dnmf_fit_settings *s = &f->asked;
  const bool held_out = s->ratings.validation || s->ratings.held_out;
  const bool biases =
      !f->weak && f->settings.solver != DNMF_SOLVER_MU && !(s->ratings.bias && strcmp(s->ratings.bias, "none") == 0);
  const bool by_validation = s->stop && (strcmp(s->stop, "auto") == 0 || strcmp(s->stop, "validation") == 0);
  const setting_use uses[] = {
      {"exact-residual", s->zeros.exact_residual, false, "the residual of ratings is always summed entry by entry"},
      {"restarts", s->zeros.restarts > 1, false, "it is for --missing zero"},
      {"groups", s->zeros.groups > 1, false, "it shares --restarts with zeros among groups of processes"},
      {"memory", s->batches.memory >= 0, false, batches},
      {"batch-rows", s->batches.batch_rows >= 0, false, batches},
      {"forget", s->batches.forget >= 0, false, batches},
      {"init-scale", s->ratings.init_scale >= 0, f->start == DNMF_START_RANDOM, "the fit does not start at random"},
      {"l2-bias", s->ratings.l2_bias >= 0, biases, "no biases are fitted"},
      {"l2-terms", s->ratings.l2_terms >= 0,
       s->ratings.implicit_terms && strcmp(s->ratings.implicit_terms, "none") != 0, "there are no --implicit-terms"},
      {"patience", s->ratings.patience >= 0, held_out,
       "it counts iterations without a better RMSE on --validation ratings"},
      {"sweeps", s->sweeps >= 0, f->settings.solver == DNMF_SOLVER_HALS, "only --solver hals sweeps"},
      {"tol", s->tol >= 0, !held_out, "with --validation the RMSE of the held-out ratings decides, see --patience"},
      {"stop", s->stop != NULL, !held_out || by_validation,
       "with --validation the RMSE of the held-out ratings decides"},
  };
  return refuse_unused(error, uses, sizeof uses / sizeof *uses);
}

/* --- Zeros ------------------------------------------------------------------------------------------------- */

/* Settings that belong to ratings only. */
static dnmf_status refuse_ratings_settings(dnmf_error *error, const dnmf_fit_settings *s, int scale) {
  const char *option = NULL;
  if (s->ratings.bias && strcmp(s->ratings.bias, "auto") != 0 && strcmp(s->ratings.bias, "none") != 0)
    option = "--bias";
  else if (scale >= DNMF_SCALE_COUNT)
    option = "--penalty-scale count";
  if (!option)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "%s needs --missing unobserved; this fit counts entries that are not stored as zeros", option);
}

enum { STOPS_BY_VALIDATION = DNMF_STOP_VALIDATION + 1 /* its place among the words of --stop */ };

static dnmf_status plan_zeros(dnmf_error *error, dnmf_fitting *f) {
  static const char *const stops[] = {"auto", "gradient", "objective", "validation", NULL};
  const dnmf_fit_settings *s = &f->asked;
  double power = 0;
  int scale = 0;
  int stop = 0;
  DNMF_TRY(dnmf_choose_penalty_scale(error, s->penalty_scale, &scale, &power));
  DNMF_TRY(dnmf_choose(error, "--stop", s->stop, stops, &stop));
  DNMF_TRY(refuse_ratings_settings(error, s, scale));
  DNMF_TRY(dnmf_fitting_plan_cells(error, f, stop == STOPS_BY_VALIDATION));
  if (stop > 0)
    f->settings.stop = (dnmf_stop)(stop - 1);
  if (scale == DNMF_SCALE_DIMENSION)
    f->settings.penalties.scale = DNMF_PENALTY_DIMENSION;
  f->settings.observed.patience = s->ratings.patience > 0 ? (int)s->ratings.patience : 10;
  f->stop = stops[f->settings.stop + 1];
  return DNMF_OK;
}

/* Expected seconds of iterating from which on measuring the machine, which takes about one, is worth its time. */
static const double WORTH_MEASURING = 30;

/* Bytes of a process below which nobody asks what is left. */
static const double WORTH_SPARING = 16e6;

/* The grid of the shortest iteration on `machine`, and how long that takes. */
static double fastest_grid(const dnmf_context *context, const dnmf_job *job, const dnmf_machine *machine,
                           int *grid_rows, int *grid_cols) {
  dnmf_cost cost;
  dnmf_cost_choose_grid(context, job, machine, context->size, grid_rows, grid_cols);
  dnmf_cost_of(context, job, machine, *grid_rows, *grid_cols, &cost);
  return cost.seconds.total;
}

/* As it is given, or the one of the shortest predicted iteration: by the assumed machine for short jobs; a job that is
 * expected to iterate long on several processes measures the one it runs on first. */
static dnmf_status choose_grid(dnmf_context *context, dnmf_fitting *f, int *grid_rows, int *grid_cols) {
  const dnmf_fit_settings *s = &f->asked;
  dnmf_machine machine = dnmf_machine_assumed();
  dnmf_job job = dnmf_fitting_cost(f);
  const bool counted = job.stored >= 0; /* of some texts the entries are known only when they are read */
  const bool in_batches = s->batches.memory >= 0 || s->batches.batch_rows >= 0;
  if (s->zeros.grid && strcmp(s->zeros.grid, "auto") != 0)
    return dnmf_grid_parse(&context->error, s->zeros.grid, context->size, grid_rows, grid_cols);
  job.stored = counted ? job.stored : (double)job.rows;
  double seconds = fastest_grid(context, &job, &machine, grid_rows, grid_cols);
  if (context->size == 1 || in_batches || !counted ||
      fmin(seconds * f->settings.max_iterations, f->settings.time_limit) < WORTH_MEASURING)
    return DNMF_OK;
  const dnmf_machine_work work = dnmf_cost_work(&job, *grid_rows, *grid_cols);
  DNMF_TRY(dnmf_machine_measure(context, &work, &machine));
  f->predicted = fastest_grid(context, &job, &machine, grid_rows, grid_cols);
  return DNMF_OK;
}

/* Bytes of a process at the peak of the fit by a solver. */
static double peak_of(const dnmf_context *context, const dnmf_fitting *f, dnmf_solver solver, int grid_rows,
                      int grid_cols) {
  dnmf_job job = dnmf_fitting_cost(f);
  dnmf_cost cost;
  job.solver = solver;
  job.starts = 1; /* side by side there are no more than there is memory for; of each the factors are kept */
  job.restarts = f->asked.zeros.restarts > 1 ? (int)f->asked.zeros.restarts : 0;
  job.stored = fmax(0, job.stored); /* not known before it is read */
  dnmf_cost_of(context, &job, NULL, grid_rows, grid_cols, &cost);
  return cost.memory.peak;
}

/* Newton's method holds whole lines of A beside its blocks. Where that is not in memory and nobody asked for it, mu is
 * taken, on the grid that is its own; a fit that goes on stays with what it was. Groups of processes and searches,
 * which might decide each for itself, are refused where newton is too large. */
static dnmf_status spare_memory(dnmf_context *context, dnmf_fitting *f, int *grid_rows, int *grid_cols) {
  const bool was_mu = f->resume.path && dnmf_model_text_is(&f->resume.saved, "solver", "mu");
  double left = INFINITY;
  if (f->settings.solver != DNMF_SOLVER_NEWTON || fitting_names_solver(f) || f->asked.sweeps >= 0 ||
      f->group_count > 1 || f->takes_entries)
    return DNMF_OK;
  const double newton = peak_of(context, f, DNMF_SOLVER_NEWTON, *grid_rows, *grid_cols);
  const double mu = peak_of(context, f, DNMF_SOLVER_MU, *grid_rows, *grid_cols);
  if (!f->resume.path && newton > WORTH_SPARING)
    DNMF_TRY(dnmf_memory_left(context, &left));
  if (newton <= left && !was_mu)
    return DNMF_OK;
  f->settings.solver = DNMF_SOLVER_MU;
  if (mu <= left && !f->resume.path)
    dnmf_warn(context,
              "newton needs %.0f MB a process and %.0f MB are left: the fit is by mu, which needs %.0f MB and more "
              "iterations; --solver newton insists",
              newton / 1e6, left / 1e6, mu / 1e6);
  return choose_grid(context, f, grid_rows, grid_cols);
}

static dnmf_status plan_blocks(dnmf_context *context, dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  int grid_rows = 1;
  int grid_cols = 1;
  DNMF_TRY(plan_zeros(&context->error, f));
  DNMF_TRY(choose_grid(context, f, &grid_rows, &grid_cols));
  DNMF_TRY(spare_memory(context, f, &grid_rows, &grid_cols));
  if (s->batches.memory >= 0 || s->batches.batch_rows >= 0) {
    DNMF_TRY(dnmf_fitting_plan_batches(context, grid_rows, grid_cols, f));
    grid_rows = f->in_batches ? context->size : grid_rows;
    grid_cols = f->in_batches ? 1 : grid_cols;
  }
  DNMF_TRY(dnmf_place(context, grid_rows, grid_cols, f->source.rows, f->source.cols, &f->a));
  DNMF_TRY(dnmf_fitting_plan_restarts(context, f));
  const dnmf_job job = dnmf_fitting_cost(f);
  f->source.rows_alone = f->partial || dnmf_cost_by_rows_alone(context, &job, grid_rows, grid_cols) ||
                         dnmf_cost_in_bundles(context, &job, grid_rows, grid_cols);
  return DNMF_OK;
}

/* What all kinds of fit have in common; zeros count, unless the kind says otherwise. */
static void settle_common(dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  dnmf_settings *settings = &f->settings;
  const double l2 = dnmf_number_or(s->l2, 0);
  settings->components = f->components;
  settings->seed = s->seed < 0 ? 0 : (uint64_t)s->seed;
  settings->sweeps = s->sweeps > 0 ? (int)s->sweeps : 1;
  settings->penalties = (dnmf_penalties){.l1_w = dnmf_number_or(s->l1_w, 0),
                                         .l1_h = dnmf_number_or(s->l1_h, 0),
                                         .l2_w = dnmf_number_or(s->l2_w, l2),
                                         .l2_h = dnmf_number_or(s->l2_h, l2)};
  settings->stop = settings->solver == DNMF_SOLVER_MU || settings->solver == DNMF_SOLVER_NEWTON ? DNMF_STOP_OBJECTIVE
                                                                                                : DNMF_STOP_GRADIENT;
  settings->tolerance = dnmf_number_or(s->tol, 1e-4);
  settings->max_iterations = s->max_iter >= 0 ? (int)s->max_iter : 200;
  settings->time_limit = dnmf_number_or(s->time_limit, INFINITY);
}

/* What decides about the solver, but for batches, into which a matrix is cut only where it is too large. `takes_out`:
 * cells are left out beside those that the fit itself leaves out. */
static dnmf_solver_case solver_case(const dnmf_fitting *f, bool takes_out) {
  const dnmf_fit_settings *s = &f->asked;
  return (dnmf_solver_case){.loss = f->settings.loss,
                            .observed = f->missing == DNMF_MISSING_UNOBSERVED,
                            .takes_out = f->partial || takes_out || s->ratings.validation,
                            .sweeps_given = s->sweeps >= 0,
                            .in_batches = s->batches.memory >= 0 || s->batches.batch_rows >= 0,
                            .fixes = s->zeros.fix && strcmp(s->zeros.fix, "none") != 0,
                            .longest = f->source.rows > f->source.cols ? f->source.rows : f->source.cols};
}

/* The one that is asked for, or the fastest here. */
static void settle_solver(dnmf_fitting *f) {
  const dnmf_solver_case fit = solver_case(f, false);
  if (!fitting_names_solver(f))
    f->settings.solver = dnmf_choose_solver(&fit);
}

dnmf_solver dnmf_fitting_fold_solver(const dnmf_fitting *f) {
  const dnmf_solver_case fit = solver_case(f, true);
  return fitting_names_solver(f) ? f->settings.solver : dnmf_choose_solver(&fit);
}

static dnmf_status check_ahals(dnmf_error *error, const dnmf_fitting *f) {
  const dnmf_solver_case fit = solver_case(f, f->takes_out && fitting_names_solver(f));
  const char *why_not = dnmf_refuse_ahals(&fit);
  if (!why_not)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE, "--solver ahals %s", why_not);
}

static dnmf_status check_newton(dnmf_error *error, const dnmf_fitting *f) {
  const bool in_batches = f->asked.batches.memory >= 0 || f->asked.batches.batch_rows >= 0;
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--solver newton is for --missing zero; observed entries are fitted with --loss kullback-leibler "
                     "by --solver mu");
  if (in_batches)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--solver newton needs the whole matrix in memory; leave --memory and --batch-rows out");
  return DNMF_OK;
}

dnmf_status dnmf_fitting_plan(dnmf_context *context, dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  const dnmf_source *source = &f->source;
  dnmf_error *error = &context->error;
  const int64_t largest = source->rows > source->cols ? source->rows : source->cols;
  f->missing = f->taken_as == DNMF_AS_DATA_HAVE_IT ? source->missing : (dnmf_missing)(f->taken_as - 1);
  f->partial = dnmf_fitting_is_partial(f);
  if (f->partial)
    f->missing = DNMF_MISSING_ZERO;
  settle_solver(f);
  settle_common(f);
  if (s->components > largest)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "-k %" PRId64 " is larger than both dimensions of %s (%" PRId64 " x %" PRId64 ")", s->components,
                     source->name, source->rows, source->cols);
  DNMF_TRY(plan_start(error, f));
  DNMF_TRY(refuse_without_weak(error, f));
  DNMF_TRY(refuse_without_chain(error, s));
  if (s->l2 >= 0 && s->l2_w >= 0 && s->l2_h >= 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--l2 has no use here: --l2-w and --l2-h are both given");
  if (f->settings.solver == DNMF_SOLVER_NEWTON)
    DNMF_TRY(check_newton(error, f));
  if (f->settings.solver == DNMF_SOLVER_AHALS)
    DNMF_TRY(check_ahals(error, f));
  if (f->missing == DNMF_MISSING_UNOBSERVED) {
    DNMF_TRY(refuse_with_ratings(error, f));
    return dnmf_fitting_plan_ratings(context, f);
  }
  DNMF_TRY(refuse_with_zeros(error, f));
  return plan_blocks(context, f);
}
