/* Signals that are noted: the first, the second, one that was ignored before, and a handler that comes later. */
#include "cli/signals.h"
#include "mpi_test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void ignore(int number) {
  (void)number;
}

/* How a process of its own ends in which `act` runs; its exit status is 10 when a signal has been noted. */
static int status_of(void (*act)(void)) {
  int status = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    act();
    _exit(cli_signals_came() ? 10 : 0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

static void watch_only(void) {
  cli_signals_watch();
}

static void term(void) {
  cli_signals_watch();
  raise(SIGTERM);
}

static void interrupt(void) {
  cli_signals_watch();
  raise(SIGINT);
}

static void interrupt_twice(void) {
  interrupt();
  raise(SIGINT);
}

static void term_twice(void) {
  term();
  raise(SIGTERM);
  raise(SIGUSR1);
  raise(SIGUSR1);
}

static void term_and_interrupt(void) {
  term();
  raise(SIGINT);
}

static void ignored_before(void) {
  signal(SIGINT, SIG_IGN);
  cli_signals_watch();
  raise(SIGINT);
  raise(SIGINT);
}

/* What another library does is no signal. */
static void another_handler(void) {
  cli_signals_watch();
  signal(SIGTERM, ignore);
  signal(SIGINT, ignore);
  signal(SIGUSR1, SIG_DFL);
}

static void check_exit(void (*act)(void), int code) {
  int status = status_of(act);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), code);
}

static void the_first_is_noted(void **state) {
  (void)state;
  check_exit(watch_only, 0);
  check_exit(term, 10);
  check_exit(interrupt, 10);
  check_exit(term_and_interrupt, 10);
}

static void the_second_interrupt_ends_at_once(void **state) {
  (void)state;
  int status = status_of(interrupt_twice);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGINT);
}

static void what_batch_systems_send_twice_changes_nothing(void **state) {
  (void)state;
  check_exit(term_twice, 10);
}

static void an_ignored_one_stays_ignored(void **state) {
  (void)state;
  check_exit(ignored_before, 0);
}

static void a_handler_of_another_library_is_no_signal(void **state) {
  (void)state;
  check_exit(another_handler, 0);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(the_first_is_noted),
      mpi_test(the_second_interrupt_ends_at_once),
      mpi_test(what_batch_systems_send_twice_changes_nothing),
      mpi_test(an_ignored_one_stays_ignored),
      mpi_test(a_handler_of_another_library_is_no_signal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
