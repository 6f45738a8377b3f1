/* Split R-hat and effective sample sizes of series of which they are known. */
#include "base/random.h"
#include "fit/chain_figures.h"
#include "mpi_test.h"

#include <math.h>

enum { VALUES = 4000 };

/* An autoregression of the first order, of variance 1 / (1 - memory^2) in the long run. */
static void put_autoregression(double memory, double values[VALUES]) {
  double value = 0;
  for (int i = 0; i < VALUES; i++) {
    value = memory * value + dnmf_random_normal(8, DNMF_STREAM_NOISE, (uint64_t)i, 0);
    values[i] = value;
  }
}

static void effective_samples_of_autoregressions_are_known(void **state) {
  (void)state;
  static double values[VALUES];
  const double memories[] = {0, 0.5, 0.9};
  for (int i = 0; i < 3; i++) {
    put_autoregression(memories[i], values);
    const double expected = VALUES * (1 - memories[i]) / (1 + memories[i]);
    const double found = dnmf_effective_samples(1, VALUES, values);
    if (fabs(found / expected - 1) > 0.25)
      fail_msg("memory %g: %g effective samples, not %g", memories[i], found, expected);
  }
}

static void r_hat_is_one_where_halves_agree(void **state) {
  (void)state;
  static double values[VALUES];
  put_autoregression(0.5, values);
  assert_true(fabs(dnmf_split_r_hat(1, VALUES, values) - 1) < 0.005);
}

/* Halves of variance 1 and 2 apart: R-hat^2 = 1 + 2^2 / 2 but for the sampling of both. */
static void r_hat_tells_a_shift(void **state) {
  (void)state;
  static double values[VALUES];
  put_autoregression(0, values);
  for (int i = VALUES / 2; i < VALUES; i++)
    values[i] += 2;
  assert_true(fabs(dnmf_split_r_hat(1, VALUES, values) - sqrt(3)) < 0.05);
}

/* By hand: halves (1, 2, 3) and (2, 4, 6), means 2 and 4, variances 1 and 4, within 2.5, between 2. */
static void r_hat_is_its_formula(void **state) {
  (void)state;
  const double values[] = {1, 2, 3, 2, 4, 6};
  assert_true(fabs(dnmf_split_r_hat(1, 6, values) - sqrt(2.0 / 3 + 2 / 2.5)) < 1e-14);
}

/* By hand: chains (0, 2, 0, 2), (0, 2, 4, 6); halves of means 1, 1, 1, 5, each of variance 2: within 2, between 4. */
static void r_hat_of_chains_is_its_formula(void **state) {
  (void)state;
  const double values[] = {0, 2, 0, 2, 0, 2, 4, 6};
  assert_true(fabs(dnmf_split_r_hat(2, 4, values) - sqrt(1.0 / 2 + 4.0 / 2)) < 1e-14);
}

/* Chains of the same distribution add up; one that is elsewhere is worth about nothing. */
static void effective_samples_of_chains(void **state) {
  (void)state;
  static double values[VALUES];
  put_autoregression(0.5, values);
  const double together = dnmf_effective_samples(4, VALUES / 4, values);
  assert_true(fabs(together / (VALUES / 3.0) - 1) < 0.25);
  for (int i = 3 * VALUES / 4; i < VALUES; i++)
    values[i] += 5;
  assert_true(dnmf_split_r_hat(4, VALUES / 4, values) > 1.5);
  assert_true(dnmf_effective_samples(4, VALUES / 4, values) < 40);
}

/* Equations 10 to 13 of the paper on 2 chains of 8 values, written out: halves of 4, so lags 0 to 3. */
static void effective_samples_are_their_formula(void **state) {
  (void)state;
  enum { HALVES = 4, LENGTH = 4 };
  const double values[HALVES][LENGTH] = {{1, 2, 3, 5}, {4, 4, 1, 1}, {2, 2, 6, 6}, {1, 2, 4, 4}};
  double covariance[LENGTH] = {0};
  double rho[LENGTH];
  double means[HALVES];
  double mean = 0;
  double between = 0;
  for (int i = 0; i < HALVES; i++) {
    means[i] = (values[i][0] + values[i][1] + values[i][2] + values[i][3]) / LENGTH;
    mean += means[i] / HALVES;
    for (int lag = 0; lag < LENGTH; lag++)
      for (int t = 0; t + lag < LENGTH; t++)
        covariance[lag] += (values[i][t] - means[i]) * (values[i][t + lag] - means[i]) / (LENGTH - 1) / HALVES;
  }
  for (int i = 0; i < HALVES; i++)
    between += (means[i] - mean) * (means[i] - mean) / (HALVES - 1);
  const double variance = covariance[0] * (LENGTH - 1) / LENGTH + between;
  for (int lag = 0; lag < LENGTH; lag++)
    rho[lag] = 1 - (covariance[0] - covariance[lag]) / variance;
  const double first = rho[0] + rho[1];
  const double second = fmin(first, fmax(0, rho[2] + rho[3]));
  const double expected = HALVES * LENGTH / (2 * (first + second) - 1);
  assert_true(expected < 0.95 * HALVES * LENGTH);
  assert_true(fabs(dnmf_effective_samples(2, 8, values[0]) - expected) < 1e-12);
}

static void short_and_constant_series_have_a_defined_answer(void **state) {
  (void)state;
  const double constant[] = {2, 2, 2, 2, 2};
  assert_true(isnan(dnmf_split_r_hat(1, 3, constant)) && isnan(dnmf_effective_samples(1, 3, constant)));
  assert_true(dnmf_split_r_hat(1, 5, constant) == 1 && dnmf_effective_samples(1, 5, constant) == 5);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(effective_samples_of_autoregressions_are_known),
      mpi_test(r_hat_is_one_where_halves_agree),
      mpi_test(r_hat_tells_a_shift),
      mpi_test(r_hat_is_its_formula),
      mpi_test(r_hat_of_chains_is_its_formula),
      mpi_test(effective_samples_of_chains),
      mpi_test(effective_samples_are_their_formula),
      mpi_test(short_and_constant_series_have_a_defined_answer),
  };
  return cmocka_run_group_tests_name("chain figures", tests, NULL, NULL);
}
