/*
 * Pairs of a row and a column, as people name them, and the scores a model gives them.
 *
 * A pairs file is any delimited text that import reads, with or without a third column, which is passed over. Each
 * process holds the pairs of its share of the lines, in file order, so the processes together hold them in file
 * order too. Every distinct name is kept once a process.
 */
#ifndef DNMF_PAIRS_H
#define DNMF_PAIRS_H

#include "matrix/ids.h"
#include "store/source.h"

typedef struct dnmf_pairs {
  int64_t count;      /* held here */
  int64_t *row;       /* one a pair: its row's place in row_names */
  int64_t *col;       /* ... its column's in col_names */
  int64_t *line;      /* of the file, counted from 1 */
  dnmf_ids row_names; /* strings, range and count those of this process alone */
  dnmf_ids col_names;
} dnmf_pairs;

/* Reads `name`; of `options`, the format must be left open or triples. Released with dnmf_pairs_free, also after a
 * failure. collective */
dnmf_status dnmf_pairs_read(dnmf_context *context, const char *name, const dnmf_source_options *options,
                            dnmf_pairs *pairs);

/* One pair, given in words. local */
dnmf_status dnmf_pairs_single(dnmf_error *error, const char *row, const char *col, dnmf_pairs *pairs);

void dnmf_pairs_free(dnmf_pairs *pairs); /* local; accepts zeroed pairs */

/* Writes pairs with their scores to `path` directly (pass dnmf_output's partial name), those of which `left_out` is
 * true excepted, in the order of the file whatever the number of processes. As CSV: row,column,score. As HDF5: the
 * datasets row and col (int64 where all names of that side are integers as they would be printed, else strings) and
 * score. With `deviations`, not NULL on all processes or on none, deviation behind it. collective */
dnmf_status dnmf_scores_write_text(dnmf_context *context, const char *path, const dnmf_pairs *pairs,
                                   const double *scores, const double *deviations, const bool *left_out);
dnmf_status dnmf_scores_write_hdf5(dnmf_context *context, const char *path, const dnmf_pairs *pairs,
                                   const double *scores, const double *deviations, const bool *left_out);

#endif
