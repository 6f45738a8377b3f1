/*
 * Signals that ask a job to stop and may be answered later: SIGTERM, SIGINT, SIGUSR1.
 *
 * The kernel keeps the flag, no variable of ours does: all that the handler does is to put another disposition in its
 * own place, and a signal has come when the handler is no longer installed. A second SIGTERM or SIGUSR1 is ignored,
 * since launchers and batch systems may send one to the same process twice; a second SIGINT ends the program, as
 * whoever presses Ctrl-C twice expects.
 */
#ifndef DNMF_CLI_SIGNALS_H
#define DNMF_CLI_SIGNALS_H

#include <stdbool.h>

enum { CLI_SIGNALS = 3 };

typedef struct cli_signals {
  bool watched[CLI_SIGNALS]; /* a signal that the parent had ignored stays ignored */
} cli_signals;

/* From now on these signals end nothing. local */
void cli_signals_watch(cli_signals *signals);

/* Whether one has come to this process. local */
bool cli_signals_came(const cli_signals *signals);

#endif
