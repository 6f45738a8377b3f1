/*
 * Compressed files, read from their beginning as what they were before: gzip, zstd and xz, each of any number of
 * members. One process reads; a compressed file has no other places to begin.
 */
#ifndef DNMF_STORE_STREAM_H
#define DNMF_STORE_STREAM_H

#include "base/status.h"

#include <stdint.h>

typedef enum dnmf_packing { DNMF_UNPACKED = 0, DNMF_GZIP, DNMF_ZSTD, DNMF_XZ } dnmf_packing;

enum { DNMF_PACKING_BYTES = 6 /* that tell the packing */ };

/* What a file that begins with these bytes is compressed with. local */
dnmf_packing dnmf_packing_of(const char *bytes, int64_t count);

/* "gzip", "zstd" or "xz". local */
const char *dnmf_packing_name(dnmf_packing packing);

typedef struct dnmf_stream dnmf_stream;

/* Begins at the beginning of an open file, which is read by place and stays the caller's; a file that is not packed is
 * read as it is. `name`, for messages, must outlive the stream, which dnmf_stream_close releases. local */
dnmf_status dnmf_stream_open(dnmf_error *error, const char *name, int file, dnmf_packing packing, dnmf_stream **stream);
void dnmf_stream_close(dnmf_stream *stream); /* accepts NULL */

/* The next `bytes` bytes, or fewer at the end; fails when the file is damaged or cut off. local */
dnmf_status dnmf_stream_read(dnmf_error *error, dnmf_stream *stream, int64_t bytes, char *to, int64_t *got);

#endif
