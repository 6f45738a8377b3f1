/*
 * Wall-clock seconds of the phases of a run.
 */
#ifndef DNMF_CLOCK_H
#define DNMF_CLOCK_H

#include <mpi.h>

/* Seconds since `*clock`, which is set to now. local */
static inline double dnmf_lap(double *clock) {
  double before = *clock;
  *clock = MPI_Wtime();
  return *clock - before;
}

#endif
