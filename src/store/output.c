/* Files that appear whole or not at all. */
#include "dnmf/output.h"

#include "dnmf/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SUFFIX[] = ".partial";

static dnmf_status file_error(dnmf_context *context, const char *path) {
  int reason = errno;
  const char *advice = reason == ENOENT   ? "; its directory does not exist"
                       : reason == EACCES ? "; choose a directory you may write to"
                                          : "";
  return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: %s%s", path, strerror(reason), advice);
}

static dnmf_status name_files(dnmf_context *context, const char *path, dnmf_output *output) {
  void *memory = NULL;
  int64_t bytes = (int64_t)(strlen(path) + sizeof SUFFIX);
  DNMF_TRY(dnmf_allocate(&context->error, "a file name", bytes, 1, &memory));
  output->path = memory;
  DNMF_TRY(dnmf_allocate(&context->error, "a file name", bytes, 1, &memory));
  output->partial = memory;
  snprintf(output->path, (size_t)bytes, "%s", path);
  snprintf(output->partial, (size_t)bytes, "%s%s", path, SUFFIX);
  return DNMF_OK;
}

/* Messages name the file the person asked for. */
static dnmf_status create_partial(dnmf_context *context, const dnmf_output *output) {
  struct stat about;
  if (*output->path == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "the name of the output file is empty");
  if (stat(output->path, &about) == 0 && S_ISDIR(about.st_mode))
    return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: it is a directory", output->path);
  if (stat(output->path, &about) == 0 && !S_ISREG(about.st_mode))
    return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: it is not a regular file", output->path);
  int file = open(output->partial, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file < 0)
    return file_error(context, output->path);
  return close(file) == 0 ? DNMF_OK : file_error(context, output->path);
}

/* A rename is only as durable as its directory; a file system that cannot sync one is no reason to fail. */
static void sync_directory(const char *path) {
  char *copy = strdup(path);
  if (!copy)
    return;
  char *slash = strrchr(copy, '/');
  if (slash)
    slash[slash == copy ? 1 : 0] = 0;
  int directory = open(slash ? copy : ".", O_RDONLY);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
  free(copy);
}

static dnmf_status publish(dnmf_context *context, const dnmf_output *output) {
  int file = open(output->partial, O_RDWR);
  if (file < 0)
    return file_error(context, output->path);
  int synced = fsync(file);
  int reason = errno;
  int closed = close(file);
  if (synced != 0)
    errno = reason;
  if (synced != 0 || closed != 0 || rename(output->partial, output->path) != 0)
    return file_error(context, output->path);
  sync_directory(output->path);
  return DNMF_OK;
}

static void output_free(dnmf_output *output) {
  free(output->path);
  free(output->partial);
  memset(output, 0, sizeof *output);
}

dnmf_status dnmf_output_begin(dnmf_context *context, const char *path, dnmf_output *output) {
  memset(output, 0, sizeof *output);
  dnmf_status status = dnmf_agree(context, name_files(context, path, output));
  if (status == DNMF_OK && context->rank == 0)
    status = create_partial(context, output);
  status = dnmf_agree(context, status);
  if (status != DNMF_OK)
    output_free(output);
  return status;
}

dnmf_status dnmf_output_end(dnmf_context *context, dnmf_output *output, dnmf_status status) {
  status = dnmf_agree(context, status);
  if (!output->partial)
    return status;
  if (status == DNMF_OK && context->rank == 0)
    status = publish(context, output);
  status = dnmf_agree(context, status);
  if (status != DNMF_OK && context->rank == 0)
    unlink(output->partial);
  output_free(output);
  return status;
}
