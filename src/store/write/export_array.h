/*
 * NumPy's arrays, and Matrix Market's array format.
 */
#ifndef DNMF_STORE_EXPORT_ARRAY_H
#define DNMF_STORE_EXPORT_ARRAY_H

#include "store/write/export_view.h"

extern const dnmf_export_writer dnmf_export_npy;

/* Matrix Market's array format goes column by column and has its own loop. collective */
dnmf_status dnmf_export_array(dnmf_context *context, const dnmf_export_view *view, int file, dnmf_sink *sink);

/* The head of a .npy file (format 1.0): `descr` as NumPy has it ("<f8"), `shape` as Python does ("(3, 4)"). Bytes
 * written to `head`, which has room for DNMF_NPY_HEAD. local */
enum { DNMF_NPY_HEAD = 256 };
size_t dnmf_npy_head(const char *descr, const char *shape, unsigned char head[DNMF_NPY_HEAD]);

/* NumPy's name of this machine's numbers: "<f8". local */
void dnmf_npy_descr(char kind, size_t size, char descr[8]);

#endif
