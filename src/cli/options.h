/*
 * Command lines as tables: one row an option, parsed with getopt_long into the command's own options struct.
 * The same rows print the help (help.h), the man pages and completion (pages/), and find the nearest name of a misspelt
 * option.
 */
#ifndef DNMF_CLI_OPTIONS_H
#define DNMF_CLI_OPTIONS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum cli_kind {
  CLI_FLAG,   /* bool */
  CLI_INT,    /* int64_t within [low, high] */
  CLI_REAL,   /* double within [low, high] */
  CLI_TIME,   /* double: seconds within [low, high], given as 90, 90s, 10min, 2h or 00:10:00 */
  CLI_SIZE,   /* int64_t: bytes within [low, high], given with or without a unit: 512MB, 4GiB */
  CLI_TEXT,   /* const char *, pointing into argv; names no file */
  CLI_CHOICE, /* int: index into choices */
  CLI_WORD,   /* const char *: one of choices */

  /* const char * like CLI_TEXT, the name of a file. files.h checks that no output is an input or another output, so a
   * file that a command reads or writes must be of one of these kinds; tests/unit/cli/test_tables.c asks for it. */
  CLI_INPUT_FILE, /* FILE, FILE.h5:/path, file:FILE; or one of `choices` (may be NULL), or a value that is no file */
  CLI_OUTPUT_FILE,
  CLI_OUTPUT_HDF5 /* an output in HDF5, whatever its name: names of other formats are refused */
} cli_kind;

typedef struct cli_command cli_command;

typedef struct cli_option {
  const char *name; /* without the dashes */
  char letter;      /* 0: none */
  cli_kind kind;
  size_t offset;        /* of the value in the struct of the option's group */
  const char *argument; /* what the help calls the value; NULL for a flag */
  const char *help;     /* with default and unit; no ends of line: it is broken as wide as the terminal is */
  double low;
  double high;
  const char *const *choices; /* NULL-terminated */
} cli_option;

/* Options under one heading, stored in the struct at `base` of the command's options. */
typedef struct cli_group {
  const char *title;
  const cli_option *options;
  size_t count;
  size_t base;
} cli_group;

/* True for the kinds that are kept as a text. */
bool cli_is_text(cli_kind kind);

/* Option number `index` of all groups of a command, in their order; *base is that of its group. NULL behind the last.
 */
const cli_option *cli_option_at(const cli_command *command, size_t index, size_t *base);

/* The heading that this option is listed under. */
const char *cli_title_at(const cli_command *command, size_t index);

/* Reads a typed value into `value`, after the checks of the option's kind and range; a flag needs no text. Words of
 * scikit-learn's stand for ours. Messages name the option --NAME, or as its name is where that has the dash. local */
dnmf_status cli_option_set(dnmf_error *error, const cli_option *option, const char *text, void *value);

/* The options a command line names, at their places in the command's tables. */
enum { CLI_MOST_OPTIONS = 96 };
typedef struct cli_given {
  const char *names[CLI_MOST_OPTIONS]; /* without the dashes; NULL: not named */
  bool by_letter[CLI_MOST_OPTIONS];    /* named by its letter */
} cli_given;

/* True when `name` was given. local */
bool cli_is_given(const cli_given *given, const char *name);
bool cli_is_given_by_letter(const cli_given *given, const char *name); /* local */

/* Fails when an option of `names` (NULL-terminated) was given: it has no use here, and why. local */
dnmf_status cli_refuse_given(dnmf_error *error, const cli_given *given, const char *const *names, const char *why);

typedef struct cli_session cli_session;

/* Options of another command, told under a heading of their own behind all groups. The values lie where that command
 * has them: the options struct of the command that borrows begins with that command's. */
typedef struct cli_borrowed {
  const char *title;
  const cli_command *from;
  const char *const *names; /* NULL-terminated */
} cli_borrowed;

/* The arguments of a command that are not options name files it reads. */
struct cli_command {
  const char *name;
  const char *summary; /* one line, for the list of commands */
  const char *usage;   /* what follows the name */
  const char *details; /* paragraphs, items and examples (prose.h), for the command's own help */
  int min_arguments;
  int max_arguments;
  const cli_group *groups;
  size_t group_count;
  const cli_borrowed *borrowed; /* NULL: none */
  size_t options_size;
  const void *defaults; /* options_size bytes */
  const void *meant;    /* likewise: what defaults that say "not given" come to; NULL: the defaults themselves */
  dnmf_status (*run)(cli_session *session, const void *options, char **arguments, int argument_count);
};

/* Fills `options` (starting from the defaults), notes in `given` which were named, and moves the arguments that are
 * not options to the end of argv, from *first on. *help is set when --help was given. */
dnmf_status cli_parse(dnmf_error *error, const cli_command *command, int argc, char **argv, void *options,
                      cli_given *given, int *first, bool *help);

/* The entry of `names` (NULL-terminated) nearest to `word`, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *names);

#endif
