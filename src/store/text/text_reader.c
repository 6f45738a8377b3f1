/*
 * The lines of a process's byte range.
 *
 * A line belongs to the process in whose range its first byte lies. A process that does not begin at the first
 * line starts one byte early and drops what it finds up to the first line end: that is the last line of the
 * process before, or nothing when the line ends just there.
 */
#include "base/memory.h"
#include "base/range.h"
#include "base/team.h"
#include "comm/collective.h"
#include "store/text/stream.h"
#include "store/text/text_file.h"

#include <stdlib.h>
#include <string.h>

enum {
  UNPACKED_BYTES = 1 << 20, /* at a time, of a compressed file */
  PIECE_BYTES = 1 << 22,
  TAIL_BYTES = 1 << 14, /* read at a time beyond the range, to finish its last line */
  PART_BYTES = 1 << 20, /* that a thread more is worth */
  MOST_PARTS = 256
};

static int64_t line_offset(const dnmf_text_reader *reader) {
  return reader->position - (reader->filled - reader->begin);
}

/* Whether the last `count` bytes of the buffer are text: a byte of 0 is in none, but in UTF-16, in binary data, and
 * where a disk or a copy left a hole. The line counted last is then the one with that byte. */
static dnmf_status check_text(dnmf_error *error, dnmf_text_reader *reader, int64_t count) {
  const char *begin = reader->buffer + reader->begin;
  const char *zero = count > 0 ? memchr(reader->buffer + reader->filled - count, 0, (size_t)count) : NULL;
  if (!zero)
    return DNMF_OK;
  reader->lines += dnmf_text_count_feeds(begin, zero) + (reader->dropping ? 0 : 1);
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "a byte of 0, which no text has: the file is damaged, or holds UTF-16 or binary data");
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
  if (reader->file->joined && bytes < rest)
    bytes = rest; /* so that a long line is looked at a few times only */
  bytes = bytes < left ? bytes : left;
  void *memory = reader->buffer;
  dnmf_status status = dnmf_grow(error, "a piece of a text file", rest + bytes, 1, &reader->capacity, &memory);
  reader->buffer = memory;
  DNMF_TRY(status);
  DNMF_TRY(dnmf_text_read(error, reader->file, reader->position, bytes, reader->buffer + rest));
  reader->filled += bytes;
  reader->position += bytes;
  return check_text(error, reader, bytes);
}

/* The line at reader->begin, which is passed. The file must have a byte left. */
static dnmf_status reader_take_line(dnmf_error *error, dnmf_text_reader *reader, dnmf_text_line *line) {
  int64_t searched = 0;
  for (;;) {
    int64_t have = reader->filled - reader->begin;
    char *begin = have > 0 ? reader->buffer + reader->begin : NULL; /* nothing is read before the first line */
    char *end = NULL;
    if (have > searched && reader->file->joined)
      end = dnmf_text_line_end(reader->file, begin, begin + have);
    else if (have > searched)
      end = memchr(begin + searched, '\n', (size_t)(have - searched));
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

/* Part `part` of `parts` of this process's share. */
static void start(const dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first, int parts, int part,
                  dnmf_text_reader *reader) {
  memset(reader, 0, sizeof *reader);
  dnmf_range data = {first.offset, file->size};
  dnmf_range share = dnmf_range_split(dnmf_range_split(data, context->size, context->rank), parts, part);
  bool bounded = file->joined && context->size > 1; /* where lines begin is known */
  if (bounded) {
    share.begin = file->bounds[context->rank] > first.offset ? file->bounds[context->rank] : first.offset;
    share.end = file->bounds[context->rank + 1] > first.offset ? file->bounds[context->rank + 1] : first.offset;
  }
  reader->file = file;
  reader->first = first;
  reader->position = share.begin;
  reader->end = share.end;
  reader->dropping = !bounded && share.begin > first.offset && share.begin < share.end;
  if (reader->dropping)
    reader->position--;
}

/* Lines that begin in the share are left, or what comes before the first of them. */
static bool is_unfinished(const dnmf_text_reader *reader) {
  return reader->dropping || line_offset(reader) < reader->end;
}

/* Does with a line what is to be done. */
static dnmf_status handle(dnmf_error *error, dnmf_text_reader *reader, dnmf_text_line line, dnmf_text_take take,
                          void *state) {
  if (reader->dropping) {
    reader->dropping = false;
    return DNMF_OK;
  }
  reader->lines++;
  int64_t more = reader->file->joined ? dnmf_text_count_feeds(line.begin, line.end) : 0;
  if (dnmf_text_line_trim(reader->file, &line))
    DNMF_TRY(take(error, state, line));
  reader->lines += more; /* an error is in the first line of several */
  return DNMF_OK;
}

/* Hands lines on, those in the buffer that can be taken at once. */
static dnmf_status handle_many(dnmf_error *error, dnmf_text_reader *reader, const dnmf_text_taker *taker, void *state) {
  const int64_t held = reader->filled - reader->begin;
  if (!taker->lines || reader->dropping || held == 0)
    return DNMF_OK;
  const int64_t left = reader->end - line_offset(reader);
  char *begin = reader->buffer + reader->begin;
  char *after = begin;
  int64_t count = 0;
  DNMF_TRY(taker->lines(error, state, begin, begin + (left < held ? left : held), begin + held, &after, &count));
  reader->begin += after - begin;
  reader->lines += count;
  return DNMF_OK;
}

static dnmf_status read_plain(dnmf_error *error, dnmf_text_reader *reader, const dnmf_text_taker *taker, void *state) {
  while (is_unfinished(reader)) {
    dnmf_text_line line = {NULL, NULL};
    DNMF_TRY(handle_many(error, reader, taker, state));
    if (!is_unfinished(reader))
      return DNMF_OK;
    DNMF_TRY(reader_take_line(error, reader, &line));
    DNMF_TRY(handle(error, reader, line, taker->line, state));
  }
  return DNMF_OK;
}

/* The part of the unpacked bytes offset ... offset + count - 1 that is still to be read joins the buffer. */
static dnmf_status keep_unpacked(dnmf_error *error, dnmf_text_reader *reader, int64_t offset, const char *bytes,
                                 int64_t count) {
  int64_t rest = reader->filled - reader->begin;
  int64_t skipped = reader->position - offset;
  if (skipped >= count || !is_unfinished(reader))
    return DNMF_OK;
  if (reader->begin > 0)
    memmove(reader->buffer, reader->buffer + reader->begin, (size_t)rest);
  reader->begin = 0;
  reader->filled = rest;
  void *memory = reader->buffer;
  dnmf_status status =
      dnmf_grow(error, "a piece of a text file", rest + count - skipped, 1, &reader->capacity, &memory);
  reader->buffer = memory;
  DNMF_TRY(status);
  memcpy(reader->buffer + rest, bytes + skipped, (size_t)(count - skipped));
  reader->filled += count - skipped;
  reader->position = offset + count;
  return check_text(error, reader, count - skipped);
}

/* Handles the lines that are whole; at the end of the file also one without an end. */
static dnmf_status handle_unpacked(dnmf_error *error, dnmf_text_reader *reader, bool last, const dnmf_text_taker *taker,
                                   void *state) {
  for (;;) {
    if (is_unfinished(reader))
      DNMF_TRY(handle_many(error, reader, taker, state));
    if (!is_unfinished(reader) || reader->begin == reader->filled)
      return DNMF_OK;
    char *begin = reader->buffer + reader->begin;
    char *end = dnmf_text_line_end(reader->file, begin, reader->buffer + reader->filled);
    if (!end && !last)
      return DNMF_OK;
    dnmf_text_line line = {begin, end ? end : reader->buffer + reader->filled};
    reader->begin = line.end - reader->buffer + (end ? 1 : 0);
    DNMF_TRY(handle(error, reader, line, taker->line, state));
  }
}

/* One piece on its way: fewer than 0 bytes when process 0 cannot go on, 0 at the end. */
static dnmf_status send_piece(dnmf_context *context, dnmf_stream *stream, dnmf_status *status, char *bytes,
                              int64_t *count) {
  *count = -1;
  if (context->rank == 0 && *status == DNMF_OK)
    *status = dnmf_stream_read(&context->error, stream, UNPACKED_BYTES, bytes, count);
  if (context->rank == 0 && *status != DNMF_OK)
    *count = -1;
  DNMF_TRY(dnmf_broadcast(context, count, sizeof *count, 0));
  return *count > 0 ? dnmf_broadcast(context, bytes, *count, 0) : DNMF_OK;
}

/* A process that fails still receives, so that the others can go on; a failure of process 0 comes before theirs in the
 * file, and ends it. */
static dnmf_status read_sent(dnmf_context *context, dnmf_text_reader *reader, const dnmf_text_taker *taker,
                             void *state) {
  const dnmf_text_file *file = reader->file;
  dnmf_stream *stream = NULL;
  void *bytes = NULL;
  int64_t offset = 0;
  int64_t count = 0;
  dnmf_status status = dnmf_allocate(&context->error, "a piece of a text file", UNPACKED_BYTES, 1, &bytes);
  if (status == DNMF_OK && context->rank == 0)
    status = dnmf_stream_open(&context->error, file->path, file->descriptor, file->packing, &stream);
  dnmf_status ready = dnmf_agree(context, status);
  dnmf_status sent = DNMF_OK;
  for (count = 1; ready == DNMF_OK && sent == DNMF_OK && count > 0; offset += count) {
    sent = send_piece(context, stream, &status, bytes, &count);
    if (sent != DNMF_OK || count < 0)
      break;
    if (status == DNMF_OK)
      status = keep_unpacked(&context->error, reader, offset, bytes, count);
    if (status == DNMF_OK)
      status = handle_unpacked(&context->error, reader, count == 0, taker, state);
  }
  dnmf_stream_close(stream);
  free(bytes);
  return ready != DNMF_OK ? ready : sent != DNMF_OK ? sent : status;
}

/* All processes leave with the first failure in file order. `lines` were read here, up to and with the one that failed.
 */
static dnmf_status agree(dnmf_context *context, const dnmf_text_reader *reader, int64_t lines, dnmf_status status) {
  int64_t failures = status == DNMF_OK ? 0 : 1;
  int64_t before = 0;
  if (status == DNMF_ERROR_MPI)
    return status;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &failures, 1));
  if (failures == 0)
    return DNMF_OK;
  /* The lowest failing process wins below, and those before it have counted all their lines. */
  DNMF_TRY(dnmf_exscan_int64(context, lines, &before, NULL));
  int64_t line = reader->first.lines + before + lines;
  return dnmf_agree(context, dnmf_text_locate(&context->error, reader->file->path, line, status));
}

static bool is_sent(const dnmf_context *context, const dnmf_text_file *file) {
  return file->sent && (context->size > 1 || file->packing != DNMF_UNPACKED);
}

int dnmf_text_parts(const dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first) {
  const int64_t most = (file->size - first.offset) / context->size / PART_BYTES;
  int parts = context->threads < MOST_PARTS ? context->threads : MOST_PARTS;
  parts = most < parts ? (int)most : parts;
  return file->joined || is_sent(context, file) || parts < 1 ? 1 : parts;
}

/* The parts of a call, and what becomes of each. */
typedef struct part_reading {
  const dnmf_text_taker *taker;
  const dnmf_text_part *parts;
  dnmf_status status[MOST_PARTS];
  dnmf_error errors[MOST_PARTS];
} part_reading;

static void read_parts(void *work, int64_t begin, int64_t end) {
  part_reading *all = work;
  for (int64_t p = begin; p < end; p++)
    all->status[p] = read_plain(&all->errors[p], all->parts[p].reader, all->taker, all->parts[p].state);
}

/* The first failure in file order becomes that of the context; *lines is how many were read up to there. */
static dnmf_status read_together(dnmf_context *context, const dnmf_text_taker *taker, int count,
                                 const dnmf_text_part *parts, int64_t *lines) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "readers of a text file", 1, sizeof(part_reading), &memory));
  part_reading *all = memory;
  all->taker = taker;
  all->parts = parts;
  dnmf_team_run(count, count, read_parts, all);
  dnmf_status status = DNMF_OK;
  for (int p = 0; p < count && status == DNMF_OK; p++) {
    *lines += parts[p].reader->lines;
    status = all->status[p];
    if (status != DNMF_OK)
      context->error = all->errors[p];
  }
  free(all);
  return status;
}

dnmf_status dnmf_text_lines_in_parts(dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first,
                                     dnmf_status status, const dnmf_text_taker *taker, int count,
                                     const dnmf_text_part *parts) {
  int64_t lines = 0;
  DNMF_TRY(dnmf_agree(context, status));
  for (int p = 0; p < count; p++)
    start(context, file, first, count, p, parts[p].reader);
  if (count > 1) {
    status = read_together(context, taker, count, parts, &lines);
  } else {
    status = is_sent(context, file) ? read_sent(context, parts->reader, taker, parts->state)
                                    : read_plain(&context->error, parts->reader, taker, parts->state);
    lines = parts->reader->lines;
  }
  status = agree(context, parts->reader, lines, status);
  for (int p = 0; p < count; p++) {
    free(parts[p].reader->buffer);
    parts[p].reader->buffer = NULL;
  }
  return status;
}

dnmf_status dnmf_text_lines(dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first,
                            dnmf_status status, dnmf_text_take take, void *state, dnmf_text_reader *reader) {
  const dnmf_text_taker taker = {.line = take};
  const dnmf_text_part part = {state, reader};
  return dnmf_text_lines_in_parts(context, file, first, status, &taker, 1, &part);
}
