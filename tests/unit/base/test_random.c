#include "base/random.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

/* Known answer of Philox4x32-10 for all-zero key and counter (Random123's kat_vectors): 6627e8d5 e169c58d ... */
static void bits_are_philox(void **state) {
  (void)state;
  assert_int_equal(dnmf_random_bits(0, (dnmf_stream)0, 0, 0), 0x6627e8d5e169c58dULL);
}

static void uniform_has_the_moments_of_the_uniform(void **state) {
  (void)state;
  const int n = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; i++) {
    double u = dnmf_random_uniform(7, DNMF_STREAM_VALUES, (uint64_t)i, 3);
    assert_true(u > 0 && u < 1);
    sum += u;
    squares += u * u;
  }
  assert_true(fabs(sum / n - 0.5) < 0.005);
  assert_true(fabs(squares / n - 1.0 / 3) < 0.005);
}

static void normal_has_the_moments_of_the_normal(void **state) {
  (void)state;
  const int n = 100000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < n; i++) {
    double x = dnmf_random_normal(7, DNMF_STREAM_NOISE, 5, (uint64_t)i);
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  assert_true(fabs(sum / n) < 0.015);
  assert_true(fabs(squares / n - 1) < 0.02);
  assert_true(fabs(fourth / n - 3) < 0.15);
}

static void streams_differ(void **state) {
  (void)state;
  assert_true(dnmf_random_bits(1, DNMF_STREAM_START_W, 2, 3) != dnmf_random_bits(1, DNMF_STREAM_START_H, 2, 3));
}

static void permutation_is_a_bijection(void **state) {
  (void)state;
  const int64_t sizes[] = {1, 2, 3, 5, 64, 1000, 4097};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int64_t n = sizes[s];
    char *seen = calloc((size_t)n, 1);
    assert_non_null(seen);
    for (int64_t i = 0; i < n; i++) {
      int64_t to = dnmf_random_permute(11, DNMF_STREAM_PERMUTE_ROWS, n, i);
      assert_true(to >= 0 && to < n);
      assert_int_equal(seen[to], 0);
      seen[to] = 1;
    }
    free(seen);
  }
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(bits_are_philox),
      mpi_test(uniform_has_the_moments_of_the_uniform),
      mpi_test(normal_has_the_moments_of_the_normal),
      mpi_test(streams_differ),
      mpi_test(permutation_is_a_bijection),
  };
  return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
