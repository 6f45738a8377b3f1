/*
 * A matrix on a grid, as commands need it: the grid, the layout over it, and this process's block.
 */
#ifndef DNMF_CLI_LOAD_H
#define DNMF_CLI_LOAD_H

#include "session.h"

#include "comm/grid.h"

typedef struct cli_matrix {
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix matrix;
} cli_matrix;

/* The grid and its even layout, without data. collective */
dnmf_status cli_lay_out(cli_session *session, int grid_rows, int grid_cols, int64_t rows, int64_t cols,
                        cli_matrix *loaded);

/* Which data an open source holds, unless --quiet. local */
void cli_say_source(cli_session *session, const dnmf_source *source);

/* Opens `name` and tells which data it found, unless --quiet. collective */
dnmf_status cli_open(cli_session *session, const char *name, const cli_input *input, dnmf_source *source);

/* `input` for commands that are about entries, and have no option of their own for what is not stored: a cell without a
 * value is no entry. local */
cli_input cli_input_of_entries(const cli_input *input);

/* Tells what else is to be known of the file, a line each, with `before` in front. local */
void cli_say_note(cli_session *session, const char *before, const dnmf_source *source);

/* Opens and loads a matrix by whole rows, a block a process in rank order, a sparse one without by_cols. `source` stays
 * open for its ids and names. Both are released also after a failure. collective */
dnmf_status cli_load_rows(cli_session *session, const char *name, const cli_input *input, dnmf_source *source,
                          cli_matrix *loaded);

void cli_matrix_free(cli_matrix *loaded); /* collective; accepts a zeroed one */

#endif
