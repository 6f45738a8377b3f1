/* What a source that dnmf_open_hdf5 opened keeps in `state`. */
#ifndef DNMF_STORE_HDF5_SOURCE_H
#define DNMF_STORE_HDF5_SOURCE_H

#include "store/hdf5/hdf5_place.h"

typedef struct dnmf_hdf5_state {
  char *path;
  dnmf_hdf5_place place;
} dnmf_hdf5_state;

#endif
