/* When a call takes a team of threads, and what a team does. */
#include "mpi_test.h"

#include "base/team.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ITEMS = 5000, MOST_TEAM = 9 };

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

static void one_thread_stays_one(void **state) {
  (void)state;
  assert_int_equal(__real_dnmf_team(1, 1e12), 1);
}

static void doze(long nanoseconds) {
  const struct timespec while_others_work = {0, nanoseconds};
  nanosleep(&while_others_work, NULL);
}

/* How often each item was done, and by how many threads. */
typedef struct tally {
  int team;
  atomic_int times[MOST_ITEMS];
  atomic_int busy[MOST_TEAM];    /* threads that are at work under this number */
  atomic_int entered[MOST_TEAM]; /* parts done under it */
  atomic_bool wrong;
} tally;

static void count_items(void *of_tally, int64_t begin, int64_t end) {
  tally *t = of_tally;
  const int thread = dnmf_team_thread();
  if (thread < 0 || thread >= t->team || begin >= end) {
    atomic_store(&t->wrong, true);
    return;
  }
  if (atomic_fetch_add(&t->busy[thread], 1) != 0)
    atomic_store(&t->wrong, true); /* two threads with one number would share scratch memory */
  for (int64_t i = begin; i < end; i++)
    atomic_fetch_add(&t->times[i], 1);
  atomic_fetch_add(&t->entered[thread], 1);
  atomic_fetch_sub(&t->busy[thread], 1);
}

static void assert_each_once(const tally *t, int64_t count, int times) {
  assert_false(atomic_load(&t->wrong));
  for (int64_t i = 0; i < MOST_ITEMS; i++)
    assert_int_equal(atomic_load(&t->times[i]), i < count ? times : 0);
}

/* Teams grow and shrink from call to call, to more threads than there are cores. */
static void every_item_is_done_once(void **state) {
  (void)state;
  const int64_t counts[] = {0, 1, 2, 3, 16, 17, 1000, MOST_ITEMS};
  for (int round = 0; round < 3; round++)
    for (int team = 1; team <= MOST_TEAM; team++)
      for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        tally t = {.team = team};
        dnmf_team_run(team, counts[c], count_items, &t);
        assert_each_once(&t, counts[c], 1);
      }
}

/* Calls in quick succession, and after pauses in which the threads fall asleep. */
static void calls_follow_each_other(void **state) {
  (void)state;
  enum { CALLS = 2000, ITEMS = 40 };
  tally t = {.team = 4};
  for (int call = 0; call < CALLS; call++) {
    dnmf_team_run(4, ITEMS, count_items, &t);
    if (call % 500 == 0)
      doze(2000000);
  }
  assert_each_once(&t, ITEMS, CALLS);
}

/* Item 0 is done only when another thread has done the last item: one thread alone would wait for ever. */
typedef struct meeting {
  atomic_bool came;
  int64_t last;
} meeting;

static void wait_for_the_last(void *of_meeting, int64_t begin, int64_t end) {
  meeting *m = of_meeting;
  if (begin <= m->last && m->last < end)
    atomic_store(&m->came, true);
  while (begin == 0 && !atomic_load(&m->came))
    doze(100000);
}

static void threads_work_at_the_same_time(void **state) {
  (void)state;
  for (int team = 2; team <= 4; team++) {
    meeting m = {.last = 99};
    dnmf_team_run(team, 100, wait_for_the_last, &m);
    assert_true(atomic_load(&m.came));
  }
}

/* The caller's first piece ends only when all others are done, its own share's too. */
typedef struct theft {
  atomic_int done;
  int count;
} theft;

static void leave_the_rest_to_others(void *of_theft, int64_t begin, int64_t end) {
  theft *t = of_theft;
  atomic_fetch_add(&t->done, (int)(end - begin));
  while (begin == 0 && atomic_load(&t->done) < t->count)
    doze(100000);
}

static void a_share_is_done_by_others(void **state) {
  (void)state;
  theft t = {.count = 1000};
  dnmf_team_run(2, t.count, leave_the_rest_to_others, &t);
  assert_int_equal(atomic_load(&t.done), t.count);
}

static void call_within(void *of_tally, int64_t begin, int64_t end) {
  tally *t = of_tally;
  const int outer = dnmf_team_thread();
  for (int64_t i = begin; i < end; i++) {
    tally own = {.team = 1};
    dnmf_team_run(4, 10, count_items, &own);
    for (int64_t item = 0; item < 10; item++)
      if (atomic_load(&own.times[item]) != 1)
        atomic_store(&t->wrong, true);
    if (atomic_load(&own.entered[0]) != 1 || dnmf_team_thread() != outer)
      atomic_store(&t->wrong, true);
  }
  count_items(t, begin, end);
}

static void a_call_within_a_part_is_alone(void **state) {
  (void)state;
  tally t = {.team = 3};
  dnmf_team_run(3, 50, call_within, &t);
  assert_each_once(&t, 50, 1);
  assert_int_equal(dnmf_team_thread(), 0);
}

/* BLAS would start threads of its own; MPI wants to be asked by its own thread. */
static void look_around(void *of_counts, int64_t begin, int64_t end) {
  atomic_int *counts = of_counts;
  (void)begin;
  (void)end;
  atomic_fetch_add(&counts[0], omp_get_max_threads() != 1);
  atomic_fetch_add(&counts[1], dnmf_team_is_caller() != (dnmf_team_thread() == 0));
}

static void parts_see_one_thread_of_blas(void **state) {
  (void)state;
  atomic_int counts[2] = {0, 0};
  omp_set_num_threads(3);
  dnmf_team_run(3, 300, look_around, counts);
  dnmf_team_run(1, 300, look_around, counts);
  assert_int_equal(omp_get_max_threads(), 3);
  assert_int_equal(atomic_load(&counts[0]), 0);
  assert_int_equal(atomic_load(&counts[1]), 0);
  assert_true(dnmf_team_is_caller());
}

static void a_team_can_be_ended(void **state) {
  (void)state;
  for (int round = 0; round < 5; round++) {
    tally t = {.team = 3};
    dnmf_team_run(3, 100, count_items, &t);
    assert_each_once(&t, 100, 1);
    dnmf_team_end();
    dnmf_team_end();
  }
}

/* To the last byte, and no further. */
static void memory_is_cleared(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
  unsigned char memory[100001];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    memset(memory, 7, sizeof memory);
    dnmf_team_clear(3, memory, sizes[s]);
    for (size_t i = 0; i < sizeof memory; i++)
      assert_int_equal(memory[i], i < sizes[s] ? 0 : 7);
  }
}

static void *call_from_a_thread(void *of_tally) {
  tally *t = of_tally;
  for (int call = 0; call < 200; call++)
    dnmf_team_run(t->team, 100, count_items, t);
  dnmf_team_end();
  return NULL;
}

/* As two libraries in two threads of a program. */
static void callers_have_their_own_teams(void **state) {
  (void)state;
  tally t[2] = {{.team = 2}, {.team = 3}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, call_from_a_thread, &t[i]), 0);
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < 2; i++)
    assert_each_once(&t[i], 100, 200);
}

/* A child has the caller alone; it takes threads of its own. */
static void a_child_starts_its_own_threads(void **state) {
  (void)state;
  tally t = {.team = 3};
  dnmf_team_run(3, 100, count_items, &t);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    meeting m = {.last = 99};
    alarm(20); /* one that waits for its parent's threads waits for ever */
    dnmf_team_run(2, 100, wait_for_the_last, &m);
    _exit(atomic_load(&m.came) ? 0 : 1);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  dnmf_team_run(3, 100, count_items, &t);
  assert_each_once(&t, 100, 2);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {mpi_test(little_work_is_done_alone),
                                     mpi_test(much_work_takes_every_thread),
                                     mpi_test(one_thread_stays_one),
                                     mpi_test(every_item_is_done_once),
                                     mpi_test(calls_follow_each_other),
                                     mpi_test(threads_work_at_the_same_time),
                                     mpi_test(a_share_is_done_by_others),
                                     mpi_test(a_call_within_a_part_is_alone),
                                     mpi_test(parts_see_one_thread_of_blas),
                                     mpi_test(a_team_can_be_ended),
                                     mpi_test(memory_is_cleared),
                                     mpi_test(callers_have_their_own_teams),
                                     mpi_test(a_child_starts_its_own_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
