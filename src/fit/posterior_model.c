/* The draws of a chain as one model. */
#include "fit/posterior_fit.h"
#include "observed_model.h"

#include "comm/collective.h"

/* One factor of the model: kept draws side by side, each number times `scale`, then the mean of the biases; and the
 * biases by themselves. */
static dnmf_status join_draws(dnmf_error *error, const dnmf_panel *kept, int draws, int components, double scale,
                              dnmf_panel *joined, dnmf_panel *biases) {
  const int width = components + 1;
  DNMF_TRY(dnmf_panel_create(error, "draws", kept->rows, draws * components + 1, kept->precision, joined));
  DNMF_TRY(dnmf_panel_create(error, "biases of draws", kept->rows, draws, DNMF_DOUBLE, biases));
  for (int64_t row = 0; row < kept->rows; row++) {
    double sum = 0;
    for (int s = 0; s < draws; s++) {
      const double bias = dnmf_panel_get(kept, row, s * width + components);
      for (int c = 0; c < components; c++)
        dnmf_panel_set(joined, row, s * components + c, scale * dnmf_panel_get(kept, row, s * width + c));
      dnmf_panel_set(biases, row, s, bias);
      sum += bias;
    }
    dnmf_panel_set(joined, row, draws * components, sum / draws);
  }
  return DNMF_OK;
}

/* What columns bring to implicit terms, of the draws kept. */
static dnmf_status copy_brought(dnmf_error *error, const dnmf_panel *kept, int draws, int width, dnmf_panel *copy) {
  DNMF_TRY(dnmf_panel_create(error, "implicit terms", kept->rows, draws * width, kept->precision, copy));
  for (int64_t row = 0; row < kept->rows; row++)
    for (int c = 0; c < draws * width; c++)
      dnmf_panel_set(copy, row, c, dnmf_panel_get(kept, row, c));
  return DNMF_OK;
}

/* Rows without entries are alike in all draws, as the model has them. */
static void settle_drawn_biases(const int64_t *counts, const double *bias, dnmf_panel *draws) {
  for (int64_t row = 0; row < draws->rows; row++)
    for (int s = 0; s < draws->components && counts[row] == 0; s++)
      dnmf_panel_set(draws, row, s, bias[row]);
}

dnmf_status dnmf_posterior_fill_model(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                      const dnmf_posterior *posterior, dnmf_model *model) {
  const int draws = posterior->kept;
  dnmf_settings all = *settings;
  dnmf_panel w = {0};
  dnmf_panel h = {0};
  all.components = draws * settings->components;
  dnmf_status status = join_draws(&context->error, &posterior->kept_w, draws, settings->components, 1.0 / draws, &w,
                                  &model->row_samples);
  if (status == DNMF_OK)
    status = join_draws(&context->error, &posterior->kept_h, draws, settings->components, 1, &h, &model->col_samples);
  if (status == DNMF_OK && posterior->kept_of_cols.components > 0)
    status = copy_brought(&context->error, &posterior->kept_of_cols, draws, settings->components + 1, &model->terms);
  const dnmf_evidence evidence = {.row_terms = posterior->row_terms, .col_terms = posterior->col_terms};
  status = dnmf_agree(context, status);
  model->components = all.components;
  if (status == DNMF_OK)
    status = observed_model_fill(context, &all, ratings, &w, &h, &evidence, draws, model);
  if (status == DNMF_OK) {
    settle_drawn_biases(model->row_counts, model->bias.row, &model->row_samples);
    settle_drawn_biases(model->col_counts, model->bias.col, &model->col_samples);
  }
  model->samples = posterior->is_mean ? 0 : draws;
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
  return status;
}
