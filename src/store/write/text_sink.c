/* Buffered output at an offset, and the texts of numbers and ids. */
#include "store/write/text_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int dnmf_write_at(int file, const void *bytes, size_t count, int64_t offset) {
  const size_t most = (size_t)1 << 30;
  while (count > 0) {
    ssize_t written = pwrite(file, bytes, count < most ? count : most, (off_t)offset);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return written < 0 ? errno : ENOSPC;
    bytes = (const char *)bytes + written;
    count -= (size_t)written;
    offset += written;
  }
  return 0;
}

void dnmf_sink_start(dnmf_sink *sink, int file, int64_t offset) {
  sink->file = file;
  sink->offset = offset;
  sink->bytes = 0;
  sink->used = 0;
  sink->failed = 0;
}

void dnmf_sink_flush(dnmf_sink *sink) {
  if (sink->file >= 0 && !sink->failed)
    sink->failed = dnmf_write_at(sink->file, sink->buffer, sink->used, sink->offset);
  sink->offset += (int64_t)sink->used;
  sink->used = 0;
}

void dnmf_sink_put(dnmf_sink *sink, const void *bytes, size_t count) {
  sink->bytes += (int64_t)count;
  while (sink->file >= 0 && count > 0) {
    size_t room = sizeof sink->buffer - sink->used;
    size_t part = count < room ? count : room;
    memcpy(sink->buffer + sink->used, bytes, part);
    sink->used += part;
    bytes = (const char *)bytes + part;
    count -= part;
    if (sink->used == sizeof sink->buffer)
      dnmf_sink_flush(sink);
  }
}

void dnmf_sink_text(dnmf_sink *sink, const char *text) {
  dnmf_sink_put(sink, text, strlen(text));
}

void dnmf_sink_integer(dnmf_sink *sink, int64_t value) {
  char text[DNMF_NUMBER_TEXT];
  int length = snprintf(text, sizeof text, "%" PRId64, value);
  dnmf_sink_put(sink, text, (size_t)length);
}

void dnmf_sink_number(dnmf_sink *sink, double value, dnmf_precision precision) {
  char text[DNMF_NUMBER_TEXT];
  int digits = precision == DNMF_DOUBLE ? 15 : 6;
  int most = precision == DNMF_DOUBLE ? 17 : 9;
  if (fabs(value) < 1e6 && value == (double)(int64_t)value) {
    dnmf_sink_integer(sink, (int64_t)value);
    return;
  }
  for (; digits <= most; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (precision == DNMF_DOUBLE ? strtod(text, NULL) == value : strtof(text, NULL) == (float)value)
      break;
  }
  dnmf_sink_text(sink, text);
}

static void put_quoted(dnmf_sink *sink, const char *text, size_t length) {
  dnmf_sink_put(sink, "\"", 1);
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '"')
      dnmf_sink_put(sink, "\"", 1);
    dnmf_sink_put(sink, text + i, 1);
  }
  dnmf_sink_put(sink, "\"", 1);
}

/* Whether import would take an id that is not quoted for anything else: several fields, with whatever delimiter, the
 * end of a line, a comment, a byte order mark, the beginning of another format; or leave blanks around it out. */
static bool needs_quotes(const char *text, size_t length) {
  static const char parts[] = ",;|\"\t\r\n";
  static const char first[] = "#%{[<@";
  if (length == 0 || text[0] == ' ' || text[length - 1] == ' ' || memchr(first, text[0], sizeof first - 1))
    return true;
  if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    return true;
  for (size_t i = 0; i < length; i++)
    if (memchr(parts, text[i], sizeof parts - 1) || (text[i] == ':' && i + 1 < length && text[i + 1] == ':'))
      return true;
  return false;
}

void dnmf_sink_id(dnmf_sink *sink, const dnmf_ids *ids, int64_t index) {
  int64_t at = index - ids->range.begin;
  if (ids->kind == DNMF_IDS_NONE) {
    dnmf_sink_integer(sink, index);
  } else if (ids->kind == DNMF_IDS_INTEGER) {
    dnmf_sink_integer(sink, ids->numbers[at]);
  } else {
    dnmf_sink_field(sink, ids->text + ids->starts[at], ids->starts[at + 1] - ids->starts[at]);
  }
}

void dnmf_sink_field(dnmf_sink *sink, const char *text, int64_t length) {
  if (needs_quotes(text, (size_t)length))
    put_quoted(sink, text, (size_t)length);
  else
    dnmf_sink_put(sink, text, (size_t)length);
}
