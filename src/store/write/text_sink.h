/*
 * Text written in parallel: every process formats its part twice, first to count its bytes, then to write them at
 * their place. Memory stays at one buffer, and the file is the same on any number of processes.
 */
#ifndef DNMF_STORE_TEXT_SINK_H
#define DNMF_STORE_TEXT_SINK_H

#include "base/precision.h"
#include "matrix/ids.h"

enum { DNMF_SINK_BYTES = 1 << 20, DNMF_NUMBER_TEXT = 32 };

typedef struct dnmf_sink {
  int file;       /* negative: only count */
  int64_t offset; /* in the file, of the next byte that leaves the buffer */
  int64_t bytes;  /* put so far */
  size_t used;
  int failed; /* errno of the first write that failed */
  char buffer[DNMF_SINK_BYTES];
} dnmf_sink;

/* Starts over: at `offset` of `file`, or counting when `file` is negative. local */
void dnmf_sink_start(dnmf_sink *sink, int file, int64_t offset);

/* Failures are kept in sink->failed. local */
void dnmf_sink_put(dnmf_sink *sink, const void *bytes, size_t count);
void dnmf_sink_flush(dnmf_sink *sink);

void dnmf_sink_text(dnmf_sink *sink, const char *text);
void dnmf_sink_integer(dnmf_sink *sink, int64_t value);

/* The shortest decimal number that reads back as the same number of that precision. */
void dnmf_sink_number(dnmf_sink *sink, double value, dnmf_precision precision);

/* A field of CSV, quoted where import would not read it back as it is. */
void dnmf_sink_field(dnmf_sink *sink, const char *text, int64_t length);

/* Id `index`, held in `ids`, as a field; the index itself when there are no ids. */
void dnmf_sink_id(dnmf_sink *sink, const dnmf_ids *ids, int64_t index);

/* Writes all `count` bytes at `offset`; 0 or errno. */
int dnmf_write_at(int file, const void *bytes, size_t count, int64_t offset);

#endif
