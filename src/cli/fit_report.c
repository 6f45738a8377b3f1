#include "fit_report.h"

#include "version.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

const char *cli_bias_name(const dnmf_observed_settings *plan) {
  if (plan->bias_rows && plan->bias_cols)
    return "row and column";
  if (plan->bias_rows)
    return "row";
  return plan->bias_cols ? "column" : "no";
}

/* Entries the loss is taken over. */
static double fitted_entries(const cli_fit_run *fit) {
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return (double)fit->ratings.stored;
  return (double)fit->a.matrix.rows * (double)fit->a.matrix.cols;
}

static double sum_squares(const cli_fit_run *fit) {
  const dnmf_ratings *r = &fit->ratings;
  if (fit->missing == DNMF_MISSING_UNOBSERVED)
    return (double)r->stored * (r->mean * r->mean + r->deviation * r->deviation);
  return fit->a.matrix.sum_squares;
}

static const char *fix_name(const cli_fit_options *options) {
  static const char *const names[] = {[DNMF_FIXED_NONE] = "none", [DNMF_FIXED_W] = "w", [DNMF_FIXED_H] = "h"};
  return names[options->fixed];
}

static const char *penalty_scale_name(const cli_fit_run *fit) {
  if (fit->missing == DNMF_MISSING_ZERO)
    return fit->settings.penalties.scale == DNMF_PENALTY_RAW ? "raw" : "dimension";
  const double power = dnmf_count_power(&fit->settings.penalties);
  if (power == 0)
    return "raw";
  return power == 1 ? "count" : "sqrt-count";
}

static double relative_error(const cli_fit_run *fit) {
  return dnmf_relative_error(fit->result.residual_squares, sum_squares(fit));
}

/* Root mean squared error over the fitted entries. */
static double rmse(const cli_fit_run *fit) {
  return sqrt(fit->result.residual_squares / fitted_entries(fit));
}

/* One named value of the provenance, whatever its kind. */
typedef struct fact {
  const char *name;
  const char *text; /* NULL: a number */
  bool whole;
  int64_t integer;
  double real;
} fact;

#define TEXT(name, value)                                                                                              \
  { name, value, false, 0, 0 }
#define WHOLE(name, value)                                                                                             \
  { name, NULL, true, value, 0 }
#define REAL(name, value)                                                                                              \
  { name, NULL, false, 0, value }

static dnmf_status add_facts(dnmf_error *error, dnmf_model *model, const fact *facts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const fact *f = &facts[i];
    if (f->text)
      DNMF_TRY(dnmf_model_set_text(error, model, f->name, f->text));
    else if (f->whole)
      DNMF_TRY(dnmf_model_set_integer(error, model, f->name, f->integer));
    else
      DNMF_TRY(dnmf_model_set_real(error, model, f->name, f->real));
  }
  return DNMF_OK;
}

/* Process 0's clock; attributes are written with its values. */
static void date_text(char *text, size_t size) {
  time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* What belongs to models of observed entries only. */
static dnmf_status describe_ratings(dnmf_error *error, const cli_fit_run *fit, dnmf_model *model) {
  const dnmf_observed_settings *observed = &fit->settings.observed;
  const fact facts[] = {
      TEXT("bias", cli_bias_name(observed)),
      REAL("l2_bias", observed->l2_bias),
      REAL("count_power", dnmf_count_power(&fit->settings.penalties)),
      TEXT("shrink_to", dnmf_observed_shrinks_to_mean(&fit->settings) ? "mean" : "zero"),
      WHOLE("sweeps", dnmf_sweeps(&fit->settings)),
      REAL("init_scale", observed->start_scale),
      REAL("mean", fit->ratings.mean),
      REAL("smallest", fit->ratings.smallest),
      REAL("largest", fit->ratings.largest),
      WHOLE("best_iteration", fit->result.best_iteration),
      REAL("validation_rmse", fit->result.validation_rmse),
  };
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  if (!fit->has_held_out)
    return DNMF_OK;
  return dnmf_model_add_curve(error, model, "validation_rmse", fit->result.history_count,
                              fit->result.validation_history);
}

/* What belongs to mini-batch fits only. */
static dnmf_status describe_batches(dnmf_error *error, const cli_fit_run *fit, dnmf_model *model) {
  const fact facts[] = {
      WHOLE("batch_rows", fit->settings.batches.rows),
      WHOLE("sweeps", fit->settings.sweeps),
      REAL("forget", fit->settings.batches.forget),
  };
  return add_facts(error, model, facts, sizeof facts / sizeof *facts);
}

dnmf_status cli_fit_describe(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit,
                             dnmf_model *model) {
  char grid[32];
  char libraries[512];
  char date[32];
  char checksum[32];
  char loss[DNMF_LOSS_TEXT];
  const dnmf_matrix *a = &fit->a.matrix;
  bool ratings = fit->missing == DNMF_MISSING_UNOBSERVED;
  snprintf(grid, sizeof grid, "%dx%d", fit->a.grid.rows, fit->a.grid.cols);
  snprintf(checksum, sizeof checksum, "%016" PRIx64, a->checksum);
  cli_library_versions(libraries, sizeof libraries);
  date_text(date, sizeof date);
  const fact facts[] = {
      TEXT("program", "dnmf"),
      TEXT("version", DNMF_VERSION),
      TEXT("command_line", session->command_line),
      TEXT("libraries", libraries),
      TEXT("date", date),
      TEXT("input", fit->input),
      WHOLE("rows", a->rows),
      WHOLE("cols", a->cols),
      WHOLE("stored", a->stored),
      TEXT("checksum", checksum),
      WHOLE("components", fit->components),
      TEXT("missing", dnmf_missing_name(fit->missing)),
      TEXT("loss", dnmf_loss_name(options->loss, loss)),
      TEXT("solver", dnmf_solver_name((dnmf_solver)options->solver)),
      TEXT("init", options->init),
      TEXT("fix", fix_name(options)),
      WHOLE("seed", options->seed),
      WHOLE("max_iter", options->max_iterations),
      REAL("tol", options->tolerance),
      TEXT("stop", fit->stop),
      REAL("l1_w", options->l1_w),
      REAL("l1_h", options->l1_h),
      REAL("l2_w", fit->settings.penalties.l2_w),
      REAL("l2_h", fit->settings.penalties.l2_h),
      TEXT("penalty_scale", penalty_scale_name(fit)),
      TEXT("precision", dnmf_precision_name((dnmf_precision)options->precision)),
      WHOLE("processes", session->context->size),
      TEXT("grid", grid),
      WHOLE("threads", session->context->threads),
      WHOLE("iterations", fit->result.iterations),
      TEXT("stop_reason", fit->result.stop_reason),
      REAL("objective", fit->result.objective),
      REAL("relative_error", relative_error(fit)),
  };
  dnmf_error *error = &session->context->error;
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  if (fit->source.index_base != DNMF_INDEX_AUTO) /* test files are read with it */
    DNMF_TRY(dnmf_model_set_integer(error, model, "index_base", fit->source.index_base == DNMF_INDEX_FROM_0 ? 0 : 1));
  if (ratings)
    DNMF_TRY(describe_ratings(error, fit, model));
  else
    DNMF_TRY(dnmf_model_set_real(error, model, "mean", a->sum / ((double)a->rows * (double)a->cols)));
  if (fit->in_batches)
    DNMF_TRY(describe_batches(error, fit, model));
  DNMF_TRY(dnmf_model_add_curve(error, model, "objective", fit->result.history_count, fit->result.objective_history));
  return dnmf_model_add_curve(error, model, "seconds", fit->result.history_count, fit->result.seconds_history);
}

static double other_seconds(const dnmf_fit_seconds *s) {
  double other = s->total - s->product - s->gram - s->update - s->exchange - s->read;
  return other > 0 ? other : 0;
}

static double all_words(const dnmf_traffic *traffic) {
  return traffic->gather_words + traffic->scatter_words + traffic->gram_words + traffic->control_words;
}

static json_t *batches_to_json(const cli_fit_options *options, const cli_fit_run *fit) {
  const dnmf_batch_memory *memory = &fit->stream_memory;
  if (!fit->in_batches)
    return json_null();
  json_t *allowed = options->memory > 0 ? json_integer((json_int_t)options->memory) : json_null();
  return cli_json_pack(
      "{s:I, s:I, s:i, s:f, s:f, s:{s:o, s:f, s:f, s:f, s:f}}", "rows", (json_int_t)fit->settings.batches.rows, "count",
      (json_int_t)dnmf_batch_count(fit->source.rows, fit->settings.batches.rows), "sweeps", fit->settings.sweeps,
      "forget", fit->settings.batches.forget, "last_pass_seconds", fit->last_pass_seconds, "memory", "allowed", allowed,
      "planned", memory->total, "batch", memory->blocks, "w", memory->w, "h", memory->h);
}

static json_t *to_json(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit, int64_t memory) {
  const dnmf_fit_result *r = &fit->result;
  const dnmf_fit_seconds *s = &r->seconds;
  const dnmf_matrix *a = &fit->a.matrix;
  char loss[DNMF_LOSS_TEXT];
  char grid[32];
  snprintf(grid, sizeof grid, "%dx%d", fit->a.grid.rows, fit->a.grid.cols);
  json_t *object = cli_json_pack(
      "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:s?, s:b, s:s, s:o, s:o, s:o, "
      "s:o}",
      "command", "fit", "version", DNMF_VERSION, "input", fit->input, "output", options->output, "rows",
      (json_int_t)a->rows, "cols", (json_int_t)a->cols, "stored", (json_int_t)a->stored, "components", fit->components,
      "missing", dnmf_missing_name(fit->missing), "loss", dnmf_loss_name(options->loss, loss), "solver",
      dnmf_solver_name((dnmf_solver)options->solver), "init", options->init, "fix", fix_name(options), "seed",
      (json_int_t)options->seed, "iterations", r->iterations, "resumed_iterations", r->resumed_iterations, "checkpoint",
      options->checkpoint, "converged", r->converged, "stop_reason", r->stop_reason, "objective",
      cli_json_real(r->objective), "relative_error", cli_json_real(relative_error(fit)), "rmse",
      cli_json_real(rmse(fit)), "validation_rmse", cli_json_real(fit->result.validation_rmse));
  json_t *run = cli_json_pack(
      "{s:i, s:s, s:i, s:s, s:s, s:I, s:{s:f, s:f, s:f, s:f, s:f}, s:{s:f, s:f, s:f, s:f, s:f, s:f},"
      " s:{s:f, s:f, s:f, s:f, s:f, s:f}}",
      "processes", session->context->size, "grid", grid, "threads", session->context->threads, "precision",
      dnmf_precision_name((dnmf_precision)options->precision), "values", dnmf_number_name(cli_fit_number(fit)),
      "peak_memory", (json_int_t)memory, "seconds", "read", fit->seconds.read, "init", fit->seconds.init, "iterate",
      s->total, "write", fit->seconds.write, "total", fit->seconds.total, "iteration_seconds", "product", s->product,
      "gram", s->gram, "update", s->update, "exchange", s->exchange, "read", s->read, "other", other_seconds(s),
      "traffic", "words", all_words(&r->traffic), "messages", r->traffic.messages, "gather_words",
      r->traffic.gather_words, "scatter_words", r->traffic.scatter_words, "gram_words", r->traffic.gram_words,
      "control_words", r->traffic.control_words);
  cli_json_merge(&object, run);
  cli_json_set(&object, "exact_residual", cli_json_real(fit->residual_is_exact ? sqrt(r->residual_squares) : NAN));
  cli_json_set(&object, "passes", r->passes > 0 ? json_integer(r->passes) : json_null());
  cli_json_set(&object, "predicted_iteration_seconds", cli_json_real(fit->predicted > 0 ? fit->predicted : NAN));
  cli_json_set(&object, "mini_batches", batches_to_json(options, fit));
  return object;
}

/* Where the time went, in words and shares. */
static void print_breakdown(cli_session *session, const cli_fit_run *fit) {
  const dnmf_fit_seconds *s = &fit->result.seconds;
  const dnmf_traffic *traffic = &fit->result.traffic;
  double whole = s->total > 0 ? s->total / 100 : 1;
  int done_here = fit->result.iterations - fit->result.resumed_iterations;
  int iterations = done_here > 0 ? done_here : 1;
  char size[CLI_SIZE_TEXT];
  char read[48] = "";
  cli_say(session, "  time      read %.3g s, init %.3g s, iterate %.3g s (%.3g s an iteration), write %.3g s",
          fit->seconds.read, fit->seconds.init, s->total, s->total / iterations, fit->seconds.write);
  if (fit->in_batches) {
    snprintf(read, sizeof read, "waiting for the file %.0f%%, ", s->read / whole);
    cli_say(session, "  last pass %.3g s: W for the final H", fit->last_pass_seconds);
  }
  cli_say(session, "  iterating %sproduct %.0f%%, gram %.0f%%, update %.0f%%, exchange %.0f%%, other %.0f%%", read,
          s->product / whole, s->gram / whole, s->update / whole, s->exchange / whole, other_seconds(s) / whole);
  if (fit->predicted > 0)
    cli_say(session, "  predicted %.3g s an iteration, by the machine as measured before: it took %.2f times that",
            fit->predicted, s->total / iterations / fit->predicted);
  if (session->context->size > 1)
    cli_say(session, "  traffic   %.4g words (%s) and %.4g messages an iteration, all processes together",
            all_words(traffic) / iterations,
            cli_size_text(all_words(traffic) / iterations * (double)dnmf_precision_size(fit->a.matrix.precision), size),
            traffic->messages / iterations);
}

/* The last line of a job that stopped before its fit was done. */
static dnmf_status tell_how_to_go_on(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  const dnmf_fit_result *r = &fit->result;
  const char *reason = strcmp(r->stop_reason, "signal") == 0 ? "a signal" : "the time limit";
  return dnmf_fail(&session->context->error, DNMF_INTERRUPTED,
                   "stopped by %s after iteration %d; go on with: dnmf fit %s -o %s --resume %s", reason, r->iterations,
                   fit->input, options->output, options->checkpoint);
}

dnmf_status cli_fit_print(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit) {
  int64_t memory = 0;
  char size[CLI_SIZE_TEXT];
  const dnmf_fit_result *r = &fit->result;
  DNMF_TRY(cli_peak_memory(session, &memory));
  if (r->below_rounding && options->loss.divergence)
    dnmf_warn(session->context,
              "the divergence is lost in the rounding of the terms it is made of: the objective is an "
              "upper bound only");
  else if (r->below_rounding)
    dnmf_warn(session->context, "the residual is lost in the rounding of the terms it is made of: objective and "
                                "relative error are not to be trusted; --exact-residual sums it entry by entry");
  cli_say(session, "%s after %d iterations (%s)", r->converged ? "converged" : "stopped", r->iterations,
          r->stop_reason);
  char relative[64];
  if (isfinite(relative_error(fit)))
    snprintf(relative, sizeof relative, "%.6f", relative_error(fit));
  else
    snprintf(relative, sizeof relative, "not defined (all values are 0)");
  if (!isfinite(r->objective))
    cli_say(session, "  objective not known before the first iteration");
  else if (isfinite(r->residual_squares))
    cli_say(session, "  objective %.9g, relative error %s, RMSE %.6f over %.0f entries", r->objective, relative,
            rmse(fit), fitted_entries(fit));
  else
    cli_say(session, "  objective %.9g over %.0f entries", r->objective, fitted_entries(fit));
  if (fit->residual_is_exact)
    cli_say(session, "  residual  |A - WH| = %.9g, entry by entry", sqrt(r->residual_squares));
  if (fit->has_held_out)
    cli_say(session, "  held out  RMSE %.6f, the model of iteration %d", r->validation_rmse, r->best_iteration);
  print_breakdown(session, fit);
  cli_say(session, "  memory    %s at most in a process", cli_size_text((double)memory, size));
  cli_say(session, r->interrupted ? "  saved in  %s" : "  model     %s",
          r->interrupted ? options->checkpoint : options->output);
  if (!r->interrupted && strcmp(r->stop_reason, "signal") == 0)
    dnmf_warn(
        session->context,
        "stopped by a signal after iteration %d, the model of which is in %s; with --checkpoint a later job can go "
        "on",
        r->iterations, options->output);
  cli_print_json(session, to_json(session, options, fit, memory));
  return r->interrupted ? tell_how_to_go_on(session, options, fit) : DNMF_OK;
}
