/*
 * What every file of this folder needs of HDF5: its reasons in our messages, and released objects.
 */
#ifndef DNMF_STORE_HDF5_BASE_H
#define DNMF_STORE_HDF5_BASE_H

#include "base/status.h"

#include <hdf5.h>
#include <stdbool.h>

enum { DNMF_HDF5_NAME = 512 };

/* HDF5's innermost reason for the call that just failed, in `reason` (DNMF_HDF5_NAME bytes). local */
void dnmf_hdf5_reason(char *reason);

/* Records `format` followed by HDF5's own innermost reason. Call it right after the HDF5 call that failed.
 * local */
dnmf_status dnmf_hdf5_fail(dnmf_error *error, dnmf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Closes a dataset that was written: HDF5 may hold the last of its numbers until then, so that what cannot be written
 * is seen here alone. Gives `status`, or the failure when that was DNMF_OK; accepts negative ids. local */
dnmf_status dnmf_hdf5_close_written(dnmf_error *error, hid_t dataset, const char *name, dnmf_status status);

/* Releases any HDF5 object but a file and what was written; accepts negative ids. local */
void dnmf_hdf5_release(hid_t id);

#endif
