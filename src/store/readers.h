/*
 * The readers behind dnmf_source_open, one a format.
 */
#ifndef DNMF_STORE_READERS_H
#define DNMF_STORE_READERS_H

#include "dnmf/source.h"

/* A dataset or sparse group of an HDF5 file; `inner` names it, NULL: the one there is. collective */
dnmf_status dnmf_open_hdf5(dnmf_context *context, const char *path, const char *inner,
                           const dnmf_source_options *options, dnmf_source *source);

#endif
