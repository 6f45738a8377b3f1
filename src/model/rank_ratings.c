/* Ranking what a fit of ratings would list, before it is a model: views of ratings turned into rows of columns. */
#include "base/memory.h"
#include "model/rank_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* csr = the entries of a view of rows whose value is at least `smallest`, by global columns; each counts 1. The needed
 * list ascends, so the columns of a row do. */
static dnmf_status take_columns(dnmf_error *error, const dnmf_ratings_view *view, dnmf_precision precision,
                                int64_t cols, double smallest, dnmf_csr *csr) {
  const dnmf_csr *entries = &view->entries;
  const dnmf_number number = dnmf_number_of(precision, entries->narrow);
  const int64_t stored = entries->rows > 0 ? entries->start[entries->rows] : 0;
  void *memory = NULL;
  *csr = (dnmf_csr){.rows = entries->rows, .cols = cols, .narrow = DNMF_NUMBER_UINT8};
  DNMF_TRY(dnmf_allocate_zero(error, "rows of ratings", entries->rows + 1, sizeof(int64_t), &memory));
  csr->start = memory;
  DNMF_TRY(dnmf_allocate(error, "columns of ratings", stored, sizeof(int32_t), &memory));
  csr->index = memory;
  DNMF_TRY(dnmf_allocate(error, "ratings", stored, 1, &memory));
  csr->value = memory;
  int64_t kept = 0;
  for (int64_t row = 0; row < entries->rows; row++) {
    for (int64_t at = entries->start[row]; at < entries->start[row + 1]; at++)
      if (dnmf_number_at(number, entries->value, at) >= smallest) {
        csr->index[kept] = (int32_t)view->needed[entries->index[at]];
        ((uint8_t *)csr->value)[kept++] = 1;
      }
    csr->start[row + 1] = kept;
  }
  return DNMF_OK;
}

static void free_columns(dnmf_csr *csr) {
  free(csr->start);
  free(csr->index);
  free(csr->value);
}

/* One factor of the model: components, bias and number of entries of each row. */
static dnmf_status take_factor(dnmf_error *error, int components, const dnmf_panel *from, const dnmf_csr *entries,
                               dnmf_panel *factor, double **bias, int64_t **counts) {
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, "a factor", from->rows, components, from->precision, factor));
  DNMF_TRY(dnmf_allocate_zero(error, "biases", from->rows, sizeof(double), &memory));
  *bias = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "counts of ratings", from->rows, sizeof(int64_t), &memory));
  *counts = memory;
  for (int64_t row = 0; row < from->rows; row++) {
    for (int c = 0; c < components; c++)
      dnmf_panel_set(factor, row, c, dnmf_panel_get(from, row, c));
    if (from->components > components)
      (*bias)[row] = dnmf_panel_get(from, row, components);
    (*counts)[row] = entries->start[row + 1] - entries->start[row];
  }
  return DNMF_OK;
}

static dnmf_status take_model(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                              const dnmf_panel *w, const dnmf_panel *h, dnmf_model *model) {
  *model = (dnmf_model){.rows = ratings->rows,
                        .cols = ratings->cols,
                        .components = settings->components,
                        .owned_rows = ratings->by_rows.owned,
                        .owned_cols = ratings->by_cols.owned};
  model->bias.fitted = settings->observed.bias_rows || settings->observed.bias_cols;
  model->bias.mean = dnmf_observed_mean(settings, ratings);
  DNMF_TRY(take_factor(error, settings->components, w, &ratings->by_rows.entries, &model->w, &model->bias.row,
                       &model->row_counts));
  return take_factor(error, settings->components, h, &ratings->by_cols.entries, &model->h, &model->bias.col,
                     &model->col_counts);
}

dnmf_status dnmf_rank_ratings(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, const dnmf_panel *w, const dnmf_panel *h,
                              const dnmf_metrics_options *cuts, dnmf_rank_metrics *metrics) {
  dnmf_error *error = &context->error;
  dnmf_model model = {0};
  dnmf_csr seen = {0};
  dnmf_csr relevant = {0};
  const dnmf_recommend_options how = {.mean = ratings->mean};
  dnmf_status status = take_model(error, settings, ratings, w, h, &model);
  if (status == DNMF_OK)
    status = take_columns(error, &ratings->by_rows, ratings->precision, ratings->cols, -INFINITY, &seen);
  if (status == DNMF_OK)
    status = take_columns(error, held_out, ratings->precision, ratings->cols, cuts->relevant, &relevant);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    const dnmf_held_out_lists lists = {&relevant, ratings->precision, &seen};
    status = dnmf_rank_evaluate(context, &model, &lists, &how, cuts, metrics);
  }
  free_columns(&seen);
  free_columns(&relevant);
  dnmf_model_free(&model);
  return status;
}
