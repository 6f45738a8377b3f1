/*
 * The lines of a process's byte range.
 *
 * A line belongs to the process in whose range its first byte lies. A process that does not begin at the first
 * line starts one byte early and drops what it finds up to the first line end: that is the last line of the
 * process before, or nothing when the line ends just there.
 */
#include "dnmf/collective.h"
#include "dnmf/memory.h"
#include "dnmf/range.h"
#include "store/text_read.h"

#include <stdlib.h>
#include <string.h>

enum {
  PIECE_BYTES = 1 << 22,
  TAIL_BYTES = 1 << 14 /* read at a time beyond the range, to finish its last line */
};

static int64_t line_offset(const dnmf_text_reader *reader) {
  return reader->position - (reader->filled - reader->begin);
}

/* Moves the rest to the front and reads on behind it. */
static dnmf_status refill(dnmf_error *error, dnmf_text_reader *reader) {
  int64_t rest = reader->filled - reader->begin;
  if (reader->begin > 0)
    memmove(reader->buffer, reader->buffer + reader->begin, (size_t)rest);
  reader->begin = 0;
  reader->filled = rest;
  int64_t left = reader->file->size - reader->position;
  int64_t bytes = reader->position < reader->end ? reader->end - reader->position : TAIL_BYTES;
  bytes = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
  bytes = bytes < left ? bytes : left;
  void *memory = reader->buffer;
  dnmf_status status = dnmf_grow(error, "a piece of a text file", rest + bytes, 1, &reader->capacity, &memory);
  reader->buffer = memory;
  DNMF_TRY(status);
  DNMF_TRY(dnmf_text_read(error, reader->file, reader->position, bytes, reader->buffer + rest));
  reader->filled += bytes;
  reader->position += bytes;
  return DNMF_OK;
}

/* The line at reader->begin, which is passed. The file must have a byte left. */
static dnmf_status take_line(dnmf_error *error, dnmf_text_reader *reader, dnmf_text_line *line) {
  int64_t searched = 0;
  for (;;) {
    int64_t have = reader->filled - reader->begin;
    char *end = NULL;
    if (have > searched)
      end = memchr(reader->buffer + reader->begin + searched, '\n', (size_t)(have - searched));
    bool last = reader->position == reader->file->size;
    if (end || last) {
      line->begin = reader->buffer + reader->begin;
      line->end = end ? end : reader->buffer + reader->filled;
      reader->begin = line->end - reader->buffer + (end ? 1 : 0);
      return DNMF_OK;
    }
    searched = have;
    DNMF_TRY(refill(error, reader));
  }
}

dnmf_status dnmf_text_reader_create(dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first,
                                    dnmf_text_reader *reader) {
  memset(reader, 0, sizeof *reader);
  dnmf_range data = {first.offset, file->size};
  dnmf_range share = dnmf_range_split(data, context->size, context->rank);
  reader->file = file;
  reader->first = first;
  reader->position = share.begin;
  reader->end = share.end;
  if (share.begin == first.offset || share.begin >= share.end)
    return DNMF_OK;
  dnmf_text_line other = {NULL, NULL};
  reader->position--;
  return take_line(&context->error, reader, &other);
}

void dnmf_text_reader_free(dnmf_text_reader *reader) {
  free(reader->buffer);
  memset(reader, 0, sizeof *reader);
}

dnmf_status dnmf_text_next(dnmf_error *error, dnmf_text_reader *reader, dnmf_text_line *line) {
  while (line_offset(reader) < reader->end) {
    DNMF_TRY(take_line(error, reader, line));
    reader->lines++;
    if (dnmf_text_line_trim(line))
      return DNMF_OK;
  }
  line->begin = line->end = NULL;
  return DNMF_OK;
}

dnmf_status dnmf_text_each(dnmf_error *error, dnmf_text_reader *reader, dnmf_text_take take, void *state) {
  for (;;) {
    dnmf_text_line line;
    DNMF_TRY(dnmf_text_next(error, reader, &line));
    if (!line.begin)
      return DNMF_OK;
    DNMF_TRY(take(error, state, line));
  }
}

dnmf_status dnmf_text_agree(dnmf_context *context, const dnmf_text_reader *reader, dnmf_status status) {
  int64_t failures = status == DNMF_OK ? 0 : 1;
  int64_t before = 0;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &failures, 1));
  if (failures == 0)
    return DNMF_OK;
  /* The lowest failing process wins below, and those before it have counted all their lines. */
  DNMF_TRY(dnmf_exscan_int64(context, reader->lines, &before, NULL));
  int64_t line = reader->first.lines + before + reader->lines;
  return dnmf_agree(context, dnmf_text_locate(&context->error, reader->file->path, line, status));
}
