/*
 * A file as the data of a command (api/data.h).
 */
#ifndef DNMF_CLI_LOAD_H
#define DNMF_CLI_LOAD_H

#include "session.h"

#include "api/data.h"

/* The file `name`; which data were found is told each time it is opened, unless --quiet. Destroyed with
 * dnmf_data_destroy. collective */
dnmf_status cli_data(cli_session *session, const char *name, const cli_input *input, dnmf_data **data);

/* Opens such data. Released with dnmf_source_close, also after a failure. collective */
dnmf_status cli_open(cli_session *session, const char *name, const cli_input *input, dnmf_data_missing missing,
                     dnmf_source *source);

/* Opens such data and loads them as dnmf_data_load_rows. collective */
dnmf_status cli_load_rows(cli_session *session, const char *name, const cli_input *input, dnmf_data_missing missing,
                          dnmf_source *source, dnmf_placed *placed);

/* *pipe = whether `name` is standard input or another pipe. collective */
dnmf_status cli_is_pipe(cli_session *session, const char *name, bool *pipe);

/* Fails where `name` is standard input or another pipe; `why` tells what reads it again. collective */
dnmf_status cli_refuse_pipe(cli_session *session, const char *name, const char *why);

/* Tells what else is to be known of the file, a line each, with `before` in front. local */
void cli_say_note(cli_session *session, const char *before, const dnmf_source *source);

#endif
