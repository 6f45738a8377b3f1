/*
 * Files in forms that are not read: what each is, told by its first bytes, and one command that makes something
 * readable of it. The one place that knows them.
 */
#ifndef DNMF_STORE_FOREIGN_H
#define DNMF_STORE_FOREIGN_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Fails when the bytes that a file begins with are of a form that is not read; the message, which begins with "is",
 * says what it is and how to convert it. `packing`: what the file is compressed with, in words; NULL: nothing. local */
dnmf_status dnmf_foreign_refuse(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                const char *packing);

/* The same for text that would be taken for columns, from where its data begin, by the shape of its first lines: Vowpal
 * Wabbit, BED, YAML, printed tables. Only where nobody has said how it is to be read. local */
dnmf_status dnmf_foreign_refuse_lines(dnmf_error *error, const char *path, const char *bytes, int64_t count,
                                      const char *packing);

/* The same for a file that is a zip archive and, by the first name in it, none of NumPy's. local */
dnmf_status dnmf_foreign_refuse_zip(dnmf_error *error, const char *path);

/* The same for an HDF5 file, by what is in it: `has` tells whether there is an object of a name. local */
dnmf_status dnmf_foreign_refuse_hdf5(dnmf_error *error, const char *path, bool (*has)(const void *state, const char *),
                                     const void *state);

/* The same for a folder. local */
dnmf_status dnmf_foreign_refuse_folder(dnmf_error *error, const char *path);

#endif
