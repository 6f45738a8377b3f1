/* Man pages in the language of man(7). */
#include "pages.h"

#include "cli/commands.h"
#include "cli/prose.h"
#include "cli/terminal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 76, EXAMPLE_LINE = 70 }; /* a page is indented by 7 columns, which 80 leave to examples */

/* What a character is written as; NULL: itself. */
static const char *man_escape(char character, bool begins_word) {
  switch (character) {
  case '\\':
    return "\\e";
  case '-':
    return "\\-";
  case '\'':
    return "\\(aq";
  case '`':
    return "\\(ga";
  case '^':
    return "\\(ha";
  case '~':
    return "\\(ti";
  case '.':
    return begins_word ? "\\&." : NULL;
  default:
    return NULL;
  }
}

/* The text as it is written, in memory that the caller frees. */
static char *man_escaped(const char *text, size_t length) {
  static const size_t longest = 4;
  char *escaped = malloc(longest * length + 1);
  size_t used = 0;
  if (!escaped)
    abort();
  for (size_t i = 0; i < length; i++) {
    const char *instead = man_escape(text[i], i == 0 || isspace((unsigned char)text[i - 1]));
    const char itself[2] = {text[i], 0};
    memcpy(escaped + used, instead ? instead : itself, strlen(instead ? instead : itself));
    used += strlen(instead ? instead : itself);
  }
  escaped[used] = 0;
  return escaped;
}

/* The text broken into lines, each as it is written. */
static void print_escaped(FILE *stream, const char *text, size_t length, const cli_wrapping *wrapping) {
  char *lines = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&lines, &size);
  if (!memory)
    abort();
  cli_print_wrapped(memory, text, length, wrapping);
  if (fclose(memory) != 0)
    abort();
  char *escaped = man_escaped(lines, size);
  fprintf(stream, "%s\n", escaped);
  free(escaped);
  free(lines);
}

static void print_text(FILE *stream, const char *text, size_t length) {
  print_escaped(stream, text, length, &(cli_wrapping){.width = LINE, .joint = ""});
}

static void print_item(FILE *stream, const cli_prose *part) {
  char *term = man_escaped(part->term, part->term_length);
  fprintf(stream, ".TP\n\\fB%s\\fR\n", term);
  free(term);
  if (part->length > 0)
    print_text(stream, part->text, part->length);
}

/* A command between .EX and .EE, with what is said of it. */
static void print_example(FILE *stream, const cli_prose *part) {
  print_escaped(stream, part->text, part->length,
                &(cli_wrapping){.width = EXAMPLE_LINE, .indent = 4, .joint = " \\", .before_options = true});
  if (part->remark_length > 0) {
    fprintf(stream, "    # ");
    print_escaped(stream, part->remark, part->remark_length, &(cli_wrapping){.width = 1000, .joint = ""});
  }
}

/* The parts from *text on, up to the first example where `until_example` is true. */
static void print_prose(FILE *stream, const char **text, bool until_example) {
  bool in_examples = false;
  bool begins = true;
  cli_prose part;
  for (const char *next = *text; cli_prose_next(&next, &part); *text = next) {
    const bool example = part.kind == CLI_EXAMPLE;
    if (example && until_example)
      break;
    if (in_examples != example)
      fprintf(stream, "%s", example ? (begins ? ".EX\n" : ".PP\n.EX\n") : ".EE\n");
    if (example)
      print_example(stream, &part);
    else if (part.kind == CLI_ITEM)
      print_item(stream, &part);
    else {
      fprintf(stream, "%s", begins ? "" : ".PP\n");
      print_text(stream, part.text, part.length);
    }
    in_examples = example;
    begins = false;
  }
  if (in_examples)
    fprintf(stream, ".EE\n");
}

static void print_sections(FILE *stream, const page_section *section) {
  for (; section->title; section++) {
    const char *text = section->text;
    fprintf(stream, ".SH %s\n", section->title);
    print_prose(stream, &text, false);
  }
}

static void print_title(FILE *stream, const char *name, int chapter, const char *about) {
  char upper[64] = "";
  for (size_t i = 0; name[i] && i + 1 < sizeof upper; i++)
    upper[i] = (char)toupper((unsigned char)name[i]);
  char *title = man_escaped(upper, strlen(upper));
  char *own = man_escaped(name, strlen(name));
  fprintf(stream, ".\\\" Made from the program's tables of options.\n.TH %s %d \"\" \"dnmf %s\"\n.nh\n.ad l\n", title,
          chapter, DNMF_VERSION);
  fprintf(stream, ".SH NAME\n%s \\- ", own);
  print_text(stream, about, strlen(about));
  free(title);
  free(own);
}

static void print_option(FILE *stream, const cli_option *option) {
  char *name = man_escaped(option->name, strlen(option->name));
  fprintf(stream, ".TP\n");
  if (option->letter)
    fprintf(stream, "\\fB\\-%c\\fR, ", option->letter);
  fprintf(stream, "\\fB\\-\\-%s\\fR", name);
  free(name);
  if (option->argument) {
    char *argument = man_escaped(option->argument, strlen(option->argument));
    fprintf(stream, " \\fI%s\\fR", argument);
    free(argument);
  }
  fputc('\n', stream);
  print_text(stream, option->help, strlen(option->help));
}

/* The heading of a group of options. */
static void print_heading(FILE *stream, const char *title) {
  char *heading = man_escaped(title, strcspn(title, ":"));
  const int first = toupper((unsigned char)heading[0]);
  fprintf(stream, ".SS %c%s\n", first, heading + 1);
  free(heading);
}

static void print_options(FILE *stream, const cli_command *command) {
  const cli_option *option = NULL;
  const char *title = "";
  size_t base = 0;
  fprintf(stream, ".SH OPTIONS\n");
  for (size_t i = 0; (option = cli_option_at(command, i, &base)); i++) {
    if (strcmp(title, cli_title_at(command, i)) != 0)
      print_heading(stream, cli_title_at(command, i));
    title = cli_title_at(command, i);
    print_option(stream, option);
  }
  fprintf(stream, ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe same in short\n");
}

/* All pages; with `but` those of the other commands, dnmf(1) and dnmf-files(5). */
static void print_other_pages(FILE *stream, const char *but) {
  fprintf(stream, ".SH SEE ALSO\n");
  if (but)
    fprintf(stream, ".BR dnmf (1),\n");
  for (const cli_command *const *command = cli_commands; *command; command++)
    if (!but || strcmp((*command)->name, but) != 0)
      fprintf(stream, ".BR dnmf\\-%s (1),\n", (*command)->name);
  for (const char *const *topic = page_topics; *topic && !but; topic++)
    fprintf(stream, ".BR dnmf\\-%s (7),\n", *topic);
  fprintf(stream, ".BR dnmf\\-files (5)\n");
}

void pages_print_command(FILE *stream, const cli_command *command) {
  char name[64];
  const char *text = command->details ? command->details : "";
  snprintf(name, sizeof name, "dnmf-%s", command->name);
  print_title(stream, name, 1, command->summary);
  fprintf(stream, ".SH SYNOPSIS\n.B dnmf %s\n", command->name);
  print_text(stream, command->usage, strlen(command->usage));
  fprintf(stream, ".SH DESCRIPTION\n");
  cli_prose first;
  const char *begin = text;
  if (!cli_prose_next(&begin, &first) || first.kind == CLI_EXAMPLE)
    print_text(stream, command->summary, strlen(command->summary));
  print_prose(stream, &text, true);
  print_options(stream, command);
  if (*text) {
    fprintf(stream, ".SH EXAMPLES\n");
    print_prose(stream, &text, false);
  }
  print_other_pages(stream, command->name);
}

void pages_print_program(FILE *stream) {
  print_title(stream, "dnmf", 1, "distributed nonnegative matrix factorization");
  fprintf(stream, ".SH SYNOPSIS\n.B dnmf\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.PP\n.B mpirun \\-n\n.I N\n.B dnmf\n"
                  ".I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n");
  for (const cli_command *const *command = cli_commands; *command; command++) {
    fprintf(stream, ".TP\n.BR dnmf\\-%s (1)\n", (*command)->name);
    print_text(stream, (*command)->summary, strlen((*command)->summary));
  }
  fprintf(stream, ".TP\n\\fBdnmf help\\fR \\fICOMMAND\\fR\nthe options and examples of a command, on the terminal\n"
                  ".SH OPTIONS\n.TP\n\\fB\\-\\-self\\-test\\fR\n");
  print_text(stream, cli_self_test.summary, strlen(cli_self_test.summary));
  fprintf(stream, ".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nversions of the program and its libraries\n"
                  ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe commands\n");
  print_sections(stream, page_of_program);
  print_other_pages(stream, NULL);
}
