/*
 * Variables of MATLAB's files of version 7.3.
 */
#ifndef DNMF_STORE_HDF5_MATLAB_H
#define DNMF_STORE_HDF5_MATLAB_H

#include "store/hdf5/hdf5_place.h"

/* MATLAB's class of the variable `name` ("double", "char", "cell", ...), which the caller frees; NULL when the object
 * is not MATLAB's. local */
dnmf_status dnmf_matlab_class(dnmf_error *error, hid_t file, const char *name, char **class);

/* Fails unless a variable of that class holds a matrix of numbers. local */
dnmf_status dnmf_matlab_check(dnmf_error *error, const char *path, hid_t file, const char *name, const char *class);

/* The rows of a sparse variable; false when `name` is none. local */
bool dnmf_matlab_sparse_rows(hid_t file, const char *name, int64_t *rows);

#endif
