/*
 * Where in an HDF5 file the matrix is. Process 0 looks, with the file open alone; the answer is plain data and is
 * broadcast.
 */
#ifndef DNMF_STORE_HDF5_FIND_H
#define DNMF_STORE_HDF5_FIND_H

#include "matrix/matrix.h"
#include "store/ids/ids_file.h"

typedef struct dnmf_hdf5_place {
  char name[DNMF_HDF5_NAME]; /* of the dataset or sparse group */
  bool sparse;
  bool by_columns; /* csc: indptr over columns, indices of rows */
  bool transposed; /* dense: the dataset is cols x rows, as MATLAB stores it */
  int64_t rows;
  int64_t cols;
  int64_t stored;
  char type[32];
  dnmf_number narrow; /* of the values, as dnmf_hdf5_shape has it */
  dnmf_missing missing;
  char data[DNMF_HDF5_NAME]; /* the three lists of a sparse group */
  char indices[DNMF_HDF5_NAME];
  char indptr[DNMF_HDF5_NAME];
  dnmf_ids_place row_ids;
  dnmf_ids_place col_ids;
} dnmf_hdf5_place;

/* Finds the matrix that `inner` names, or the one there is when `inner` is NULL: /matrix, else X of an AnnData
 * file, else the only 2-D dataset or sparse group. The message says what the file does hold. local */
dnmf_status dnmf_hdf5_find(dnmf_error *error, const char *path, hid_t file, const char *inner, dnmf_hdf5_place *place);

/* True when `name`, from `place` (a file or a group, itself "."), is a group with data, indices and indptr, or a sparse
 * matrix of MATLAB's. local */
bool dnmf_hdf5_is_sparse(hid_t place, const char *name);

/* Fills shape, order, type and count of the sparse group place->name. local */
dnmf_status dnmf_hdf5_describe_sparse(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place);

/* The same for the dataset place->name. local */
dnmf_status dnmf_hdf5_describe_dense(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place);

/* Fills row_ids and col_ids: row_ids and col_ids beside the matrix, the indices of AnnData's obs and var in any of
 * its versions, or a 10x Genomics group's features and barcodes. local */
dnmf_status dnmf_hdf5_find_ids(dnmf_error *error, hid_t file, dnmf_hdf5_place *place);

/* `folder`/`name` in `joined` (DNMF_HDF5_NAME bytes), without a double slash; empty when it does not fit. local */
void dnmf_hdf5_join(char *joined, const char *folder, const char *name);

/* MATLAB's class of the variable `name` ("double", "char", "cell", ...), which the caller frees; NULL when the object
 * is not MATLAB's. local */
dnmf_status dnmf_matlab_class(dnmf_error *error, hid_t file, const char *name, char **class);

/* Fails unless a variable of that class holds a matrix of numbers. local */
dnmf_status dnmf_matlab_check(dnmf_error *error, const char *path, hid_t file, const char *name, const char *class);

/* The rows of a sparse variable; false when `name` is none. local */
bool dnmf_matlab_sparse_rows(hid_t file, const char *name, int64_t *rows);

#endif
