/* What every matrix file of ours has besides its values. */
#ifndef DNMF_STORE_MATRIX_FRAME_H
#define DNMF_STORE_MATRIX_FRAME_H

#include "matrix/ids.h"
#include "matrix/matrix.h"
#include "store/hdf5/hdf5_base.h"

/* Where things are in the file. */
typedef struct dnmf_matrix_names {
  const char *matrix;
  const char *data; /* the three lists of a sparse one */
  const char *indices;
  const char *indptr;
  const char *row_ids;
  const char *col_ids;
} dnmf_matrix_names;

/* In a matrix file of ours, or in an AnnData file. local */
const dnmf_matrix_names *dnmf_matrix_names_of(bool anndata);

typedef struct dnmf_matrix_frame {
  bool anndata; /* an AnnData file: rows are its observations, and all are named */
  int64_t rows;
  int64_t cols;
  bool sparse;
  dnmf_missing missing;
  const dnmf_ids *row_ids; /* kind NONE: there are none */
  const dnmf_ids *col_ids;
  int64_t row_width; /* of dnmf_ids_width */
  int64_t col_width;
} dnmf_matrix_frame;

/* The names that anndata expects on /matrix, the attribute `missing`, and the ids' datasets. local, on a file being
 * laid out alone, the matrix created */
dnmf_status dnmf_matrix_frame_create(dnmf_error *error, hid_t file, const dnmf_matrix_frame *frame);

/* The ids' widths, over all processes. collective */
dnmf_status dnmf_matrix_frame_measure(dnmf_context *context, dnmf_matrix_frame *frame);

/* What the ids take in the file. local */
int64_t dnmf_matrix_frame_bytes(const dnmf_matrix_frame *frame);

/* Writes the ids held here. local, on a file opened together */
dnmf_status dnmf_matrix_frame_write(dnmf_context *context, hid_t file, const dnmf_matrix_frame *frame);

#endif
