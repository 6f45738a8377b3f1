/* What a crash says, and how the process ends. */
#include "cli/crash_guard.h"
#include "mpi_test.h"

#include <pthread.h>
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
  cli_crash_guard_end(NULL);
  crash();
}

static void *crash_of_a_thread(void *nothing) {
  crash();
  return nothing;
}

static void crash_on_another_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, crash_of_a_thread, NULL) == 0)
    pthread_join(thread, NULL);
}

static void many_levels(void) {
  for (int level = 0; level < 9; level++)
    cli_crash_guard_begin(NULL, "inner.h5", 0);
  for (int level = 0; level < 9; level++)
    cli_crash_guard_end(NULL);
  crash();
}

static void enter_again_and_crash(void) {
  cli_crash_guard_begin(NULL, "inner.h5", 0);
  crash();
}

static void enter_again_leave_and_crash(void) {
  cli_crash_guard_begin(NULL, "inner.h5", 0);
  cli_crash_guard_end(NULL);
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
    cli_crash_guard_begin(NULL, "file.h5", 1);
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

static void check_message(const char *message, const char *words) {
  assert_int_equal(strncmp(message, "dnmf: error: ", 13), 0);
  assert_non_null(strstr(message, words));
  assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
}

/* One message, and the end that the signal would have made without it. */
static void check_crash(void (*act)(void), int number, const char *words) {
  char message[2000];
  int status = guarded(act, message);
  check_message(message, words);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), number);
}

static void a_crash_is_one_message(void **state) {
  (void)state;
  check_crash(crash, SIGSEGV, "reading file.h5 crashed");
  check_crash(abort, SIGABRT, "reading file.h5 crashed");
}

static void on_any_thread(void **state) {
  (void)state;
  check_crash(crash_on_another_thread, SIGSEGV, "reading file.h5 crashed");
}

static void a_stack_that_is_full_is_one_message(void **state) {
  (void)state;
  check_crash(overflow, SIGSEGV, "reading file.h5 crashed");
}

static void a_search_without_end_is_one_message(void **state) {
  (void)state;
  char message[2000];
  int status = guarded(go_on_forever, message);
  check_message(message, "looking through file.h5 took 1 seconds");
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 1);
}

static void brackets_lie_within_each_other(void **state) {
  (void)state;
  check_crash(enter_again_and_crash, SIGSEGV, "reading inner.h5 crashed");
  check_crash(enter_again_leave_and_crash, SIGSEGV, "reading file.h5 crashed");
  check_crash(many_levels, SIGSEGV, "reading file.h5 crashed");
}

static void outside_the_bracket_a_crash_is_a_crash(void **state) {
  (void)state;
  char message[2000];
  int status = guarded(leave_and_crash, message);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGSEGV);
  assert_string_equal(message, "");
}

static void the_environment_turns_it_off(void **state) {
  (void)state;
  assert_true(cli_crash_guard_is_on());
  assert_int_equal(setenv("DNMF_CRASH_GUARD", "off", 1), 0);
  assert_false(cli_crash_guard_is_on());
  assert_int_equal(unsetenv("DNMF_CRASH_GUARD"), 0);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_crash_is_one_message),
      mpi_test(on_any_thread),
      mpi_test(a_stack_that_is_full_is_one_message),
      mpi_test(a_search_without_end_is_one_message),
      mpi_test(brackets_lie_within_each_other),
      mpi_test(outside_the_bracket_a_crash_is_a_crash),
      mpi_test(the_environment_turns_it_off),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
