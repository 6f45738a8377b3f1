/* The conventions of other programs for sparse groups: AnnData, h5sparse, 10x Genomics, MATLAB. */
#include "store/hdf5/hdf5_layouts.h"

#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_matlab.h"
#include "store/hdf5/hdf5_slab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has(hid_t file, const char *folder, const char *name) {
  char joined[DNMF_HDF5_NAME];
  dnmf_hdf5_join(joined, folder, name);
  return *joined && dnmf_hdf5_exists(file, joined);
}

bool dnmf_hdf5_is_sparse(hid_t place, const char *name) {
  int64_t rows = 0;
  return (has(place, name, "data") && has(place, name, "indices") && has(place, name, "indptr")) ||
         dnmf_matlab_sparse_rows(place, name, &rows);
}

static dnmf_status describe_part(dnmf_error *error, const char *path, hid_t file, const char *name, bool whole,
                                 dnmf_hdf5_shape *shape) {
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, shape));
  if (shape->rank != 1 || !shape->numeric || (whole && !shape->whole))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the dataset %s of %s must be a list of %snumbers; it is %s", name, path,
                     whole ? "whole " : "", shape->text);
  return DNMF_OK;
}

/* The two extents from a `shape` dataset, as 10x Genomics writes it. */
static bool read_shape_dataset(hid_t file, const dnmf_hdf5_place *place, int64_t *extent) {
  char name[DNMF_HDF5_NAME];
  dnmf_hdf5_shape shape;
  dnmf_error ignored = {0};
  dnmf_hdf5_join(name, place->name, "shape");
  if (!dnmf_hdf5_exists(file, name) || dnmf_hdf5_describe(&ignored, file, name, &shape) != DNMF_OK || shape.rank != 1 ||
      shape.extent[0] != 2 || !shape.whole)
    return false;
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  bool read = dataset >= 0 && H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, extent) >= 0;
  dnmf_hdf5_release(dataset);
  return read;
}

/* Shape and order; *known is false when the group says neither. */
static dnmf_status read_encoding(dnmf_error *error, hid_t file, dnmf_hdf5_place *place, bool *known) {
  int64_t extent[2] = {0, 0};
  char *encoding = NULL;
  hid_t group = H5Gopen2(file, place->name, H5P_DEFAULT);
  dnmf_status status = dnmf_hdf5_get_text(error, group, "encoding-type", &encoding);
  if (status == DNMF_OK && !encoding)
    status = dnmf_hdf5_get_text(error, group, "h5sparse_format", &encoding);
  *known =
      dnmf_hdf5_get_integers(group, "shape", 2, extent) || dnmf_hdf5_get_integers(group, "h5sparse_shape", 2, extent);
  dnmf_hdf5_release(group);
  if (*known && encoding) {
    place->by_columns = strncmp(encoding, "csc", 3) == 0;
    *known = place->by_columns || strncmp(encoding, "csr", 3) == 0;
  } else {
    *known = read_shape_dataset(file, place, extent);
    place->by_columns = true;
  }
  free(encoding);
  place->rows = extent[0];
  place->cols = extent[1];
  return status;
}

/* MATLAB's: its columns are known from jc, and without any entry there is nothing but jc. */
static dnmf_status describe_matlab(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place,
                                   bool *empty) {
  dnmf_hdf5_shape jc;
  char *class = NULL;
  dnmf_status status = dnmf_matlab_class(error, file, place->name, &class);
  if (class)
    status = dnmf_matlab_check(error, path, file, place->name, class);
  free(class);
  DNMF_TRY(status);
  dnmf_hdf5_join(place->indices, place->name, "ir");
  dnmf_hdf5_join(place->indptr, place->name, "jc");
  DNMF_TRY(describe_part(error, path, file, place->indptr, true, &jc));
  place->by_columns = true;
  place->cols = jc.extent[0] - 1;
  *empty = !has(file, place->name, "data") && !has(file, place->name, "ir");
  return DNMF_OK;
}

/* Names of the lists, order and shape. */
static dnmf_status describe_group(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place,
                                  bool *empty) {
  bool known = false;
  *empty = false;
  place->sparse = true;
  dnmf_hdf5_join(place->data, place->name, "data");
  if (dnmf_matlab_sparse_rows(file, place->name, &place->rows))
    return describe_matlab(error, path, file, place, empty);
  dnmf_hdf5_join(place->indices, place->name, "indices");
  dnmf_hdf5_join(place->indptr, place->name, "indptr");
  DNMF_TRY(read_encoding(error, file, place, &known));
  if (known)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the sparse group %s of %s says neither its order nor its shape: it needs the attributes "
                   "encoding-type (csr_matrix or csc_matrix) and shape",
                   place->name, path);
}

dnmf_status dnmf_hdf5_describe_sparse(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  dnmf_hdf5_shape data = {.type = "float64"};
  dnmf_hdf5_shape indices = {0};
  dnmf_hdf5_shape indptr;
  bool empty = false;
  DNMF_TRY(describe_group(error, path, file, place, &empty));
  if (place->rows < 0 || place->cols < 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the shape of %s of %s is negative", place->name, path);
  if (!empty) {
    DNMF_TRY(describe_part(error, path, file, place->data, false, &data));
    DNMF_TRY(describe_part(error, path, file, place->indices, true, &indices));
  }
  DNMF_TRY(describe_part(error, path, file, place->indptr, true, &indptr));
  if (data.extent[0] != indices.extent[0])
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the sparse group %s of %s is inconsistent: data has %" PRId64 " items, indices %" PRId64,
                     place->name, path, data.extent[0], indices.extent[0]);
  int64_t lines = place->by_columns ? place->cols : place->rows;
  if (indptr.extent[0] - 1 != lines)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the sparse group %s of %s is inconsistent: indptr has %" PRId64 " items, but a %s matrix of "
                     "%" PRId64 " x %" PRId64 " needs %" PRIu64,
                     place->name, path, indptr.extent[0], place->by_columns ? "csc" : "csr", place->rows, place->cols,
                     (uint64_t)lines + 1);
  place->stored = data.extent[0];
  snprintf(place->type, sizeof place->type, "%s", data.type);
  place->narrow = data.narrow;
  return DNMF_OK;
}
