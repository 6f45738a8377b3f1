/*
 * Names for what is shown of a model: the ids of a description's columns or rows, and labels for ids.
 */
#ifndef DNMF_API_LABELS_H
#define DNMF_API_LABELS_H

#include "model/describe.h"

/* names, on process 0: a text for each of `texts`, which process 0 holds: the label that `path` has for the id, or the
 * id itself. `columns`: "ID,LABEL", as dnmf_labels_read. Warns when the file names none of them, which are the ids
 * `whose`. Released with dnmf_ids_free. collective */
dnmf_status dnmf_labels_name(dnmf_context *context, const char *path, const char *columns, const char *whose,
                             const dnmf_ids *texts, dnmf_ids *names);

/* names, on process 0: the ids of all entries of a description by what `ids` name, unused places included: they name
 * whatever they hold. Released with dnmf_ids_free, also after a failure. collective */
dnmf_status dnmf_description_name(dnmf_context *context, const dnmf_ids *ids, const dnmf_description *description,
                                  dnmf_ids *names);

#endif
