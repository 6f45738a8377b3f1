/* Loading sparse groups. */
#ifndef DNMF_STORE_HDF5_SPARSE_H
#define DNMF_STORE_HDF5_SPARSE_H

#include "store/hdf5_find.h"

/* Reads this process's even share of the stored entries and checks the group: indptr from 0 to the number of
 * entries without a step back, indices inside the shape. No process holds all of indptr. Collective agreement is
 * the caller's. local, on a file opened together */
dnmf_status dnmf_hdf5_read_entries(dnmf_context *context, const char *path, hid_t file, const dnmf_hdf5_place *place,
                                   dnmf_entries *entries);

#endif
