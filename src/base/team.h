/*
 * Teams of threads. Every loop that threads share goes through dnmf_team_run; how many of them its work is worth says
 * dnmf_team, so that small problems run on one thread.
 *
 * Work is handed out in pieces: a thread begins with those of its own share of the items, the same in every call of
 * like size, so that memory stays near the thread that uses it; one that has done its share takes pieces of the
 * others'. A call waits for the pieces that have been taken, not for threads: one whose thread is kept from its core by
 * another program does without it. Waiting threads ask for some microseconds and sleep then, so that they keep nobody
 * from a core. What a loop computes must not depend on who computes which items.
 *
 * The threads belong to the thread that calls, and wait between calls until it ends them. After a fork the child has
 * none and starts its own.
 */
#ifndef DNMF_TEAM_H
#define DNMF_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `threads` where about `operations` simple ones (a multiplication with its addition, a number moved) take one thread
 * more than some tens of microseconds; else 1. local */
int dnmf_team(int threads, double operations);

/* The items begin .. end - 1 of a call; any number of them, also on several threads at the same time. */
typedef void dnmf_team_part(void *work, int64_t begin, int64_t end);

/* All items 0 .. count - 1, each once, on the calling thread and at most team - 1 others; when it returns, all are
 * done. Called from within a part, it does them on that thread. BLAS and LAPACK run on one thread within parts. Where
 * threads cannot be started, it does with fewer. local */
void dnmf_team_run(int team, int64_t count, dnmf_team_part *part, void *work);

/* Sets new memory to zero, each thread its share: where a machine has several memories, a page lies near the thread
 * that wrote to it first. local */
void dnmf_team_clear(int threads, void *memory, size_t bytes);

/* Within a part: the number of the thread among those of its call, below its `team`; 0 elsewhere. local */
int dnmf_team_thread(void);

/* Whether this is no thread of a team but one that calls, as MPI wants it. local */
bool dnmf_team_is_caller(void);

/* Ends the threads that wait for this thread's next call; that starts new ones. local */
void dnmf_team_end(void);

#endif
