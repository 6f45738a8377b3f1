/* Starts of an observed-only fit. */
#include "dnmf/fit_observed.h"

#include "dnmf/random.h"
#include "dnmf/ratings_svd.h"

#include <math.h>

/* Of a component made of a singular vector, in square roots of the ratings' standard deviation: what a component
 * explains is about this squared. Chosen on a held-out share of training ratings. */
static const double amplitude = 0.25;

int dnmf_observed_stride(const dnmf_observed_options *options) {
  return options->components + (options->bias_rows || options->bias_cols ? 1 : 0);
}

double dnmf_observed_mean(const dnmf_observed_options *options, const dnmf_ratings *ratings) {
  return options->bias_rows || options->bias_cols ? ratings->mean - ratings->deviation : 0;
}

/* Chosen on held-out shares of training files only. */
double dnmf_observed_default_l2(const dnmf_observed_options *options, const dnmf_ratings *ratings) {
  double weight = 1.1;
  if (options->count_power == 0)
    weight = 14;
  else if (options->count_power == 1)
    weight = 0.105;
  return (options->shrink_to_mean ? weight : 0.75 * weight) * ratings->deviation;
}

static dnmf_status create(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                          dnmf_panel *w, dnmf_panel *h) {
  static const char what[] = "owned rows of a factor";
  const int stride = dnmf_observed_stride(options);
  DNMF_TRY(dnmf_panel_create(error, what, dnmf_range_size(ratings->by_rows.owned), stride, ratings->precision, w));
  return dnmf_panel_create(error, what, dnmf_range_size(ratings->by_cols.owned), stride, ratings->precision, h);
}

/* What the product has to explain. */
static double level_of(const dnmf_observed_options *options, const dnmf_ratings *ratings) {
  return ratings->mean - dnmf_observed_mean(options, ratings);
}

/* The components from `first` on. */
static void put_random(const dnmf_observed_options *options, double level, uint64_t seed, dnmf_stream stream,
                       dnmf_range owned, int first, dnmf_panel *panel) {
  double scale = options->start_scale * sqrt(level / options->components);
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = first; c < options->components; c++) {
      double x = dnmf_random_normal(seed, stream, (uint64_t)(owned.begin + row), (uint64_t)c);
      dnmf_panel_set(panel, row, c, scale * fabs(x));
    }
}

static void put_random_both(const dnmf_observed_options *options, const dnmf_ratings *ratings, uint64_t seed, int first,
                            dnmf_panel *w, dnmf_panel *h) {
  const double level = level_of(options, ratings);
  put_random(options, level, seed, DNMF_STREAM_START_W, ratings->by_rows.owned, first, w);
  put_random(options, level, seed, DNMF_STREAM_START_H, ratings->by_cols.owned, first, h);
}

static void put_level(double level, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, 0, sqrt(level));
}

static bool has_biases(const dnmf_observed_options *options) {
  return options->bias_rows || options->bias_cols;
}

static void start_random(const dnmf_observed_options *options, const dnmf_ratings *ratings, uint64_t seed,
                         dnmf_panel *w, dnmf_panel *h) {
  const bool flat = !has_biases(options) && options->solver != DNMF_SOLVER_MU;
  put_random_both(options, ratings, seed, flat ? 1 : 0, w, h);
  if (flat) {
    put_level(level_of(options, ratings), w);
    put_level(level_of(options, ratings), h);
  }
}

dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                                uint64_t seed, dnmf_panel *w, dnmf_panel *h) {
  DNMF_TRY(create(error, options, ratings, w, h));
  start_random(options, ratings, seed, w, h);
  return DNMF_OK;
}

/* --- From singular vectors -------------------------------------------------------------------------------- */

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

static void put_bias(const dnmf_panel *bias, int at, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, at, dnmf_panel_get(bias, row, 0));
}

static void put_svd(const dnmf_observed_options *options, const dnmf_ratings *ratings, const dnmf_ratings_svd *svd,
                    uint64_t seed, dnmf_panel *w, dnmf_panel *h) {
  const int first = has_biases(options) ? 0 : 1;
  const double scale = amplitude * sqrt(ratings->deviation);
  int rank = 0;
  while (rank < svd->components && svd->values[rank] > 0)
    rank++;
  put_parts(&svd->rows, rank, first, scale, w);
  put_parts(&svd->cols, rank, first, scale, h);
  put_random_both(options, ratings, seed, first + 2 * rank, w, h);
  if (!has_biases(options)) {
    put_mean_and_bias(&svd->row_bias, ratings->mean, w);
    put_mean_and_bias(&svd->col_bias, ratings->mean, h);
  }
  if (options->bias_rows)
    put_bias(&svd->row_bias, options->components, w);
  if (options->bias_cols)
    put_bias(&svd->col_bias, options->components, h);
}

dnmf_status dnmf_start_observed_svd(dnmf_context *context, const dnmf_observed_options *options,
                                    const dnmf_ratings *ratings, uint64_t seed, dnmf_panel *w, dnmf_panel *h) {
  const int pairs = (options->components - (has_biases(options) ? 0 : 1)) / 2;
  DNMF_TRY(dnmf_agree(context, create(&context->error, options, ratings, w, h)));
  if (pairs == 0 || !(ratings->deviation > 0 && ratings->mean > 0)) {
    start_random(options, ratings, seed, w, h);
    return DNMF_OK;
  }
  dnmf_ratings_svd svd;
  dnmf_status status = dnmf_ratings_svd_compute(context, ratings, pairs, seed, &svd);
  if (status == DNMF_OK)
    put_svd(options, ratings, &svd, seed, w, h);
  dnmf_ratings_svd_free(&svd);
  return status;
}
