#include "store/hdf5/hdf5_place.h"

#include <stdio.h>
#include <string.h>

void dnmf_hdf5_join(char *joined, const char *folder, const char *name) {
  int length = snprintf(joined, DNMF_HDF5_NAME, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
  if (length >= DNMF_HDF5_NAME)
    *joined = 0;
}
