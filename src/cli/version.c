#include "version.h"

#include "base/precision.h"
#include "store/file.h"

#include <jansson.h>
#include <mpi.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* The first words of MPI's own text, which may go on for paragraphs. */
static void mpi_version(char *text, size_t size) {
  char full[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(full, &length);
  full[strcspn(full, ",\n")] = 0;
  for (char *tab = strchr(full, '\t'); tab; tab = strchr(tab, '\t'))
    *tab = ' ';
  snprintf(text, size, "%.100s", full);
}

void cli_library_versions(char *text, size_t size) {
  char mpi[128];
  char hdf5[32];
  dnmf_hdf5_version(hdf5, sizeof hdf5);
  mpi_version(mpi, sizeof mpi);
  snprintf(text, size, "%s; HDF5 %s; jansson %s; BLAS %s; OpenMP %d", mpi, hdf5, JANSSON_VERSION, DNMF_BLAS, _OPENMP);
}

void cli_print_version(void) {
  char libraries[512];
  cli_library_versions(libraries, sizeof libraries);
  printf("dnmf %s\nlibraries: %s\nbuilt with: %s\nkernels on this processor: %s\n", DNMF_VERSION, libraries,
         DNMF_BUILD_FLAGS, dnmf_isa_name(dnmf_isa_detect()));
}
