/*
 * A command line's options as JSON, for a later job of the same command to take up.
 *
 * Only options that were given are saved; the others have their defaults in the later job too.
 */
#ifndef DNMF_CLI_OPTIONS_SAVED_H
#define DNMF_CLI_OPTIONS_SAVED_H

#include "json.h"
#include "options.h"

/* An object {name: value} of the options in `given`, without those named in `left_out` (NULL-terminated). NULL when
 * memory ran out. The caller owns it. local */
json_t *cli_options_save(const cli_command *command, const void *options, const cli_given *given,
                         const char *const *left_out);

/* Puts saved values where none were given, and marks them in `given`; they pass the checks that typed ones do. Texts
 * point into `saved`, which is changed and must live as long as the options. An option given now must have the value
 * that it had then, unless it is named in `may_change` (NULL: all are) or `left_out`; `source` names where the saved
 * ones are from. local */
dnmf_status cli_options_restore(dnmf_error *error, const cli_command *command, json_t *saved, const char *source,
                                const char *const *left_out, const char *const *may_change, void *options,
                                cli_given *given);

#endif
