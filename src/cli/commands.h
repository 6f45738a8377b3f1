/*
 * The commands, in the order the overview lists them. One file each: command_NAME.c.
 */
#ifndef DNMF_CLI_COMMANDS_H
#define DNMF_CLI_COMMANDS_H

#include "options.h"

extern const cli_command cli_import;
extern const cli_command cli_generate;
extern const cli_command cli_info;
extern const cli_command cli_split;
extern const cli_command cli_fit;
extern const cli_command cli_tune;
extern const cli_command cli_transform;
extern const cli_command cli_predict;
extern const cli_command cli_recommend;
extern const cli_command cli_evaluate;
extern const cli_command cli_describe;
extern const cli_command cli_report;
extern const cli_command cli_reconstruct;
extern const cli_command cli_export;
extern const cli_command cli_plan_command;

/* Not one of the list: it is called as an option of the program. */
extern const cli_command cli_self_test;

/* All but that, in the order above, and NULL. */
extern const cli_command *const cli_commands[];

#endif
