/*
 * Entries of a file in the rows and columns of a model, on the processes that own the model's rows: what rows have
 * seen, what they are held out.
 */
#ifndef DNMF_CLI_MODEL_ENTRIES_H
#define DNMF_CLI_MODEL_ENTRIES_H

#include "session.h"

#include "comm/grid.h"
#include "factor/model.h"

typedef struct cli_model_entries {
  dnmf_grid grid; /* the model's rows, a share a process */
  dnmf_layout layout;
  dnmf_matrix matrix; /* sparse; by_rows has the model's owned rows */
} cli_model_entries;

/* Places `entries`, which have the model's rows and its columns (of which there may be more: `cols`), with the owners
 * of the rows; of several at one place `duplicates` says what becomes. Consumes the entries, also on failure. Released
 * with cli_model_entries_free, also after a failure. collective */
dnmf_status cli_place_entries(cli_session *session, const dnmf_model *model, int64_t cols, dnmf_duplicates duplicates,
                              dnmf_entries *entries, cli_model_entries *placed);

/* Reads the file of `option` (--seen), matches its ids with those of the model (`model_name`), and places its entries;
 * warns of those in rows or columns that the model does not have. Released likewise. collective */
dnmf_status cli_load_model_entries(cli_session *session, const char *name, const cli_input *input,
                                   const char *model_name, const dnmf_model *model, cli_model_entries *loaded);

void cli_model_entries_free(cli_model_entries *entries); /* collective; accepts a zeroed one */

#endif
