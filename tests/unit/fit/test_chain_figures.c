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
    const double found = dnmf_effective_samples(VALUES, values);
    if (fabs(found / expected - 1) > 0.25)
      fail_msg("memory %g: %g effective samples, not %g", memories[i], found, expected);
  }
}

static void r_hat_is_one_where_halves_agree(void **state) {
  (void)state;
  static double values[VALUES];
  put_autoregression(0.5, values);
  assert_true(fabs(dnmf_split_r_hat(VALUES, values) - 1) < 0.005);
}

/* Halves of variance 1 and 2 apart: R-hat^2 = 1 + 2^2 / 2 but for the sampling of both. */
static void r_hat_tells_a_shift(void **state) {
  (void)state;
  static double values[VALUES];
  put_autoregression(0, values);
  for (int i = VALUES / 2; i < VALUES; i++)
    values[i] += 2;
  assert_true(fabs(dnmf_split_r_hat(VALUES, values) - sqrt(3)) < 0.05);
}

/* By hand: halves (1, 2, 3) and (2, 4, 6), means 2 and 4, variances 1 and 4, within 2.5, between 2. */
static void r_hat_is_its_formula(void **state) {
  (void)state;
  const double values[] = {1, 2, 3, 2, 4, 6};
  assert_true(fabs(dnmf_split_r_hat(6, values) - sqrt(2.0 / 3 + 2 / 2.5)) < 1e-14);
}

static void short_and_constant_series_have_a_defined_answer(void **state) {
  (void)state;
  const double constant[] = {2, 2, 2, 2, 2};
  assert_true(isnan(dnmf_split_r_hat(3, constant)) && isnan(dnmf_effective_samples(3, constant)));
  assert_true(dnmf_split_r_hat(5, constant) == 1 && dnmf_effective_samples(5, constant) == 5);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(effective_samples_of_autoregressions_are_known),
      mpi_test(r_hat_is_one_where_halves_agree),
      mpi_test(r_hat_tells_a_shift),
      mpi_test(r_hat_is_its_formula),
      mpi_test(short_and_constant_series_have_a_defined_answer),
  };
  return cmocka_run_group_tests_name("chain figures", tests, NULL, NULL);
}
