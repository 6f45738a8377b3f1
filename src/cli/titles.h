/*
 * Titles: what people call the columns (or rows) that ids name, from --labels.
 */
#ifndef DNMF_CLI_TITLES_H
#define DNMF_CLI_TITLES_H

#include "session.h"

#include "matrix/ids.h"

/* names, on process 0: a text for each of `texts`, which process 0 holds: the label that `path` has for the id, or the
 * id itself. Warns when the file names none of them, which are the ids `whose`. Released with dnmf_ids_free. collective
 */
dnmf_status cli_read_labels(cli_session *session, const char *path, const char *columns, const char *whose,
                            const dnmf_ids *texts, dnmf_ids *names);

/* titles = a text for each of the `count` things that `ids` name, held by process 0: the label that `path` has for the
 * id, or the id itself. `columns`: "ID,LABEL", as dnmf_labels_read. Warns when the file names none of them. Released
 * with dnmf_ids_free, also after a failure. collective */
dnmf_status cli_read_titles(cli_session *session, const char *path, const char *columns, const dnmf_ids *ids,
                            int64_t count, dnmf_ids *titles);

#endif
