/* Files that appear whole or not at all. */
#include "store/output.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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

/* Whether `path` still leads to the open file. */
static bool is_named(int file, const char *path) {
  struct stat open_one;
  struct stat named;
  return fstat(file, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_dev == named.st_dev &&
         open_one.st_ino == named.st_ino;
}

static dnmf_status lock_partial(dnmf_context *context, int file, const dnmf_output *output) {
  if (flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return DNMF_OK;
  return dnmf_fail(&context->error, DNMF_ERROR_FILE,
                   "cannot write %s: another job is writing it (it holds %s); wait for its end or choose another name",
                   output->path, output->partial);
}

/* Removes what a killed job left. It is not used again: processes of that job may still be about to end. */
static dnmf_status remove_stale(dnmf_context *context, const dnmf_output *output) {
  int file = open(output->partial, O_RDWR);
  if (file < 0)
    return errno == ENOENT ? DNMF_OK : file_error(context, output->path);
  dnmf_status status = lock_partial(context, file, output);
  if (status == DNMF_OK && is_named(file, output->partial) && unlink(output->partial) != 0)
    status = file_error(context, output->path);
  close(file);
  return status;
}

/* A new partial file of our own. Another job may do the same at this moment: the lock tells who was first, and the
 * name, whether the file is still there after the lock. */
static dnmf_status open_partial(dnmf_context *context, dnmf_output *output) {
  enum { ATTEMPTS = 100 };
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    DNMF_TRY(remove_stale(context, output));
    int file = open(output->partial, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (file < 0 && errno == EEXIST)
      continue;
    if (file < 0)
      return file_error(context, output->path);
    dnmf_status status = lock_partial(context, file, output);
    if (status == DNMF_OK && is_named(file, output->partial)) {
      output->lock = file;
      return DNMF_OK;
    }
    close(file);
    DNMF_TRY(status);
  }
  errno = EBUSY;
  return file_error(context, output->path);
}

/* Messages name the file the person asked for. */
static dnmf_status create_partial(dnmf_context *context, dnmf_output *output) {
  struct stat about;
  if (*output->path == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "the name of the output file is empty");
  if (stat(output->path, &about) == 0 && S_ISDIR(about.st_mode))
    return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: it is a directory", output->path);
  if (stat(output->path, &about) == 0 && !S_ISREG(about.st_mode))
    return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: it is not a regular file", output->path);
  return open_partial(context, output);
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
  if (fsync(output->lock) != 0 || rename(output->partial, output->path) != 0)
    return file_error(context, output->path);
  sync_directory(output->path);
  return DNMF_OK;
}

static void output_free(dnmf_output *output) {
  free(output->path);
  free(output->partial);
  if (output->path && output->lock >= 0)
    close(output->lock);
  *output = (dnmf_output){.lock = -1};
}

dnmf_status dnmf_output_begin(dnmf_context *context, const char *path, dnmf_output *output) {
  *output = (dnmf_output){.lock = -1};
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
    return status; /* never begun */
  if (status == DNMF_OK && context->rank == 0)
    status = publish(context, output);
  status = dnmf_agree(context, status);
  if (status != DNMF_OK)
    dnmf_output_discard(output);
  else
    output_free(output);
  return status;
}

void dnmf_output_discard(dnmf_output *output) {
  if (output->partial && output->lock >= 0)
    unlink(output->partial);
  output_free(output);
}
