/* When a call takes a team of threads. */
#include "mpi_test.h"

#include <math.h>

int __real_dnmf_team(int threads, double operations); /* dnmf_team, which tests replace; see mpi_test.c */

static void little_work_is_done_alone(void **state) {
  (void)state;
  assert_int_equal(__real_dnmf_team(2, 0), 1);
  assert_int_equal(__real_dnmf_team(2, 3 * 3 * 2), 1);
  assert_int_equal(__real_dnmf_team(64, 50e3), 1);
  assert_int_equal(__real_dnmf_team(2, (double)NAN), 1);
}

static void much_work_takes_every_thread(void **state) {
  (void)state;
  assert_int_equal(__real_dnmf_team(2, 1e6), 2);
  assert_int_equal(__real_dnmf_team(64, 1e6), 64);
  assert_int_equal(__real_dnmf_team(4096, (double)INFINITY), 4096);
}

/* A number between would make GCC's OpenMP end threads and start them again. */
static void a_team_is_all_or_one(void **state) {
  (void)state;
  for (int threads = 1; threads <= 128; threads++)
    for (double operations = 1; operations < 1e9; operations *= 3) {
      const int team = __real_dnmf_team(threads, operations);
      assert_true(team == 1 || team == threads);
    }
}

static void one_thread_stays_one(void **state) {
  (void)state;
  assert_int_equal(__real_dnmf_team(1, 1e12), 1);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {mpi_test(little_work_is_done_alone), mpi_test(much_work_takes_every_thread),
                                     mpi_test(a_team_is_all_or_one), mpi_test(one_thread_stays_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
