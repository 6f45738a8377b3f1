/*
 * A dense matrix file filled tile by tile, for matrices that are never whole in memory.
 *
 *   dnmf_dense_file_begin(...)
 *   dnmf_dense_file_write(...) any number of times on any process; tiles must not overlap
 *   dnmf_dense_file_end(...)
 *
 * The file is one of ours (file.h): /matrix, the ids, missing = zero.
 */
#ifndef DNMF_DENSE_FILE_H
#define DNMF_DENSE_FILE_H

#include "base/precision.h"
#include "matrix/ids.h"

typedef struct dnmf_dense_file dnmf_dense_file;

/* Lays out `path` (pass dnmf_output's partial name) with its room on the disk, and opens it on all processes. `path`
 * and the ids must stay until the end. Released by dnmf_dense_file_end. collective */
dnmf_status dnmf_dense_file_begin(dnmf_context *context, const char *path, int64_t rows, int64_t cols,
                                  dnmf_precision precision, const dnmf_ids *row_ids, const dnmf_ids *col_ids,
                                  dnmf_dense_file **file);

/* Writes a tile, row-major, in the file's precision. local */
dnmf_status dnmf_dense_file_write(dnmf_context *context, dnmf_dense_file *file, dnmf_range rows, dnmf_range cols,
                                  const void *values);

/* Agrees on `status`, closes and flushes. Accepts NULL. collective */
dnmf_status dnmf_dense_file_end(dnmf_context *context, dnmf_dense_file *file, dnmf_status status);

#endif
