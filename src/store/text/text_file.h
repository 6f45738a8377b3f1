/*
 * A text file read by all processes at once.
 *
 * The head (the first lines) is the same on every process: formats, delimiters and headers are decided on it.
 * The data are then read by ranges of bytes: a process handles the lines that begin in its range, so every
 * line is handled once whatever the number of processes. Files are read with pread in large pieces; a
 * process holds one piece at a time.
 *
 * A compressed file, standard input and any other pipe are read by process 0, which sends each piece to all; everything
 * else is the same. What comes through a pipe is kept in an unnamed file in $TMPDIR, else /tmp, while it is open.
 * Several processes need to know the size of a compressed file first, so that it is unpacked twice.
 *
 * Lines end with LF or CRLF, the last one perhaps with neither; a UTF-8 byte order mark and blank lines are skipped. A
 * format has comments, lines that begin with # or %, either everywhere or before the first line of data alone
 * (dnmf_text_begin). A line break inside a quoted field ends a line, unless the file is joined (dnmf_text_join).
 */
#ifndef DNMF_STORE_TEXT_FILE_H
#define DNMF_STORE_TEXT_FILE_H

#include "comm/context.h"
#include "store/text/stream.h"
#include "store/text/text_dialect.h"
#include "store/text/text_line.h"

/* A place in a file between two lines. */
typedef struct dnmf_text_place {
  int64_t offset;
  int64_t lines; /* that come before, skipped ones included */
} dnmf_text_place;

typedef struct dnmf_text_file {
  const char *path; /* for messages; not owned */
  int descriptor;   /* -1: not open on this process */
  dnmf_packing packing;
  bool sent;             /* process 0 reads it for all: it is packed, or came through a pipe */
  int64_t size;          /* unpacked; INT64_MAX when that is not known, to one process alone */
  dnmf_text_place start; /* of the text, after a byte order mark and lines that are skipped */
  char *head;            /* the bytes from 0 on, the same on every process */
  int64_t head_size;
  bool comments;         /* lines that begin with # or % are passed over, wherever they stand */
  int64_t comment_lines; /* that dnmf_text_begin passed over */
  bool joined;           /* line breaks inside quoted fields end no line: */
  dnmf_dialect dialect;  /* of which fields are quoted so */
  int64_t *bounds;       /* joined, with several processes: where the lines of each begin, and the end */
} dnmf_text_file;

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

/* Opens a file or a pipe ("-": standard input), reads its head and skips its first `skip_lines` lines; refuses what is
 * not text, saying what it is. Comments are passed over everywhere until dnmf_text_begin. Released with
 * dnmf_text_close, also after a failure. collective */
dnmf_status dnmf_text_open(dnmf_context *context, const char *path, int64_t skip_lines, dnmf_text_file *file);
void dnmf_text_close(dnmf_text_file *file); /* local */

/* Whether a name is standard input or another pipe, which can be read once. local */
bool dnmf_text_is_pipe(const char *path);

/* What the file is compressed with, in words; NULL: nothing. local */
const char *dnmf_text_packing(const dnmf_text_file *file);

/* From now on a quoted field may hold line breaks. Process 0 looks through the file for the lines of each. collective
 */
dnmf_status dnmf_text_join(dnmf_context *context, const dnmf_dialect *dialect, dnmf_text_file *file);

/* *found = whether the file may hold the byte `wanted`; true of a file that process 0 reads for all. collective */
dnmf_status dnmf_text_holds(dnmf_context *context, const dnmf_text_file *file, char wanted, bool *found);

/* The first line of the head at or after `place` that is neither blank nor passed over as a comment, and the place
 * after it. begin is NULL when the head holds no further complete line. local */
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

/* What lines are handed to. */
typedef struct dnmf_text_taker {
  dnmf_text_take line;
  /* NULL, or takes whole lines that begin before `limit`, as many of those from `begin` on as it knows how to take at
   * once; *after is where the rest begins, of which `line` is given the first. It fails for other reasons than what
   * the lines say. */
  dnmf_status (*lines)(dnmf_error *error, void *state, char *begin, const char *limit, const char *end, char **after,
                       int64_t *count);
} dnmf_text_taker;

/* A part of the lines, for a reader and a state of its own. */
typedef struct dnmf_text_part {
  void *state;
  dnmf_text_reader *reader;
} dnmf_text_part;

/* How many parts this process's share of the lines is worth: at most one a thread. local */
int dnmf_text_parts(const dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first);

/* The same as dnmf_text_lines in that many parts, in the order of the file, which threads read at the same time.
 * collective */
dnmf_status dnmf_text_lines_in_parts(dnmf_context *context, const dnmf_text_file *file, dnmf_text_place first,
                                     dnmf_status status, const dnmf_text_taker *taker, int count,
                                     const dnmf_text_part *parts);

/* Gives a message about a line of the head, or about the whole file when `line` is 0, the file's name and the
 * number. local */
dnmf_status dnmf_text_locate(dnmf_error *error, const char *path, int64_t line, dnmf_status status);

/* What the files that read text share. */

/* Exactly `bytes` bytes from `offset` on of a file that every process has open. local */
dnmf_status dnmf_text_read(dnmf_error *error, const dnmf_text_file *file, int64_t offset, int64_t bytes, char *to);

/* Takes the CR of a CRLF off; false when the line is blank or a comment that is passed over. local */
bool dnmf_text_line_trim(const dnmf_text_file *file, dnmf_text_line *line);

/* The place of the line feed that ends the line at `begin`, or NULL. local */
char *dnmf_text_line_end(const dnmf_text_file *file, char *begin, char *end);

/* How many line feeds there are. local */
int64_t dnmf_text_count_feeds(const char *begin, const char *end);

#endif
