/*
 * The entries of another file in the rows and columns of a model or a matrix: held-out ratings, a test set, what
 * rows have seen, new rows.
 *
 * Any file that holds a matrix will do. Its rows and columns are found by their ids; a file without ids of its own
 * is matched by position, which needs the same number of rows (columns), or no ids on either side.
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
  char unknown_example[64]; /* "row id x" or "column id x": the first there is; empty when there is none */
} dnmf_matched;

/* Matches `matrix`, which `source` loaded by whole rows: the entries that a sparse one stores, those of a dense one
 * that are not zero. Released with dnmf_matched_free, also after a failure. collective */
dnmf_status dnmf_match(dnmf_context *context, const dnmf_source *source, const dnmf_matrix *matrix,
                       const dnmf_target *target, dnmf_matched *matched);

/* Opens, loads and matches the file `name`. Released likewise. collective */
dnmf_status dnmf_match_source(dnmf_context *context, const char *name, const dnmf_source_options *options,
                              const dnmf_target *target, dnmf_matched *matched);

/* Moves the entries out that have a row and a column of the target; `matched` keeps the counts. local */
void dnmf_matched_take(dnmf_matched *matched, dnmf_entries *entries);

void dnmf_matched_free(dnmf_matched *matched); /* local; accepts a zeroed one */

#endif
