#include "prose.h"

#include <string.h>

enum { INDENT = 2 };

static size_t leading_blanks(const char *line) {
  return strspn(line, " ");
}

static bool begins_with(const char *line, const char *word) {
  return strncmp(line, word, strlen(word)) == 0;
}

/* The first run of `count` blanks in the line, or its end. */
static size_t blanks_from(const char *line, size_t length, size_t count) {
  size_t run = 0;
  for (size_t i = 0; i < length; i++) {
    run = line[i] == ' ' ? run + 1 : 0;
    if (run == count)
      return i + 1 - count;
  }
  return length;
}

/* The lines from `text` on that go on with it: indented deeper than `indent` (or at least not at all, for a
 * paragraph). */
static size_t length_with_more(const char *text, bool is_paragraph) {
  size_t length = strcspn(text, "\n");
  while (text[length]) {
    const char *next = text + length + 1;
    const size_t blanks = leading_blanks(next);
    if (next[blanks] == 0 || next[blanks] == '\n' || (is_paragraph ? blanks > 0 : blanks <= INDENT))
      break;
    length += 1 + strcspn(next, "\n");
  }
  return length;
}

static void take_example(const char *line, cli_prose *part) {
  const size_t length = strcspn(line, "\n");
  part->kind = CLI_EXAMPLE;
  part->text = line + INDENT;
  part->length = blanks_from(part->text, length - INDENT, 3);
  part->remark = part->text + part->length + leading_blanks(part->text + part->length);
  part->remark_length = (size_t)(line + length - part->remark);
}

static void take_item(const char *line, cli_prose *part) {
  part->kind = CLI_ITEM;
  part->term = line + INDENT;
  part->term_length = blanks_from(part->term, strcspn(part->term, "\n"), 2);
  part->text = part->term + part->term_length;
  part->text += leading_blanks(part->text);
  part->length = length_with_more(part->text, false);
  part->column = (int)(part->text - line);
}

bool cli_prose_next(const char **at, cli_prose *part) {
  const char *line = *at;
  *part = (cli_prose){.remark = "", .term = ""};
  line += strspn(line, "\n");
  part->apart = line - *at > 1;
  if (!*line)
    return false;
  if (leading_blanks(line) < INDENT) {
    part->kind = CLI_PARAGRAPH;
    part->text = line;
    part->length = length_with_more(line, true);
  } else if (begins_with(line + INDENT, "dnmf ") || begins_with(line + INDENT, "mpirun ")) {
    take_example(line, part);
    *at = line + strcspn(line, "\n");
    return true;
  } else {
    take_item(line, part);
  }
  *at = part->text + part->length;
  return true;
}
