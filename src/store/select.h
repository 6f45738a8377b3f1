/* Selecting rows and columns of an open source. */
#ifndef DNMF_STORE_SELECT_H
#define DNMF_STORE_SELECT_H

#include "store/source_load.h"

/* Leaves what `options` ask for: shape and ids of the source become the selection's. Fails when nothing is left. A
 * source that does not select while it is loaded, and any source for minimum counts, is loaded here and held until
 * it is asked for. collective */
dnmf_status dnmf_source_select(dnmf_context *context, const dnmf_select_options *options, dnmf_source *source);

/* *matrix = the source's, by whole rows in rank order and double precision (a dense one in the source's narrow type),
 * not finished; the caller frees it with dnmf_matrix_free and free, or lets the source hold it. collective */
dnmf_status dnmf_source_load_rows(dnmf_context *context, dnmf_source *source, dnmf_matrix **matrix);

/* What the source read from is closed; `matrix`, which dnmf_source_load_rows made, takes its place as source->state,
 * and is the source's. local */
void dnmf_source_hold(dnmf_source *source, dnmf_matrix *matrix);

/* Drops rows and columns with too few entries from the selection of `matrix`, which lies by whole rows in rank order,
 * until there are none. collective */
dnmf_status dnmf_select_counts(dnmf_context *context, const dnmf_matrix *matrix, int64_t min_row_count,
                               int64_t min_col_count, dnmf_selection *selection);

#endif
