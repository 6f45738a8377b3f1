/*
 * Opening text files, and their head.
 */
#include "store/text/text_file.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/text_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  HEAD_BYTES = 1 << 18,
  HEAD_LINES = 3 /* complete lines that the head holds at least: a header and two lines of data */
};

typedef struct signature {
  const char *bytes;
  int length;
  const char *what;
  const char *advice;
} signature;

/* Files that people mistake for text, by their first bytes. */
static const signature signatures[] = {
    {"BZh", 3, "is compressed with bzip2", "unpack it first (bunzip2)"},
    {"\x1f\x8b", 2, "is compressed with gzip", "unpack it first (gunzip)"},
    {"PK\x03\x04", 4, "is a zip archive or a spreadsheet", "unpack it, or save it as CSV"},
    {"\x93NUMPY", 6, "is a NumPy array", "leave --format out"},
    {"MATLAB 5.0 MAT-file", 19, "is a MATLAB file of a version before 7.3", "save it with save(..., '-v7.3')"},
    {"PAR1", 4, "is Parquet", "save it as CSV"},
    {"ARROW1", 6, "is Arrow", "save it as CSV"},
    {"\x89HDF\r\n\x1a\n", 8, "is HDF5, not text", "leave --format out"},
    {"\xff\xfe", 2, "is UTF-16", "convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)"},
    {"\xfe\xff", 2, "is UTF-16", "convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)"},
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

static dnmf_status open_here(dnmf_error *error, dnmf_text_file *file) {
  struct stat facts;
  file->descriptor = open(file->path, O_RDONLY);
  if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s: %s", file->path, strerror(errno));
  if (S_ISDIR(facts.st_mode))
    return dnmf_fail(error, DNMF_ERROR_FILE, "%s is a directory; name a file", file->path);
  if (!S_ISREG(facts.st_mode))
    return dnmf_fail(error, DNMF_ERROR_FILE,
                     "%s is not a regular file; it is read in parallel, so save it to a file first", file->path);
  file->size = facts.st_size;
  return DNMF_OK;
}

static dnmf_status refuse_binary(dnmf_error *error, const dnmf_text_file *file) {
  for (size_t s = 0; s < sizeof signatures / sizeof *signatures; s++) {
    const signature *known = &signatures[s];
    if (file->head_size < known->length || memcmp(file->head, known->bytes, (size_t)known->length) != 0)
      continue;
    if (file->packing != DNMF_UNPACKED)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "is compressed with %s, and what is in it %s; unpack it first",
                       dnmf_packing_name(file->packing), known->what);
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s; %s", known->what, known->advice);
  }
  if (memchr(file->head, 0, (size_t)file->head_size))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "is binary, in no format known here (HDF5, NumPy, or text: triples, table, Matrix Market, "
                     "svmlight)");
  return DNMF_OK;
}

static int64_t count_lines(const char *text, int64_t bytes) {
  int64_t lines = 0;
  for (const char *at = text, *end = text + bytes; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
    lines++;
  return lines;
}

/* Makes room for `wanted` bytes of the head. */
static dnmf_status grow_head(dnmf_error *error, dnmf_text_file *file, int64_t wanted, int64_t *capacity) {
  void *memory = file->head;
  dnmf_status status = dnmf_grow(error, "the head of a text file", wanted, 1, capacity, &memory);
  file->head = memory;
  return status;
}

/* Reads the head: HEAD_BYTES, and more where lines are longer. */
static dnmf_status read_head(dnmf_error *error, dnmf_text_file *file) {
  if (file->size == 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "is empty");
  int64_t capacity = 0;
  int64_t wanted = HEAD_BYTES;
  do {
    wanted = wanted < file->size ? wanted : file->size;
    DNMF_TRY(grow_head(error, file, wanted, &capacity));
    DNMF_TRY(dnmf_text_read(error, file, file->head_size, wanted - file->head_size, file->head + file->head_size));
    file->head_size = wanted;
    DNMF_TRY(refuse_binary(error, file));
    wanted *= 4;
  } while (file->head_size < file->size && count_lines(file->head, file->head_size) < HEAD_LINES);
  return DNMF_OK;
}

/* The same of a compressed file, which ends where less comes than was asked for. */
static dnmf_status unpack_head(dnmf_error *error, dnmf_text_file *file, dnmf_stream *stream) {
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
  } while (file->head_size < file->size && count_lines(file->head, file->head_size) < HEAD_LINES);
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

/* Process 0's: what the file is packed with, its head, and its size. */
static dnmf_status look_into(dnmf_context *context, dnmf_text_file *file) {
  dnmf_error *error = &context->error;
  char bytes[DNMF_PACKING_BYTES];
  int64_t count = file->size < DNMF_PACKING_BYTES ? file->size : DNMF_PACKING_BYTES;
  dnmf_stream *stream = NULL;
  DNMF_TRY(dnmf_text_read(error, file, 0, count, bytes));
  file->packing = dnmf_packing_of(bytes, count);
  if (file->packing == DNMF_UNPACKED)
    return read_head(error, file);
  dnmf_status status = dnmf_stream_open(error, file->path, file->packing, &stream);
  if (status == DNMF_OK)
    status = unpack_head(error, file, stream);
  if (status == DNMF_OK && file->size == INT64_MAX && context->size > 1)
    status = find_unpacked_size(error, file, stream);
  dnmf_stream_close(stream);
  return status;
}

dnmf_status dnmf_text_open(dnmf_context *context, const char *path, dnmf_text_file *file) {
  memset(file, 0, sizeof *file);
  file->path = path;
  dnmf_status status = open_here(&context->error, file);
  int64_t sizes[4] = {file->size, 0, 0, 0}; /* as stored, of the head, unpacked; and the packing */
  if (status == DNMF_OK && context->rank == 0)
    status = dnmf_text_locate(&context->error, path, 0, look_into(context, file));
  DNMF_TRY(dnmf_agree(context, status));

  int64_t stored = sizes[0];
  sizes[1] = file->head_size;
  sizes[2] = file->size;
  sizes[3] = (int64_t)file->packing;
  DNMF_TRY(dnmf_broadcast(context, sizes, sizeof sizes, 0));
  if (stored != sizes[0])
    status = dnmf_fail(&context->error, DNMF_ERROR_FILE, "%s has another size on process %d than on process 0", path,
                       context->rank);
  file->head_size = sizes[1];
  file->size = sizes[2];
  file->packing = (dnmf_packing)sizes[3];
  if (status == DNMF_OK && context->rank != 0) {
    void *memory = NULL;
    status = dnmf_allocate(&context->error, "the head of a text file", file->head_size, 1, &memory);
    file->head = memory;
  }
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, file->head, file->head_size, 0));
  if (file->head_size >= 3 && memcmp(file->head, "\xef\xbb\xbf", 3) == 0)
    file->start = 3;
  return DNMF_OK;
}

void dnmf_text_close(dnmf_text_file *file) {
  if (file->path && file->descriptor >= 0)
    close(file->descriptor);
  free(file->head);
  memset(file, 0, sizeof *file);
  file->descriptor = -1;
}

bool dnmf_text_line_trim(dnmf_text_line *line) {
  if (line->end > line->begin && line->end[-1] == '\r')
    line->end--;
  const char *at = line->begin;
  while (at < line->end && *at == ' ')
    at++;
  return at < line->end && *line->begin != '#' && *line->begin != '%';
}

dnmf_text_line dnmf_text_head_line(const dnmf_text_file *file, dnmf_text_place *place) {
  dnmf_text_line line = {NULL, NULL};
  bool whole = file->head_size == file->size;
  while (place->offset < file->head_size) {
    char *begin = file->head + place->offset;
    char *end = memchr(begin, '\n', (size_t)(file->head_size - place->offset));
    if (!end && !whole)
      break;
    line.begin = begin;
    line.end = end ? end : file->head + file->head_size;
    place->offset = line.end - file->head + (end ? 1 : 0);
    place->lines++;
    if (dnmf_text_line_trim(&line))
      return line;
  }
  line.begin = line.end = NULL;
  return line;
}
