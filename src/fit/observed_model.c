/* The model of a fit of observed entries. */
#include "observed_model.h"

#include "bias_line.h"
#include "center.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

/* One factor of the model. */
typedef struct model_side {
  const dnmf_ratings_view *view;
  const dnmf_panel *x;     /* of the fit */
  const dnmf_panel *terms; /* implicit; NULL: none */
  dnmf_panel *factor;
  double **bias;
  int64_t **counts;
  double **pulled; /* the row that rows are pulled towards */
  bool fit_bias;
  double level;      /* each number of a row at the level */
  double bias_level; /* times the sum of a row is what its stored bias is less than its bias */
  dnmf_bias_line line;
  double unknown_bias; /* as it is stored */
} model_side;

/* Splits panel rows into components and bias. */
static dnmf_status split_panel(dnmf_error *error, int components, const model_side *s) {
  void *memory = NULL;
  DNMF_TRY(dnmf_panel_create(error, "model", s->x->rows, components, s->x->precision, s->factor));
  DNMF_TRY(dnmf_allocate_zero(error, "biases", s->x->rows, sizeof(double), &memory));
  *s->bias = memory;
  for (int64_t row = 0; row < s->x->rows; row++) {
    for (int c = 0; c < components; c++)
      dnmf_panel_set(s->factor, row, c, dnmf_panel_get(s->x, row, c));
    if (s->x->components > components)
      (*s->bias)[row] = dnmf_panel_get(s->x, row, components);
  }
  return DNMF_OK;
}

/* Entries of each owned row of a view. */
static dnmf_status count_entries(dnmf_error *error, const dnmf_ratings_view *view, int64_t **counts) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "observed entries", view->entries.rows, sizeof(int64_t), &memory));
  *counts = memory;
  for (int64_t row = 0; row < view->entries.rows; row++)
    (*counts)[row] = view->entries.start[row + 1] - view->entries.start[row];
  return DNMF_OK;
}

static dnmf_status fill_side(dnmf_error *error, const dnmf_settings *settings, const model_side *s) {
  void *memory = NULL;
  DNMF_TRY(count_entries(error, s->view, s->counts));
  DNMF_TRY(split_panel(error, settings->components, s));
  if (!dnmf_observed_is_around_level(settings) && !dnmf_observed_shrinks_to_mean(settings))
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(error, "the mean row", settings->components, sizeof(double), &memory));
  *s->pulled = memory;
  return DNMF_OK;
}

static dnmf_status copy_terms(dnmf_error *error, const dnmf_panel *from, dnmf_panel *to) {
  DNMF_TRY(dnmf_panel_create(error, "implicit terms", from->rows, from->components, from->precision, to));
  if (from->rows > 0)
    memcpy(to->data, from->data, (size_t)from->rows * (size_t)from->components * dnmf_precision_size(from->precision));
  return DNMF_OK;
}

/* s->pulled, the line and the bias of an unknown row. collective */
static dnmf_status find_pulled(dnmf_context *context, const dnmf_settings *settings, model_side *s) {
  const int k = settings->components;
  double sums[DNMF_BIAS_LINE_SUMS];
  if (!dnmf_observed_is_around_level(settings))
    return dnmf_observed_mean_row(context, settings, s->view, s->x, *s->pulled);
  for (int c = 0; c < k; c++)
    (*s->pulled)[c] = s->level;
  if (s->fit_bias) {
    dnmf_bias_line_sums(s->view, s->x, s->terms, s->bias_level, dnmf_observed_bias_power(settings), sums);
    DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, DNMF_BIAS_LINE_SUMS));
    s->line = dnmf_bias_line_of(sums);
  }
  s->unknown_bias = s->line.at_none - k * s->bias_level * s->level;
  return DNMF_OK;
}

/* An unknown row is the mean of all ratings' rows, not what rows with few of them are pulled towards: that is where the
 * columns' deviations count nothing. Its stored bias likewise. collective */
static dnmf_status find_mean_row(dnmf_context *context, int components, model_side *s) {
  void *memory = NULL;
  const int width = s->x->components;
  dnmf_status status = dnmf_allocate_zero(&context->error, "the mean row", (int64_t)width + 1, sizeof(double), &memory);
  double *sums = memory;
  DNMF_TRY(dnmf_agree(context, status));
  for (int64_t row = 0; row < s->x->rows; row++) {
    const double entries = (double)(*s->counts)[row];
    for (int c = 0; c < width; c++)
      sums[c] += entries * dnmf_panel_get(s->x, row, c);
    sums[width] += entries;
  }
  status = dnmf_sum_doubles(context, context->comm, sums, (int64_t)width + 1);
  if (status == DNMF_OK && sums[width] > 0) {
    for (int c = 0; c < components; c++)
      (*s->pulled)[c] = sums[c] / sums[width];
    s->unknown_bias = sums[components] / sums[width];
  }
  free(sums);
  return status;
}

/* Rows without entries are what others are pulled towards. */
static void settle_empty_rows(const model_side *s) {
  for (int64_t row = 0; row < s->factor->rows; row++) {
    if ((*s->counts)[row] > 0)
      continue;
    for (int c = 0; c < s->factor->components; c++)
      dnmf_panel_set(s->factor, row, c, (*s->pulled)[c]);
    (*s->bias)[row] = s->unknown_bias;
  }
}

static dnmf_status set_facts(dnmf_error *error, const dnmf_settings *settings, double level, const model_side *rows,
                             const model_side *cols, dnmf_model *model) {
  const struct {
    const char *name;
    double value;
  } facts[] = {{"level", level},
               {"count_extra", settings->penalties.count_extra},
               {"row_bias_at_none", rows->line.at_none},
               {"row_bias_slope", rows->line.slope},
               {"col_bias_at_none", cols->line.at_none},
               {"col_bias_slope", cols->line.slope},
               {"unknown_row_bias", rows->unknown_bias},
               {"unknown_col_bias", cols->unknown_bias}};
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
    DNMF_TRY(dnmf_model_set_real(error, model, facts[i].name, facts[i].value));
  return DNMF_OK;
}

dnmf_status observed_model_fill(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                const dnmf_panel *w, const dnmf_panel *h, const dnmf_evidence *evidence, int draws,
                                dnmf_model *model) {
  const double level = dnmf_observed_level(settings, ratings);
  model_side rows = {&ratings->by_rows,
                     w,
                     evidence && dnmf_evidence_has_rows(settings) ? &evidence->row_terms : NULL,
                     &model->w,
                     &model->bias.row,
                     &model->row_counts,
                     &model->mean_row,
                     settings->observed.bias_rows,
                     level / draws,
                     level,
                     {0, 0},
                     0};
  model_side cols = {&ratings->by_cols,
                     h,
                     evidence && dnmf_evidence_has_cols(settings) ? &evidence->col_terms : NULL,
                     &model->h,
                     &model->bias.col,
                     &model->col_counts,
                     &model->mean_col,
                     settings->observed.bias_cols,
                     level,
                     level / draws,
                     {0, 0},
                     0};
  model->owned_rows = ratings->by_rows.owned;
  model->owned_cols = ratings->by_cols.owned;
  model->bias.fitted = dnmf_observed_has_biases(settings);
  dnmf_settings of_one = *settings;
  of_one.components /= draws;
  model->bias.mean = dnmf_observed_mean(&of_one, ratings);
  dnmf_status status = fill_side(&context->error, settings, &rows);
  if (status == DNMF_OK)
    status = fill_side(&context->error, settings, &cols);
  if (status == DNMF_OK && rows.terms && evidence->of_cols.components > 0)
    status = copy_terms(&context->error, &evidence->of_cols, &model->terms);
  DNMF_TRY(dnmf_agree(context, status));
  if (!model->mean_row)
    return DNMF_OK;
  DNMF_TRY(find_pulled(context, settings, &rows));
  DNMF_TRY(find_pulled(context, settings, &cols));
  if (dnmf_observed_is_around_level(settings))
    DNMF_TRY(find_mean_row(context, settings->components, &rows));
  settle_empty_rows(&rows);
  settle_empty_rows(&cols);
  return dnmf_agree(context, set_facts(&context->error, settings, level, &rows, &cols, model));
}

dnmf_status dnmf_observed_fill_model(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                     const dnmf_panel *w, const dnmf_panel *h, const dnmf_evidence *evidence,
                                     dnmf_model *model) {
  return observed_model_fill(context, settings, ratings, w, h, evidence, 1, model);
}
