/*
 * The text of a command's help (details), in its parts. It is written as it is read: paragraphs, whose ends of line
 * mean nothing; indented by two blanks a command, "  dnmf ...", or an item, "  term  what it means", which may go on in
 * lines that are indented deeper. Help and man pages are made from the same parts.
 */
#ifndef DNMF_CLI_PROSE_H
#define DNMF_CLI_PROSE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cli_prose_kind { CLI_PARAGRAPH, CLI_ITEM, CLI_EXAMPLE } cli_prose_kind;

/* The texts point into the whole; ends of line in them stand for a blank. */
typedef struct cli_prose {
  cli_prose_kind kind;
  bool apart;       /* behind an empty line */
  const char *term; /* of an item */
  size_t term_length;
  const char *text; /* a paragraph, what an item means, a command; may be empty */
  size_t length;
  const char *remark; /* what stands behind a command, some blanks away; empty for none */
  size_t remark_length;
  int column; /* where the text of an item began */
} cli_prose;

/* Takes the next part from *at on; false at the end. local */
bool cli_prose_next(const char **at, cli_prose *part);

#endif
