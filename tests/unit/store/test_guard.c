#include "mpi_test.h"
#include "store/hdf5/guard.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void crash(void) {
  raise(SIGSEGV);
}

static long deeper(long depth) {
  volatile char much[1 << 16];
  much[depth % 1000] = (char)depth;
  return depth < 0 ? 0 : deeper(depth + 1) + much[0];
}

static void overflow(void) {
  if (deeper(1) == 7)
    crash();
}

static void go_on_forever(void) {
  for (volatile long i = 0;; i++)
    ;
}

static void leave_and_crash(void) {
  dnmf_guard_leave();
  crash();
}

static void enter_again_leave_and_crash(void) {
  dnmf_guard_enter("inner.h5", DNMF_GUARD_NO_LIMIT);
  dnmf_guard_leave();
  crash();
}

/* What a process of its own writes to standard error, and how it ends, when `act` is called within a guard. */
static int guarded(void (*act)(void), char message[2000]) {
  int ends[2];
  int status = 0;
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL); /* Open MPI tells of it at length */
    dup2(ends[1], STDERR_FILENO);
    dnmf_guard_enter("file.h5", 1);
    act();
    _exit(0);
  }
  close(ends[1]);
  ssize_t got = read(ends[0], message, 1999);
  message[got > 0 ? got : 0] = 0;
  close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void check_message(void (*act)(void), const char *words) {
  char message[2000];
  int status = guarded(act, message);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 1);
  assert_int_equal(strncmp(message, "dnmf: error: ", 13), 0);
  assert_non_null(strstr(message, words));
  assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
}

static void a_crash_is_one_message(void **state) {
  (void)state;
  check_message(crash, "reading file.h5 crashed");
  check_message(abort, "reading file.h5 crashed");
}

static void a_stack_that_is_full_is_one_message(void **state) {
  (void)state;
  check_message(overflow, "reading file.h5 crashed");
}

static void a_search_without_end_is_one_message(void **state) {
  (void)state;
  check_message(go_on_forever, "looking through file.h5 took 1 seconds");
}

static void brackets_lie_within_each_other(void **state) {
  (void)state;
  check_message(enter_again_leave_and_crash, "reading file.h5 crashed");
}

static void outside_the_bracket_a_crash_is_a_crash(void **state) {
  (void)state;
  char message[2000];
  int status = guarded(leave_and_crash, message);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGSEGV);
  assert_string_equal(message, "");
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_crash_is_one_message),
      mpi_test(a_stack_that_is_full_is_one_message),
      mpi_test(a_search_without_end_is_one_message),
      mpi_test(brackets_lie_within_each_other),
      mpi_test(outside_the_bracket_a_crash_is_a_crash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
