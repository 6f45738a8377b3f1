/*
 * How wide a terminal is, and texts broken into its lines. All functions are local.
 */
#ifndef DNMF_CLI_TERMINAL_H
#define DNMF_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CLI_USUAL_WIDTH = 80 };

/* Columns of the terminal that `stream` writes to: COLUMNS in the environment, else what the terminal says; `otherwise`
 * where neither tells. */
int cli_width_of(FILE *stream, int otherwise);

/* Columns that the first `length` bytes of `text`, in UTF-8, take. */
int cli_columns(const char *text, size_t length);

/* How a text is broken into lines. */
typedef struct cli_wrapping {
  int width;           /* most columns of a line; a longer word has a line of its own */
  int column;          /* where the text begins in its first line */
  int indent;          /* of the lines that follow */
  const char *joint;   /* what stands at the end of a line that goes on, e.g. " \\"; "" for nothing */
  bool before_options; /* break only before a word that begins with '-': a command */
} cli_wrapping;

/* Prints `length` bytes of `text`, without an end of line at its end. Blanks within a line stay; an end of line in the
 * text, with the blanks around it, is one blank. */
void cli_print_wrapped(FILE *stream, const char *text, size_t length, const cli_wrapping *wrapping);

/* Prints lines of a summary and an end of line, each broken at `width` columns (0: as it is); what does not fit goes on
 * under its text where the line begins with a word and several blanks, else two columns further right. */
void cli_print_lines(FILE *stream, const char *text, int width);

#endif
