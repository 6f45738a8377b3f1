/*
 * Before MPI starts: what the launcher says of this process, and settings that MPI reads from the environment when it
 * starts. A person's own setting of any of them stays. All functions are local.
 */
#ifndef DNMF_CLI_LAUNCH_H
#define DNMF_CLI_LAUNCH_H

#include <stdbool.h>

/* This process's number as its launcher tells it; NULL without a launcher. */
const char *cli_launched_rank(void);

enum { CLI_ADVICE_TEXT = 256 };

/* What mends that a launcher binds this process to `cores` of the `all` that it has itself, "; ...", for a process of
 * so many threads. False, and no text, where it does not, or is not Open MPI's. */
bool cli_binding_advice(int cores, int all, int threads, char text[CLI_ADVICE_TEXT]);

/* Settings of MPI; false where memory is short. */
bool cli_prepare_mpi(void);

#endif
