/* Draws of truncated normal and gamma distributions against the formulas of their moments; sums in any order. */
#include "base/draws.h"
#include "base/exact_sum.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS = 40000 };

typedef struct moments {
  double mean;
  double deviation; /* of the numbers */
  double smallest;
} moments;

/* Of mean + deviation x for a standard normal x, where that is not negative. */
static moments draw_truncated(double mean, double deviation) {
  moments m = {.smallest = INFINITY};
  double squares = 0;
  for (int i = 0; i < DRAWS; i++) {
    const dnmf_draw_key key = {5, DNMF_STREAM_CHAIN_ROWS, dnmf_draw_place(i, 3)};
    double normal = 0;
    dnmf_draw_normals(&key, 1, &normal);
    const double x = dnmf_draw_positive_normal(&key, 0, mean, deviation, normal);
    m.mean += x / DRAWS;
    squares += x * x / DRAWS;
    m.smallest = fmin(m.smallest, x);
  }
  m.deviation = sqrt(fmax(0, squares - m.mean * m.mean));
  return m;
}

/* phi(a) / (1 - Phi(a)), by a continued fraction in the tail. */
static double hazard(double a) {
  if (a < 5)
    return exp(-0.5 * a * a) / sqrt(2 * acos(-1)) / (0.5 * erfc(a / sqrt(2)));
  double fraction = a;
  for (int i = 60; i > 0; i--)
    fraction = a + i / fraction;
  return fraction;
}

static void truncated_normals_have_the_moments_of_the_formulas(void **state) {
  (void)state;
  const double means[] = {8, 2, 0.5, 0, -0.3, -0.6, -1, -4, -30, -1e3, -1e6};
  for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
    const double deviation = 0.5;
    const double a = -means[i] / deviation;
    const moments found = draw_truncated(means[i], deviation);
    /* In the tail the difference hazard - a, which is about 1 / a, is lost in rounding: its series. */
    const double excess = a > 50 ? 1 / a - 2 / (a * a * a) : hazard(a) - a;
    const double variance = a > 50 ? 1 / (a * a) : 1 - hazard(a) * excess;
    assert_true(found.smallest >= 0);
    if (fabs(found.mean - deviation * excess) > 5 * deviation * sqrt(variance / DRAWS))
      fail_msg("mean %g: the draws' is %g, not %g", means[i], found.mean, deviation * excess);
    if (fabs(found.deviation / (deviation * sqrt(variance)) - 1) > 0.03)
      fail_msg("mean %g: the draws deviate by %g, not %g", means[i], found.deviation, deviation * sqrt(variance));
  }
}

/* Both branches of an acceptance that starts with a given number: the share of draws above a point. */
static void truncated_normals_have_their_distribution(void **state) {
  (void)state;
  const double means[] = {0.3, -0.4, -2};
  for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
    int above = 0;
    const double point = 0.7;
    for (int d = 0; d < DRAWS; d++) {
      const dnmf_draw_key key = {9, DNMF_STREAM_CHAIN_COLS, dnmf_draw_place(d, 0)};
      double normals[3];
      dnmf_draw_normals(&key, 3, normals);
      above += dnmf_draw_positive_normal(&key, 2, means[i], 1, normals[2]) > point;
    }
    const double expected = erfc((point - means[i]) / sqrt(2)) / erfc(-means[i] / sqrt(2));
    assert_true(fabs((double)above / DRAWS - expected) < 5 * sqrt(expected * (1 - expected) / DRAWS));
  }
}

static void pairs_of_normals_are_independent(void **state) {
  (void)state;
  double sums[5] = {0};
  for (int d = 0; d < DRAWS; d++) {
    const dnmf_draw_key key = {2, DNMF_STREAM_CHAIN_ROWS, dnmf_draw_place(d, 1)};
    double normals[3];
    dnmf_draw_normals(&key, 3, normals);
    sums[0] += normals[1];
    sums[1] += normals[1] * normals[1];
    sums[2] += normals[0] * normals[1];
    sums[3] += normals[0] * normals[0] * normals[1] * normals[1];
    sums[4] += normals[1] * normals[2];
  }
  const double root = sqrt(DRAWS);
  assert_true(fabs(sums[0]) < 5 * root && fabs(sums[1] - DRAWS) < 5 * sqrt(2) * root);
  assert_true(fabs(sums[2]) < 5 * root && fabs(sums[3] - DRAWS) < 5 * sqrt(8) * root);
  assert_true(fabs(sums[4]) < 5 * root);
}

static void gammas_have_the_moments_of_the_formulas(void **state) {
  (void)state;
  const double shapes[] = {0.2, 0.5, 1, 1.5, 20, 50000.5};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    double mean = 0;
    double squares = 0;
    double logs = 0;
    for (int d = 0; d < DRAWS; d++) {
      const dnmf_draw_key key = {1, DNMF_STREAM_CHAIN_HYPER, dnmf_draw_place(d, 7)};
      const double x = dnmf_draw_gamma(&key, 4, shapes[i]) - shapes[i];
      mean += x / DRAWS;
      squares += x * x / DRAWS;
      logs += x > 0;
    }
    const double variance = shapes[i];
    const double fourth = 3 * variance * variance + 6 * variance; /* the central moment */
    assert_true(fabs(mean) < 5 * sqrt(variance / DRAWS));
    assert_true(fabs(squares - variance) < 5 * sqrt((fourth - variance * variance) / DRAWS));
    assert_true(logs > 0 && logs < DRAWS);
  }
}

static void exact_sums_do_not_depend_on_the_order(void **state) {
  (void)state;
  enum { TERMS = 5000, PARTS = 7 };
  static double terms[TERMS];
  double forward[DNMF_EXACT_PARTS] = {0};
  double shares[PARTS][DNMF_EXACT_PARTS] = {{0}};
  double together[DNMF_EXACT_PARTS] = {0};
  long double true_sum = 0;
  for (int i = 0; i < TERMS; i++) {
    const double size = pow(10, 8 * dnmf_random_uniform(3, DNMF_STREAM_NOISE, (uint64_t)i, 1) - 4);
    terms[i] = size * dnmf_random_normal(3, DNMF_STREAM_NOISE, (uint64_t)i, 0);
    true_sum += (long double)terms[i];
    dnmf_exact_add(terms[i], forward);
  }
  for (int i = TERMS; i-- > 0;)
    dnmf_exact_add(terms[i], shares[i * 31 % PARTS]);
  for (int p = PARTS; p-- > 0;)
    for (int i = 0; i < DNMF_EXACT_PARTS; i++)
      together[i] += shares[p][i];
  assert_true(forward[0] == together[0] && forward[1] == together[1] && forward[2] == together[2]);
  assert_true(fabsl((long double)dnmf_exact_value(forward) - true_sum) < 1e-12L * 1e5L);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(truncated_normals_have_the_moments_of_the_formulas),
      mpi_test(truncated_normals_have_their_distribution),
      mpi_test(pairs_of_normals_are_independent),
      mpi_test(gammas_have_the_moments_of_the_formulas),
      mpi_test(exact_sums_do_not_depend_on_the_order),
  };
  return cmocka_run_group_tests_name("draws", tests, NULL, NULL);
}
