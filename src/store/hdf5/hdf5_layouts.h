/*
 * The conventions of other programs for sparse groups.
 */
#ifndef DNMF_STORE_HDF5_LAYOUTS_H
#define DNMF_STORE_HDF5_LAYOUTS_H

#include "store/hdf5/hdf5_place.h"

/* True when `name`, from `place` (a file or a group, itself "."), is a group with data, indices and indptr, or a sparse
 * matrix of MATLAB's. local */
bool dnmf_hdf5_is_sparse(hid_t place, const char *name);

/* Fills shape, order, type and count of the sparse group place->name. local */
dnmf_status dnmf_hdf5_describe_sparse(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place);

#endif
