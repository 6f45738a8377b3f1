#include "commands.h"

#include <stddef.h>

const cli_command *const cli_commands[] = {&cli_import,      &cli_generate, &cli_info,         &cli_split,
                                           &cli_fit,         &cli_tune,     &cli_transform,    &cli_predict,
                                           &cli_recommend,   &cli_evaluate, &cli_describe,     &cli_report,
                                           &cli_reconstruct, &cli_export,   &cli_plan_command, NULL};
