/*
 * Before MPI starts: what the launcher says of this process, and settings that MPI and OpenMP read from the environment
 * when they start. A person's own setting of any of them stays. All functions are local.
 */
#ifndef DNMF_CLI_LAUNCH_H
#define DNMF_CLI_LAUNCH_H

#include <stdbool.h>

/* This process's number as its launcher tells it; NULL without a launcher. */
const char *cli_launched_rank(void);

/* With several threads, and where nothing is set about how they wait: sets that a waiting thread gives up its core
 * after microseconds, and starts the program again with the same arguments, as OpenMP reads this when the program is
 * loaded. `threads`: as given on the command line, 0: not given. Returns where there is nothing to do or it cannot be
 * done. */
void cli_wait_briefly(int threads, char **argv);

/* Settings of MPI; false where memory is short. */
bool cli_prepare_mpi(void);

#endif
