/*
 * Options that several commands have which use a model: the precision it is read in, ids given in words.
 */
#ifndef DNMF_CLI_MODEL_INPUT_H
#define DNMF_CLI_MODEL_INPUT_H

#include "session.h"

#include "matrix/ids.h"

/* --precision; the index of a choice is what dnmf_model_open takes. */
extern const char *const cli_precision_choices[];

/* The indices among `ids` of what an option names: ids parted by commas, or a file with one a line. An id that is not
 * there is an error. The same on every process; the caller frees *indices. collective */
dnmf_status cli_find_ids(cli_session *session, const char *option, const char *text, const dnmf_ids *ids, int64_t rows,
                         int64_t **indices, int64_t *count);

/* The same where an id that is not there is no error: `indices` are those of the others, and `unknown`, on process 0,
 * the texts of these (elsewhere as it was). Released with dnmf_ids_free, also after a failure. collective */
dnmf_status cli_find_known_ids(cli_session *session, const char *option, const char *text, const dnmf_ids *ids,
                               int64_t rows, int64_t **indices, int64_t *count, dnmf_ids *unknown);

#endif
