/* The random start of an observed-only fit. */
#include "observed_start.h"

#include "base/random.h"

#include <math.h>

bool dnmf_observed_has_biases(const dnmf_settings *settings) {
  return settings->observed.bias_rows || settings->observed.bias_cols;
}

bool dnmf_observed_shrinks_to_mean(const dnmf_settings *settings) {
  return settings->observed.shrink_to_mean && settings->solver != DNMF_SOLVER_MU && !settings->observed.weak.on;
}

int dnmf_observed_stride(const dnmf_settings *settings) {
  return settings->components + (dnmf_observed_has_biases(settings) ? 1 : 0);
}

double dnmf_observed_mean(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  return dnmf_observed_has_biases(settings) ? ratings->mean - ratings->deviation : 0;
}

/* Chosen on held-out shares of training files only. */
double dnmf_observed_default_l2(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  double weight = 1.1;
  if (dnmf_count_power(&settings->penalties) == 0)
    weight = 14;
  else if (dnmf_count_power(&settings->penalties) == 1)
    weight = 0.105;
  return (dnmf_observed_shrinks_to_mean(settings) ? weight : 0.75 * weight) * ratings->deviation;
}

dnmf_status observed_start_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                  dnmf_panel *w, dnmf_panel *h) {
  static const char what[] = "owned rows of a factor";
  const int stride = dnmf_observed_stride(settings);
  DNMF_TRY(dnmf_panel_create(error, what, dnmf_range_size(ratings->by_rows.owned), stride, ratings->precision, w));
  return dnmf_panel_create(error, what, dnmf_range_size(ratings->by_cols.owned), stride, ratings->precision, h);
}

/* What the product has to explain. With weak zeros the mean target of all entries, each with its weight. */
static double level_of(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  const dnmf_weak_settings *weak = &settings->observed.weak;
  const double stored = (double)ratings->stored;
  if (weak->on)
    return stored * (weak->target_one ? 1 : ratings->mean) /
           (stored + weak->weight * ((double)ratings->rows * (double)ratings->cols - stored));
  return ratings->mean - dnmf_observed_mean(settings, ratings);
}

/* The components from `first` on. */
static void put_random(const dnmf_settings *settings, double level, dnmf_stream stream, dnmf_range owned, int first,
                       dnmf_panel *panel) {
  double scale = settings->observed.start_scale * sqrt(level / settings->components);
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = first; c < settings->components; c++) {
      double x = dnmf_random_normal(settings->seed, stream, (uint64_t)(owned.begin + row), (uint64_t)c);
      dnmf_panel_set(panel, row, c, scale * fabs(x));
    }
}

void observed_start_put_random(const dnmf_settings *settings, const dnmf_ratings *ratings, int first, dnmf_panel *w,
                               dnmf_panel *h) {
  const double level = level_of(settings, ratings);
  put_random(settings, level, DNMF_STREAM_START_W, ratings->by_rows.owned, first, w);
  put_random(settings, level, DNMF_STREAM_START_H, ratings->by_cols.owned, first, h);
}

static void put_level(double level, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, 0, sqrt(level));
}

void observed_start_at_random(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_panel *w,
                              dnmf_panel *h) {
  const bool flat =
      !dnmf_observed_has_biases(settings) && settings->solver != DNMF_SOLVER_MU && !settings->observed.weak.on;
  observed_start_put_random(settings, ratings, flat ? 1 : 0, w, h);
  if (flat) {
    put_level(level_of(settings, ratings), w);
    put_level(level_of(settings, ratings), h);
  }
}

dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                dnmf_panel *w, dnmf_panel *h) {
  DNMF_TRY(observed_start_create(error, settings, ratings, w, h));
  observed_start_at_random(settings, ratings, w, h);
  return DNMF_OK;
}
