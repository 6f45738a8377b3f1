/*
 * What is made of the tables of options at build time: man pages, and completion for bash, zsh and fish. Not part of
 * the program: make_pages.c is a program of its own, which the build runs. All functions are local.
 */
#ifndef DNMF_CLI_PAGES_H
#define DNMF_CLI_PAGES_H

#include "cli/options.h"

/* A section of a man page, its text as in cli_command's details. */
typedef struct page_section {
  const char *title;
  const char *text;
} page_section;

extern const page_section page_of_program[]; /* until one without a title */
extern const char *const page_topics[];      /* the pages of src/doc in section 7, as troff spells them; until NULL */

void pages_print_program(FILE *stream);                             /* dnmf(1) */
void pages_print_command(FILE *stream, const cli_command *command); /* dnmf-COMMAND(1) */

void pages_print_bash(FILE *stream);
void pages_print_zsh(FILE *stream);
void pages_print_fish(FILE *stream);

/* What completion offers for an option's value: words that it may be, NULL-terminated (NULL: none), or files. */
const char *const *pages_words(const cli_option *option);
bool pages_takes_files(const cli_option *option);

/* The first words of an option's help or a command's summary, for a list of choices. */
enum { PAGES_BRIEF_TEXT = 96 };
void pages_brief(const char *text, char brief[PAGES_BRIEF_TEXT]);

#endif
