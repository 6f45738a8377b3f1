/* Arrays of the calling program as sources, one a kind: each fills what a reader fills (store/readers.h). */
#ifndef DNMF_API_DATA_SOURCE_H
#define DNMF_API_DATA_SOURCE_H

#include "dnmf.h"
#include "store/source.h"

/* Check the arrays of new data and fill in what the data know of them. collective */
dnmf_status dnmf_dense_check(dnmf_context *context, dnmf_data *data);
dnmf_status dnmf_sparse_check(dnmf_context *context, dnmf_data *data);
dnmf_status dnmf_triples_check(dnmf_context *context, dnmf_data *data);

/* Where this process's rows begin when those of all are put one below the other, and how many there are. collective */
dnmf_status dnmf_rows_stack(dnmf_context *context, int64_t mine, int64_t *first, int64_t *all);

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

/* Any part of dense data, row-major; each process its own. The parts wanted are disjoint. collective */
dnmf_status dnmf_dense_fetch(dnmf_context *context, const dnmf_data *data, const dnmf_rectangle *wanted, double *out);

#endif
