/* The consensus model: medians of clusters as one factor, the other fitted to the matrix. */
#include "api/search.h"

#include "api/job_model.h"
#include "base/memory.h"
#include "comm/fetch_range.h"
#include "store/file.h"

#include <string.h>

/* The medians of the candidate, wherever its group has them, to the processes of the first group. */
static dnmf_status take_medians(dnmf_context *context, const dnmf_search *s, const dnmf_search_record *record,
                                dnmf_factor *factor) {
  const dnmf_panel *medians = &record->medians;
  const size_t item = (size_t)medians->components * dnmf_precision_size(medians->precision);
  const dnmf_range nothing = {0, 0};
  return dnmf_fetch_range(context, record->range, medians->data, item, s->group == 0 ? factor->owned : nothing,
                          s->group == 0 ? factor->mine.data : NULL);
}

static dnmf_status create_factors(dnmf_search *s, int components) {
  dnmf_fitting *f = &s->f;
  f->components = components;
  f->settings.components = components;
  f->asked.components = components;
  DNMF_TRY(dnmf_factor_create_w(&s->part, &f->a.layout, components, f->precision, &f->w));
  return dnmf_factor_create_h(&s->part, &f->a.layout, components, f->precision, &f->h);
}

/* The other factor, of which there is one solution to find, from scikit-learn's start: zeros, or flat for
 * multiplicative updates. */
static dnmf_status fit_other(dnmf_search *s) {
  dnmf_fitting *f = &s->f;
  const dnmf_solver solver = f->settings.solver;
  f->settings.fixed = s->clusters_h ? DNMF_FIXED_H : DNMF_FIXED_W;
  f->settings.host = NULL;
  if (solver == DNMF_SOLVER_MU)
    dnmf_start_flat(&f->a.matrix, s->clusters_h ? &f->w : &f->h);
  if (solver == DNMF_SOLVER_AHALS) /* alternates between both factors */
    f->settings.solver = DNMF_SOLVER_BPP;
  const dnmf_status status = dnmf_fit_zeros(&s->part, &f->settings, &f->a.matrix, &f->w, &f->h, &f->result);
  f->settings.solver = solver;
  return status;
}

/* What a model says of the search that it is from. */
static dnmf_status describe_search(dnmf_error *error, const dnmf_search *s, const dnmf_search_record *record,
                                   dnmf_model *model) {
  const size_t bytes = (size_t)s->f.components * sizeof(double);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the stability of components", s->f.components, sizeof(double), &memory));
  model->stability = memory;
  memcpy(model->stability, record->stability, bytes);
  DNMF_TRY(dnmf_allocate(error, "the stability of components", s->f.components, sizeof(double), &memory));
  model->stable_runs = memory;
  memcpy(model->stable_runs, record->inlying, bytes);
  DNMF_TRY(dnmf_model_set_integer(error, model, "restarts", s->restarts));
  DNMF_TRY(dnmf_model_set_text(error, model, "perturb", s->asked->perturb ? s->asked->perturb : "none"));
  DNMF_TRY(dnmf_model_set_text(error, model, "clustered", s->clusters_h ? "h" : "w"));
  return dnmf_model_set_text(error, model, "suggestion", s->suggestion.reason);
}

/* The consensus of a candidate in the first group, borrowed from its fit; others: nothing. collective */
static dnmf_status make_consensus(dnmf_context *context, dnmf_search *s, int64_t at, const dnmf_job_host *host,
                                  dnmf_model *model) {
  const dnmf_search_record *record = &s->records[at];
  dnmf_context *part = &s->part;
  s->f.host = host;
  s->f.init = "consensus";
  dnmf_status status = create_factors(s, (int)record->figures.components);
  if (status != DNMF_OK)
    context->error = part->error;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(take_medians(context, s, record, s->clusters_h ? &s->f.h : &s->f.w));
  if (s->group == 0)
    status = fit_other(s);
  if (s->group == 0 && status == DNMF_OK)
    status = dnmf_fitting_fill(part, &s->f, NULL, model);
  if (s->group == 0 && status == DNMF_OK)
    status = describe_search(&part->error, s, record, model);
  if (status != DNMF_OK)
    context->error = part->error;
  return dnmf_agree(context, status);
}

dnmf_status dnmf_search_write(dnmf_context *context, dnmf_search *s, int64_t at, const char *path) {
  const dnmf_job_host host = {.command_line = s->host->command_line, .libraries = s->host->libraries};
  dnmf_model model = {.rows = 0};
  dnmf_status status = make_consensus(context, s, at, &host, &model);
  if (status == DNMF_OK && s->group == 0) {
    status = dnmf_model_write(&s->part, path, &model);
    context->error = s->part.error;
  }
  dnmf_fitting_release(&s->f, &model);
  s->f.host = NULL;
  return dnmf_agree(context, status);
}

/* One group has the model. */
dnmf_status dnmf_search_share_model(dnmf_context *context, dnmf_search *s, dnmf_model *made) {
  const dnmf_job_host host = {.state = NULL};
  dnmf_model fitted = {.rows = 0};
  dnmf_status status = DNMF_OK;
  if (s->suggestion.at < 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "there is no model: %s", s->suggestion.reason);
  status = make_consensus(context, s, s->suggestion.at, &host, &fitted);
  if (status == DNMF_OK)
    status = dnmf_fitting_share(context, &fitted, made);
  dnmf_fitting_release(&s->f, &fitted);
  s->f.host = NULL;
  return status;
}
