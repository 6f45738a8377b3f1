/*
 * Opening text files, and their head.
 */
#include "store/text/text_file.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/foreign.h"
#include "store/text/text_field.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  PIPE_BYTES = 1 << 20,
  HEAD_BYTES = 1 << 18,
  HEAD_LINES = 3 /* complete lines that the head holds at least: a header and two lines of data */
};

dnmf_status dnmf_text_locate(dnmf_error *error, const char *path, int64_t line, dnmf_status status) {
  if (status != DNMF_ERROR_INPUT)
    return status;
  dnmf_error bare = *error;
  memset(error, 0, sizeof *error);
  if (line == 0)
    return dnmf_fail(error, status, "%s %s", path, bare.text);
  return dnmf_fail(error, status, "%s, line %" PRId64 ": %s", path, line, bare.text);
}

dnmf_status dnmf_text_read(dnmf_error *error, const dnmf_text_file *file, int64_t offset, int64_t bytes, char *to) {
  for (int64_t done = 0; done < bytes;) {
    ssize_t got = pread(file->descriptor, to + done, (size_t)(bytes - done), (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", file->path, strerror(errno));
    if (got == 0)
      return dnmf_fail(error, DNMF_ERROR_FILE, "%s became shorter while it was being read", file->path);
    done += got;
  }
  return DNMF_OK;
}

bool dnmf_text_is_pipe(const char *path) {
  struct stat facts;
  return strcmp(path, "-") == 0 || (stat(path, &facts) == 0 && (S_ISFIFO(facts.st_mode) || S_ISSOCK(facts.st_mode)));
}

static dnmf_status open_failed(dnmf_error *error, const char *path) {
  return dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s: %s", path, strerror(errno));
}

static dnmf_status open_regular(dnmf_error *error, dnmf_text_file *file) {
  struct stat facts;
  file->descriptor = open(file->path, O_RDONLY);
  if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0)
    return open_failed(error, file->path);
  if (S_ISDIR(facts.st_mode)) {
    DNMF_TRY(dnmf_text_locate(error, file->path, 0, dnmf_foreign_refuse_folder(error, file->path)));
    return dnmf_fail(error, DNMF_ERROR_FILE, "%s is a directory; name a file", file->path);
  }
  if (!S_ISREG(facts.st_mode))
    return dnmf_fail(error, DNMF_ERROR_FILE, "%s is not a regular file, nor a pipe", file->path);
  file->size = facts.st_size;
  return DNMF_OK;
}

/* An unnamed file in the folder for temporary files. */
static int open_unnamed(void) {
  char name[4096];
  const char *folder = getenv("TMPDIR");
  int length = snprintf(name, sizeof name, "%s/dnmf-input-XXXXXX", folder && *folder ? folder : "/tmp");
  int file = length < (int)sizeof name ? mkstemp(name) : -1;
  if (file >= 0)
    unlink(name);
  return file;
}

static dnmf_status copy_pipe(dnmf_error *error, const char *path, int pipe, int file, int64_t *size) {
  static const char advice[] = "what comes through a pipe is kept in $TMPDIR while it is read";
  void *bytes = NULL;
  ssize_t got = 1;
  dnmf_status status = dnmf_allocate(error, "a piece of a pipe", PIPE_BYTES, 1, &bytes);
  for (*size = 0; status == DNMF_OK && got > 0; *size += got) {
    do
      got = read(pipe, bytes, PIPE_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
      status = dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", path, strerror(errno));
    for (ssize_t done = 0, put = 0; status == DNMF_OK && done < got; done += put) {
      put = write(file, (char *)bytes + done, (size_t)(got - done));
      if (put < 0 && errno == EINTR)
        put = 0;
      else if (put <= 0)
        status = dnmf_fail(error, DNMF_ERROR_FILE, "cannot keep %s: %s; %s", path, strerror(put < 0 ? errno : ENOSPC),
                           advice);
    }
  }
  free(bytes);
  return status;
}

/* On process 0: what comes through the pipe becomes the file. */
static dnmf_status open_pipe(dnmf_error *error, dnmf_text_file *file, bool standard) {
  int pipe = standard ? STDIN_FILENO : open(file->path, O_RDONLY);
  if (pipe < 0)
    return open_failed(error, file->path);
  dnmf_status status = DNMF_OK;
  file->descriptor = open_unnamed();
  if (file->descriptor < 0)
    status = dnmf_fail(error, DNMF_ERROR_FILE, "cannot keep %s in $TMPDIR, else /tmp: %s", file->path, strerror(errno));
  if (status == DNMF_OK)
    status = copy_pipe(error, file->path, pipe, file->descriptor, &file->size);
  if (!standard)
    close(pipe);
  return status;
}

/* Opens what all processes read; a pipe is read by process 0. */
static dnmf_status open_everywhere(dnmf_context *context, const char *path, dnmf_text_file *file) {
  bool standard = strcmp(path, "-") == 0;
  int64_t pipe = context->rank == 0 && dnmf_text_is_pipe(path);
  DNMF_TRY(dnmf_broadcast(context, &pipe, sizeof pipe, 0));
  file->path = standard ? "standard input" : path;
  file->descriptor = -1;
  file->sent = pipe != 0;
  dnmf_status status = DNMF_OK;
  if (!pipe)
    status = open_regular(&context->error, file);
  else if (context->rank == 0)
    status = open_pipe(&context->error, file, standard);
  return dnmf_agree(context, status);
}

const char *dnmf_text_packing(const dnmf_text_file *file) {
  return file->packing == DNMF_UNPACKED ? NULL : dnmf_packing_name(file->packing);
}

static dnmf_status refuse_binary(dnmf_error *error, const dnmf_text_file *file) {
  DNMF_TRY(dnmf_foreign_refuse(error, file->path, file->head, file->head_size, dnmf_text_packing(file)));
  if (memchr(file->head, 0, (size_t)file->head_size))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "is binary, in no format known here (HDF5, NumPy, or text: triples, table, Matrix Market, "
                     "svmlight)");
  return DNMF_OK;
}

int64_t dnmf_text_count_feeds(const char *begin, const char *end) {
  int64_t lines = 0;
  for (const char *at = begin; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
    lines++;
  return lines;
}

static bool holds_lines(const dnmf_text_file *file, int64_t lines) {
  return dnmf_text_count_feeds(file->head, file->head + file->head_size) >= lines;
}

/* Makes room for `wanted` bytes of the head. */
static dnmf_status grow_head(dnmf_error *error, dnmf_text_file *file, int64_t wanted, int64_t *capacity) {
  void *memory = file->head;
  dnmf_status status = dnmf_grow(error, "the head of a text file", wanted, 1, capacity, &memory);
  file->head = memory;
  return status;
}

/* Reads the head: HEAD_BYTES, and more where its `lines` lines are longer. */
static dnmf_status read_head(dnmf_error *error, int64_t lines, dnmf_text_file *file) {
  if (file->size == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is empty%s", file->sent ? "; a pipe can be read once" : "");
  int64_t capacity = 0;
  int64_t wanted = HEAD_BYTES;
  do {
    wanted = wanted < file->size ? wanted : file->size;
    DNMF_TRY(grow_head(error, file, wanted, &capacity));
    DNMF_TRY(dnmf_text_read(error, file, file->head_size, wanted - file->head_size, file->head + file->head_size));
    file->head_size = wanted;
    DNMF_TRY(refuse_binary(error, file));
    wanted *= 4;
  } while (file->head_size < file->size && !holds_lines(file, lines));
  return DNMF_OK;
}

/* The same of a compressed file, which ends where less comes than was asked for. */
static dnmf_status unpack_head(dnmf_error *error, int64_t lines, dnmf_text_file *file, dnmf_stream *stream) {
  int64_t capacity = 0;
  int64_t wanted = HEAD_BYTES;
  int64_t got = 0;
  file->size = INT64_MAX;
  do {
    DNMF_TRY(grow_head(error, file, wanted, &capacity));
    DNMF_TRY(dnmf_stream_read(error, stream, wanted - file->head_size, file->head + file->head_size, &got));
    file->head_size += got;
    if (file->head_size < wanted)
      file->size = file->head_size;
    if (file->size == 0)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "is empty once it is unpacked");
    DNMF_TRY(refuse_binary(error, file));
    wanted *= 4;
  } while (file->head_size < file->size && !holds_lines(file, lines));
  return DNMF_OK;
}

static dnmf_status find_unpacked_size(dnmf_error *error, dnmf_text_file *file, dnmf_stream *stream) {
  void *bytes = NULL;
  int64_t got = HEAD_BYTES;
  file->size = file->head_size;
  dnmf_status status = dnmf_allocate(error, "a piece of a compressed file", HEAD_BYTES, 1, &bytes);
  while (status == DNMF_OK && got == HEAD_BYTES) {
    status = dnmf_stream_read(error, stream, HEAD_BYTES, bytes, &got);
    file->size += status == DNMF_OK ? got : 0;
  }
  free(bytes);
  return status;
}

/* Process 0's: what the file is packed with, its head of `lines` lines at least, and its size. */
static dnmf_status look_into(dnmf_context *context, int64_t lines, dnmf_text_file *file) {
  dnmf_error *error = &context->error;
  char bytes[DNMF_PACKING_BYTES];
  int64_t count = file->size < DNMF_PACKING_BYTES ? file->size : DNMF_PACKING_BYTES;
  dnmf_stream *stream = NULL;
  DNMF_TRY(dnmf_text_read(error, file, 0, count, bytes));
  file->packing = dnmf_packing_of(bytes, count);
  if (file->packing == DNMF_UNPACKED)
    return read_head(error, lines, file);
  dnmf_status status = dnmf_stream_open(error, file->path, file->descriptor, file->packing, &stream);
  if (status == DNMF_OK)
    status = unpack_head(error, lines, file, stream);
  if (status == DNMF_OK && file->size == INT64_MAX && context->size > 1)
    status = find_unpacked_size(error, file, stream);
  dnmf_stream_close(stream);
  return status;
}

/* Sends the head to all. */
static dnmf_status share_head(dnmf_context *context, int64_t stored, dnmf_text_file *file) {
  /* as stored, of the head, unpacked; and the packing */
  int64_t sizes[4] = {stored, file->head_size, file->size, (int64_t)file->packing};
  dnmf_status status = DNMF_OK;
  DNMF_TRY(dnmf_broadcast(context, sizes, sizeof sizes, 0));
  if (!file->sent && stored != sizes[0])
    status = dnmf_fail(&context->error, DNMF_ERROR_FILE, "%s has another size on process %d than on process 0",
                       file->path, context->rank);
  file->head_size = sizes[1];
  file->size = sizes[2];
  file->packing = (dnmf_packing)sizes[3];
  file->sent = file->sent || file->packing != DNMF_UNPACKED;
  if (status == DNMF_OK && context->rank != 0) {
    void *memory = NULL;
    status = dnmf_allocate(&context->error, "the head of a text file", file->head_size, 1, &memory);
    file->head = memory;
  }
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, file->head, file->head_size, 0);
}

/* A byte order mark and `skip_lines` lines are passed over. */
static dnmf_status find_start(dnmf_error *error, int64_t skip_lines, dnmf_text_file *file) {
  if (file->head_size >= 3 && memcmp(file->head, "\xef\xbb\xbf", 3) == 0)
    file->start.offset = 3;
  while (file->start.lines < skip_lines) {
    char *begin = file->head + file->start.offset;
    char *feed = memchr(begin, '\n', (size_t)(file->head_size - file->start.offset));
    if (!feed)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has no line after the %" PRId64 " that --skip-lines passes over",
                       file->path, skip_lines);
    file->start.offset = feed + 1 - file->head;
    file->start.lines++;
  }
  return DNMF_OK;
}

dnmf_status dnmf_text_open(dnmf_context *context, const char *path, int64_t skip_lines, dnmf_text_file *file) {
  memset(file, 0, sizeof *file);
  file->comments = true;
  dnmf_status status = open_everywhere(context, path, file);
  int64_t stored = file->size;
  if (status == DNMF_OK && context->rank == 0)
    status = dnmf_text_locate(&context->error, file->path, 0, look_into(context, skip_lines + HEAD_LINES, file));
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(share_head(context, stored, file));
  return dnmf_agree(context, find_start(&context->error, skip_lines, file));
}

void dnmf_text_close(dnmf_text_file *file) {
  if (file->path && file->descriptor >= 0)
    close(file->descriptor);
  free(file->head);
  free(file->bounds);
  memset(file, 0, sizeof *file);
  file->descriptor = -1;
}

bool dnmf_text_line_trim(const dnmf_text_file *file, dnmf_text_line *line) {
  if (line->end > line->begin && line->end[-1] == '\r')
    line->end--;
  const char *at = line->begin;
  while (at < line->end && *at == ' ')
    at++;
  return at < line->end && !(file->comments && (*line->begin == '#' || *line->begin == '%'));
}

char *dnmf_text_line_end(const dnmf_text_file *file, char *begin, char *end) {
  if (begin == end)
    return NULL;
  if (file->joined && !(file->comments && (*begin == '#' || *begin == '%')))
    return dnmf_text_record_end(&file->dialect, begin, end);
  return memchr(begin, '\n', (size_t)(end - begin));
}

dnmf_text_line dnmf_text_head_line(const dnmf_text_file *file, dnmf_text_place *place) {
  dnmf_text_line line = {NULL, NULL};
  bool whole = file->head_size == file->size;
  while (place->offset < file->head_size) {
    char *begin = file->head + place->offset;
    char *end = dnmf_text_line_end(file, begin, file->head + file->head_size);
    if (!end && !whole)
      break;
    line.begin = begin;
    line.end = end ? end : file->head + file->head_size;
    place->offset = line.end - file->head + (end ? 1 : 0);
    place->lines += file->joined ? 1 + dnmf_text_count_feeds(line.begin, line.end) : 1;
    if (dnmf_text_line_trim(file, &line))
      return line;
  }
  line.begin = line.end = NULL;
  return line;
}
