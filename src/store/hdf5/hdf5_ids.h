/*
 * Where other programs keep the names of rows and columns.
 */
#ifndef DNMF_STORE_HDF5_IDS_H
#define DNMF_STORE_HDF5_IDS_H

#include "store/hdf5/hdf5_place.h"

/* Fills row_ids and col_ids: row_ids and col_ids beside the matrix, the indices of AnnData's obs and var in any of
 * its versions, a 10x Genomics group's features and barcodes, loom's attributes of rows and columns, or the axes of a
 * pandas frame; and feature_types. `feature_names` (NULL: "id") chooses what features are called by: "id", "name" or
 * another list of the file. Names that cannot be read are told in the note. Fails where the chosen list is not there.
 * local */
dnmf_status dnmf_hdf5_find_ids(dnmf_error *error, const char *path, hid_t file, const char *feature_names,
                               dnmf_hdf5_place *place);

#endif
