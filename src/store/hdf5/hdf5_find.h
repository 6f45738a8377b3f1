/*
 * Where in an HDF5 file the matrix is. Process 0 looks, with the file open alone; the answer is plain data and is
 * broadcast.
 */
#ifndef DNMF_STORE_HDF5_FIND_H
#define DNMF_STORE_HDF5_FIND_H

#include "store/hdf5/hdf5_place.h"

/* Finds the matrix that `inner` names, or the one there is when `inner` is NULL: /matrix, else X of an AnnData
 * file, else the only 2-D dataset or sparse group, or the values of the only pandas frame. Features are called as
 * dnmf_hdf5_find_ids has `feature_names`. The message says what the file does hold. local */
dnmf_status dnmf_hdf5_find(dnmf_error *error, const char *path, hid_t file, const char *inner,
                           const char *feature_names, dnmf_hdf5_place *place);

#endif
