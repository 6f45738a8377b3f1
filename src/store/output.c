/* Files that appear whole or not at all. */
#include "store/output.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SUFFIX[] = ".partial";
static const char REPLACED[] = ".old"; /* behind that: what a file replaces, until all have their names */

static dnmf_status file_error(dnmf_context *context, const char *path) {
  int reason = errno;
  const char *advice = reason == ENOENT   ? "; its directory does not exist"
                       : reason == EACCES ? "; choose a directory you may write to"
                                          : "";
  return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: %s%s", path, strerror(reason), advice);
}

/* What the link at `path` holds, as a path of its own: relative ones start from the link's folder. NULL with errno. */
static char *link_target(const char *path) {
  char held[PATH_MAX];
  ssize_t length = readlink(path, held, sizeof held - 1);
  const char *slash = strrchr(path, '/');
  if (length < 0)
    return NULL;
  held[length] = 0;
  size_t folder = slash && *held != '/' ? (size_t)(slash - path) + 1 : 0;
  char *target = calloc(folder + (size_t)length + 1, 1);
  if (target) {
    memcpy(target, path, folder);
    memcpy(target + folder, held, (size_t)length);
  }
  return target;
}

char *dnmf_output_target(const char *path) {
  enum { MOST_LINKS = 40 };
  struct stat about;
  char *target = strdup(path);
  for (int links = 0; target && lstat(target, &about) == 0 && S_ISLNK(about.st_mode); links++) {
    char *next = links < MOST_LINKS ? link_target(target) : NULL;
    if (links == MOST_LINKS)
      errno = ELOOP;
    free(target);
    target = next;
  }
  return target;
}

char *dnmf_output_partial(const char *target) {
  size_t bytes = strlen(target) + sizeof SUFFIX;
  char *partial = malloc(bytes);
  if (partial)
    snprintf(partial, bytes, "%s%s", target, SUFFIX);
  return partial;
}

/* Process 0 follows the links. collective */
static dnmf_status name_files(dnmf_context *context, const char *path, dnmf_output *output) {
  dnmf_error *error = &context->error;
  dnmf_status status = DNMF_OK;
  int64_t bytes = 0;
  void *memory = NULL;
  char *target = context->rank == 0 ? dnmf_output_target(path) : NULL;
  if (target)
    bytes = (int64_t)strlen(target) + 1;
  else if (context->rank == 0)
    status = file_error(context, path);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, &bytes, (int64_t)sizeof bytes, 0);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_allocate(error, "a file name", bytes, 1, &memory));
  output->target = memory;
  if (status == DNMF_OK && target)
    memcpy(output->target, target, (size_t)bytes);
  free(target);
  if (status == DNMF_OK)
    status = dnmf_broadcast(context, output->target, bytes, 0);
  if (status != DNMF_OK)
    return status;
  output->path = strdup(path);
  output->partial = dnmf_output_partial(output->target);
  if (!output->path || !output->partial)
    status = dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for a file name");
  return dnmf_agree(context, status);
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
  enum { ATTEMPTS = 100, OWN_USE = S_IRUSR | S_IWUSR };
  const mode_t mode = output->mode >= 0 ? (mode_t)(output->mode & 0777) | OWN_USE : 0666;
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    DNMF_TRY(remove_stale(context, output));
    int file = open(output->partial, O_RDWR | O_CREAT | O_EXCL, mode);
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
  bool replaces = stat(output->target, &about) == 0;
  if (replaces && S_ISDIR(about.st_mode))
    return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: it is a directory", output->path);
  if (replaces && !S_ISREG(about.st_mode))
    return dnmf_fail(&context->error, DNMF_ERROR_FILE, "cannot write %s: it is not a regular file", output->path);
  output->mode = replaces ? (int)(about.st_mode & 07777) : -1;
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

/* Everything that can fail before the file takes its name. */
static dnmf_status write_through(dnmf_context *context, const dnmf_output *output) {
  bool keeps_mode = output->mode < 0 || fchmod(output->lock, (mode_t)output->mode) == 0 || errno == EPERM ||
                    errno == ENOTSUP; /* a file system without modes */
  return keeps_mode && fsync(output->lock) == 0 ? DNMF_OK : file_error(context, output->path);
}

/* The name of what the output replaces, while others wait for theirs; NULL when memory ran out. The caller frees it. */
static char *replaced_name(const dnmf_output *output) {
  size_t bytes = strlen(output->partial) + sizeof REPLACED;
  char *name = malloc(bytes);
  if (name)
    snprintf(name, bytes, "%s%s", output->partial, REPLACED);
  return name;
}

/* A second name for what is about to be replaced. A file system without such names is no reason to fail. */
static void keep_replaced(const dnmf_output *output) {
  char *name = output->mode >= 0 ? replaced_name(output) : NULL;
  if (name && (unlink(name) == 0 || errno == ENOENT) && link(output->target, name) != 0)
    errno = 0;
  free(name);
}

/* After a later output did not take its name: what was there before has its own again, or nothing has it. */
static void take_back(const dnmf_output *output) {
  char *name = replaced_name(output);
  if (output->mode < 0)
    unlink(output->target);
  else if (name)
    rename(name, output->target);
  free(name);
}

static void forget_replaced(const dnmf_output *output) {
  char *name = output->mode >= 0 ? replaced_name(output) : NULL;
  if (name)
    unlink(name);
  free(name);
}

/* On process 0. All outputs are on the disk before the first takes its name. */
static dnmf_status publish(dnmf_context *context, dnmf_output *const *outputs, int count) {
  for (int i = 0; i < count; i++)
    DNMF_TRY(write_through(context, outputs[i]));
  for (int i = 0; i < count; i++) {
    if (i + 1 < count)
      keep_replaced(outputs[i]);
    if (rename(outputs[i]->partial, outputs[i]->target) == 0)
      continue;
    dnmf_status status = file_error(context, outputs[i]->path);
    for (int back = 0; back < i; back++)
      take_back(outputs[back]);
    if (i + 1 < count)
      forget_replaced(outputs[i]);
    return status;
  }
  for (int i = 0; i < count; i++) {
    if (i + 1 < count)
      forget_replaced(outputs[i]);
    sync_directory(outputs[i]->target);
  }
  return DNMF_OK;
}

static void output_free(dnmf_output *output) {
  bool begun = output->path != NULL;
  free(output->path);
  free(output->target);
  free(output->partial);
  if (begun && output->lock >= 0)
    close(output->lock);
  *output = (dnmf_output){.lock = -1, .mode = -1};
}

dnmf_status dnmf_output_begin(dnmf_context *context, const char *path, dnmf_output *output) {
  *output = (dnmf_output){.lock = -1, .mode = -1};
  dnmf_status status = name_files(context, path, output);
  if (status == DNMF_OK && context->rank == 0)
    status = create_partial(context, output);
  status = dnmf_agree(context, status);
  if (status != DNMF_OK)
    output_free(output);
  return status;
}

dnmf_status dnmf_outputs_end(dnmf_context *context, dnmf_output *const *outputs, int count, dnmf_status status) {
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && context->rank == 0)
    status = publish(context, outputs, count);
  status = dnmf_agree(context, status);
  for (int i = 0; i < count; i++)
    if (status == DNMF_OK)
      output_free(outputs[i]);
    else
      dnmf_output_discard(outputs[i], status);
  return status;
}

dnmf_status dnmf_output_end(dnmf_context *context, dnmf_output *output, dnmf_status status) {
  dnmf_output *const outputs[] = {output};
  return dnmf_outputs_end(context, outputs, output->partial ? 1 : 0, status);
}

/* Where MPI failed on another process, process 0 waits for it and is ended without a word. */
void dnmf_output_discard(dnmf_output *output, dnmf_status reason) {
  if (output->partial && (output->lock >= 0 || reason == DNMF_ERROR_MPI))
    unlink(output->partial);
  output_free(output);
}
