/* A handler may read nothing but what is there before the crash: the messages are made when a bracket begins, in a
 * buffer that is not on the heap. */
#define _XOPEN_SOURCE 700 /* sigaltstack, setitimer */
#include "crash_guard.h"

#include "base/status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { SIGNALS = 5, MESSAGE = 1024, STACK_BYTES = 1 << 16, MOST_LEVELS = 4 };

static const int numbers[SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGVTALRM};

/* One bracket within another. */
typedef struct level {
  char crashed[MESSAGE];
  char endless[MESSAGE];
  struct itimerval timer_before;
} level;

static struct {
  int depth; /* of brackets; those beyond MOST_LEVELS go by the message of the last */
  level levels[MOST_LEVELS];
  struct sigaction before[SIGNALS];
  stack_t stack_before;
  char stack[STACK_BYTES]; /* of the handler: the thread's own may be full */
} guard;

static level *innermost(void) {
  return &guard.levels[guard.depth > MOST_LEVELS ? MOST_LEVELS - 1 : guard.depth - 1];
}

/* Only what a handler may call. The signal has its default action again (SA_RESETHAND), and is delivered once more when
 * this returns. */
static void tell_and_end(int number) {
  const char *message = number == SIGVTALRM ? innermost()->endless : innermost()->crashed;
  ssize_t written = write(STDERR_FILENO, message, strlen(message));
  (void)written; /* there is nobody left to tell */
  if (number == SIGVTALRM)
    _exit(1);
  raise(number);
}

static void write_messages(level *l, const char *path, int seconds) {
  dnmf_error name = {0};
  dnmf_fail(&name, DNMF_ERROR_INPUT, "%.800s", path); /* printable */
  snprintf(l->crashed, MESSAGE,
           "dnmf: error: reading %.800s crashed: it is damaged, or HDF5 or dnmf has a fault; check it with h5debug or "
           "h5dump\n",
           name.text);
  snprintf(
      l->endless, MESSAGE,
      "dnmf: error: looking through %.800s took %d seconds of processor time without an end: it is damaged, or has "
      "too many objects to search; name the matrix as FILE:/NAME\n",
      name.text, seconds);
}

static void set_handlers(void) {
  stack_t stack = {.ss_sp = guard.stack, .ss_size = sizeof guard.stack};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = tell_and_end;
  action.sa_flags = SA_ONSTACK | (int)SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaltstack(&stack, &guard.stack_before);
  for (int i = 0; i < SIGNALS; i++)
    sigaction(numbers[i], &action, &guard.before[i]);
}

static void set_limit(level *l, int seconds) {
  struct itimerval limit;
  memset(&limit, 0, sizeof limit);
  limit.it_value.tv_sec = seconds;
  setitimer(ITIMER_VIRTUAL, &limit, &l->timer_before);
}

bool cli_crash_guard_is_on(void) {
  const char *wish = getenv("DNMF_CRASH_GUARD");
  return !wish || strcmp(wish, "off") != 0;
}

void cli_crash_guard_begin(void *state, const char *path, int seconds) {
  (void)state;
  if (guard.depth++ >= MOST_LEVELS)
    return;
  write_messages(innermost(), path, seconds);
  if (guard.depth == 1)
    set_handlers();
  set_limit(innermost(), seconds);
}

void cli_crash_guard_end(void *state) {
  (void)state;
  if (guard.depth <= MOST_LEVELS)
    setitimer(ITIMER_VIRTUAL, &innermost()->timer_before, NULL);
  if (--guard.depth > 0)
    return;
  for (int i = 0; i < SIGNALS; i++)
    sigaction(numbers[i], &guard.before[i], NULL);
  sigaltstack(&guard.stack_before, NULL);
}
