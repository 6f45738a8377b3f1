/*
 * The entries of another file in the rows and columns of a model or a matrix: held-out ratings, a test set, what
 * rows have seen, new rows.
 *
 * Any file that holds a matrix will do. Its rows and columns are found by their ids, the n-th of a name as the n-th of
 * that name; a file without ids of its own is matched by position, which needs the same number of rows (columns), or no
 * ids on either side.
 */
#ifndef DNMF_MATCH_H
#define DNMF_MATCH_H

#include "store/source.h"

/* What entries are matched against. */
typedef struct dnmf_target {
  const char *name; /* for messages */
  int64_t rows;
  int64_t cols;
  const dnmf_ids *row_ids; /* NULL: only columns are matched, rows keep the file's numbers */
  const dnmf_ids *col_ids;
} dnmf_target;

typedef struct dnmf_matched {
  /* This process's entries: whole rows of the file, and these in order, also from process to process. */
  int64_t count;
  dnmf_entry *items; /* row and col are the target's, -1 where it has none */
  int64_t *file_row; /* the row of the file, ascending */

  /* The same on every process. */
  bool same;            /* the file has the target's rows and columns, all in the target's order */
  int64_t total;        /* entries of all processes */
  int64_t unknown_rows; /* of the file, not in the target */
  int64_t unknown_cols;
  int64_t unknown_entries;  /* in such a row or column */
  char unknown_example[80]; /* "row id x" or "column id x": the first there is; empty when there is none */
} dnmf_matched;

/* Matches `matrix`, which `source` loaded by whole rows: the entries that a sparse one stores, those of a dense one
 * that are not zero. Warns where names stand for several rows or columns in lists that are not the same. Released
 * with dnmf_matched_free, also after a failure. collective */
dnmf_status dnmf_match(dnmf_context *context, const dnmf_source *source, const dnmf_matrix *matrix,
                       const dnmf_target *target, dnmf_matched *matched);

/* What became of the ids of one side of a file. */
typedef struct dnmf_found {
  int64_t count;
  int64_t unknown;  /* of those, not in the target */
  char example[64]; /* the first of the unknown; empty: there is none */
} dnmf_found;

/* From each process's to those of all, the same on every process. collective */
dnmf_status dnmf_found_total(dnmf_context *context, dnmf_found *found);

/* Warns, where at most a hundredth of the row (column) ids of `file` were found in the target, that they may be written
 * otherwise, with one id of each. dnmf_match does so by itself. collective */
dnmf_status dnmf_warn_unlike(dnmf_context *context, const dnmf_target *target, const char *file, bool rows,
                             const dnmf_found *found);

/* Moves the entries out that have a row and a column of the target; `matched` keeps the counts. local */
void dnmf_matched_take(dnmf_matched *matched, dnmf_entries *entries);

void dnmf_matched_free(dnmf_matched *matched); /* local; accepts a zeroed one */

#endif
