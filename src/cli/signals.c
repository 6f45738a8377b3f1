#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static const int numbers[CLI_SIGNALS] = {SIGTERM, SIGUSR1, SIGINT};

static void set_handler(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL); /* fails for numbers that are no signals only */
}

static void (*handler_of(int number))(int) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigaction(number, NULL, &action);
  return action.sa_handler;
}

/* sigaction is among the functions that a handler may call. */
static void give_way(int number) {
  set_handler(number, number == SIGINT ? SIG_DFL : SIG_IGN);
}

void cli_signals_watch(cli_signals *signals) {
  for (int i = 0; i < CLI_SIGNALS; i++) {
    signals->watched[i] = handler_of(numbers[i]) != SIG_IGN;
    if (signals->watched[i])
      set_handler(numbers[i], give_way);
  }
}

bool cli_signals_came(const cli_signals *signals) {
  for (int i = 0; i < CLI_SIGNALS; i++)
    if (signals->watched[i] && handler_of(numbers[i]) != give_way)
      return true;
  return false;
}
