/* Text files of all processes: opened by all, each writing its part at its place. */
#include "store/write/shared_text.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

dnmf_status dnmf_shared_check(dnmf_context *context, const char *path, int failed) {
  if (!failed)
    return DNMF_OK;
  return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: %s", path, strerror(failed));
}

/* Process 0 creates the file before the others open it. */
dnmf_status dnmf_shared_open(dnmf_context *context, const char *path, int *file) {
  *file = -1;
  if (context->rank == 0)
    *file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  int failed = context->rank == 0 && *file < 0 ? errno : 0;
  DNMF_TRY(dnmf_agree(context, dnmf_shared_check(context, path, failed)));
  if (context->rank != 0)
    *file = open(path, O_WRONLY);
  failed = *file < 0 ? errno : 0;
  return dnmf_agree(context, dnmf_shared_check(context, path, failed));
}

dnmf_status dnmf_shared_close(dnmf_context *context, const char *path, int file, dnmf_status status) {
  int failed = status == DNMF_OK && fsync(file) != 0 ? errno : 0;
  if (file >= 0 && close(file) != 0 && !failed)
    failed = errno;
  if (status == DNMF_OK)
    status = dnmf_shared_check(context, path, failed);
  return dnmf_agree(context, status);
}

dnmf_status dnmf_shared_parts(dnmf_context *context, const char *path, int file, dnmf_shared_put put, const void *state,
                              dnmf_sink *sink) {
  int64_t before = 0;
  dnmf_sink_start(sink, -1, 0);
  put(context, state, sink);
  DNMF_TRY(dnmf_exscan_int64(context, sink->bytes, &before, NULL));
  dnmf_sink_start(sink, file, before);
  put(context, state, sink);
  dnmf_sink_flush(sink);
  return dnmf_shared_check(context, path, sink->failed);
}

dnmf_status dnmf_shared_write(dnmf_context *context, const char *path, dnmf_shared_put put, const void *state) {
  void *sink = NULL;
  int file = -1;
  dnmf_status status = dnmf_allocate(&context->error, "an output buffer", 1, sizeof(dnmf_sink), &sink);
  DNMF_TRY(dnmf_agree(context, status));
  status = dnmf_shared_open(context, path, &file);
  if (status == DNMF_OK)
    status = dnmf_shared_parts(context, path, file, put, state, sink);
  status = dnmf_shared_close(context, path, file, status);
  free(sink);
  return status;
}
