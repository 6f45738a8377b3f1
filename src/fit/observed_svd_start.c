/* The start of an observed-only fit from singular vectors of what biases leave. */
#include "observed_start.h"

#include "comm/collective.h"
#include "init/ratings_svd.h"

#include <math.h>

/* Of a component made of a singular vector, in square roots of the ratings' standard deviation: what a component
 * explains is about this squared. Chosen on a held-out share of training ratings. */
static const double amplitude = 0.25;

/* Component `first` + 2t is the positive part of vector t, the next its negative part. */
static void put_parts(const dnmf_panel *vectors, int count, int first, double scale, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    for (int t = 0; t < count; t++) {
      const double x = scale * dnmf_panel_get(vectors, row, t);
      dnmf_panel_set(panel, row, first + 2 * t, x > 0 ? x : 0);
      dnmf_panel_set(panel, row, first + 2 * t + 1, x < 0 ? -x : 0);
    }
}

/* (r + b_i / r) (r + b_j / r) = r^2 + b_i + b_j + b_i b_j / r^2, with the root r of the mean. */
static void put_mean_and_bias(const dnmf_panel *bias, double mean, dnmf_panel *panel) {
  const double root = sqrt(mean);
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, 0, fmax(0, root + dnmf_panel_get(bias, row, 0) / root));
}

static void add_bias(const dnmf_panel *bias, int at, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, at, dnmf_panel_get(panel, row, at) + dnmf_panel_get(bias, row, 0));
}

static void add_level(double level, int components, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = 0; c < components; c++)
      dnmf_panel_set(panel, row, c, level + dnmf_panel_get(panel, row, c));
}

static void put_svd(const dnmf_settings *settings, const dnmf_ratings *ratings, const dnmf_ratings_svd *svd,
                    dnmf_panel *w, dnmf_panel *h) {
  const int first = dnmf_observed_has_biases(settings) ? 0 : 1;
  const double scale = amplitude * sqrt(ratings->deviation);
  int rank = 0;
  while (rank < svd->components && svd->values[rank] > 0)
    rank++;
  put_parts(&svd->rows, rank, first, scale, w);
  put_parts(&svd->cols, rank, first, scale, h);
  observed_start_put_random(settings, ratings, first + 2 * rank, w, h);
  if (!dnmf_observed_has_biases(settings)) {
    put_mean_and_bias(&svd->row_bias, ratings->mean, w);
    put_mean_and_bias(&svd->col_bias, ratings->mean, h);
  }
  if (dnmf_observed_is_around_level(settings)) {
    add_level(dnmf_observed_level(settings, ratings), settings->components, w);
    add_level(dnmf_observed_level(settings, ratings), settings->components, h);
  }
  dnmf_observed_clear_biases(settings, ratings, w, h);
  if (settings->observed.bias_rows)
    add_bias(&svd->row_bias, settings->components, w);
  if (settings->observed.bias_cols)
    add_bias(&svd->col_bias, settings->components, h);
}

dnmf_status dnmf_start_observed_svd(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                    dnmf_panel *w, dnmf_panel *h) {
  const int pairs = (settings->components - (dnmf_observed_has_biases(settings) ? 0 : 1)) / 2;
  DNMF_TRY(dnmf_agree(context, observed_start_create(&context->error, settings, ratings, w, h)));
  if (pairs == 0 || !(ratings->deviation > 0 && ratings->mean > 0)) {
    observed_start_at_random(settings, ratings, w, h);
    return DNMF_OK;
  }
  dnmf_ratings_svd svd;
  dnmf_status status = dnmf_ratings_svd_compute(context, ratings, pairs, settings->seed, &svd);
  if (status == DNMF_OK)
    put_svd(settings, ratings, &svd, w, h);
  dnmf_ratings_svd_free(&svd);
  return status;
}
