#include "api/job_model.h"

#include "api/checkpoint_state.h"
#include "api/job_cells.h"
#include "api/job_describe.h"
#include "api/job_ratings.h"
#include "base/memory.h"
#include "comm/fetch_range.h"
#include "store/file.h"

#include <string.h>

dnmf_status dnmf_fitting_fill(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                              dnmf_model *model) {
  dnmf_error *error = &context->error;
  dnmf_status status = DNMF_OK;
  model->rows = f->source.rows;
  model->cols = f->source.cols;
  model->components = f->components;
  model->row_ids = f->source.row_ids;
  model->col_ids = f->source.col_ids;
  if (f->missing == DNMF_MISSING_UNOBSERVED) {
    status = now || f->posterior.kept == 0
                 ? dnmf_fitting_fill_ratings(context, f, model)
                 : dnmf_posterior_fill_model(context, &f->settings, &f->ratings, &f->posterior, model);
  } else {
    model->owned_rows = f->w.owned;
    model->owned_cols = f->h.owned;
    model->w = f->w.mine;
    model->h = f->h.mine;
    if (f->partial)
      status = dnmf_fitting_count_cells(context, f, model);
  }
  if (now) {
    model->part_count = now->panel_count;
    memcpy(model->parts, now->panels, sizeof model->parts);
  }
  if (status == DNMF_OK)
    status = dnmf_fitting_describe(context, f, model);
  if (status == DNMF_OK && now)
    status = dnmf_checkpoint_describe(error, f, now, model);
  return dnmf_agree(context, status);
}

void dnmf_fitting_release(const dnmf_fitting *f, dnmf_model *model) {
  model->row_ids = model->col_ids = (dnmf_ids){0};
  if (f->missing == DNMF_MISSING_ZERO) {
    model->w = (dnmf_panel){0};
    model->h = (dnmf_panel){0};
  }
  dnmf_model_free(model);
}

dnmf_status dnmf_fitting_write(dnmf_context *context, const dnmf_fitting *f, const dnmf_fit_state *now,
                               const char *path) {
  dnmf_model model = {.rows = 0};
  dnmf_status status = DNMF_OK;
  if (f->group == 0)
    status = dnmf_fitting_fill(f->at, f, now, &model);
  if (f->group == 0 && status == DNMF_OK)
    status = dnmf_model_write(f->at, path, &model);
  dnmf_fitting_release(f, &model);
  return dnmf_fitting_agree_groups(context, f, status);
}

/* The even share of a factor. collective */
static dnmf_status share_panel(dnmf_context *context, dnmf_range held, const dnmf_panel *mine, dnmf_range wanted,
                               dnmf_panel *panel) {
  dnmf_status status =
      dnmf_panel_create(&context->error, "a factor", dnmf_range_size(wanted), mine->components, mine->precision, panel);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_fetch_range(context, held, mine->data, (size_t)mine->components * dnmf_precision_size(mine->precision),
                          wanted, panel->data);
}

/* The even share of numbers of 8 bytes, one a row; *shared stays NULL where there are none. collective */
static dnmf_status share_numbers(dnmf_context *context, dnmf_range held, const void *mine, dnmf_range wanted,
                                 void **shared) {
  if (!mine)
    return DNMF_OK;
  DNMF_TRY(
      dnmf_agree(context, dnmf_allocate(&context->error, "a model", dnmf_range_size(wanted), sizeof(double), shared)));
  return dnmf_fetch_range(context, held, mine, sizeof(double), wanted, *shared);
}

dnmf_status dnmf_fitting_share(dnmf_context *context, dnmf_model *from, dnmf_model *to) {
  const dnmf_range rows = dnmf_range_split((dnmf_range){0, from->rows}, context->size, context->rank);
  const dnmf_range cols = dnmf_range_split((dnmf_range){0, from->cols}, context->size, context->rank);
  void *shared[4] = {NULL, NULL, NULL, NULL};
  to->rows = from->rows;
  to->cols = from->cols;
  to->components = from->components;
  to->owned_rows = rows;
  to->owned_cols = cols;
  to->bias.fitted = from->bias.fitted;
  to->bias.mean = from->bias.mean;
  DNMF_TRY(share_panel(context, from->owned_rows, &from->w, rows, &to->w));
  DNMF_TRY(share_panel(context, from->owned_cols, &from->h, cols, &to->h));
  if (from->terms.components > 0)
    DNMF_TRY(share_panel(context, from->owned_cols, &from->terms, cols, &to->terms));
  to->samples = from->samples;
  if (from->samples > 0) {
    DNMF_TRY(share_panel(context, from->owned_rows, &from->row_samples, rows, &to->row_samples));
    DNMF_TRY(share_panel(context, from->owned_cols, &from->col_samples, cols, &to->col_samples));
  }
  dnmf_status status = share_numbers(context, from->owned_rows, from->bias.row, rows, &shared[0]);
  to->bias.row = shared[0];
  if (status == DNMF_OK)
    status = share_numbers(context, from->owned_cols, from->bias.col, cols, &shared[1]);
  to->bias.col = shared[1];
  if (status == DNMF_OK)
    status = share_numbers(context, from->owned_rows, from->row_counts, rows, &shared[2]);
  to->row_counts = shared[2];
  if (status == DNMF_OK)
    status = share_numbers(context, from->owned_cols, from->col_counts, cols, &shared[3]);
  to->col_counts = shared[3];
  DNMF_TRY(status);
  to->mean_row = from->mean_row;
  to->mean_col = from->mean_col;
  to->attribute_count = from->attribute_count;
  to->attributes = from->attributes;
  to->curve_count = from->curve_count;
  to->curves = from->curves;
  to->stability = from->stability;
  to->stable_runs = from->stable_runs;
  from->stability = from->stable_runs = NULL;
  from->mean_row = NULL;
  from->mean_col = NULL;
  from->attributes = NULL;
  from->curves = NULL;
  from->attribute_count = from->curve_count = 0;
  status = dnmf_ids_copy(&context->error, &from->row_ids, &to->row_ids);
  if (status == DNMF_OK)
    status = dnmf_ids_copy(&context->error, &from->col_ids, &to->col_ids);
  return dnmf_agree(context, status);
}
