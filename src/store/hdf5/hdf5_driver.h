/*
 * How HDF5 reads files here: as its own serial driver does, but a read that failed is kept in mind until the file is
 * closed. Many of HDF5's answers cannot tell "there is none" from "it could not be read": whether a name or an
 * attribute exists, how many there are. What was concluded from a file counts only when no read of it failed.
 */
#ifndef DNMF_STORE_HDF5_DRIVER_H
#define DNMF_STORE_HDF5_DRIVER_H

#include "store/hdf5/hdf5_base.h"

/* Makes files that are opened with `access` read so; false when HDF5 has no memory for it. local */
bool dnmf_hdf5_reads_are_kept(hid_t access);

/* The system's errno of the first read of the file that failed, ENODATA where the file ended too soon; 0 when none
 * did. local */
int dnmf_hdf5_failed_read(hid_t file);

/* H5Fclose for files that may be read so. local */
herr_t dnmf_hdf5_file_close(hid_t file);

#endif
