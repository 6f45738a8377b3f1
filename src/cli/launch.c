/*
 * Everything that names an MPI library is here. Each reads what it needs from the environment under its own names; one
 * that is not there ignores the others' settings. Open MPI's are here because it starts
 * slower and leaves more behind than a job of one process or of two hosts should bear.
 */
#include "launch.h"

#include <stdio.h>
#include <stdlib.h>

/* Open MPI, PMIx (Slurm, PRRTE), PMI (MPICH's Hydra, Slurm). */
static const char *const rank_names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};

static const char *rank_of_launcher(void) {
  for (size_t i = 0; i < sizeof rank_names / sizeof *rank_names; i++)
    if (getenv(rank_names[i]))
      return getenv(rank_names[i]);
  return NULL;
}

const char *cli_launched_rank(void) {
  const char *rank = rank_of_launcher();
  return rank ? rank : getenv("SLURM_PROCID");
}

bool cli_binding_advice(int cores, int all, int threads, char text[CLI_ADVICE_TEXT]) {
  text[0] = 0;
  if (!getenv("OMPI_COMM_WORLD_RANK") || cores >= all || cores < 1)
    return false;
  snprintf(text, CLI_ADVICE_TEXT,
           "; mpirun binds a process to %d of %d cores: start it with mpirun --bind-to none, or --map-by slot:PE=%d",
           cores, all, threads);
  return true;
}

/* Without a launcher Open MPI would start a daemon for processes we never spawn, most of a small job's time. Spared
 * that, all jobs of a person would share one folder for temporary files, and remove it under each other. A process
 * alone needs no such folder: none is made, so none is left, however the job ends. */
static bool spare_daemon(void) {
  return setenv("OMPI_MCA_ess_singleton_isolated", "1", 0) == 0 &&
         setenv("OMPI_MCA_orte_create_session_dirs", "0", 0) == 0;
}

/* A process alone sends nothing. Looking for networks loads their libraries, some of which (Omni-Path's, InfiniPath's)
 * sleep a quarter of a second to measure the processor's clock; and hwloc would visit every core to ask it about
 * itself, which on a busy machine waits for each, where Linux tells the same. */
static bool spare_networks(void) {
  return setenv("OMPI_MCA_pml", "ob1", 0) == 0 && setenv("OMPI_MCA_btl", "self", 0) == 0 &&
         setenv("HWLOC_COMPONENTS", "-x86", 0) == 0;
}

/* HDF5 uses no shared file pointers. On several hosts Open MPI would keep one for each open file in another file beside
 * it, which a killed job would leave there. */
static bool spare_shared_file_pointers(void) {
  return setenv("OMPI_MCA_sharedfp", "^lockedfile,individual", 0) == 0;
}

/* Open MPI's processes wait by asking again and again; so they offer their core each time. */
static bool offer_core(void) {
  return setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0) == 0;
}

/* A process of a batch script has Slurm's variables, but no launcher's: only these tell. */
bool cli_prepare_mpi(void) {
  return (rank_of_launcher() || (spare_daemon() && spare_networks())) && spare_shared_file_pointers() && offer_core();
}
