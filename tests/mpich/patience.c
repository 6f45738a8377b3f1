/*
 * For tests under MPICH, loaded before it: a process that waits offers its core, and sleeps when that was not enough.
 * Tests start more processes than there are cores, and Debian's MPICH waits by asking UCX again and again without a
 * pause, which makes them twenty times slower.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { MOST_IDLE = 20 };

unsigned ucp_worker_progress(void *worker);

unsigned ucp_worker_progress(void *worker) {
  unsigned (*progress)(void *) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "ucp_worker_progress");
  memcpy(&progress, &symbol, sizeof progress);
  static _Thread_local int idle; /* calls in a row that found nothing */
  unsigned events = progress(worker);
  idle = events == 0 ? idle + 1 : 0;
  if (idle > MOST_IDLE)
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
  else if (idle > 0)
    sched_yield();
  return events;
}
