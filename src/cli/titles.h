/*
 * Titles: what people call the columns (or rows) that ids name, from --labels.
 */
#ifndef DNMF_CLI_TITLES_H
#define DNMF_CLI_TITLES_H

#include "session.h"

#include "matrix/ids.h"

/* titles = a text for each of the `count` things that `ids` name, held by process 0: the label that `path` has for the
 * id, or the id itself. `columns`: "ID,LABEL", as dnmf_labels_read. Warns when the file names none of them. Released
 * with dnmf_ids_free, also after a failure. collective */
dnmf_status cli_read_titles(cli_session *session, const char *path, const char *columns, const dnmf_ids *ids,
                            int64_t count, dnmf_ids *titles);

#endif
