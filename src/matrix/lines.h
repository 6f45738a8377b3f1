/*
 * Whole rows or whole columns of a matrix, in the processes that own the rows of W or H: for updates that need all of
 * a line at once. "Lines" are the rows, or the columns; what crosses them are rows of the other factor.
 *
 * Where blocks hold whole lines (rows on a grid of one column, columns on a grid of one row) they are the block itself,
 * and what crosses them is that factor, gathered. Otherwise the processes of a grid row (column) send each other what
 * they own: a second copy of A, or on a grid of several rows and columns a second and a third. An index, or a place in
 * a dense line, is then one in the list of the crossing lines that are needed here, in the order of the processes that
 * own them, so that only those rows of the other factor are fetched.
 */
#ifndef DNMF_LINES_H
#define DNMF_LINES_H

#include "matrix/fetch.h"
#include "matrix/matrix.h"

typedef struct dnmf_lines {
  bool columns;      /* of A, else rows */
  int64_t count;     /* owned here */
  int64_t across;    /* of all of A */
  const void *dense; /* the values; NULL when sparse */
  bool turned;       /* dense: across x count, row-major, else count x across */
  dnmf_csr entries;  /* sparse: a row for each line */
  dnmf_csr held;     /* cells taken out, likewise, ascending, in numbers of the precision; no arrays: none */
  int64_t needed;    /* crossing lines that are needed here */
  int32_t *numbers;  /* of those, in A; NULL: all of them in their order */
  bool fetched;      /* their rows of the other factor come by: */
  dnmf_fetch fetch;
  void *copy;       /* owned: of `dense` */
  bool shares;      /* `entries` are the block's */
  bool shares_held; /* `held` is the list that was given */
} dnmf_lines;

/* Lines of blocks on a grid of grid_rows x grid_cols even ranges. `held`: cells taken out of the block, by its rows;
 * NULL: none. A sparse block is held by columns too. A, its grid and the list must not change while the lines are used.
 * Released with dnmf_lines_free, also after a failure. collective */
dnmf_status dnmf_lines_create(dnmf_context *context, const dnmf_matrix *a, const dnmf_csr *held, int grid_rows,
                              int grid_cols, bool columns, dnmf_lines *lines);
void dnmf_lines_free(dnmf_lines *lines); /* local; accepts zeroed lines */

/* rows (`needed` rows) = those of the other factor, from the owned ones; only with `fetched`. collective */
dnmf_status dnmf_lines_fetch(dnmf_context *context, const dnmf_lines *lines, const dnmf_panel *mine, dnmf_panel *rows);

/* Bytes of a copy of so many lines with so many entries, or of `across` numbers each when dense. local */
double dnmf_lines_bytes(bool sparse, dnmf_number number, int64_t count, int64_t across, double stored);

#endif
