/* The random start of an observed-only fit. */
#include "observed_start.h"

#include "base/random.h"

#include <math.h>

bool dnmf_observed_has_biases(const dnmf_settings *settings) {
  return settings->observed.bias_rows || settings->observed.bias_cols;
}

/* Of the root of the ratings' deviation: with less, the bounds w >= 0 lie close and cost accuracy; with more, nothing
 * is gained. This, the constants of l2 and of biases below were chosen on held-out shares of training files only
 * (ml-100k, ml-latest-small), for held-out RMSE together with the quality of lists over all columns. */
static const double LEVEL = 0.5;
static const double CHAIN_LEVEL = 0.6;     /* of a chain: some four standard deviations of what is drawn about it */
static const double ROW_BIAS_SHARE = 0.25; /* rows are mostly people, columns things */

bool dnmf_observed_is_around_level(const dnmf_settings *settings) {
  return settings->observed.around_level && dnmf_observed_has_biases(settings) && settings->solver != DNMF_SOLVER_MU &&
         !settings->observed.weak.on;
}

bool dnmf_observed_shrinks_to_mean(const dnmf_settings *settings) {
  return settings->observed.shrink_to_mean && settings->solver != DNMF_SOLVER_MU && !settings->observed.weak.on &&
         !dnmf_observed_is_around_level(settings);
}

void dnmf_observed_set_shrink(dnmf_settings *settings, dnmf_shrink shrink, double l2_bias) {
  dnmf_observed_settings *observed = &settings->observed;
  observed->shrink_to_mean = shrink != DNMF_SHRINK_ZERO;
  observed->around_level = shrink == DNMF_SHRINK_AUTO || shrink == DNMF_SHRINK_LEVEL;
  const bool level = dnmf_observed_is_around_level(settings);
  settings->penalties.count_extra = level ? 5 : 0;
  observed->l2_bias = l2_bias >= 0 ? l2_bias : level ? 3 : 5;
}

const char *dnmf_observed_center_name(const dnmf_settings *settings) {
  if (dnmf_observed_is_around_level(settings))
    return "level";
  return dnmf_observed_shrinks_to_mean(settings) ? "mean" : "zero";
}

double dnmf_observed_level(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  const double share = settings->posterior.samples > 0 ? CHAIN_LEVEL : LEVEL;
  return dnmf_observed_is_around_level(settings) ? share * sqrt(ratings->deviation) : 0;
}

double dnmf_observed_l2_bias(const dnmf_settings *settings, bool cols) {
  const double weight = settings->observed.l2_bias;
  return dnmf_observed_is_around_level(settings) && !cols ? ROW_BIAS_SHARE * weight : weight;
}

double dnmf_observed_bias_power(const dnmf_settings *settings) {
  return dnmf_observed_is_around_level(settings) ? 0.5 : 0;
}

int dnmf_observed_stride(const dnmf_settings *settings) {
  return settings->components + (dnmf_observed_has_biases(settings) ? 1 : 0);
}

double dnmf_observed_mean(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  const double level = dnmf_observed_level(settings, ratings);
  if (!dnmf_observed_has_biases(settings))
    return 0;
  return dnmf_observed_is_around_level(settings) ? ratings->mean + settings->components * level * level
                                                 : ratings->mean - ratings->deviation;
}

/* Chosen on held-out shares of training files only. */
double dnmf_observed_default_l2(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  static const double WITH_EVIDENCE = 1.26; /* rows that are pulled to where they belong bear more of it */
  const double power = dnmf_count_power(&settings->penalties);
  if (dnmf_observed_is_around_level(settings))
    return (power == 0   ? 12
            : power == 1 ? 0.12
                         : 1.15) *
           ratings->deviation * (settings->observed.evidence == DNMF_EVIDENCE_NONE ? 1 : WITH_EVIDENCE);
  const double weight = power == 0 ? 14 : power == 1 ? 0.105 : 1.1;
  return (dnmf_observed_shrinks_to_mean(settings) ? weight : 0.75 * weight) * ratings->deviation;
}

dnmf_status observed_start_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                  dnmf_panel *w, dnmf_panel *h) {
  static const char what[] = "owned rows of a factor";
  const int stride = dnmf_observed_stride(settings);
  DNMF_TRY(dnmf_panel_create(error, what, dnmf_range_size(ratings->by_rows.owned), stride, ratings->precision, w));
  return dnmf_panel_create(error, what, dnmf_range_size(ratings->by_cols.owned), stride, ratings->precision, h);
}

/* What the product has to explain; around a level, the random start is as if it were that. With weak zeros the mean
 * target of all entries, each with its weight. */
static double level_of(const dnmf_settings *settings, const dnmf_ratings *ratings) {
  const dnmf_weak_settings *weak = &settings->observed.weak;
  const double stored = (double)ratings->stored;
  if (weak->on)
    return stored * (weak->target_one ? 1 : ratings->mean) /
           (stored + weak->weight * ((double)ratings->rows * (double)ratings->cols - stored));
  return dnmf_observed_is_around_level(settings) ? ratings->deviation
                                                 : ratings->mean - dnmf_observed_mean(settings, ratings);
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

/* Around the level, which all components then have as a base. */
static void put_deviations(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_stream stream,
                           dnmf_range owned, dnmf_panel *panel) {
  const double level = dnmf_observed_level(settings, ratings);
  const double scale = settings->observed.start_scale * sqrt(ratings->deviation);
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = 0; c < settings->components; c++) {
      const double x = dnmf_random_normal(settings->seed, stream, (uint64_t)(owned.begin + row), (uint64_t)c);
      dnmf_panel_set(panel, row, c, fmax(0, level + scale * x));
    }
}

static void clear_biases(int components, double level, dnmf_panel *panel) {
  for (int64_t row = 0; row < panel->rows; row++) {
    double sum = 0;
    for (int c = 0; c < components; c++)
      sum += dnmf_panel_get(panel, row, c);
    dnmf_panel_set(panel, row, components, -level * sum);
  }
}

void dnmf_observed_clear_biases(const dnmf_settings *settings, const dnmf_ratings *ratings, dnmf_panel *w,
                                dnmf_panel *h) {
  if (!dnmf_observed_has_biases(settings))
    return;
  clear_biases(settings->components, dnmf_observed_level(settings, ratings), w);
  clear_biases(settings->components, dnmf_observed_level(settings, ratings), h);
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
  if (dnmf_observed_is_around_level(settings)) {
    put_deviations(settings, ratings, DNMF_STREAM_START_W, ratings->by_rows.owned, w);
    put_deviations(settings, ratings, DNMF_STREAM_START_H, ratings->by_cols.owned, h);
    dnmf_observed_clear_biases(settings, ratings, w, h);
    return;
  }
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
