/*
 * NumPy archives as `export` writes them: a sparse matrix for scipy.sparse.load_npz, a dense one as numpy.savez names
 * it, arr_0. Nothing is compressed, so that every process writes its own rows at their place.
 */
#ifndef DNMF_STORE_EXPORT_NPZ_H
#define DNMF_STORE_EXPORT_NPZ_H

#include "store/write/export_view.h"

/* Writes the open file. collective; the caller agrees on the status */
dnmf_status dnmf_export_npz(dnmf_context *context, const dnmf_export_view *view, int file);

#endif
