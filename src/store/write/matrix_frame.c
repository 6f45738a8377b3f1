#include "store/write/matrix_frame.h"

#include "store/hdf5/hdf5_attribute.h"
#include "store/ids/ids_file.h"

const dnmf_matrix_names *dnmf_matrix_names_of(bool anndata) {
  static const dnmf_matrix_names ours = {"/matrix",        "/matrix/data", "/matrix/indices",
                                         "/matrix/indptr", "/row_ids",     "/col_ids"};
  static const dnmf_matrix_names anndatas = {"/X", "/X/data", "/X/indices", "/X/indptr", "/obs/_index", "/var/_index"};
  return anndata ? &anndatas : &ours;
}

static dnmf_status set_kind(dnmf_error *error, hid_t object, const char *type, const char *version) {
  DNMF_TRY(dnmf_hdf5_set_text(error, object, "encoding-type", type));
  return dnmf_hdf5_set_text(error, object, "encoding-version", version);
}

/* A table of names and nothing else. */
static dnmf_status mark_table(dnmf_error *error, hid_t file, const char *table, const char *index) {
  hid_t group = H5Gopen2(file, table, H5P_DEFAULT);
  hid_t names = H5Dopen2(file, index, H5P_DEFAULT);
  dnmf_status status = set_kind(error, group, "dataframe", "0.2.0");
  if (status == DNMF_OK)
    status = dnmf_hdf5_set_text(error, group, "_index", "_index");
  if (status == DNMF_OK)
    status = dnmf_hdf5_set_no_texts(error, group, "column-order");
  if (status == DNMF_OK)
    status = set_kind(error, names, "string-array", "0.2.0");
  dnmf_hdf5_release(names);
  dnmf_hdf5_release(group);
  return status;
}

static dnmf_status mark_anndata(dnmf_error *error, hid_t file) {
  const dnmf_matrix_names *names = dnmf_matrix_names_of(true);
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = set_kind(error, root, "anndata", "0.1.0");
  dnmf_hdf5_release(root);
  DNMF_TRY(status);
  DNMF_TRY(mark_table(error, file, "/obs", names->row_ids));
  return mark_table(error, file, "/var", names->col_ids);
}

/* The names anndata expects on an element. */
static dnmf_status set_encoding(dnmf_error *error, hid_t file, const dnmf_matrix_frame *frame) {
  int64_t shape[2] = {frame->rows, frame->cols};
  hid_t object = H5Oopen(file, dnmf_matrix_names_of(frame->anndata)->matrix, H5P_DEFAULT);
  dnmf_status status =
      set_kind(error, object, frame->sparse ? "csr_matrix" : "array", frame->sparse ? "0.1.0" : "0.2.0");
  if (status == DNMF_OK && frame->sparse)
    status = dnmf_hdf5_set_integers(error, object, "shape", 2, shape);
  dnmf_hdf5_release(object);
  return status;
}

dnmf_status dnmf_matrix_frame_create(dnmf_error *error, hid_t file, const dnmf_matrix_frame *frame) {
  const dnmf_matrix_names *names = dnmf_matrix_names_of(frame->anndata);
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = set_encoding(error, file, frame);
  if (status == DNMF_OK)
    status = dnmf_hdf5_set_text(error, root, "missing", dnmf_missing_name(frame->missing));
  dnmf_hdf5_release(root);
  if (status == DNMF_OK)
    status = dnmf_ids_create(error, file, names->row_ids, frame->row_ids, frame->row_width);
  if (status == DNMF_OK)
    status = dnmf_ids_create(error, file, names->col_ids, frame->col_ids, frame->col_width);
  return status == DNMF_OK && frame->anndata ? mark_anndata(error, file) : status;
}

dnmf_status dnmf_matrix_frame_measure(dnmf_context *context, dnmf_matrix_frame *frame) {
  DNMF_TRY(dnmf_ids_width(context, frame->row_ids, &frame->row_width));
  return dnmf_ids_width(context, frame->col_ids, &frame->col_width);
}

int64_t dnmf_matrix_frame_bytes(const dnmf_matrix_frame *frame) {
  return dnmf_ids_bytes(frame->row_ids, frame->row_width) + dnmf_ids_bytes(frame->col_ids, frame->col_width);
}

dnmf_status dnmf_matrix_frame_write(dnmf_context *context, hid_t file, const dnmf_matrix_frame *frame) {
  const dnmf_matrix_names *names = dnmf_matrix_names_of(frame->anndata);
  DNMF_TRY(dnmf_ids_write(context, file, names->row_ids, frame->row_ids, frame->row_width));
  return dnmf_ids_write(context, file, names->col_ids, frame->col_ids, frame->col_width);
}
