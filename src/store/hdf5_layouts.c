/* The conventions of other programs for sparse groups and ids: AnnData, h5sparse, 10x Genomics. */
#include "store/hdf5_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `folder`/`name`, without a double slash; empty when it does not fit. */
static void join(char *joined, const char *folder, const char *name) {
  int length = snprintf(joined, DNMF_HDF5_NAME, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
  if (length >= DNMF_HDF5_NAME)
    *joined = 0;
}

static bool has(hid_t file, const char *folder, const char *name) {
  char joined[DNMF_HDF5_NAME];
  join(joined, folder, name);
  return *joined && dnmf_hdf5_exists(file, joined);
}

bool dnmf_hdf5_is_sparse(hid_t file, const char *name) {
  return has(file, name, "data") && has(file, name, "indices") && has(file, name, "indptr");
}

static dnmf_status describe_part(dnmf_error *error, const char *path, hid_t file, const dnmf_hdf5_place *place,
                                 const char *part, dnmf_hdf5_shape *shape) {
  char name[DNMF_HDF5_NAME];
  join(name, place->name, part);
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, shape));
  if (shape->rank != 1 || !shape->numeric)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the dataset %s of %s must be a list of numbers; it is %s", name, path,
                     shape->text);
  return DNMF_OK;
}

/* The two extents from a `shape` dataset, as 10x Genomics writes it. */
static bool read_shape_dataset(hid_t file, const dnmf_hdf5_place *place, int64_t *extent) {
  char name[DNMF_HDF5_NAME];
  dnmf_hdf5_shape shape;
  dnmf_error ignored = {0};
  join(name, place->name, "shape");
  if (!dnmf_hdf5_exists(file, name) || dnmf_hdf5_describe(&ignored, file, name, &shape) != DNMF_OK || shape.rank != 1 ||
      shape.extent[0] != 2 || !shape.numeric)
    return false;
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  bool read = dataset >= 0 && H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, extent) >= 0;
  dnmf_hdf5_release(dataset);
  return read;
}

/* Shape and order; false when the group says neither. */
static bool read_encoding(hid_t file, dnmf_hdf5_place *place) {
  int64_t extent[2] = {0, 0};
  hid_t group = H5Gopen2(file, place->name, H5P_DEFAULT);
  char *encoding = dnmf_hdf5_get_text(group, "encoding-type");
  if (!encoding)
    encoding = dnmf_hdf5_get_text(group, "h5sparse_format");
  bool known =
      dnmf_hdf5_get_integers(group, "shape", 2, extent) || dnmf_hdf5_get_integers(group, "h5sparse_shape", 2, extent);
  dnmf_hdf5_release(group);
  if (known && encoding) {
    place->by_columns = strncmp(encoding, "csc", 3) == 0;
    known = place->by_columns || strncmp(encoding, "csr", 3) == 0;
  } else {
    known = read_shape_dataset(file, place, extent);
    place->by_columns = true;
  }
  free(encoding);
  place->rows = extent[0];
  place->cols = extent[1];
  return known;
}

dnmf_status dnmf_hdf5_describe_sparse(dnmf_error *error, const char *path, hid_t file, dnmf_hdf5_place *place) {
  dnmf_hdf5_shape data, indices, indptr;
  place->sparse = true;
  if (!read_encoding(file, place))
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the sparse group %s of %s says neither its order nor its shape: it needs the attributes "
                     "encoding-type (csr_matrix or csc_matrix) and shape",
                     place->name, path);
  if (place->rows < 0 || place->cols < 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "the shape of %s of %s is negative", place->name, path);
  DNMF_TRY(describe_part(error, path, file, place, "data", &data));
  DNMF_TRY(describe_part(error, path, file, place, "indices", &indices));
  DNMF_TRY(describe_part(error, path, file, place, "indptr", &indptr));
  if (data.extent[0] != indices.extent[0])
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the sparse group %s of %s is inconsistent: data has %" PRId64 " items, indices %" PRId64,
                     place->name, path, data.extent[0], indices.extent[0]);
  int64_t lines = place->by_columns ? place->cols : place->rows;
  if (indptr.extent[0] != lines + 1)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the sparse group %s of %s is inconsistent: indptr has %" PRId64 " items, but a %s matrix of "
                     "%" PRId64 " x %" PRId64 " needs %" PRId64,
                     place->name, path, indptr.extent[0], place->by_columns ? "csc" : "csr", place->rows, place->cols,
                     lines + 1);
  place->stored = data.extent[0];
  snprintf(place->type, sizeof place->type, "%s", data.type);
  return DNMF_OK;
}

/* The dataset that an AnnData frame calls its index. */
static void find_index(hid_t file, const char *frame, char *ids) {
  *ids = 0;
  if (!dnmf_hdf5_exists(file, frame))
    return;
  hid_t group = H5Gopen2(file, frame, H5P_DEFAULT);
  char *index = group < 0 ? NULL : dnmf_hdf5_get_text(group, "_index");
  dnmf_hdf5_release(group);
  if (index && has(file, frame, index))
    join(ids, frame, index);
  free(index);
}

static void find_beside(hid_t file, const char *folder, const char *name, char *ids) {
  if (!*ids && has(file, folder, name))
    join(ids, folder, name);
}

void dnmf_hdf5_find_ids(hid_t file, dnmf_hdf5_place *place) {
  char folder[DNMF_HDF5_NAME];
  snprintf(folder, sizeof folder, "%s", place->name);
  char *slash = strrchr(folder, '/');
  slash[slash == folder ? 1 : 0] = 0;
  find_beside(file, folder, "row_ids", place->row_ids);
  find_beside(file, folder, "col_ids", place->col_ids);
  if (*place->row_ids || *place->col_ids)
    return;
  bool main_matrix = strcmp(place->name, "/X") == 0 || strncmp(place->name, "/layers/", 8) == 0;
  bool raw = strcmp(place->name, "/raw/X") == 0;
  if (main_matrix || raw) {
    find_index(file, "/obs", place->row_ids);
    find_index(file, raw ? "/raw/var" : "/var", place->col_ids);
  }
  if (place->sparse && has(file, place->name, "barcodes")) {
    find_beside(file, place->name, "features/id", place->row_ids);
    find_beside(file, place->name, "genes", place->row_ids);
    find_beside(file, place->name, "barcodes", place->col_ids);
  }
}
