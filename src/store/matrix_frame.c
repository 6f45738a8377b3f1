#include "store/matrix_frame.h"

#include "store/ids_file.h"

/* The names anndata expects on an element. */
static dnmf_status set_encoding(dnmf_error *error, hid_t file, const dnmf_matrix_frame *frame) {
  int64_t shape[2] = {frame->rows, frame->cols};
  hid_t object = H5Oopen(file, "/matrix", H5P_DEFAULT);
  dnmf_status status = dnmf_hdf5_set_text(error, object, "encoding-type", frame->sparse ? "csr_matrix" : "array");
  if (status == DNMF_OK)
    status = dnmf_hdf5_set_text(error, object, "encoding-version", frame->sparse ? "0.1.0" : "0.2.0");
  if (status == DNMF_OK && frame->sparse)
    status = dnmf_hdf5_set_integers(error, object, "shape", 2, shape);
  dnmf_hdf5_release(object);
  return status;
}

dnmf_status dnmf_matrix_frame_create(dnmf_error *error, hid_t file, const dnmf_matrix_frame *frame) {
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = set_encoding(error, file, frame);
  if (status == DNMF_OK)
    status = dnmf_hdf5_set_text(error, root, "missing", dnmf_missing_name(frame->missing));
  dnmf_hdf5_release(root);
  if (status == DNMF_OK)
    status = dnmf_ids_create(error, file, "/row_ids", frame->row_ids, frame->row_width);
  if (status == DNMF_OK)
    status = dnmf_ids_create(error, file, "/col_ids", frame->col_ids, frame->col_width);
  return status;
}

dnmf_status dnmf_matrix_frame_measure(dnmf_context *context, dnmf_matrix_frame *frame) {
  DNMF_TRY(dnmf_ids_width(context, frame->row_ids, &frame->row_width));
  return dnmf_ids_width(context, frame->col_ids, &frame->col_width);
}

int64_t dnmf_matrix_frame_bytes(const dnmf_matrix_frame *frame) {
  return dnmf_ids_bytes(frame->row_ids, frame->row_width) + dnmf_ids_bytes(frame->col_ids, frame->col_width);
}

dnmf_status dnmf_matrix_frame_write(dnmf_context *context, hid_t file, const dnmf_matrix_frame *frame) {
  DNMF_TRY(dnmf_ids_write(context, file, "/row_ids", frame->row_ids, frame->row_width));
  return dnmf_ids_write(context, file, "/col_ids", frame->col_ids, frame->col_width);
}
