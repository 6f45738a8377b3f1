#include "api/fitting.h"

#include "comm/node_memory.h"

#include <math.h>

/* --- What it costs ----------------------------------------------------------------------------------------- */

/* Of all cells, held out or without a value. */
static double held_share(const dnmf_fitting *f) {
  const double cells = (double)f->source.rows * (double)f->source.cols;
  const double missing = f->partial && f->source.stored >= 0 ? 1 - (double)f->source.stored / cells : 0;
  return missing + (1 - missing) * f->held_choice.share;
}

dnmf_job dnmf_fitting_cost(const dnmf_fitting *f) {
  const dnmf_source *source = &f->source;
  const bool sparse = source->sparse && !f->partial;
  const dnmf_weak_settings *weak = &f->settings.observed.weak;
  return (dnmf_job){.rows = source->rows,
                    .cols = source->cols,
                    .stored = sparse ? (double)source->stored : (double)source->rows * (double)source->cols,
                    .sparse = sparse,
                    .weak = f->weak,
                    .terms = dnmf_evidence_sides(f->settings.observed.evidence),
                    .row_terms = dnmf_evidence_has_rows(&f->settings),
                    .confident = f->weak && (weak->confidence != DNMF_CONFIDENCE_ONE || weak->target_one),
                    .components = f->components,
                    .draws = f->settings.posterior.samples > 0 ? dnmf_posterior_draws(&f->settings.posterior) : 0,
                    .chains = f->settings.posterior.chains,
                    .groups = f->settings.posterior.groups,
                    .starts = f->side_by_side,
                    .restarts = f->restart_count,
                    .solver = f->settings.solver,
                    .sweeps = f->settings.sweeps,
                    .loss = f->settings.loss,
                    .held_share = held_share(f),
                    .takes_entries = f->takes_entries,
                    .fills_out = f->partial,
                    .precision = f->precision,
                    .narrow = source->narrow};
}

/* Of observed entries the factor rows that are fetched are known only as a bound, and left out. */
dnmf_status dnmf_fitting_check_memory(dnmf_context *context, const dnmf_fitting *f, double beside,
                                      const char *way_out) {
  const bool observed = f->missing == DNMF_MISSING_UNOBSERVED;
  dnmf_job job = dnmf_fitting_cost(f);
  dnmf_cost cost;
  job.missing = f->missing;
  job.stored = fmax(0, job.stored); /* not known before it is read */
  dnmf_cost_of(context, &job, NULL, f->a.grid.rows, f->a.grid.cols, &cost);
  double bytes = observed ? fmax(cost.memory.loading, cost.memory.block) + cost.memory.draws : cost.memory.peak;
  if (f->in_batches)
    bytes = f->batch_memory.total;
  bytes += beside;
  return dnmf_check_memory(context, f->source.name, way_out, bytes);
}

/* --- What it is -------------------------------------------------------------------------------------------- */

dnmf_number dnmf_fitting_number(const dnmf_fitting *f) {
  const bool observed = f->missing == DNMF_MISSING_UNOBSERVED;
  return dnmf_number_of(f->precision, observed ? f->ratings.by_rows.entries.narrow : f->a.matrix.narrow);
}

const char *dnmf_bias_name(const dnmf_observed_settings *observed) {
  if (observed->bias_rows && observed->bias_cols)
    return "row and column";
  if (observed->bias_rows)
    return "row";
  return observed->bias_cols ? "column" : "no";
}

const char *dnmf_fixed_name(dnmf_fixed fixed) {
  static const char *const names[] = {[DNMF_FIXED_NONE] = "none", [DNMF_FIXED_W] = "w", [DNMF_FIXED_H] = "h"};
  return names[fixed];
}

const char *dnmf_confidence_name(dnmf_confidence confidence) {
  static const char *const names[] = {"one", "linear", "log"};
  return names[confidence];
}

const char *dnmf_fitting_missing_name(const dnmf_fitting *f) {
  return f->weak ? "weak" : f->partial ? dnmf_missing_name(DNMF_MISSING_UNOBSERVED) : dnmf_missing_name(f->missing);
}

/* --- What it has come to ----------------------------------------------------------------------------------- */

double dnmf_fitting_entries(const dnmf_fitting *f) {
  if (f->weak)
    return f->weak_figures.confidences;
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return (double)f->ratings.stored;
  return (double)f->a.matrix.rows * (double)f->a.matrix.cols - (double)f->a.matrix.unknown;
}

static double sum_squares(const dnmf_fitting *f) {
  const dnmf_ratings *r = &f->ratings;
  if (f->weak)
    return f->weak_figures.target_squares;
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return (double)r->stored * (r->mean * r->mean + r->deviation * r->deviation);
  return f->a.matrix.sum_squares;
}

double dnmf_fitting_relative_error(const dnmf_fitting *f) {
  return dnmf_relative_error(f->result.residual_squares, sum_squares(f));
}

double dnmf_fitting_rmse(const dnmf_fitting *f) {
  return sqrt(f->result.residual_squares / dnmf_fitting_entries(f));
}

dnmf_status dnmf_fitting_agree_groups(dnmf_context *context, const dnmf_fitting *f, dnmf_status status) {
  if (f->group_count <= 1)
    return status;
  if (status != DNMF_OK)
    context->error = f->at->error;
  return dnmf_agree(context, status);
}
