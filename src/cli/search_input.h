/*
 * The JSON object of `dnmf tune --json` as what a page is made of.
 */
#ifndef DNMF_CLI_SEARCH_INPUT_H
#define DNMF_CLI_SEARCH_INPUT_H

#include "json.h"

#include "api/report_search.h"

typedef struct cli_search_input {
  json_t *root; /* texts of `search` are in it */
  dnmf_report_fact *facts;
  dnmf_report_candidate *candidates;
  double *stability;
  dnmf_report_search search;
} cli_search_input;

/* *json = whether the first character of a file that is no blank begins a JSON object; so does all that comes by a
 * pipe. local */
bool cli_is_json_file(const char *path);

/* Released with cli_search_input_free, also after a failure. local: one process reads */
dnmf_status cli_search_input_read(dnmf_error *error, const char *path, cli_search_input *input);
void cli_search_input_free(cli_search_input *input); /* accepts a zeroed one */

#endif
