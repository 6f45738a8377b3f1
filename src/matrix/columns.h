/*
 * Whole columns of a matrix whose processes hold whole rows: a second copy of A, for updates of H that need all of a
 * column at once.
 *
 * Process r owns part r of an even split of the columns, as it does of the rows of H on a grid of one column. On one
 * process the columns are the block itself. Otherwise dense columns are rows x own columns, row-major, in the type of
 * the block's values; sparse ones are compressed, an index being a place in the list of the rows with entries here,
 * which are the only rows of W that are fetched.
 */
#ifndef DNMF_COLUMNS_H
#define DNMF_COLUMNS_H

#include "matrix/fetch.h"
#include "matrix/matrix.h"

typedef struct dnmf_columns {
  dnmf_range owned;
  const void *dense;   /* NULL when sparse */
  dnmf_csr entries;    /* sparse: a row for each owned column */
  int64_t needed_rows; /* rows of W that are needed here: all of them when dense */
  bool fetched;        /* they come from other processes, too, by: */
  dnmf_fetch fetch;
  void *copy;  /* owned: of `dense` */
  bool shared; /* `entries` are the block's */
} dnmf_columns;

/* From blocks of whole rows, by an even split, which must not change while the columns are used. A sparse block is held
 * by columns too. Released with dnmf_columns_free, also after a failure. collective */
dnmf_status dnmf_columns_create(dnmf_context *context, const dnmf_matrix *a, dnmf_columns *columns);
void dnmf_columns_free(dnmf_columns *columns); /* local; accepts zeroed columns */

/* rows (needed_rows rows) = the rows of W needed here, from those owned; without `fetched` there is nothing to bring.
 * collective */
dnmf_status dnmf_columns_gather(dnmf_context *context, const dnmf_columns *columns, const dnmf_panel *mine,
                                dnmf_panel *rows);

/* Bytes of the copy in a process of `processes` that owns so many columns of `rows` rows with so many entries, at most.
 * local */
double dnmf_columns_bytes(bool sparse, dnmf_number number, int processes, int64_t rows, int64_t cols, double stored);

#endif
