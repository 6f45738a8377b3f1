/*
 * MATLAB's files of version 7.3: HDF5 behind a block of 512 bytes.
 *
 * Every variable has the attribute MATLAB_class. A full matrix is a dataset with its dimensions reversed, since MATLAB
 * stores column by column; a sparse one is a group of data, ir (rows, from 0) and jc (starts of columns), whose
 * attribute MATLAB_sparse is the number of rows. A variable without elements is a list of its dimensions with the
 * attribute MATLAB_empty. (The layout as MATLAB writes it; the MathWorks documents only that it is HDF5.)
 */
#include "store/hdf5/hdf5_matlab.h"

#include "store/hdf5/hdf5_attribute.h"

#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_matlab_class(dnmf_error *error, hid_t file, const char *name, char **class) {
  hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  *class = NULL;
  dnmf_status status = object < 0 ? DNMF_OK : dnmf_hdf5_get_text(error, object, "MATLAB_class", class);
  dnmf_hdf5_release(object);
  return status;
}

static bool is_numeric(const char *class) {
  static const char *const classes[] = {"double", "single", "int8",   "int16",  "int32",  "int64",
                                        "uint8",  "uint16", "uint32", "uint64", "logical"};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (strcmp(class, classes[i]) == 0)
      return true;
  return false;
}

dnmf_status dnmf_matlab_check(dnmf_error *error, const char *path, hid_t file, const char *name, const char *class) {
  int64_t empty = 0;
  if (!is_numeric(class))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the variable %s of %s is of MATLAB's class %.40s; a numeric or logical matrix is needed", name,
                     path, class);
  hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  bool marked = object >= 0 && dnmf_hdf5_get_integers(object, "MATLAB_empty", 1, &empty);
  dnmf_hdf5_release(object);
  if (marked && empty)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the variable %s of %s is empty", name, path);
  return DNMF_OK;
}

bool dnmf_matlab_sparse_rows(hid_t file, const char *name, int64_t *rows) {
  char starts[DNMF_HDF5_NAME];
  dnmf_hdf5_join(starts, name, "jc");
  hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  bool sparse = object >= 0 && *starts && H5Iget_type(object) == H5I_GROUP &&
                dnmf_hdf5_get_integers(object, "MATLAB_sparse", 1, rows) && dnmf_hdf5_exists(file, starts);
  dnmf_hdf5_release(object);
  return sparse;
}
