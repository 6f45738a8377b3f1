/*
 * Sparse matrices as SciPy saves them (scipy.sparse.save_npz): the members data, indices and indptr of a csr or csc
 * matrix, or data, row and col of a coo matrix.
 */
#ifndef DNMF_STORE_NPZ_SPARSE_H
#define DNMF_STORE_NPZ_SPARSE_H

#include "matrix/matrix.h"
#include "store/numpy/array.h"

/* What one process reads of it. A line is a row, or a column of a csc matrix. */
typedef struct dnmf_npz_entries {
  const char *path;
  bool listed;     /* coo: an index each way for every entry; else starts of lines */
  bool by_columns; /* csc */
  int64_t rows;
  int64_t cols;
  int64_t stored;
  dnmf_array data;
  dnmf_array index;   /* within the line; of a coo matrix the row */
  dnmf_array pointer; /* starts of lines; of a coo matrix the column */
  dnmf_range share;   /* of the stored entries, still to be read */
  int64_t line;       /* its end is `line_end` */
  int64_t line_end;
  dnmf_range ends; /* of lines, whose ends are in `end` */
  int64_t *end;    /* buffers of a batch */
  int64_t *indices;
  double *values;
} dnmf_npz_entries;

/* Opens the members of a "csr", "csc" or "coo" matrix; path, rows and cols are filled in already. Checks that they fit
 * each other. Released with dnmf_npz_entries_free, also after a failure. local */
dnmf_status dnmf_npz_entries_open(dnmf_error *error, struct zip *archive, const char *format,
                                  dnmf_npz_entries *entries);
void dnmf_npz_entries_free(dnmf_npz_entries *entries); /* accepts DNMF_NPZ_ENTRIES_NONE */

/* True when one of the members can be read only from its beginning. local */
bool dnmf_npz_is_sequential(const dnmf_npz_entries *entries);

/* Reads all starts of lines, which must go from 0 to the number of entries without a step back; afterwards the members
 * must be opened again. local */
dnmf_status dnmf_npz_check_starts(dnmf_error *error, dnmf_npz_entries *entries);

/* As dnmf_next_entries, `entries` a dnmf_npz_entries whose share is set. local */
dnmf_status dnmf_npz_next(dnmf_error *error, void *entries, dnmf_entry *batch, int64_t limit, int64_t *count);

#endif
