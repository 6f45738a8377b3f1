#include "api/job_describe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

static const char *penalty_scale_name(const dnmf_fitting *f) {
  if (f->missing == DNMF_MISSING_ZERO)
    return f->settings.penalties.scale == DNMF_PENALTY_RAW ? "raw" : "dimension";
  const double power = dnmf_count_power(&f->settings.penalties);
  if (power == 0)
    return "raw";
  if (power != 1 && power != 0.5)
    return "power"; /* count_power */
  return power == 1 ? "count" : "sqrt-count";
}

/* One named value of the provenance, whatever its kind. */
typedef struct fact {
  const char *name;
  dnmf_attribute_kind kind;
  const char *text; /* NULL: it is left out */
  int64_t integer;
  double real;
} fact;

#define TEXT(name, value)                                                                                              \
  { name, DNMF_ATTRIBUTE_TEXT, value, 0, 0 }
#define WHOLE(name, value)                                                                                             \
  { name, DNMF_ATTRIBUTE_INTEGER, NULL, value, 0 }
#define REAL(name, value)                                                                                              \
  { name, DNMF_ATTRIBUTE_REAL, NULL, 0, value }

static dnmf_status add_facts(dnmf_error *error, dnmf_model *model, const fact *facts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const fact *f = &facts[i];
    if (f->kind == DNMF_ATTRIBUTE_INTEGER)
      DNMF_TRY(dnmf_model_set_integer(error, model, f->name, f->integer));
    else if (f->kind == DNMF_ATTRIBUTE_REAL)
      DNMF_TRY(dnmf_model_set_real(error, model, f->name, f->real));
    else if (f->text)
      DNMF_TRY(dnmf_model_set_text(error, model, f->name, f->text));
  }
  return DNMF_OK;
}

/* What belongs to models with weak zeros only. */
static dnmf_status describe_weak(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_weak_settings *weak = &f->settings.observed.weak;
  const double cells = (double)f->ratings.rows * (double)f->ratings.cols;
  const fact facts[] = {
      REAL("missing_weight", weak->weight),
      WHOLE("implicit", weak->target_one ? 1 : 0),
      TEXT("confidence", dnmf_confidence_name(weak->confidence)),
      REAL("alpha", weak->alpha),
      REAL("epsilon", weak->epsilon),
      REAL("count_power", dnmf_count_power(&f->settings.penalties)),
      WHOLE("sweeps", dnmf_sweeps(&f->settings)),
      REAL("init_scale", f->settings.observed.start_scale),
      REAL("like", weak->like),
      REAL("mean", f->weak_figures.plain_targets / cells),
  };
  return add_facts(error, model, facts, sizeof facts / sizeof *facts);
}

/* What models of ratings say of a chain. */
static dnmf_status describe_posterior(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_posterior_settings *settings = &f->settings.posterior;
  const dnmf_posterior *posterior = &f->posterior;
  const fact asked[] = {
      WHOLE("chains", settings->chains),
      WHOLE("burn_in", settings->burn_in),
      WHOLE("thin", settings->thin),
      TEXT("keep", settings->keep_mean ? "mean" : "samples"),
  };
  const fact reached[] = {
      WHOLE("samples", posterior->is_mean ? 0 : posterior->kept),
      WHOLE("start_iterations", posterior->start_iterations),
      REAL("noise_precision", posterior->noise_precision),
      REAL("noise_r_hat", posterior->noise_r_hat),
      REAL("noise_effective_samples", posterior->noise_effective),
      REAL("watched_r_hat", posterior->watched_r_hat),
      REAL("watched_effective_samples", posterior->watched_effective),
  };
  DNMF_TRY(dnmf_model_set_integer(error, model, "chain_sweeps", settings->samples)); /* 0: there is no chain */
  if (settings->samples == 0)
    return DNMF_OK;
  DNMF_TRY(add_facts(error, model, asked, sizeof asked / sizeof *asked));
  return posterior->kept > 0 ? add_facts(error, model, reached, sizeof reached / sizeof *reached) : DNMF_OK;
}

/* What belongs to models of observed entries only. */
static dnmf_status describe_ratings(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_observed_settings *observed = &f->settings.observed;
  const fact facts[] = {
      TEXT("bias", dnmf_bias_name(observed)),
      REAL("l2_bias", observed->l2_bias),
      REAL("count_power", dnmf_count_power(&f->settings.penalties)),
      TEXT("shrink_to", dnmf_observed_center_name(&f->settings)),
      TEXT("implicit_terms", dnmf_evidence_name(&f->settings)),
      REAL("l2_terms", observed->evidence == DNMF_EVIDENCE_NONE ? 0 : observed->l2_evidence),
      WHOLE("sweeps", dnmf_sweeps(&f->settings)),
      REAL("init_scale", observed->start_scale),
      REAL("mean", f->ratings.mean),
      REAL("smallest", f->ratings.smallest),
      REAL("largest", f->ratings.largest),
      WHOLE("best_iteration", f->result.best_iteration),
      REAL("validation_rmse", f->result.validation_rmse),
  };
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  DNMF_TRY(describe_posterior(error, f, model));
  if (!f->has_held_out)
    return DNMF_OK;
  return dnmf_model_add_curve(error, model, "validation_rmse", f->result.history_count, f->result.validation_history);
}

/* What belongs to fits with zeros only. */
static dnmf_status describe_zeros(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const fact facts[] = {
      REAL("mean", dnmf_matrix_mean(&f->a.matrix)),
      REAL("validation_share", f->held_choice.share),
  };
  const fact partial[] = {
      WHOLE("missing_cells", f->held.missing),
      TEXT("bias", "no"),
      REAL("l2_bias", 0),
      REAL("count_power", 0),
      TEXT("shrink_to", "zero"),
  };
  const fact held_out[] = {
      WHOLE("validation_cells", f->held.held_out),
      REAL("validation_rmse", f->result.validation_rmse),
      REAL("validation_loss", f->result.validation_loss),
      WHOLE("best_iteration", f->result.best_iteration),
  };
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  if (f->partial)
    DNMF_TRY(add_facts(error, model, partial, sizeof partial / sizeof *partial));
  if (!f->has_held_out)
    return DNMF_OK;
  DNMF_TRY(add_facts(error, model, held_out, sizeof held_out / sizeof *held_out));
  return dnmf_model_add_curve(error, model, "validation_rmse", f->result.history_count, f->result.validation_history);
}

/* What belongs to the best of several fits only; before one has begun, the seed is that of the first. */
static dnmf_status describe_restarts(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const uint64_t seed = f->restarts.items ? f->restarts.items[f->best_restart].seed : f->settings.seed;
  const fact facts[] = {
      WHOLE("restarts", f->restart_count),
      WHOLE("groups", f->group_count > 1 ? f->group_count : 1),
      WHOLE("best_seed", (int64_t)seed),
  };
  return add_facts(error, model, facts, sizeof facts / sizeof *facts);
}

/* What belongs to mini-batch fits only. */
static dnmf_status describe_batches(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const fact facts[] = {
      WHOLE("batch_rows", f->settings.batches.rows),
      WHOLE("sweeps", f->settings.sweeps),
      REAL("forget", f->settings.batches.forget),
  };
  return add_facts(error, model, facts, sizeof facts / sizeof *facts);
}

/* Other losses than the squared error have no relative error. */
static bool has_errors(const dnmf_fit_result *result) {
  for (int64_t i = 0; i < result->history_count; i++)
    if (isfinite(result->error_history[i]))
      return true;
  return false;
}

/* Where the time of this job went, once it has iterated. */
static dnmf_status describe_seconds(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_fit_seconds *s = &f->result.seconds;
  const fact facts[] = {
      REAL("read_seconds", f->seconds.read), REAL("init_seconds", f->seconds.init), REAL("iterate_seconds", s->total),
      REAL("product_seconds", s->product),   REAL("gram_seconds", s->gram),         REAL("update_seconds", s->update),
      REAL("exchange_seconds", s->exchange), REAL("file_seconds", s->read),
  };
  return add_facts(error, model, facts, sizeof facts / sizeof *facts);
}

dnmf_status dnmf_fitting_describe(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model) {
  char grid[32];
  char date[32];
  char checksum[32];
  char loss[DNMF_LOSS_TEXT];
  const dnmf_matrix *a = &f->a.matrix;
  const dnmf_settings *settings = &f->settings;
  const bool ratings = f->missing == DNMF_MISSING_UNOBSERVED;
  const time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc); /* attributes are written with process 0's values */
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  snprintf(grid, sizeof grid, "%dx%d", f->a.grid.rows, f->a.grid.cols);
  snprintf(checksum, sizeof checksum, "%016" PRIx64, a->checksum);
  const fact facts[] = {
      TEXT("program", "dnmf"),
      TEXT("version", dnmf_version()),
      TEXT("command_line", f->host->command_line),
      TEXT("libraries", f->host->libraries),
      TEXT("options", f->host->options),
      TEXT("date", date),
      TEXT("input", f->source.name),
      WHOLE("rows", a->rows),
      WHOLE("cols", a->cols),
      WHOLE("stored", a->stored),
      TEXT("checksum", checksum),
      WHOLE("components", f->components),
      TEXT("missing", dnmf_fitting_missing_name(f)),
      TEXT("loss", dnmf_loss_name(settings->loss, loss)),
      TEXT("solver", dnmf_solver_name(settings->solver)),
      TEXT("init", f->init),
      TEXT("fix", dnmf_fixed_name(settings->fixed)),
      WHOLE("seed", (int64_t)settings->seed),
      WHOLE("max_iter", settings->max_iterations),
      REAL("tol", settings->tolerance),
      TEXT("stop", f->stop),
      REAL("l1_w", settings->penalties.l1_w),
      REAL("l1_h", settings->penalties.l1_h),
      REAL("l2_w", settings->penalties.l2_w),
      REAL("l2_h", settings->penalties.l2_h),
      TEXT("penalty_scale", penalty_scale_name(f)),
      TEXT("precision", dnmf_precision_name(f->precision)),
      WHOLE("processes", f->group_count > 1 ? f->processes : context->size),
      TEXT("grid", grid),
      WHOLE("threads", context->threads),
      WHOLE("iterations", f->result.iterations),
      TEXT("stop_reason", f->result.stop_reason),
      REAL("objective", f->result.objective),
      REAL("relative_error", dnmf_fitting_relative_error(f)),
  };
  dnmf_error *error = &context->error;
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  if (f->source.index_base != DNMF_INDEX_AUTO) /* test files are read with it */
    DNMF_TRY(dnmf_model_set_integer(error, model, "index_base", f->source.index_base == DNMF_INDEX_FROM_0 ? 0 : 1));
  if (f->weak)
    DNMF_TRY(describe_weak(error, f, model));
  else if (ratings)
    DNMF_TRY(describe_ratings(error, f, model));
  else
    DNMF_TRY(describe_zeros(error, f, model));
  if (f->in_batches)
    DNMF_TRY(describe_batches(error, f, model));
  if (f->restart_count > 0)
    DNMF_TRY(describe_restarts(error, f, model));
  DNMF_TRY(dnmf_model_add_curve(error, model, "objective", f->result.history_count, f->result.objective_history));
  DNMF_TRY(dnmf_model_add_curve(error, model, "seconds", f->result.history_count, f->result.seconds_history));
  if (has_errors(&f->result))
    DNMF_TRY(dnmf_model_add_curve(error, model, "relative_error", f->result.history_count, f->result.error_history));
  return f->result.seconds.total > 0 ? describe_seconds(error, f, model) : DNMF_OK;
}
