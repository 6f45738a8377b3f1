#include "store/hdf5/dense_file.h"

#include "base/memory.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/write/matrix_frame.h"

#include <inttypes.h>
#include <stdlib.h>

struct dnmf_dense_file {
  const char *path;
  dnmf_precision precision;
  dnmf_matrix_frame frame;
  hid_t file;
};

/* Bytes of the values; false when no file can have so many. */
static bool count_bytes(const dnmf_dense_file *dense, int64_t *bytes) {
  int64_t numbers = 0;
  return !__builtin_mul_overflow(dense->frame.rows, dense->frame.cols, &numbers) &&
         !__builtin_mul_overflow(numbers, (int64_t)dnmf_precision_size(dense->precision), bytes);
}

static dnmf_status dense_file_create_datasets(dnmf_error *error, const dnmf_dense_file *dense) {
  const int64_t shape[2] = {dense->frame.rows, dense->frame.cols};
  hid_t file = -1;
  int64_t bytes = 0;
  if (!count_bytes(dense, &bytes))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%" PRId64 " x %" PRId64 " numbers are more than a file can hold",
                     shape[0], shape[1]);
  DNMF_TRY(dnmf_hdf5_create_alone(error, dense->path, bytes + dnmf_matrix_frame_bytes(&dense->frame), &file));
  hid_t type = dense->precision == DNMF_DOUBLE ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  dnmf_status status = dnmf_hdf5_create_dataset(error, file, "/matrix", type, 2, shape);
  if (status == DNMF_OK)
    status = dnmf_matrix_frame_create(error, file, &dense->frame);
  return dnmf_hdf5_close_layout(error, dense->path, file, status);
}

dnmf_status dnmf_dense_file_begin(dnmf_context *context, const char *path, int64_t rows, int64_t cols,
                                  dnmf_precision precision, const dnmf_ids *row_ids, const dnmf_ids *col_ids,
                                  dnmf_dense_file **file) {
  void *memory = NULL;
  *file = NULL;
  DNMF_TRY(dnmf_agree(context, dnmf_allocate_zero(&context->error, "an output file", 1, sizeof **file, &memory)));
  dnmf_dense_file *dense = memory;
  dense->path = path;
  dense->precision = precision;
  dense->frame = (dnmf_matrix_frame){
      .rows = rows, .cols = cols, .missing = DNMF_MISSING_ZERO, .row_ids = row_ids, .col_ids = col_ids};
  dnmf_status status = dnmf_matrix_frame_measure(context, &dense->frame);
  if (status == DNMF_OK)
    status = dnmf_agree(context, context->rank == 0 ? dense_file_create_datasets(&context->error, dense) : DNMF_OK);
  if (status == DNMF_OK)
    status = dnmf_hdf5_open(context, path, true, &dense->file);
  if (status == DNMF_OK)
    *file = dense;
  else
    free(dense);
  return status;
}

dnmf_status dnmf_dense_file_write(dnmf_context *context, dnmf_dense_file *file, dnmf_range rows, dnmf_range cols,
                                  const void *values) {
  dnmf_slab slab = {{rows.begin, cols.begin}, {dnmf_range_size(rows), dnmf_range_size(cols)}};
  return dnmf_hdf5_write(context, file->file, "/matrix", dnmf_hdf5_real(file->precision), &slab, values);
}

dnmf_status dnmf_dense_file_end(dnmf_context *context, dnmf_dense_file *file, dnmf_status status) {
  if (!file)
    return dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_matrix_frame_write(context, file->file, &file->frame);
  status = dnmf_hdf5_close(context, file->path, true, file->file, status);
  free(file);
  return status;
}
