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

/* Half `i` of all, `half` values long. */
static const double *half_of(int i, int64_t count, const double *values) {
  const double *chain = values + (i / 2) * count;
  return i % 2 == 0 ? chain : chain + count - count / 2;
}

/* Mean over the halves of s_i^2 rho_it. */
static double covariance_within(int chains, int64_t count, const double *values, int64_t lag) {
  const int64_t n = count / 2;
  double sum = 0;
  for (int i = 0; i < 2 * chains; i++) {
    const double *half = half_of(i, count, values);
    sum += autocovariance(n, half, mean_of(n, half), lag);
  }
  return sum / (2 * chains) * (double)n / (double)(n - 1);
}

/* The variance of the halves' means. */
static double variance_between(int chains, int64_t count, const double *values) {
  const int64_t n = count / 2;
  double mean = 0;
  double sum = 0;
  for (int i = 0; i < 2 * chains; i++)
    mean += mean_of(n, half_of(i, count, values)) / (2 * chains);
  for (int i = 0; i < 2 * chains; i++) {
    const double away = mean_of(n, half_of(i, count, values)) - mean;
    sum += away * away;
  }
  return sum / (2 * chains - 1);
}

double dnmf_split_r_hat(int chains, int64_t count, const double *values) {
  const double n = (double)(count / 2);
  if (count < LEAST_VALUES)
    return NAN;
  const double within = covariance_within(chains, count, values, 0);
  const double between = variance_between(chains, count, values);
  if (!(within > 0))
    return between > 0 ? INFINITY : 1;
  return sqrt((n - 1) / n + between / within);
}

double dnmf_effective_samples(int chains, int64_t count, const double *values) {
  const int64_t n = count / 2;
  const double most = (double)count * chains;
  double before = INFINITY;
  double sum = 0;
  if (count < LEAST_VALUES)
    return NAN;
  const double within = covariance_within(chains, count, values, 0);
  const double variance = (double)(n - 1) / (double)n * within + variance_between(chains, count, values);
  if (!(variance > 0))
    return most;
  for (int64_t lag = 0; lag + 1 < n; lag += 2) {
    const double even = 1 - (within - covariance_within(chains, count, values, lag)) / variance;
    const double odd = 1 - (within - covariance_within(chains, count, values, lag + 1)) / variance;
    if (!(even + odd > 0))
      break;
    before = even + odd < before ? even + odd : before;
    sum += before;
  }
  const double samples = most / (2 * sum - 1);
  return samples > 0 && samples < most ? samples : most;
}
