/* Reading the factors a fit starts from: a model's, or what somebody else wrote. */
#include "comm/collective.h"
#include "store/file.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/model/factor_file.h"

#include <inttypes.h>

/* What the file has; the same on all processes once process 0 has looked. */
typedef struct contents {
  bool w;
  bool h;
  bool bias_mean;
  bool bias_row;
  bool bias_col;
  double level;
} contents;

static dnmf_status check_start_shape(dnmf_error *error, const char *path, hid_t file, const char *name, int64_t rows,
                                     int64_t cols) {
  dnmf_hdf5_shape shape;
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, &shape));
  if (shape.rank != 2 || !shape.numeric || shape.extent[0] != rows || shape.extent[1] != cols)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: %s is %s, but this fit starts from %" PRId64 " x %" PRId64 " (%s)",
                     path, name, shape.text, rows, cols, name[1] == 'W' ? "rows x components" : "components x columns");
  return DNMF_OK;
}

static dnmf_status find_start_contents(dnmf_error *error, hid_t file, const dnmf_start_file *start, contents *has) {
  const char *path = start->path;
  *has = (contents){dnmf_hdf5_exists(file, "/W"),         dnmf_hdf5_exists(file, "/H"),
                    dnmf_hdf5_exists(file, "/bias/mean"), dnmf_hdf5_exists(file, "/bias/row"),
                    dnmf_hdf5_exists(file, "/bias/col"),  0};
  dnmf_hdf5_get_reals(file, "level", 1, &has->level);
  if (!has->w && !has->h)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is no start and not a model: it has neither /W nor /H", path);
  if (has->w)
    DNMF_TRY(check_start_shape(error, path, file, "/W", start->all_rows, start->w->components));
  if (has->h)
    DNMF_TRY(check_start_shape(error, path, file, "/H", start->h->components, start->all_cols));
  if (has->bias_mean)
    DNMF_TRY(dnmf_hdf5_check_length(error, path, file, "/bias/mean", 1));
  if (has->bias_row)
    DNMF_TRY(dnmf_hdf5_check_length(error, path, file, "/bias/row", start->all_rows));
  return has->bias_col ? dnmf_hdf5_check_length(error, path, file, "/bias/col", start->all_cols) : DNMF_OK;
}

/* collective */
static dnmf_status inspect(dnmf_context *context, const dnmf_start_file *start, contents *has) {
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    hid_t file = -1;
    dnmf_reading_begin(context, start->path, DNMF_LOOK_SECONDS);
    status = dnmf_hdf5_open_alone(&context->error, start->path, &file);
    if (status == DNMF_OK)
      status = find_start_contents(&context->error, file, start, has);
    status = dnmf_hdf5_close_alone(&context->error, start->path, file, status);
    dnmf_reading_end(context);
  }
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, has, (int64_t)sizeof *has, 0);
}

static dnmf_status read_bias(dnmf_context *context, hid_t file, const char *path, const char *name, dnmf_range range,
                             double *values) {
  dnmf_slab slab = dnmf_slab_of(range);
  DNMF_TRY(dnmf_hdf5_read(context, file, name, H5T_NATIVE_DOUBLE, &slab, values));
  return dnmf_biases_check(&context->error, path, name, range, values);
}

static dnmf_status read_biases(dnmf_context *context, hid_t file, const contents *has, dnmf_start_file *start) {
  const char *path = start->path;
  if (has->bias_mean)
    DNMF_TRY(read_bias(context, file, path, "/bias/mean", (dnmf_range){0, 1}, &start->mean));
  if (has->bias_row && start->row_bias)
    DNMF_TRY(read_bias(context, file, path, "/bias/row", start->rows, start->row_bias));
  if (has->bias_col && start->col_bias)
    DNMF_TRY(read_bias(context, file, path, "/bias/col", start->cols, start->col_bias));
  return DNMF_OK;
}

static dnmf_status read_factors(dnmf_context *context, hid_t file, const contents *has, dnmf_start_file *start) {
  if (has->w) {
    DNMF_TRY(dnmf_w_read(context, file, start->rows, start->w));
    DNMF_TRY(dnmf_factor_check(&context->error, start->path, "/W", start->rows, start->w, &start->largest_w));
  }
  if (has->h) {
    DNMF_TRY(dnmf_h_read(context, file, start->cols, start->h));
    DNMF_TRY(dnmf_factor_check(&context->error, start->path, "/H", start->cols, start->h, &start->largest_h));
  }
  return read_biases(context, file, has, start);
}

dnmf_status dnmf_start_file_read(dnmf_context *context, dnmf_start_file *start) {
  contents has = {0};
  hid_t file = -1;
  DNMF_TRY(inspect(context, start, &has));
  start->has_w = has.w;
  start->has_h = has.h;
  start->has_biases = has.bias_mean;
  start->level = has.level;
  start->mean = start->largest_w = start->largest_h = 0;
  DNMF_TRY(dnmf_hdf5_open(context, start->path, false, &file));
  DNMF_TRY(dnmf_hdf5_close(context, start->path, false, file, read_factors(context, file, &has, start)));
  double largest[2] = {start->largest_w, start->largest_h};
  DNMF_TRY(dnmf_max_doubles(context, context->comm, largest, 2));
  start->largest_w = largest[0];
  start->largest_h = largest[1];
  return DNMF_OK;
}
