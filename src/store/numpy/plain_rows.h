/*
 * Rows of numbers that lie in a file as they do in memory: a contiguous HDF5 dataset, a NumPy array. They are read
 * straight into place (doubles for a matrix in single precision by way of a buffer), by all threads, a part at a time
 * that stays in cache while it is looked at.
 */
#ifndef DNMF_STORE_PLAIN_ROWS_H
#define DNMF_STORE_PLAIN_ROWS_H

#include "matrix/matrix.h"
#include "store/hdf5/hdf5_slab.h"

typedef struct dnmf_plain_rows {
  const char *path;   /* not owned */
  int file;           /* descriptor, -1: there are none; whoever opened it closes it */
  int64_t offset;     /* in the file, of the first row */
  int64_t cols;       /* of a row */
  dnmf_number number; /* what the numbers are */
} dnmf_plain_rows;

static inline dnmf_plain_rows dnmf_no_plain_rows(void) {
  const dnmf_plain_rows none = {.file = -1};
  return none;
}

/* Whether numbers of a file's `type` make numbers of type `wanted`: the same, or doubles that are rounded; *number is
 * what they are. local */
bool dnmf_plain_number(hid_t type, dnmf_number wanted, dnmf_number *number);

/* Reads the block of a dense matrix, whose first row and column are those of `slab`, and looks at it if `look`. local
 */
dnmf_status dnmf_plain_rows_load(dnmf_context *context, const dnmf_plain_rows *from, const dnmf_slab *slab, bool look,
                                 dnmf_matrix *matrix);

/* The rows of a dataset of the open HDF5 file `path`, if they lie in it one after another and make numbers of type
 * `wanted`: opened with dnmf_plain_rows_close to follow; else none, which is no failure. local */
dnmf_plain_rows dnmf_plain_rows_of_hdf5(const char *path, hid_t file, const char *dataset, dnmf_number wanted);

void dnmf_plain_rows_close(dnmf_plain_rows *rows); /* local; accepts none */

#endif
