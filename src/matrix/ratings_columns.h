/*
 * The other view of ratings: from rows that are finished to the owners of the columns.
 */
#ifndef DNMF_RATINGS_COLUMNS_H
#define DNMF_RATINGS_COLUMNS_H

#include "matrix/matrix.h"

/* `columns`: the columns that are owned here, the columns of A as rows, their indices global rows of A, ascending; in
 * the type of the rows' values. `rows` are the finished rows of this process from `first_row` on, indices global
 * columns; process r has rows behind those of r - 1. bounds (size + 1) are set: ranges of columns with about the same
 * number of entries each. Beside both views waits at most what other processes send, 8 bytes and a value an entry, of
 * numbers in double precision half of it at a time. *columns is freed by the caller, also after a failure. collective
 */
dnmf_status dnmf_ratings_columns(dnmf_context *context, dnmf_precision precision, int64_t all_rows, int64_t first_row,
                                 const dnmf_csr *rows, int64_t *bounds, dnmf_csr *columns);

#endif
