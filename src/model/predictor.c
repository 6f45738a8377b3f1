/* What a model needs to predict, taken from its factors and its provenance. */
#include "model/predict.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void dnmf_predictor_free(dnmf_predictor *predictor) {
  free(predictor->row_bounds);
  free(predictor->col_bounds);
  dnmf_panel_free(&predictor->w);
  dnmf_panel_free(&predictor->h);
  free(predictor->average_row);
  free(predictor->average_col);
  memset(predictor, 0, sizeof *predictor);
}

double dnmf_clip(const dnmf_predictor *predictor, double score) {
  if (score < predictor->smallest)
    return predictor->smallest;
  return score > predictor->largest ? predictor->largest : score;
}

/* Factor rows in double, each followed by its bias and whether it is known. */
static dnmf_status join_rows(dnmf_error *error, const dnmf_model *model, bool cols, dnmf_panel *joined) {
  const dnmf_panel *factor = cols ? &model->h : &model->w;
  const double *bias = cols ? model->bias.col : model->bias.row;
  const dnmf_panel *draws = cols ? &model->col_samples : &model->row_samples;
  int k = factor->components;
  DNMF_TRY(dnmf_panel_create(error, "factor rows and biases", factor->rows, k + DNMF_PREDICTOR_EXTRA + model->samples,
                             DNMF_DOUBLE, joined));
  double *to = joined->data;
  for (int64_t i = 0; i < factor->rows; i++) {
    for (int c = 0; c < k; c++)
      *to++ = dnmf_panel_get(factor, i, c);
    *to++ = bias ? bias[i] : 0;
    *to++ = (cols ? dnmf_model_col_is_known(model, i) : dnmf_model_row_is_known(model, i)) ? 1 : 0;
    for (int s = 0; s < model->samples; s++)
      *to++ = dnmf_panel_get(draws, i, s);
  }
  return DNMF_OK;
}

static dnmf_status copy_average(dnmf_error *error, const dnmf_model *model, const double *row, const char *bias_name,
                                double **average) {
  const int k = model->components;
  double bias = 0;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "an average row", (int64_t)k + 1, sizeof(double), &memory));
  *average = memory;
  memcpy(*average, row, (size_t)k * sizeof(double));
  dnmf_model_number(model, bias_name, &bias);
  (*average)[k] = bias;
  return DNMF_OK;
}

static dnmf_status set_averages(dnmf_error *error, const dnmf_model *model, dnmf_predictor *p) {
  if (!dnmf_model_has_mean_rows(model))
    return DNMF_OK;
  DNMF_TRY(copy_average(error, model, model->mean_row, "unknown_row_bias", &p->average_row));
  return copy_average(error, model, model->mean_col, "unknown_col_bias", &p->average_col);
}

static dnmf_status allocate_bounds(dnmf_error *error, int size, int64_t **bounds) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "ranges of factor rows", size + 1, sizeof(int64_t), &memory);
  *bounds = memory;
  return status;
}

static dnmf_status share_bounds(dnmf_context *context, dnmf_range owned, int64_t rows, int64_t *bounds) {
  int code = MPI_Allgather(&owned.begin, 1, MPI_INT64_T, bounds, 1, MPI_INT64_T, context->comm);
  bounds[context->size] = rows;
  return dnmf_mpi_check(context, code, "MPI_Allgather");
}

/* sums[c] = the sum of column c of the panel. */
static void sum_columns(const dnmf_panel *panel, double *sums) {
  const double *at = panel->data;
  for (int64_t i = 0; i < panel->rows; i++)
    for (int c = 0; c < panel->components; c++)
      sums[c] += *at++;
}

/* The mean of all predictions: constant + mean b_i + mean b_j + (mean w)(mean h). For models that others wrote. */
static dnmf_status mean_of_predictions(dnmf_context *context, dnmf_predictor *p) {
  const int stride = p->w.components;
  const int k = p->components;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "factor sums", 2 * (int64_t)stride, sizeof(double), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  double *w = memory;
  double *h = w + stride;
  sum_columns(&p->w, w);
  sum_columns(&p->h, h);
  status = dnmf_sum_doubles(context, context->comm, w, 2 * (int64_t)stride);
  double rows = (double)p->rows;
  double cols = (double)p->cols;
  p->mean = p->constant + w[k] / rows + h[k] / cols;
  for (int c = 0; c < k; c++)
    p->mean += w[c] / rows * (h[c] / cols);
  free(memory);
  return status;
}

dnmf_status dnmf_predictor_create(dnmf_context *context, const dnmf_model *model, dnmf_predictor *predictor) {
  dnmf_predictor *p = predictor;
  dnmf_error *error = &context->error;
  *p = (dnmf_predictor){.rows = model->rows,
                        .cols = model->cols,
                        .components = model->components,
                        .samples = model->samples,
                        .constant = model->bias.fitted ? model->bias.mean : 0};
  dnmf_status status = join_rows(error, model, false, &p->w);
  if (status == DNMF_OK)
    status = join_rows(error, model, true, &p->h);
  if (status == DNMF_OK)
    status = set_averages(error, model, p);
  if (status == DNMF_OK)
    status = allocate_bounds(error, context->size, &p->row_bounds);
  if (status == DNMF_OK)
    status = allocate_bounds(error, context->size, &p->col_bounds);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(share_bounds(context, model->owned_rows, model->rows, p->row_bounds));
  DNMF_TRY(share_bounds(context, model->owned_cols, model->cols, p->col_bounds));
  double precision = 0;
  dnmf_model_number(model, "level", &p->level);
  if (dnmf_model_number(model, "noise_precision", &precision) && precision > 0)
    p->noise = 1 / sqrt(precision);
  p->has_scale = dnmf_model_scale(model, &p->smallest, &p->largest);
  return dnmf_model_number(model, "mean", &p->mean) ? DNMF_OK : mean_of_predictions(context, p);
}
