#include "fit_report.h"

#include "version.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLI_SWEEPS_TEXT = 32 };

static double other_seconds(const dnmf_fit_seconds *s) {
  double other = s->total - s->product - s->gram - s->update - s->exchange - s->read;
  return other > 0 ? other : 0;
}

static double all_words(const dnmf_traffic *traffic) {
  return traffic->gather_words + traffic->scatter_words + traffic->gram_words + traffic->control_words;
}

static json_t *batches_to_json(const dnmf_fitting *fit) {
  const dnmf_batch_memory *memory = &fit->batch_memory;
  if (!fit->in_batches)
    return json_null();
  json_t *allowed = fit->asked.batches.memory > 0 ? json_integer((json_int_t)fit->asked.batches.memory) : json_null();
  return cli_json_pack(
      "{s:I, s:I, s:i, s:f, s:f, s:{s:o, s:f, s:f, s:f, s:f}}", "rows", (json_int_t)fit->settings.batches.rows, "count",
      (json_int_t)dnmf_batch_count(fit->source.rows, fit->settings.batches.rows), "sweeps", fit->settings.sweeps,
      "forget", fit->settings.batches.forget, "last_pass_seconds", fit->last_pass_seconds, "memory", "allowed", allowed,
      "planned", memory->total, "batch", memory->blocks, "w", memory->w, "h", memory->h);
}

static json_t *posterior_to_json(const dnmf_fitting *fit) {
  const dnmf_posterior *p = &fit->posterior;
  const dnmf_posterior_settings *asked = &fit->settings.posterior;
  if (p->kept == 0)
    return json_null();
  return cli_json_pack(
      "{s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "chains", dnmf_posterior_chains(asked),
      "groups", p->groups, "sweeps", asked->samples, "burn_in", asked->burn_in, "thin", asked->thin, "samples",
      p->is_mean ? 0 : p->kept, "keep", p->is_mean ? "mean" : "samples", "start_iterations", p->start_iterations,
      "noise_precision", cli_json_real(p->noise_precision), "noise_r_hat", cli_json_real(p->noise_r_hat),
      "noise_effective_samples", cli_json_real(p->noise_effective), "watched_r_hat", cli_json_real(p->watched_r_hat),
      "watched_effective_samples", cli_json_real(p->watched_effective));
}

/* --- Restarts ---------------------------------------------------------------------------------------------- */

/* Least, median and greatest of those that have begun. */
typedef struct spread {
  double least;
  double median;
  double greatest;
} spread;

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

static double restart_objective(const dnmf_fitting *fit, const dnmf_fit_result *r) {
  (void)fit;
  return r->objective;
}

static double restart_relative_error(const dnmf_fitting *fit, const dnmf_fit_result *r) {
  return dnmf_relative_error(r->residual_squares, fit->a.matrix.sum_squares);
}

static double restart_iterations(const dnmf_fitting *fit, const dnmf_fit_result *r) {
  (void)fit;
  return r->iterations;
}

/* Of a figure that is not defined, NaN. */
static spread spread_of(const dnmf_fitting *fit, double (*figure)(const dnmf_fitting *, const dnmf_fit_result *)) {
  const dnmf_restarts *restarts = &fit->restarts;
  double *values = calloc((size_t)restarts->count, sizeof *values);
  spread s = {NAN, NAN, NAN};
  int count = 0;
  for (int r = 0; values && r < restarts->count; r++) {
    const double value = figure(fit, &restarts->items[r].result);
    if (restarts->items[r].stage != DNMF_RESTART_WAITING && isfinite(value))
      values[count++] = value;
  }
  if (count > 0) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    s = (spread){values[0], 0.5 * (values[(count - 1) / 2] + values[count / 2]), values[count - 1]};
  }
  free(values);
  return s;
}

static json_t *spread_to_json(spread s) {
  return cli_json_pack("{s:o, s:o, s:o}", "least", cli_json_real(s.least), "median", cli_json_real(s.median),
                       "greatest", cli_json_real(s.greatest));
}

static int count_restarts(const dnmf_restarts *restarts, dnmf_restart_stage least) {
  int count = 0;
  for (int r = 0; r < restarts->count; r++)
    count += restarts->items[r].stage >= least;
  return count;
}

static json_t *restarts_to_json(const dnmf_fitting *fit) {
  const dnmf_restarts *restarts = &fit->restarts;
  if (fit->restart_count == 0)
    return json_null();
  json_t *fits = json_array();
  for (int r = 0; r < restarts->count; r++) {
    const dnmf_restart *restart = &restarts->items[r];
    const dnmf_fit_result *result = &restart->result;
    if (restart->stage != DNMF_RESTART_WAITING)
      cli_json_append(&fits,
                      cli_json_pack("{s:I, s:i, s:b, s:s, s:o, s:o, s:o}", "seed", (json_int_t)restart->seed,
                                    "iterations", result->iterations, "converged", result->converged, "stop_reason",
                                    result->stop_reason, "objective", cli_json_real(result->objective),
                                    "relative_error", cli_json_real(restart_relative_error(fit, result)),
                                    "validation_rmse", cli_json_real(result->validation_rmse)));
  }
  return cli_json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:o, s:o, s:o, s:o}", "count", restarts->count, "done",
                       count_restarts(restarts, DNMF_RESTART_DONE), "side_by_side", fit->side_by_side, "groups",
                       fit->group_count > 1 ? fit->group_count : 1, "steps", restarts->steps, "best_seed",
                       (json_int_t)restarts->items[fit->best_restart].seed, "objective",
                       spread_to_json(spread_of(fit, restart_objective)), "relative_error",
                       spread_to_json(spread_of(fit, restart_relative_error)), "iterations",
                       spread_to_json(spread_of(fit, restart_iterations)), "fits", fits);
}

static void print_restarts(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_restarts *restarts = &fit->restarts;
  const spread objective = spread_of(fit, restart_objective);
  const spread error = spread_of(fit, restart_relative_error);
  const spread iterations = spread_of(fit, restart_iterations);
  cli_say(session, "  %d of %d restarts done, the best from seed %" PRIu64 ":",
          count_restarts(restarts, DNMF_RESTART_DONE), restarts->count, restarts->items[fit->best_restart].seed);
  cli_say(session, "  restarts         least      median    greatest");
  cli_say(session, "  objective  %11.6g %11.6g %11.6g", objective.least, objective.median, objective.greatest);
  if (isfinite(error.least))
    cli_say(session, "  rel. error %11.6f %11.6f %11.6f", error.least, error.median, error.greatest);
  cli_say(session, "  iterations %11.0f %11.1f %11.0f", iterations.least, iterations.median, iterations.greatest);
}

/* Null: the exact solution instead. */
static json_t *sweeps_to_json(double sweeps) {
  return sweeps == DNMF_AHEAD_EXACT ? json_null() : json_integer((json_int_t)sweeps);
}

static const char *sweeps_to_text(double sweeps, char text[CLI_SWEEPS_TEXT]) {
  snprintf(text, CLI_SWEEPS_TEXT, sweeps == DNMF_AHEAD_EXACT ? "exact solutions" : "%.0f sweeps", sweeps);
  return text;
}

/* Of ahals, what its last iteration left to the next. */
static json_t *ahals_to_json(const dnmf_fitting *fit) {
  const dnmf_ahead *ahead = &fit->result.ahead;
  if (fit->settings.solver != DNMF_SOLVER_AHALS)
    return json_null();
  return cli_json_pack("{s:i, s:o, s:o, s:f}", "most_sweeps", (int)ahead->most_sweeps, "sweeps_w",
                       sweeps_to_json(ahead->sweeps_w), "sweeps_h", sweeps_to_json(ahead->sweeps_h), "momentum",
                       ahead->momentum);
}

/* --- The whole --------------------------------------------------------------------------------------------- */

static json_t *to_json(cli_session *session, const dnmf_fitting *fit, int64_t memory) {
  const dnmf_fit_result *r = &fit->result;
  const dnmf_fit_seconds *s = &r->seconds;
  const dnmf_matrix *a = &fit->a.matrix;
  char loss[DNMF_LOSS_TEXT];
  char grid[32];
  snprintf(grid, sizeof grid, "%dx%d", fit->a.grid.rows, fit->a.grid.cols);
  json_t *object = cli_json_pack(
      "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:s?, s:b, s:s, s:o, s:o, s:o, "
      "s:o}",
      "command", "fit", "version", DNMF_VERSION, "input", fit->data->name, "output", fit->asked.files.output, "rows",
      (json_int_t)a->rows, "cols", (json_int_t)a->cols, "stored", (json_int_t)a->stored, "components", fit->components,
      "missing", dnmf_fitting_missing_name(fit), "loss", dnmf_loss_name(fit->settings.loss, loss), "solver",
      dnmf_solver_name(fit->settings.solver), "init", fit->init, "fix", dnmf_fixed_name(fit->settings.fixed), "seed",
      (json_int_t)fit->settings.seed, "iterations", r->iterations, "resumed_iterations", r->resumed_iterations,
      "checkpoint", fit->asked.files.checkpoint, "converged", r->converged, "stop_reason", r->stop_reason, "objective",
      cli_json_real(r->objective), "relative_error", cli_json_real(dnmf_fitting_relative_error(fit)), "rmse",
      cli_json_real(dnmf_fitting_rmse(fit)), "validation_rmse", cli_json_real(fit->result.validation_rmse));
  json_t *run = cli_json_pack(
      "{s:i, s:s, s:i, s:s, s:s, s:I, s:{s:f, s:f, s:f, s:f, s:f}, s:{s:f, s:f, s:f, s:f, s:f, s:f},"
      " s:{s:f, s:f, s:f, s:f, s:f, s:f}}",
      "processes", session->context->size, "grid", grid, "threads", session->context->threads, "precision",
      dnmf_precision_name(fit->precision), "values", dnmf_number_name(dnmf_fitting_number(fit)), "peak_memory",
      (json_int_t)memory, "seconds", "read", fit->seconds.read, "init", fit->seconds.init, "iterate", s->total, "write",
      fit->seconds.write, "total", fit->seconds.total, "iteration_seconds", "product", s->product, "gram", s->gram,
      "update", s->update, "exchange", s->exchange, "read", s->read, "other", other_seconds(s), "traffic", "words",
      all_words(&r->traffic), "messages", r->traffic.messages, "gather_words", r->traffic.gather_words, "scatter_words",
      r->traffic.scatter_words, "gram_words", r->traffic.gram_words, "control_words", r->traffic.control_words);
  cli_json_merge(&object, run);
  cli_json_set(&object, "validation_loss", cli_json_real(r->validation_loss));
  cli_json_set(&object, "missing_cells", fit->partial ? json_integer((json_int_t)fit->held.missing) : json_null());
  cli_json_set(&object, "validation_cells",
               fit->held.held_out > 0 ? json_integer((json_int_t)fit->held.held_out) : json_null());
  cli_json_set(&object, "exact_residual", cli_json_real(fit->residual_is_exact ? sqrt(r->residual_squares) : NAN));
  cli_json_set(&object, "passes", r->passes > 0 ? json_integer(r->passes) : json_null());
  cli_json_set(&object, "predicted_iteration_seconds", cli_json_real(fit->predicted > 0 ? fit->predicted : NAN));
  cli_json_set(&object, "posterior", posterior_to_json(fit));
  cli_json_set(&object, "mini_batches", batches_to_json(fit));
  cli_json_set(&object, "restarts", restarts_to_json(fit));
  cli_json_set(&object, "ahals", ahals_to_json(fit));
  const bool ratings = fit->missing == DNMF_MISSING_UNOBSERVED && !fit->weak;
  cli_json_merge(&object,
                 cli_json_pack("{s:s?}", "implicit_terms", ratings ? dnmf_evidence_name(&fit->settings) : NULL));
  return object;
}

/* Where the time went, in words and shares. */
static void print_breakdown(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_fit_seconds *s = &fit->result.seconds;
  const dnmf_traffic *traffic = &fit->result.traffic;
  double whole = s->total > 0 ? s->total / 100 : 1;
  int done_here =
      fit->restart_count > 0 ? fit->restarts.steps : fit->result.iterations - fit->result.resumed_iterations;
  int iterations = done_here > 0 ? done_here : 1;
  char size[CLI_SIZE_TEXT];
  char read[48] = "";
  char sweeps_w[CLI_SWEEPS_TEXT];
  char sweeps_h[CLI_SWEEPS_TEXT];
  cli_detail(session, "  time      read %.3g s, init %.3g s, iterate %.3g s (%.3g s an iteration), write %.3g s",
             fit->seconds.read, fit->seconds.init, s->total, s->total / iterations, fit->seconds.write);
  if (fit->in_batches) {
    snprintf(read, sizeof read, "waiting for the file %.0f%%, ", s->read / whole);
    cli_detail(session, "  last pass %.3g s: W for the final H", fit->last_pass_seconds);
  }
  cli_detail(session, "  iterating %sproduct %.0f%%, gram %.0f%%, update %.0f%%, exchange %.0f%%, other %.0f%%", read,
             s->product / whole, s->gram / whole, s->update / whole, s->exchange / whole, other_seconds(s) / whole);
  if (fit->settings.solver == DNMF_SOLVER_AHALS)
    cli_detail(session, "  ahals     at the end %s of W and %s of H, of at most %.0f sweeps; momentum %.2f",
               sweeps_to_text(fit->result.ahead.sweeps_w, sweeps_w),
               sweeps_to_text(fit->result.ahead.sweeps_h, sweeps_h), fit->result.ahead.most_sweeps,
               fit->result.ahead.momentum);
  if (fit->predicted > 0)
    cli_detail(session, "  predicted %.3g s an iteration, by the machine as measured before: it took %.2f times that",
               fit->predicted, s->total / iterations / fit->predicted);
  if (session->context->size > 1)
    cli_detail(
        session, "  traffic   %.4g words (%s) and %.4g messages an iteration, all processes together",
        all_words(traffic) / iterations,
        cli_size_text(all_words(traffic) / iterations * (double)dnmf_precision_size(fit->a.matrix.precision), size),
        traffic->messages / iterations);
}

/* The last line of a job that stopped before its fit was done. */
static dnmf_status tell_how_to_go_on(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_fit_result *r = &fit->result;
  const char *reason = strcmp(r->stop_reason, "signal") == 0 ? "a signal" : "the time limit";
  if (fit->restart_count > 0)
    return dnmf_fail(&session->context->error, DNMF_INTERRUPTED,
                     "stopped by %s with %d of %d restarts done; go on with: dnmf fit %s -o %s --resume %s", reason,
                     count_restarts(&fit->restarts, DNMF_RESTART_DONE), fit->restart_count, fit->data->name,
                     fit->asked.files.output, fit->asked.files.checkpoint);
  return dnmf_fail(&session->context->error, DNMF_INTERRUPTED,
                   "stopped by %s after iteration %d; go on with: dnmf fit %s -o %s --resume %s", reason, r->iterations,
                   fit->data->name, fit->asked.files.output, fit->asked.files.checkpoint);
}

/* A chain that has not forgotten its start is said to be too short. */
static void print_chain(cli_session *session, const dnmf_fitting *fit) {
  static const double most_r_hat = 1.1;
  const dnmf_posterior *p = &fit->posterior;
  if (p->kept == 0)
    return;
  const int chains = dnmf_posterior_chains(&fit->settings.posterior);
  char of_chains[96] = "";
  if (chains > 1 && p->groups > 1)
    snprintf(of_chains, sizeof of_chains, " of %d chains in %d groups of processes", chains, p->groups);
  else if (chains > 1)
    snprintf(of_chains, sizeof of_chains, " of %d chains", chains);
  char kept[48] = "the mean of all draws";
  if (!p->is_mean)
    snprintf(kept, sizeof kept, "%d draw%s kept", p->kept, p->kept == 1 ? "" : "s");
  cli_say(session, "  %s    %s%s, after a fit of %d iterations; noise deviation %.4g", chains > 1 ? "chains" : "chain ",
          kept, of_chains, p->start_iterations, 1 / sqrt(p->noise_precision));
  cli_say(session, "  converged? split R-hat and effective samples: noise %.3f, %.0f; %s %.3f, %.0f", p->noise_r_hat,
          p->noise_effective, fit->has_held_out ? "held-out error" : "predictions", p->watched_r_hat,
          p->watched_effective);
  if (p->noise_r_hat > most_r_hat || p->watched_r_hat > most_r_hat)
    dnmf_warn(session->context, "%s (split R-hat above %g): more --burn-in and --samples make a better average",
              chains > 1 ? "the chains still move, or differ" : "the chain still moves", most_r_hat);
}

/* How good the model is. */
static void print_quality(cli_session *session, const dnmf_fitting *fit) {
  const dnmf_fit_result *r = &fit->result;
  char relative[64];
  if (isfinite(dnmf_fitting_relative_error(fit)))
    snprintf(relative, sizeof relative, "%.6f", dnmf_fitting_relative_error(fit));
  else
    snprintf(relative, sizeof relative, "not defined (all values are 0)");
  if (!isfinite(r->objective))
    cli_say(session, "  objective not known before the first iteration");
  else if (isfinite(r->residual_squares))
    cli_say(session, "  error     relative error %s, RMSE %.6f over %s%.0f%s\n  objective %.9g", relative,
            dnmf_fitting_rmse(fit), fit->weak ? "weights of " : "", dnmf_fitting_entries(fit),
            fit->weak ? " in all" : " entries", r->objective);
  else
    cli_say(session, "  objective %.9g over %.0f entries", r->objective, dnmf_fitting_entries(fit));
  if (fit->residual_is_exact)
    cli_say(session, "  residual  |A - WH| = %.9g, entry by entry", sqrt(r->residual_squares));
  if (fit->held.held_out > 0)
    cli_say(session, "  held out  RMSE %.6f, mean loss %.6g over %" PRId64 " cells, the model of iteration %d",
            r->validation_rmse, r->validation_loss, fit->held.held_out, r->best_iteration);
  else if (fit->has_held_out)
    cli_say(session, "  held out  RMSE %.6f, the model of iteration %d", r->validation_rmse, r->best_iteration);
  print_chain(session, fit);
  if (fit->restart_count > 0)
    print_restarts(session, fit);
}

/* What a person does with such a model. */
static void print_next(cli_session *session, const dnmf_fitting *fit) {
  const char *model = fit->asked.files.output;
  if (fit->weak)
    cli_say(session, "  next      dnmf recommend %s --seen %s", model, fit->data->name);
  else if (fit->missing == DNMF_MISSING_UNOBSERVED)
    cli_say(session,
            "  for       predicted values; what to list is learnt by dnmf fit --implicit\n"
            "  next      dnmf evaluate %s TEST, dnmf predict %s PAIRS -o OUT.csv",
            model, model);
  else
    cli_say(session, "  next      dnmf describe %s, dnmf export %s -o factors.csv", model, model);
}

dnmf_status cli_fit_print(cli_session *session, const dnmf_fitting *fit) {
  int64_t memory = 0;
  const dnmf_fit_result *r = &fit->result;
  DNMF_TRY(cli_peak_memory(session, &memory));
  if (r->below_rounding && fit->settings.loss.divergence)
    dnmf_warn(session->context,
              "the divergence is lost in the rounding of the terms it is made of: the objective is an "
              "upper bound only");
  else if (r->below_rounding)
    dnmf_warn(session->context, "the residual is lost in the rounding of the terms it is made of: objective and "
                                "relative error are not to be trusted; --exact-residual sums it entry by entry");
  cli_say(session, "fitted %s, %" PRId64 " x %" PRId64 ", with %d component%s: %s after %d iteration%s (%s)",
          fit->data->name, fit->a.matrix.rows, fit->a.matrix.cols, fit->components, fit->components > 1 ? "s" : "",
          r->converged ? "converged" : "stopped", r->iterations, r->iterations == 1 ? "" : "s", r->stop_reason);
  print_quality(session, fit);
  cli_say(session, r->interrupted ? "  saved in  %s" : "  model     %s",
          r->interrupted ? fit->asked.files.checkpoint : fit->asked.files.output);
  if (!r->interrupted)
    print_next(session, fit);
  print_breakdown(session, fit);
  if (!r->interrupted && fit->restarts.ended)
    dnmf_warn(session->context,
              "stopped by %s before all restarts were done: %s has the best of what was reached; with --checkpoint a "
              "later job can go on",
              strcmp(fit->restarts.ended, "signal") == 0 ? "a signal" : "the time limit", fit->asked.files.output);
  else if (!r->interrupted && strcmp(r->stop_reason, "signal") == 0)
    dnmf_warn(
        session->context,
        "stopped by a signal after iteration %d, the model of which is in %s; with --checkpoint a later job can go "
        "on",
        r->iterations, fit->asked.files.output);
  cli_print_json(session, to_json(session, fit, memory));
  return r->interrupted ? tell_how_to_go_on(session, fit) : DNMF_OK;
}
