/*
 * Help on standard output, broken at the width of the terminal. All functions are local.
 */
#ifndef DNMF_CLI_HELP_H
#define DNMF_CLI_HELP_H

#include "options.h"

/* The program's help: its commands, and how to begin. */
void cli_print_overview(void);

/* A command's help. */
void cli_print_help(const cli_command *command);

/* "-k, --components K", with `indent` blanks before it, and as many as the letter takes where there is none. */
enum { CLI_OPTION_TEXT = 96 };
void cli_option_text(const cli_option *option, int indent, char text[CLI_OPTION_TEXT]);

#endif
