/*
 * New rows folded into a model, H fixed: what transform and recommend --new share.
 */
#ifndef DNMF_CLI_FOLD_IN_H
#define DNMF_CLI_FOLD_IN_H

#include "load.h"

#include "factor/model.h"
#include "model/transform.h"

typedef struct cli_fold_in {
  dnmf_source source;
  cli_matrix loaded; /* until it is matched */
  dnmf_entries entries;
  dnmf_missing missing;
  dnmf_settings settings; /* how rows are fitted */
  dnmf_transform_result result;
  int64_t unknown_cols;    /* of NEW, which the model does not have */
  int64_t dropped_entries; /* in them */
  int64_t absent_cols;     /* of the model, which NEW does not have */
  uint64_t checksum;
} cli_fold_in;

/* Reads `name` (NEW), matches its columns with those of the model (`path`) by their ids, and gives the model NEW's rows
 * and their ids instead of its own. `known`, unless NULL, = NEW's entries in the model's columns, for the caller to
 * free. Warns of what is left out. Released with cli_fold_in_free, also after a failure. collective */
dnmf_status cli_fold_rows(cli_session *session, const char *path, const char *name, const cli_input *input,
                          dnmf_model *model, dnmf_entries *known, cli_fold_in *fold);
void cli_fold_in_free(cli_fold_in *fold); /* collective; accepts a zeroed one */

#endif
