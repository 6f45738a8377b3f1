/*
 * A text file read by all processes at once.
 *
 * The head (the first lines) is the same on every process: formats, delimiters and headers are decided on it.
 * The data are then read by ranges of bytes: a process handles the lines that begin in its range, so every
 * line is handled once whatever the number of processes. Files are read with pread in large pieces; a
 * process holds one piece at a time.
 *
 * A compressed file is unpacked by process 0, which sends each piece to all; everything else is the same. Several
 * processes need to know its size first, so that it is unpacked twice.
 *
 * Blank lines and lines that begin with # or % are skipped, a UTF-8 byte order mark too; lines end with LF or
 * CRLF, the last one perhaps with neither.
 */
#ifndef DNMF_STORE_TEXT_FILE_H
#define DNMF_STORE_TEXT_FILE_H

#include "comm/context.h"
#include "store/text/stream.h"

typedef struct dnmf_text_file {
  const char *path; /* not owned */
  int descriptor;   /* -1: not open */
  dnmf_packing packing;
  int64_t size;  /* unpacked; INT64_MAX when that is not known, to one process alone */
  int64_t start; /* of the text, after a byte order mark */
  char *head;    /* the bytes from 0 on, the same on every process */
  int64_t head_size;
} dnmf_text_file;

/* A line without its end. */
typedef struct dnmf_text_line {
  char *begin; /* NULL: there are no more lines */
  char *end;
} dnmf_text_line;

/* A place in a file between two lines. */
typedef struct dnmf_text_place {
  int64_t offset;
  int64_t lines; /* that come before, skipped ones included */
} dnmf_text_place;

/* The lines that begin in this process's share of a file. */
typedef struct dnmf_text_reader {
  const dnmf_text_file *file;
  dnmf_text_place first; /* of the data, the same on every process */
  int64_t end;           /* lines that begin here or later belong to the next process */
  int64_t lines;         /* of this share read so far, skipped ones included */
  int64_t position;      /* in the file, of what is read next */
  char *buffer;          /* file bytes up to position */
  int64_t capacity;
  int64_t begin; /* of the next line, in buffer */
  int64_t filled;
  bool dropping; /* what comes first is the end of another process's line */
} dnmf_text_reader;

/* Opens a regular file and reads its head; refuses what is not text, saying what it is. Released with
 * dnmf_text_close, also after a failure. collective */
dnmf_status dnmf_text_open(dnmf_context *context, const char *path, dnmf_text_file *file);
void dnmf_text_close(dnmf_text_file *file); /* local */

/* The first line of the head at or after `place` that is neither blank nor a comment, and the place after it.
 * begin is NULL when the head holds no further complete line. local */
dnmf_text_line dnmf_text_head_line(const dnmf_text_file *file, dnmf_text_place *place);

/* The caller may write into the line, which is valid until the call ends. */
typedef dnmf_status (*dnmf_text_take)(dnmf_error *error, void *state, dnmf_text_line line);

/* Hands this process's share of the lines from `first` on to `take`, with `state`, until one fails, and ends the phase:
 * all processes leave with the first failure in file order. `status` is what became of this process's preparations. A
 * DNMF_ERROR_INPUT is taken to be about the line read last; its message is given the file's name and the line's number
 * in the whole file. `reader` tells what is being read and, afterwards, how many lines there were; it needs no release.
 * collective */
dnmf_status dnmf_text_lines(dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first,
                            dnmf_status status, dnmf_text_take take, void *state, dnmf_text_reader *reader);

/* Gives a message about a line of the head, or about the whole file when `line` is 0, the file's name and the
 * number. local */
dnmf_status dnmf_text_locate(dnmf_error *error, const char *path, int64_t line, dnmf_status status);

#endif
