/*
 * Signals that ask a fit to stop and may be answered when its iteration is done: SIGTERM, SIGINT, SIGUSR1.
 *
 * The first one is noted. A second SIGINT ends the program at once, as whoever presses Ctrl-C twice expects. A second
 * SIGTERM or SIGUSR1 changes nothing: launchers and batch systems send one to the same process twice (srun passes on
 * what its tasks are sent too), and kill in the end.
 */
#ifndef DNMF_CLI_SIGNALS_H
#define DNMF_CLI_SIGNALS_H

#include <stdbool.h>

/* From now on these signals are noted; one that the parent process had ignored stays ignored. local */
void cli_signals_watch(void);

/* Whether one has come to this process. local */
bool cli_signals_came(void);

#endif
