/*
 * Text whose quoted fields hold line breaks. Where a line begins then depends on all that comes before it, so process 0
 * looks through the whole file once and tells every process where its lines begin.
 */
#include "base/memory.h"
#include "base/range.h"
#include "comm/collective.h"
#include "store/text/text_file.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 20 };

/* Process 0's walk over the lines. */
typedef struct line_scan {
  const dnmf_text_file *file;
  int processes;
  int next;     /* process whose first line is looked for */
  char *buffer; /* of the file, from `offset` on */
  int64_t capacity;
  int64_t offset;
  int64_t filled;
} line_scan;

static int64_t nominal_begin(const dnmf_text_file *file, int processes, int process) {
  return dnmf_range_split((dnmf_range){0, file->size}, processes, process).begin;
}

/* A line begins at `at`: that of each process whose share begins there or before. */
static void line_begins(line_scan *scan, int64_t at) {
  const dnmf_text_file *file = scan->file;
  while (scan->next < scan->processes && at >= nominal_begin(file, scan->processes, scan->next))
    file->bounds[scan->next++] = at;
}

/* Passes the whole lines in the buffer; `last` when there is no more. */
static void scan_lines(line_scan *scan, bool last) {
  char *at = scan->buffer;
  char *end = scan->buffer + scan->filled;
  while (at < end) {
    char *feed = dnmf_text_line_end(scan->file, at, end);
    if (!feed && !last)
      break;
    line_begins(scan, scan->offset + (at - scan->buffer));
    at = feed ? feed + 1 : end;
  }
  scan->filled = end - at;
  scan->offset += at - scan->buffer;
  memmove(scan->buffer, at, (size_t)scan->filled);
}

/* As much again as is held is read at once, so that a long line is looked at a few times only. */
static dnmf_status read_more(dnmf_error *error, dnmf_stream *stream, line_scan *scan, bool *last) {
  void *memory = scan->buffer;
  int64_t got = 0;
  int64_t bytes = scan->filled > PIECE_BYTES ? scan->filled : PIECE_BYTES;
  dnmf_status status = dnmf_grow(error, "a piece of a text file", scan->filled + bytes, 1, &scan->capacity, &memory);
  scan->buffer = memory;
  DNMF_TRY(status);
  DNMF_TRY(dnmf_stream_read(error, stream, bytes, scan->buffer + scan->filled, &got));
  scan->filled += got;
  *last = got < bytes;
  return DNMF_OK;
}

static dnmf_status find_bounds(dnmf_error *error, line_scan *scan) {
  const dnmf_text_file *file = scan->file;
  dnmf_stream *stream = NULL;
  bool last = false;
  dnmf_status status = dnmf_stream_open(error, file->path, file->descriptor, file->packing, &stream);
  /* Lines that are skipped, and a byte order mark, are no part of the first line. */
  int64_t skipped = file->start.offset;
  while (status == DNMF_OK && !last) {
    status = read_more(error, stream, scan, &last);
    if (status == DNMF_OK && skipped > 0) {
      int64_t cut = skipped < scan->filled ? skipped : scan->filled;
      memmove(scan->buffer, scan->buffer + cut, (size_t)(scan->filled - cut));
      scan->filled -= cut;
      scan->offset += cut;
      skipped -= cut;
    }
    if (status == DNMF_OK)
      scan_lines(scan, last);
  }
  line_begins(scan, file->size);
  dnmf_stream_close(stream);
  free(scan->buffer);
  return status;
}

dnmf_status dnmf_text_join(dnmf_context *context, const dnmf_dialect *dialect, dnmf_text_file *file) {
  void *bounds = NULL;
  file->dialect = *dialect;
  file->joined = true;
  if (context->size == 1)
    return DNMF_OK;
  dnmf_status status =
      dnmf_allocate(&context->error, "the shares of a text file", context->size + 1, sizeof(int64_t), &bounds);
  file->bounds = bounds;
  DNMF_TRY(dnmf_agree(context, status));
  line_scan scan = {.file = file, .processes = context->size};
  if (context->rank == 0)
    status = find_bounds(&context->error, &scan);
  DNMF_TRY(dnmf_agree(context, status));
  file->bounds[context->size] = file->size;
  return dnmf_broadcast(context, file->bounds, context->size * (int64_t)sizeof(int64_t), 0);
}

dnmf_status dnmf_text_holds(dnmf_context *context, const dnmf_text_file *file, char wanted, bool *found) {
  void *bytes = NULL;
  dnmf_range share = dnmf_range_split((dnmf_range){0, file->size}, context->size, context->rank);
  int64_t any = file->sent;
  dnmf_status status = dnmf_allocate(&context->error, "a piece of a text file", PIECE_BYTES, 1, &bytes);
  for (int64_t at = share.begin; status == DNMF_OK && at < share.end && !any; at += PIECE_BYTES) {
    int64_t count = share.end - at < PIECE_BYTES ? share.end - at : PIECE_BYTES;
    status = dnmf_text_read(&context->error, file, at, count, bytes);
    any = status == DNMF_OK && memchr(bytes, wanted, (size_t)count) != NULL;
  }
  free(bytes);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_max_int64(context, context->comm, &any, 1));
  *found = any != 0;
  return DNMF_OK;
}
