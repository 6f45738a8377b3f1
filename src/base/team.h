/*
 * How many threads a call's work is worth. Every `omp parallel` region of the library asks here, so that small problems
 * run on one thread: waking a team and waiting for its last thread costs microseconds on a quiet machine, and time
 * slices of milliseconds where a thread's core is taken by somebody else.
 */
#ifndef DNMF_TEAM_H
#define DNMF_TEAM_H

/* `threads` where about `operations` simple ones (a multiplication with its addition, a number moved) take one thread
 * more than some tens of microseconds; else 1. Never a number between: GCC's OpenMP ends the threads that a smaller
 * team leaves out and starts them anew for the next larger one. What a region computes must not depend on the number.
 * local */
int dnmf_team(int threads, double operations);

#endif
