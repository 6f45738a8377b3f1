#include "fit/chain_figures.h"

#include <math.h>

enum { LEAST_VALUES = 4 };

static double mean_of(int64_t count, const double *values) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += values[i];
  return sum / (double)count;
}

/* The autocovariance at a lag, of all pairs over the count. */
static double autocovariance(int64_t count, const double *values, double mean, int64_t lag) {
  double sum = 0;
  for (int64_t i = 0; i + lag < count; i++)
    sum += (values[i] - mean) * (values[i + lag] - mean);
  return sum / (double)count;
}

double dnmf_split_r_hat(int64_t count, const double *values) {
  const int64_t half = count / 2;
  if (count < LEAST_VALUES)
    return NAN;
  const double *second = values + count - half;
  const double means[2] = {mean_of(half, values), mean_of(half, second)};
  const double scale = (double)half / (double)(half - 1);
  const double within =
      0.5 * scale * (autocovariance(half, values, means[0], 0) + autocovariance(half, second, means[1], 0));
  const double between = 0.5 * (means[0] - means[1]) * (means[0] - means[1]); /* variance of the means of two */
  if (!(within > 0))
    return between > 0 ? INFINITY : 1;
  return sqrt((double)(half - 1) / (double)half + between / within);
}

double dnmf_effective_samples(int64_t count, const double *values) {
  if (count < LEAST_VALUES)
    return NAN;
  const double mean = mean_of(count, values);
  const double variance = autocovariance(count, values, mean, 0);
  double before = INFINITY;
  double sum = 0;
  if (!(variance > 0))
    return (double)count;
  for (int64_t lag = 0; lag + 1 < count; lag += 2) {
    double pair = (autocovariance(count, values, mean, lag) + autocovariance(count, values, mean, lag + 1)) / variance;
    if (!(pair > 0))
      break;
    pair = pair < before ? pair : before;
    sum += pair;
    before = pair;
  }
  const double samples = (double)count / (2 * sum - 1);
  return samples > 0 && samples < (double)count ? samples : (double)count;
}
