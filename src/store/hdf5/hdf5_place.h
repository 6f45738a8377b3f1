/*
 * Where in an HDF5 file a matrix and its ids are: plain data, which can be broadcast.
 */
#ifndef DNMF_STORE_HDF5_PLACE_H
#define DNMF_STORE_HDF5_PLACE_H

#include "matrix/matrix.h"
#include "store/hdf5/hdf5_packing.h"
#include "store/ids/ids_file.h"
#include "store/source.h"

typedef struct dnmf_hdf5_place {
  char name[DNMF_HDF5_NAME]; /* of the dataset or sparse group */
  bool sparse;
  bool by_columns; /* csc: indptr over columns, indices of rows */
  bool transposed; /* dense: the dataset is cols x rows, as MATLAB stores it */
  int64_t rows;
  int64_t cols;
  int64_t stored;
  char type[32];
  dnmf_number narrow;        /* of the values, as dnmf_hdf5_shape has it */
  dnmf_hdf5_packing packing; /* of a dense matrix */
  dnmf_missing missing;
  int64_t missing_cells; /* the root attribute: of a dense matrix with cells without a value, of which all others are
                            stored, zeros too; -1: it is none */
  int64_t index_base;    /* the root attribute: of the svmlight file that this was imported from; -1: it has none */
  char data[DNMF_HDF5_NAME]; /* the three lists of a sparse group */
  char indices[DNMF_HDF5_NAME];
  char indptr[DNMF_HDF5_NAME];
  dnmf_ids_place row_ids;
  dnmf_ids_place col_ids;
  dnmf_ids_place feature_types; /* of the rows (columns), where they are features: "Gene Expression", ... */
  bool has_features;            /* as in dnmf_source */
  bool features_in_cols;
  char note[DNMF_SOURCE_NOTE]; /* as source->note */
} dnmf_hdf5_place;

/* `folder`/`name` in `joined` (DNMF_HDF5_NAME bytes), without a double slash; empty when it does not fit. local */
void dnmf_hdf5_join(char *joined, const char *folder, const char *name);

#endif
