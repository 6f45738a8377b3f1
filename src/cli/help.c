#include "help.h"

#include "commands.h"
#include "prose.h"
#include "terminal.h"

#include <string.h>

enum { NAME_COLUMN = 25, COMMAND_COLUMN = 15, WIDEST = 100 };

/* Lines beyond WIDEST are hard to read. */
static int help_width(void) {
  const int width = cli_width_of(stdout, CLI_USUAL_WIDTH);
  return width < WIDEST ? width : WIDEST;
}

static void print_text(const char *text, size_t length, int column, int indent) {
  cli_print_wrapped(stdout, text, length,
                    &(cli_wrapping){.width = help_width(), .column = column, .indent = indent, .joint = ""});
}

/* A name and what it means, in two columns; a name that is too long has a line of its own. */
static void print_two(const char *name, const char *text, size_t length, int column) {
  const int gap = column - (int)strlen(name);
  if (gap > 1)
    printf("%s%*s", name, gap, "");
  else
    printf("%s\n%*s", name, column, "");
  print_text(text, length, column, column);
  putchar('\n');
}

void cli_option_text(const cli_option *option, int indent, char text[CLI_OPTION_TEXT]) {
  int used = option->letter ? snprintf(text, CLI_OPTION_TEXT, "%*s-%c, --%s", indent, "", option->letter, option->name)
                            : snprintf(text, CLI_OPTION_TEXT, "%*s    --%s", indent, "", option->name);
  if (option->argument)
    snprintf(text + used, CLI_OPTION_TEXT - (size_t)used, " %s", option->argument);
}

static void print_option(const cli_option *option) {
  char name[CLI_OPTION_TEXT];
  cli_option_text(option, 2, name);
  print_two(name, option->help, strlen(option->help), NAME_COLUMN);
}

static void print_example(const cli_prose *part) {
  printf("  ");
  cli_print_wrapped(
      stdout, part->text, part->length,
      &(cli_wrapping){.width = help_width(), .column = 2, .indent = 4, .joint = " \\", .before_options = true});
  const int away = 2 + (int)(part->remark - part->text);
  if (part->remark_length == 0)
    return;
  if (away + cli_columns(part->remark, part->remark_length) <= help_width())
    printf("%*s", away - 2 - (int)part->length, "");
  else
    printf("\n      ");
  print_text(part->remark, part->remark_length, 6, 6);
}

static void print_item(const cli_prose *part) {
  const int column = part->column <= NAME_COLUMN ? part->column : 6;
  printf("  %.*s", (int)part->term_length, part->term);
  const int gap = column - 2 - cli_columns(part->term, part->term_length);
  if (gap > 0)
    printf("%*s", gap, "");
  else if (part->length > 0)
    printf("\n%*s", column, "");
  print_text(part->text, part->length, column, column);
}

static void print_details(const char *text) {
  cli_prose part;
  while (cli_prose_next(&text, &part)) {
    if (part.apart)
      putchar('\n');
    if (part.kind == CLI_EXAMPLE)
      print_example(&part);
    else if (part.kind == CLI_ITEM)
      print_item(&part);
    else
      print_text(part.text, part.length, 0, 0);
    putchar('\n');
  }
}

void cli_print_help(const cli_command *command) {
  const int begin = printf("dnmf %s: ", command->name);
  print_text(command->summary, strlen(command->summary), begin, 2);
  const int usage = printf("\n\nusage: dnmf %s ", command->name) - 2;
  print_text(command->usage, strlen(command->usage), usage, usage < help_width() / 2 ? usage : 4);
  putchar('\n');
  if (command->details) {
    putchar('\n');
    print_details(command->details);
  }
  const cli_option *option = NULL;
  const char *title = "";
  size_t base = 0;
  for (size_t i = 0; (option = cli_option_at(command, i, &base)); i++) {
    if (strcmp(title, cli_title_at(command, i)) != 0)
      printf("\n%s\n", cli_title_at(command, i));
    title = cli_title_at(command, i);
    print_option(option);
  }
  print_two("  -h, --help", "this text", strlen("this text"), NAME_COLUMN);
}

void cli_print_overview(void) {
  static const char version[] = "of the program and its libraries";
  static const char help[] = "help COMMAND: its options and examples";
  const int begin = printf("dnmf %s: ", DNMF_VERSION);
  static const char what[] = "distributed nonnegative matrix factorization, A = W H with W, H >= 0";
  print_text(what, strlen(what), begin, 2);
  printf("\n\nusage: dnmf COMMAND [OPTIONS]               on one machine\n"
         "       mpirun -n 8 dnmf COMMAND [OPTIONS]   the same on 8 processes\n\ncommands:\n");
  for (const cli_command *const *command = cli_commands; *command; command++) {
    char name[CLI_OPTION_TEXT];
    snprintf(name, sizeof name, "  %s", (*command)->name);
    print_two(name, (*command)->summary, strlen((*command)->summary), COMMAND_COLUMN);
  }
  print_two("  help", help, strlen(help), COMMAND_COLUMN);
  print_two("  --self-test", cli_self_test.summary, strlen(cli_self_test.summary), COMMAND_COLUMN);
  print_two("  --version", version, strlen(version), COMMAND_COLUMN);
  printf("\nfirst steps:\n"
         "  dnmf import ratings.csv -o ratings.h5\n"
         "  dnmf fit ratings.h5 -o model.h5 -k 20\n"
         "  dnmf info model.h5\n");
}
