/*
 * A ranking to a file, or to the terminal and as JSON.
 */
#ifndef DNMF_CLI_RANKING_OUTPUT_H
#define DNMF_CLI_RANKING_OUTPUT_H

#include "session.h"

#include "factor/ranking.h"

/* Writes the ranking by the ending of `path`. collective */
dnmf_status cli_write_ranking(cli_session *session, const char *path, const dnmf_ranking *ranking,
                              const dnmf_ranking_names *names);

/* Prints it as a table; *lists (NULL but on process 0) is an array of {row, rank, column, score}, with observations and
 * label where there are any. collective */
dnmf_status cli_print_ranking(cli_session *session, const dnmf_ranking *ranking, const dnmf_ranking_names *names,
                              json_t **lists);

#endif
