#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NARROWEST = 20, WIDEST = 1000 };

int cli_width_of(FILE *stream, int otherwise) {
  const char *given = getenv("COLUMNS");
  struct winsize size = {0};
  long columns = given ? strtol(given, NULL, 10) : 0;
  if (columns <= 0 && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0)
    columns = size.ws_col;
  if (columns <= 0)
    return otherwise;
  if (columns < NARROWEST)
    return NARROWEST;
  return columns > WIDEST ? WIDEST : (int)columns;
}

int cli_columns(const char *text, size_t length) {
  int columns = 0;
  for (size_t i = 0; i < length; i++)
    columns += ((unsigned char)text[i] & 0xc0) != 0x80;
  return columns;
}

static size_t blanks_at(const char *text, size_t left) {
  size_t count = 0;
  while (count < left && (text[count] == ' ' || text[count] == '\n'))
    count++;
  return count;
}

/* Bytes up to where the line may be broken next. */
static size_t piece_at(const char *text, size_t left, bool before_options) {
  size_t at = 0;
  while (at < left) {
    while (at < left && text[at] != ' ' && text[at] != '\n')
      at++;
    const size_t blanks = blanks_at(text + at, left - at);
    if (!before_options || at + blanks == left || text[at + blanks] == '-')
      break;
    at += blanks;
  }
  return at;
}

void cli_print_wrapped(FILE *stream, const char *text, size_t length, const cli_wrapping *wrapping) {
  const int joint = (int)strlen(wrapping->joint);
  int column = wrapping->column;
  bool begins = true;
  for (size_t at = 0; at < length;) {
    const size_t blanks = blanks_at(text + at, length - at);
    const size_t piece = piece_at(text + at + blanks, length - at - blanks, wrapping->before_options);
    const int between = memchr(text + at, '\n', blanks) ? 1 : (int)blanks;
    const int columns = cli_columns(text + at + blanks, piece);
    const int behind = at + blanks + piece < length ? joint : 0;
    if (piece == 0)
      return;
    if (!begins && column + between + columns + behind > wrapping->width) {
      fprintf(stream, "%s\n%*s", wrapping->joint, wrapping->indent, "");
      column = wrapping->indent;
    } else {
      fprintf(stream, "%*s", between, "");
      column += between;
    }
    fwrite(text + at + blanks, 1, piece, stream);
    column += columns;
    at += blanks + piece;
    begins = false;
  }
}

/* Where a line of a summary goes on when it is broken. */
static int hanging_indent(const char *line, size_t length, int width) {
  const size_t lead = blanks_at(line, length);
  size_t at = lead;
  while (at < length && line[at] != ' ')
    at++;
  const size_t gap = blanks_at(line + at, length - at);
  const int text = cli_columns(line, at + gap);
  return lead > 0 && gap > 1 && text <= width / 2 ? text : (int)lead + 2;
}

void cli_print_lines(FILE *stream, const char *text, int width) {
  for (;;) {
    const size_t length = strcspn(text, "\n");
    if (width > 0 && cli_columns(text, length) > width)
      cli_print_wrapped(stream, text, length,
                        &(cli_wrapping){.width = width, .indent = hanging_indent(text, length, width), .joint = ""});
    else
      fwrite(text, 1, length, stream);
    fputc('\n', stream);
    if (!text[length])
      return;
    text += length + 1;
  }
}
