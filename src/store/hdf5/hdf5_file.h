/*
 * Parallel HDF5 with checked calls: one clear message, and nothing that can hang.
 *
 * Two rules keep it so. Process 0 alone looks at a file or lays it out, with the serial driver: datasets,
 * attributes and whatever is small; space on the disk is reserved there and then. Afterwards all processes
 * open the file and move raw data, each its own hyperslab. They write by MPI-IO, each by itself: a file that is opened
 * by all together and that one process cannot open, flush or close keeps the others waiting in HDF5 or MPI for ever,
 * and an MPI library's collective write was seen to return success on a full disk. They read by a serial driver:
 * through MPI-IO, numbers that could not be read were seen to become zeros (hdf5_driver.h).
 */
#ifndef DNMF_STORE_HDF5_FILE_H
#define DNMF_STORE_HDF5_FILE_H

#include "comm/context.h"
#include "store/hdf5/hdf5_base.h"

/* Opens for reading by this process alone; says when the file is absent, not HDF5 or truncated. local */
dnmf_status dnmf_hdf5_open_alone(dnmf_error *error, const char *path, hid_t *file);

/* Closes a file that was opened alone. Gives `status`, but a failure when any read of the file failed, whatever was
 * made of it; accepts negative ids. local */
dnmf_status dnmf_hdf5_close_alone(dnmf_error *error, const char *path, hid_t file, dnmf_status status);

/* Creates (or empties) `path` for laying out by this process alone, with room on the disk for datasets and long texts
 * of `bytes` altogether: a full disk is found here, by one process, before anything depends on it. local */
dnmf_status dnmf_hdf5_create_alone(dnmf_error *error, const char *path, int64_t bytes, hid_t *file);

/* Opens an existing file for laying more out by this process alone, with room on the disk for `bytes` more. local */
dnmf_status dnmf_hdf5_extend_alone(dnmf_error *error, const char *path, int64_t bytes, hid_t *file);

/* A contiguous dataset whose space is set aside at once and which all processes may fill later. Missing
 * parent groups are made. local */
dnmf_status dnmf_hdf5_create_dataset(dnmf_error *error, hid_t file, const char *name, hid_t type, int rank,
                                     const int64_t *shape);

/* Closes a file laid out alone, and reserves its space on the disk when `status` is DNMF_OK. local */
dnmf_status dnmf_hdf5_close_layout(dnmf_error *error, const char *path, hid_t file, dnmf_status status);

/* Opens an existing file on all processes, for reading or for filling its datasets. collective */
dnmf_status dnmf_hdf5_open(dnmf_context *context, const char *path, bool fill, hid_t *file);

/* Agrees on `status`, then closes, unless MPI failed; what was filled is flushed to the disk, and what was read counts
 * only when no read failed. collective */
dnmf_status dnmf_hdf5_close(dnmf_context *context, const char *path, bool fill, hid_t file, dnmf_status status);

#endif
