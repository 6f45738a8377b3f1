/* Completion: the commands, their options and the words that options take. */
#include "pages.h"

#include "cli/commands.h"

#include <string.h>

static const char *const program_options[][2] = {{"--help", "what there is"},
                                                 {"--version", "versions of program and libraries"},
                                                 {"--self-test", "check this installation"}};

const char *const *pages_words(const cli_option *option) {
  return option->choices;
}

bool pages_takes_files(const cli_option *option) {
  return option->kind == CLI_INPUT_FILE || option->kind == CLI_OUTPUT_FILE || option->kind == CLI_OUTPUT_HDF5;
}

void pages_brief(const char *text, char brief[PAGES_BRIEF_TEXT]) {
  size_t length = strcspn(text, ";");
  const char *aside = strstr(text, " (default");
  if (aside && aside > text && (size_t)(aside - text) < length)
    length = (size_t)(aside - text);
  const bool cut = length >= PAGES_BRIEF_TEXT - 4;
  if (cut)
    for (length = PAGES_BRIEF_TEXT - 4; length > 0 && text[length] != ' '; length--)
      ;
  snprintf(brief, PAGES_BRIEF_TEXT, "%.*s%s", (int)length, text, cut ? "..." : "");
}

/* Between single quotes of a shell; characters of `special` get a backslash before them. */
static void print_quoted(FILE *stream, const char *text, const char *quote, const char *special) {
  for (; *text; text++)
    if (*text == '\'')
      fprintf(stream, "%s", quote);
    else
      fprintf(stream, "%s%c", strchr(special, *text) ? "\\" : "", *text);
}

static void print_words(FILE *stream, const char *const *words) {
  for (size_t w = 0; words[w]; w++)
    fprintf(stream, "%s%s", w ? " " : "", words[w]);
}

static void print_commands(FILE *stream) {
  for (const cli_command *const *command = cli_commands; *command; command++)
    fprintf(stream, "%s%s", command == cli_commands ? "" : " ", (*command)->name);
}

/* --- bash ------------------------------------------------------------------------------------------------- */

static void print_bash_command(FILE *stream, const cli_command *command) {
  const cli_option *option;
  size_t base = 0;
  fprintf(stream, "    %s)\n      options=\"", command->name);
  for (size_t i = 0; (option = cli_option_at(command, i, &base)); i++)
    fprintf(stream, "--%s ", option->name);
  fprintf(stream, "--help\"\n      case $previous in\n");
  for (size_t i = 0; (option = cli_option_at(command, i, &base)); i++) {
    if (option->kind == CLI_FLAG)
      continue;
    fprintf(stream, "        ");
    if (option->letter)
      fprintf(stream, "-%c | ", option->letter);
    fprintf(stream, "--%s) value=yes words=\"", option->name);
    if (pages_words(option))
      print_words(stream, pages_words(option));
    fprintf(stream, "\" files=%s ;;\n", pages_takes_files(option) ? "yes" : "");
  }
  fprintf(stream, "      esac\n      ;;\n");
}

void pages_print_bash(FILE *stream) {
  fprintf(stream, "# Completion of dnmf(1) for bash, made from its tables of options.\n"
                  "_dnmf() {\n"
                  "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "  local options=\"\" value=\"\" words=\"\" files=\"\"\n"
                  "  COMPREPLY=()\n"
                  "  if [ \"$current\" = = ]; then\n"
                  "    current=\"\"\n"
                  "  elif [ \"$previous\" = = ]; then\n"
                  "    previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
                  "  fi\n"
                  "  if [ \"$COMP_CWORD\" -eq 1 ] || [ \"${COMP_WORDS[1]}\" = help ]; then\n"
                  "    words=\"");
  print_commands(stream);
  fprintf(stream, "\"\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n      words=\"$words help");
  for (size_t o = 0; o < sizeof program_options / sizeof *program_options; o++)
    fprintf(stream, " %s", program_options[o][0]);
  fprintf(stream, "\"\n    fi\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                  "    return\n"
                  "  fi\n"
                  "  case ${COMP_WORDS[1]} in\n");
  for (const cli_command *const *command = cli_commands; *command; command++)
    print_bash_command(stream, *command);
  fprintf(stream, "  esac\n"
                  "  if [ -z \"$value\" ] && [ \"${current:0:1}\" = - ]; then\n"
                  "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
                  "    return\n"
                  "  fi\n"
                  "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                  "  if [ -z \"$value\" ] || [ -n \"$files\" ]; then\n"
                  "    compopt -o default 2>/dev/null # the names of files where no word fits\n"
                  "  fi\n"
                  "}\n"
                  "complete -F _dnmf dnmf\n");
}

/* --- zsh -------------------------------------------------------------------------------------------------- */

/* One specification of _arguments: '(-k --components)--components=[brief]:K:action'. */
static void print_zsh_option(FILE *stream, const cli_option *option, bool letter) {
  char brief[PAGES_BRIEF_TEXT];
  const bool takes_value = option->kind != CLI_FLAG;
  pages_brief(option->help, brief);
  fprintf(stream, " \\\n        '");
  if (option->letter)
    fprintf(stream, "(-%c --%s)", option->letter, option->name);
  if (letter)
    fprintf(stream, "-%c%s", option->letter, takes_value ? "+" : "");
  else
    fprintf(stream, "--%s%s", option->name, takes_value ? "=" : "");
  fprintf(stream, "[");
  print_quoted(stream, brief, "'\\''", "[]\\");
  fprintf(stream, "]");
  if (takes_value) {
    fprintf(stream, ":");
    print_quoted(stream, option->argument ? option->argument : "value", "'\\''", ":\\");
    fprintf(stream, ":");
    if (pages_takes_files(option) && pages_words(option)) {
      fprintf(stream, " _dnmf_words_or_files ");
      print_words(stream, pages_words(option));
    } else if (pages_takes_files(option)) {
      fprintf(stream, "_files");
    } else if (pages_words(option)) {
      fprintf(stream, "(");
      print_words(stream, pages_words(option));
      fprintf(stream, ")");
    } else {
      fprintf(stream, " ");
    }
  }
  fprintf(stream, "'");
}

static void print_zsh_command(FILE *stream, const cli_command *command) {
  const cli_option *option;
  size_t base = 0;
  fprintf(stream, "    %s)\n      _arguments -s -S", command->name);
  for (size_t i = 0; (option = cli_option_at(command, i, &base)); i++) {
    if (option->letter)
      print_zsh_option(stream, option, true);
    print_zsh_option(stream, option, false);
  }
  fprintf(stream, " \\\n        '(-h --help)'{-h,--help}'[the options and examples]' \\\n        '*:file:_files'\n"
                  "      ;;\n");
}

void pages_print_zsh(FILE *stream) {
  fprintf(stream, "#compdef dnmf\n# Completion of dnmf(1) for zsh, made from its tables of options.\n"
                  "_dnmf_words_or_files() {\n  compadd -- \"$@\"\n  _files\n}\n"
                  "_dnmf() {\n  local -a commands\n  commands=(\n");
  for (const cli_command *const *command = cli_commands; *command; command++) {
    fprintf(stream, "    '%s:", (*command)->name);
    print_quoted(stream, (*command)->summary, "'\\''", ":\\");
    fprintf(stream, "'\n");
  }
  fprintf(stream, "    'help:the options and examples of a command'\n");
  for (size_t o = 0; o < sizeof program_options / sizeof *program_options; o++)
    fprintf(stream, "    '%s:%s'\n", program_options[o][0], program_options[o][1]);
  fprintf(stream, "  )\n  if (( CURRENT == 2 )) || [[ $words[2] = help ]]; then\n"
                  "    _describe command commands\n    return\n  fi\n"
                  "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n");
  for (const cli_command *const *command = cli_commands; *command; command++)
    print_zsh_command(stream, *command);
  fprintf(stream, "  esac\n}\n_dnmf \"$@\"\n");
}

/* --- fish ------------------------------------------------------------------------------------------------- */

static void print_fish_brief(FILE *stream, const char *text) {
  char brief[PAGES_BRIEF_TEXT];
  pages_brief(text, brief);
  fprintf(stream, " -d '");
  print_quoted(stream, brief, "\\'", "\\");
  fprintf(stream, "'\n");
}

static void print_fish_option(FILE *stream, const cli_command *command, const cli_option *option) {
  fprintf(stream, "complete -c dnmf -n '__fish_seen_subcommand_from %s'", command->name);
  if (option->letter)
    fprintf(stream, " -s %c", option->letter);
  fprintf(stream, " -l %s", option->name);
  if (option->kind != CLI_FLAG)
    fprintf(stream, " %s", pages_takes_files(option) ? "-r -F" : "-x");
  if (pages_words(option)) {
    fprintf(stream, " -a '");
    print_words(stream, pages_words(option));
    fprintf(stream, "'");
  }
  print_fish_brief(stream, option->help);
}

void pages_print_fish(FILE *stream) {
  const cli_option *option;
  size_t base = 0;
  fprintf(stream, "# Completion of dnmf(1) for fish, made from its tables of options.\n");
  for (size_t o = 0; o < sizeof program_options / sizeof *program_options; o++)
    fprintf(stream, "complete -c dnmf -n __fish_use_subcommand -l %s -d '%s'\n", program_options[o][0] + 2,
            program_options[o][1]);
  fprintf(stream, "complete -c dnmf -n __fish_use_subcommand -f -a help -d 'the options and examples of a command'\n"
                  "complete -c dnmf -n '__fish_seen_subcommand_from help' -f -a '");
  print_commands(stream);
  fprintf(stream, "'\n");
  for (const cli_command *const *command = cli_commands; *command; command++) {
    fprintf(stream, "complete -c dnmf -n __fish_use_subcommand -f -a %s", (*command)->name);
    print_fish_brief(stream, (*command)->summary);
  }
  for (const cli_command *const *command = cli_commands; *command; command++) {
    for (size_t i = 0; (option = cli_option_at(*command, i, &base)); i++)
      print_fish_option(stream, *command, option);
    fprintf(stream, "complete -c dnmf -n '__fish_seen_subcommand_from %s' -s h -l help -d 'the options and examples'\n",
            (*command)->name);
  }
}
