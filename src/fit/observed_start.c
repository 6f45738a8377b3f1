/* The random start of an observed-only fit. */
#include "dnmf/fit_observed.h"

#include "dnmf/random.h"

#include <math.h>

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

static dnmf_status start(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings_view *view,
                         dnmf_precision precision, double level, uint64_t seed, dnmf_stream stream, dnmf_panel *panel) {
  DNMF_TRY(dnmf_panel_create(error, "owned rows of a factor", dnmf_range_size(view->owned),
                             dnmf_observed_stride(options), precision, panel));
  double scale = options->start_scale * sqrt(level / options->components);
  bool flat = !(options->bias_rows || options->bias_cols) && options->solver != DNMF_SOLVER_MU;
  for (int64_t row = 0; row < panel->rows; row++) {
    for (int c = 0; c < options->components; c++) {
      double x = dnmf_random_normal(seed, stream, (uint64_t)(view->owned.begin + row), (uint64_t)c);
      dnmf_panel_set(panel, row, c, scale * fabs(x));
    }
    if (flat)
      dnmf_panel_set(panel, row, 0, sqrt(level));
  }
  return DNMF_OK;
}

dnmf_status dnmf_start_observed(dnmf_error *error, const dnmf_observed_options *options, const dnmf_ratings *ratings,
                                uint64_t seed, dnmf_panel *w, dnmf_panel *h) {
  double level = ratings->mean - dnmf_observed_mean(options, ratings);
  DNMF_TRY(start(error, options, &ratings->by_rows, ratings->precision, level, seed, DNMF_STREAM_START_W, w));
  return start(error, options, &ratings->by_cols, ratings->precision, level, seed, DNMF_STREAM_START_H, h);
}
