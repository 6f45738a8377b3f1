/*
 * Where in an HDF5 file the matrix is. Process 0 looks, with the file open alone; the answer is plain data and is
 * broadcast.
 */
#ifndef DNMF_STORE_HDF5_FIND_H
#define DNMF_STORE_HDF5_FIND_H

#include "dnmf/matrix.h"
#include "store/hdf5_file.h"

typedef struct dnmf_hdf5_place {
  char name[DNMF_HDF5_NAME]; /* of the dataset or sparse group */
  bool sparse;
  bool by_columns; /* csc: indptr over columns, indices of rows */
  int64_t rows;
  int64_t cols;
  int64_t stored;
  char type[32];
  dnmf_missing missing;
  char row_ids[DNMF_HDF5_NAME]; /* their dataset; empty: none */
  char col_ids[DNMF_HDF5_NAME];
} dnmf_hdf5_place;

/* Finds the matrix that `inner` names, or the one there is when `inner` is NULL: /matrix, else X of an AnnData
 * file, else the only 2-D dataset or sparse group. The message says what the file does hold. local */
dnmf_status dnmf_hdf5_find(dnmf_error *error, const char *path, hid_t file, const char *inner, dnmf_hdf5_place *place);

/* True when `name` is a group with data, indices and indptr. local */
bool dnmf_hdf5_is_sparse(hid_t file, const char *name);

/* Fills shape, order, type and count of the sparse group place->name. local */
dnmf_status dnmf_hdf5_describe_sparse(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place);

/* Fills row_ids and col_ids: row_ids and col_ids beside the matrix, the indices of AnnData's obs and var, or a
 * 10x Genomics group's features and barcodes. local */
void dnmf_hdf5_find_ids(hid_t file, dnmf_hdf5_place *place);

#endif
