/*
 * For tests under MPICH, loaded before it: a process that waits offers its core. Tests start more processes than there
 * are cores, and Debian's MPICH waits by asking UCX again and again without a pause, which makes them several times
 * slower.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

unsigned ucp_worker_progress(void *worker);

unsigned ucp_worker_progress(void *worker) {
  unsigned (*progress)(void *) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "ucp_worker_progress");
  memcpy(&progress, &symbol, sizeof progress);
  unsigned events = progress(worker);
  if (events == 0)
    sched_yield();
  return events;
}
