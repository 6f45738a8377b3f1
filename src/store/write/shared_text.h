/*
 * One text file written by all processes: the lines of process 0, then those of process 1, and so on.
 */
#ifndef DNMF_STORE_SHARED_TEXT_H
#define DNMF_STORE_SHARED_TEXT_H

#include "comm/context.h"
#include "store/write/text_sink.h"

/* Creates `path` and opens it on all processes. collective */
dnmf_status dnmf_shared_open(dnmf_context *context, const char *path, int *file);

/* Every process brings its own bytes to the disk; agrees on `status`. Accepts a file that is not open. collective */
dnmf_status dnmf_shared_close(dnmf_context *context, const char *path, int file, dnmf_status status);

/* The error of a failed write; DNMF_OK when `failed` (an errno) is 0. local */
dnmf_status dnmf_shared_check(dnmf_context *context, const char *path, int failed);

/* Puts this process's part. It is called twice, and puts the same both times. */
typedef void (*dnmf_shared_put)(dnmf_context *context, const void *state, dnmf_sink *sink);

/* Counts this process's bytes, finds its place after those before it, writes; the caller agrees on the status.
 * collective */
dnmf_status dnmf_shared_parts(dnmf_context *context, const char *path, int file, dnmf_shared_put put, const void *state,
                              dnmf_sink *sink);

/* All of it: open, write, close. collective */
dnmf_status dnmf_shared_write(dnmf_context *context, const char *path, dnmf_shared_put put, const void *state);

#endif
