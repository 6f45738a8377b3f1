/*
 * What every file of this folder needs of HDF5: its reasons in our messages, and released objects.
 */
#ifndef DNMF_STORE_HDF5_BASE_H
#define DNMF_STORE_HDF5_BASE_H

#include "base/status.h"

#include <hdf5.h>

enum { DNMF_HDF5_NAME = 512 };

/* HDF5's innermost reason for the call that just failed, in `reason` (DNMF_HDF5_NAME bytes). local */
void dnmf_hdf5_reason(char *reason);

/* Records `format` followed by HDF5's own innermost reason. Call it right after the HDF5 call that failed.
 * local */
dnmf_status dnmf_hdf5_fail(dnmf_error *error, dnmf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Releases any HDF5 object but a file; accepts negative ids. local */
void dnmf_hdf5_release(hid_t id);

#endif
