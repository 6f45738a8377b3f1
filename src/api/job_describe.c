/* What a model says of the fit that it is from. */
#include "api/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

double dnmf_fitting_entries(const dnmf_fitting *f) {
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return (double)f->ratings.stored;
  return (double)f->a.matrix.rows * (double)f->a.matrix.cols;
}

static double sum_squares(const dnmf_fitting *f) {
  const dnmf_ratings *r = &f->ratings;
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return (double)r->stored * (r->mean * r->mean + r->deviation * r->deviation);
  return f->a.matrix.sum_squares;
}

double dnmf_fitting_relative_error(const dnmf_fitting *f) {
  return sqrt(f->result.residual_squares / sum_squares(f));
}

double dnmf_fitting_rmse(const dnmf_fitting *f) {
  return sqrt(f->result.residual_squares / dnmf_fitting_entries(f));
}

static const char *bias_name(const dnmf_observed_options *plan) {
  if (plan->bias_rows && plan->bias_cols)
    return "row and column";
  if (plan->bias_rows)
    return "row";
  return plan->bias_cols ? "column" : "no";
}

static const char *penalty_scale_name(const dnmf_fitting *f) {
  if (f->missing == DNMF_MISSING_ZERO)
    return f->zeros.penalties.scale == DNMF_PENALTY_RAW ? "raw" : "dimension";
  if (f->observed.count_power == 0)
    return "raw";
  return f->observed.count_power == 1 ? "count" : "sqrt-count";
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

/* What belongs to models of observed entries only. */
static dnmf_status describe_ratings(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const dnmf_observed_options *observed = &f->observed;
  const fact facts[] = {
      TEXT("bias", bias_name(observed)),
      REAL("l2_bias", observed->l2_bias),
      REAL("count_power", observed->count_power),
      TEXT("shrink_to", observed->shrink_to_mean ? "mean" : "zero"),
      WHOLE("sweeps", observed->sweeps),
      REAL("init_scale", observed->start_scale),
      REAL("mean", f->ratings.mean),
      REAL("smallest", f->ratings.smallest),
      REAL("largest", f->ratings.largest),
      WHOLE("best_iteration", f->result.best_iteration),
      REAL("validation_rmse", f->result.validation_rmse),
  };
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  if (!f->has_held_out)
    return DNMF_OK;
  return dnmf_model_add_curve(error, model, "validation_rmse", f->result.history_count, f->result.validation_history);
}

/* What belongs to mini-batch fits only. */
static dnmf_status describe_batches(dnmf_error *error, const dnmf_fitting *f, dnmf_model *model) {
  const fact facts[] = {
      WHOLE("batch_rows", f->stream.batch_rows),
      WHOLE("sweeps", f->stream.sweeps),
      REAL("forget", f->stream.forget),
  };
  return add_facts(error, model, facts, sizeof facts / sizeof *facts);
}

dnmf_status dnmf_fitting_describe(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model) {
  static const char *const fixed[] = {[DNMF_FIXED_NONE] = "none", [DNMF_FIXED_W] = "w", [DNMF_FIXED_H] = "h"};
  char grid[32];
  char date[32];
  char checksum[32];
  char loss[DNMF_LOSS_TEXT];
  const dnmf_matrix *a = &f->a.matrix;
  const dnmf_observed_options *observed = &f->observed;
  const dnmf_fit_options *zeros = &f->zeros;
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
      TEXT("date", date),
      TEXT("input", f->source.name),
      WHOLE("rows", a->rows),
      WHOLE("cols", a->cols),
      WHOLE("stored", a->stored),
      TEXT("checksum", checksum),
      WHOLE("components", f->components),
      TEXT("missing", dnmf_missing_name(f->missing)),
      TEXT("loss", dnmf_loss_name(f->loss, loss)),
      TEXT("solver", dnmf_solver_name(f->solver)),
      TEXT("init", f->settings->init ? f->settings->init : "random"),
      TEXT("fix", fixed[zeros->fixed]),
      WHOLE("seed", (int64_t)f->seed),
      WHOLE("max_iter", ratings ? observed->max_iterations : zeros->max_iterations),
      REAL("tol", ratings ? observed->tolerance : zeros->tolerance),
      TEXT("stop", f->stop),
      REAL("l1_w", ratings ? observed->l1_w : zeros->penalties.l1_w),
      REAL("l1_h", ratings ? observed->l1_h : zeros->penalties.l1_h),
      REAL("l2_w", ratings ? observed->l2_w : zeros->penalties.l2_w),
      REAL("l2_h", ratings ? observed->l2_h : zeros->penalties.l2_h),
      TEXT("penalty_scale", penalty_scale_name(f)),
      TEXT("precision", dnmf_precision_name(f->precision)),
      WHOLE("processes", context->size),
      TEXT("grid", grid),
      WHOLE("threads", context->threads),
      WHOLE("iterations", f->result.iterations),
      TEXT("stop_reason", f->result.stop_reason),
      REAL("objective", f->result.objective),
      REAL("relative_error", dnmf_fitting_relative_error(f)),
  };
  dnmf_error *error = &context->error;
  DNMF_TRY(add_facts(error, model, facts, sizeof facts / sizeof *facts));
  if (ratings)
    DNMF_TRY(describe_ratings(error, f, model));
  else
    DNMF_TRY(dnmf_model_set_real(error, model, "mean", a->sum / ((double)a->rows * (double)a->cols)));
  if (f->in_batches)
    DNMF_TRY(describe_batches(error, f, model));
  DNMF_TRY(dnmf_model_add_curve(error, model, "objective", f->result.history_count, f->result.objective_history));
  return dnmf_model_add_curve(error, model, "seconds", f->result.history_count, f->result.seconds_history);
}
