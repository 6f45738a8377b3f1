/*
 * What HDF5 makes of a damaged file may be a crash, or a search without end. While a file is being read
 * (dnmf_reporter.reading) either is one message on standard error that names the file, from whatever thread it happens
 * on. After a crash the signal then ends the process as it would have: a core dump is written where they are on, and
 * whoever waits for the process sees the signal. A search without end ends with exit status 1.
 *
 * DNMF_CRASH_GUARD=off in the environment leaves signals alone: for debuggers, and for handlers of other tools.
 */
#ifndef DNMF_CLI_CRASH_GUARD_H
#define DNMF_CLI_CRASH_GUARD_H

#include <stdbool.h>

/* Processor seconds, of the whole process, that what begins may take; 0: any. Brackets on the main thread, which may
 * lie within each other; of limits the inner one counts. `state` is not used. local */
void cli_crash_guard_begin(void *state, const char *path, int seconds);
void cli_crash_guard_end(void *state);

/* False when the environment turns it off. */
bool cli_crash_guard_is_on(void);

#endif
