#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t signal_came;

static void note_signal(int number) {
  (void)number;
  signal_came = 1;
}

static void watch(int number, int flags) {
  struct sigaction before;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART | flags;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(number, &action, NULL);
}

void cli_signals_watch(void) {
  watch(SIGTERM, 0);
  watch(SIGUSR1, 0);
  watch(SIGINT, (int)SA_RESETHAND); /* the second has its default action */
}

bool cli_signals_came(void) {
  return signal_came != 0;
}
