/* The random start of an observed-only fit. */
#include "observed_start.h"

#include "base/random.h"

#include <math.h>

bool observed_start_has_biases(const dnmf_observed_options *options) {
  return options->bias_rows || options->bias_cols;
}

int dnmf_observed_stride(const dnmf_observed_options *options) {
  return options->components + (observed_start_has_biases(options) ? 1 : 0);
}

double dnmf_observed_mean(const dnmf_observed_options *options, const dnmf_ratings *ratings) {
  return observed_start_has_biases(options) ? ratings->mean - ratings->deviation : 0;
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

dnmf_status observed_start_create(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
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

void observed_start_put_random(const dnmf_observed_options *options, const dnmf_ratings *ratings, uint64_t seed,
                               int first, dnmf_panel *w, dnmf_panel *h) {
  const double level = level_of(options, ratings);
  put_random(options, level, seed, DNMF_STREAM_START_W, ratings->by_rows.owned, first, w);
  put_random(options, level, seed, DNMF_STREAM_START_H, ratings->by_cols.owned, first, h);
}

static void put_level(double level, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, 0, sqrt(level));
}

void observed_start_at_random(const dnmf_observed_options *options, const dnmf_ratings *ratings, uint64_t seed,
                              dnmf_panel *w, dnmf_panel *h) {
  const bool flat = !observed_start_has_biases(options) && options->solver != DNMF_SOLVER_MU;
  observed_start_put_random(options, ratings, seed, flat ? 1 : 0, w, h);
  if (flat) {
    put_level(level_of(options, ratings), w);
    put_level(level_of(options, ratings), h);
  }
}

dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                                uint64_t seed, dnmf_panel *w, dnmf_panel *h) {
  DNMF_TRY(observed_start_create(error, options, ratings, w, h));
  observed_start_at_random(options, ratings, seed, w, h);
  return DNMF_OK;
}
