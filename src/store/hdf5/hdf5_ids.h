/*
 * Where other programs keep the names of rows and columns.
 */
#ifndef DNMF_STORE_HDF5_IDS_H
#define DNMF_STORE_HDF5_IDS_H

#include "store/hdf5/hdf5_place.h"

/* Fills row_ids and col_ids: row_ids and col_ids beside the matrix, the indices of AnnData's obs and var in any of
 * its versions, or a 10x Genomics group's features and barcodes. local */
dnmf_status dnmf_hdf5_find_ids(dnmf_error *error, hid_t file, dnmf_hdf5_place *place);

#endif
