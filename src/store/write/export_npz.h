/*
 * NumPy archives as `export` writes them: a sparse matrix for scipy.sparse.load_npz, a dense one as numpy.savez names
 * it, arr_0. Nothing is compressed, so that every process writes its own rows at their place.
 */
#ifndef DNMF_STORE_EXPORT_NPZ_H
#define DNMF_STORE_EXPORT_NPZ_H

#include "store/write/export.h"

/* Writes the open file. collective; the caller agrees on the status */
dnmf_status dnmf_export_npz(dnmf_context *context, const dnmf_export_view *view, int file);

/* The head of a .npy file (format 1.0): `descr` as NumPy has it ("<f8"), `shape` as Python does ("(3, 4)"). Bytes
 * written to `head`, which has room for DNMF_NPY_HEAD. local */
enum { DNMF_NPY_HEAD = 256 };
size_t dnmf_npy_head(const char *descr, const char *shape, unsigned char head[DNMF_NPY_HEAD]);

/* NumPy's name of this machine's numbers: "<f8". local */
void dnmf_npy_descr(char kind, size_t size, char descr[8]);

#endif
