/* Arrays of the calling program as sources, one a kind: each fills what a reader fills (store/readers.h). */
#ifndef DNMF_API_DATA_SOURCE_H
#define DNMF_API_DATA_SOURCE_H

#include "dnmf.h"
#include "store/source.h"

/* Check the arrays of new data and fill in what the data know of them. collective */
dnmf_status dnmf_dense_check(dnmf_context *context, dnmf_data *data);
dnmf_status dnmf_sparse_check(dnmf_context *context, dnmf_data *data);
dnmf_status dnmf_triples_check(dnmf_context *context, dnmf_data *data);

/* Makes `source`, zeroed but for its name, one of the data. local */
void dnmf_dense_source(const dnmf_data *data, dnmf_source *source);
void dnmf_entries_source(const dnmf_data *data, dnmf_source *source);

/* A part of the matrix: this process's, as the program said. */
typedef struct dnmf_rectangle {
  int64_t first_row;
  int64_t first_col;
  int64_t rows;
  int64_t cols;
} dnmf_rectangle;

/* Those of all processes, in the order of ranks; the caller frees *all. Fails unless they cover rows x cols, each place
 * once; `what` is "block". collective */
dnmf_status dnmf_rectangles_share(dnmf_context *context, const char *what, const dnmf_rectangle *mine, int64_t rows,
                                  int64_t cols, dnmf_rectangle **all);

#endif
