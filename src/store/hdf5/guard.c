/* No variable of ours tells the handler what was being read: the stack that the kernel keeps for handlers begins with
 * it. */
#define _XOPEN_SOURCE 700 /* sigaltstack, setitimer */
#include "store/hdf5/guard.h"

#include "base/memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { SIGNALS = 5, MESSAGE = 1024, STACK_BYTES = 1 << 16 };

static const int numbers[SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGVTALRM};

typedef struct guard {
  char magic[16];
  char crashed[MESSAGE];
  char endless[MESSAGE];
  stack_t stack_before;
  struct sigaction before[SIGNALS];
  struct itimerval timer_before;
} guard;

static const char MAGIC[16] = "dnmf file guard";

/* The guard in force, as the kernel has it; NULL when there is none. */
static guard *current(void) {
  stack_t stack;
  if (sigaltstack(NULL, &stack) != 0 || (stack.ss_flags & SS_DISABLE) || !stack.ss_sp)
    return NULL;
  return memcmp(stack.ss_sp, MAGIC, sizeof MAGIC) == 0 ? stack.ss_sp : NULL;
}

/* Only what a handler may call; what is known of the heap and the libraries' state is that it is wrong. */
static void give_up(int number) {
  const guard *g = current();
  const char *message = !g ? "" : number == SIGVTALRM ? g->endless : g->crashed;
  ssize_t written = write(STDERR_FILENO, message, strlen(message));
  (void)written; /* there is nobody left to tell */
  _exit(1);
}

static void set_limit(guard *g, int seconds) {
  struct itimerval limit;
  memset(&limit, 0, sizeof limit);
  limit.it_value.tv_sec = seconds;
  setitimer(ITIMER_VIRTUAL, &limit, &g->timer_before);
}

void dnmf_guard_enter(const char *path, int seconds) {
  dnmf_error name = {0};
  stack_t stack = {.ss_size = STACK_BYTES};
  guard *g = aligned_alloc(64, STACK_BYTES);
  if (!g)
    return;
  dnmf_fail(&name, DNMF_ERROR_INPUT, "%.800s", path); /* printable */
  memcpy(g->magic, MAGIC, sizeof MAGIC);
  snprintf(g->crashed, MESSAGE,
           "dnmf: error: reading %.800s crashed: it is damaged, or HDF5 or dnmf has a fault; check it with h5debug or "
           "h5dump\n",
           name.text);
  snprintf(
      g->endless, MESSAGE,
      "dnmf: error: looking through %.800s took %d seconds of processor time without an end: it is damaged, or has "
      "too many objects to search; name the matrix as FILE:/NAME\n",
      name.text, seconds);
  stack.ss_sp = g;
  if (sigaltstack(&stack, &g->stack_before) != 0) {
    free(g);
    return;
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = give_up;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++)
    sigaction(numbers[i], &action, &g->before[i]);
  set_limit(g, seconds);
}

void dnmf_guard_leave(void) {
  guard *g = current();
  if (!g)
    return;
  setitimer(ITIMER_VIRTUAL, &g->timer_before, NULL);
  for (int i = 0; i < SIGNALS; i++)
    sigaction(numbers[i], &g->before[i], NULL);
  sigaltstack(&g->stack_before, NULL);
  free(g);
}
