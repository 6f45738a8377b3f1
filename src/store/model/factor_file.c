/* Factors to and from hyperslabs; H is transposed in pieces on the way. */
#include "store/model/factor_file.h"

#include "base/memory.h"
#include "store/hdf5/hdf5_slab.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t TRANSPOSE_BYTES = INT64_C(1) << 24;

static dnmf_slab rows_of(dnmf_range range, const dnmf_panel *panel) {
  dnmf_slab slab = {{range.begin, 0}, {dnmf_range_size(range), panel->components}};
  return slab;
}

dnmf_status dnmf_panel_read(dnmf_context *context, hid_t file, const char *name, dnmf_range range, dnmf_panel *panel) {
  dnmf_slab slab = rows_of(range, panel);
  return dnmf_hdf5_read(context, file, name, dnmf_hdf5_real(panel->precision), &slab, panel->data);
}

dnmf_status dnmf_panel_write(dnmf_context *context, hid_t file, const char *name, dnmf_range range,
                             const dnmf_panel *panel) {
  dnmf_slab slab = rows_of(range, panel);
  return dnmf_hdf5_write(context, file, name, dnmf_hdf5_real(panel->precision), &slab, panel->data);
}

dnmf_status dnmf_w_read(dnmf_context *context, hid_t file, dnmf_range range, dnmf_panel *w) {
  return dnmf_panel_read(context, file, "/W", range, w);
}

dnmf_status dnmf_w_write(dnmf_context *context, hid_t file, dnmf_range range, const dnmf_panel *w) {
  return dnmf_panel_write(context, file, "/W", range, w);
}

/* to (cols x rows) = transpose of from (rows x cols). */
static void transpose(const void *from, int64_t rows, int64_t cols, size_t size, void *to) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++)
      memcpy((char *)to + (size_t)(j * rows + i) * size, (const char *)from + (size_t)(i * cols + j) * size, size);
}

static dnmf_status move_h(dnmf_context *context, hid_t file, dnmf_range range, const dnmf_panel *h, bool writing) {
  void *buffer = NULL;
  size_t size = dnmf_precision_size(h->precision);
  hid_t real = dnmf_hdf5_real(h->precision);
  int64_t cols = TRANSPOSE_BYTES / (int64_t)size / h->components + 1;
  if (cols > dnmf_range_size(range))
    cols = dnmf_range_size(range);
  dnmf_status status = dnmf_allocate(&context->error, "a piece of H", cols * h->components, size, &buffer);
  for (int64_t at = range.begin; at < range.end && status == DNMF_OK; at += cols) {
    int64_t count = at + cols < range.end ? cols : range.end - at;
    dnmf_slab slab = {{0, at}, {h->components, count}};
    char *rows = (char *)h->data + (size_t)((at - range.begin) * h->components) * size;
    if (writing) {
      transpose(rows, count, h->components, size, buffer);
      status = dnmf_hdf5_write(context, file, "/H", real, &slab, buffer);
    } else {
      status = dnmf_hdf5_read(context, file, "/H", real, &slab, buffer);
      if (status == DNMF_OK)
        transpose(buffer, h->components, count, size, rows);
    }
  }
  free(buffer);
  return status;
}

dnmf_status dnmf_h_read(dnmf_context *context, hid_t file, dnmf_range range, dnmf_panel *h) {
  return move_h(context, file, range, h, false);
}

dnmf_status dnmf_h_write(dnmf_context *context, hid_t file, dnmf_range range, const dnmf_panel *h) {
  return move_h(context, file, range, h, true);
}

dnmf_status dnmf_factor_check(dnmf_error *error, const char *path, const char *name, dnmf_range range,
                              const dnmf_panel *panel, double *largest) {
  bool is_w = name[1] == 'W';
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = 0; c < panel->components; c++) {
      double value = dnmf_panel_get(panel, row, c);
      int64_t place = range.begin + row;
      if (!isfinite(value) || value < 0)
        return dnmf_fail(error, DNMF_ERROR_INPUT,
                         "%s: %s has %g at row %" PRId64 ", column %" PRId64
                         " (counted from 0); a factor is finite and nonnegative%s",
                         path, name, value, is_w ? place : c, is_w ? c : place,
                         isinf(value) && panel->precision == DNMF_SINGLE ? ", here within single precision" : "");
      *largest = value > *largest ? value : *largest;
    }
  return DNMF_OK;
}

dnmf_status dnmf_biases_check(dnmf_error *error, const char *path, const char *name, dnmf_range range,
                              const double *values) {
  for (int64_t i = 0; i < dnmf_range_size(range); i++)
    if (!isfinite(values[i]))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: %s has %g at %" PRId64 " (counted from 0)", path, name, values[i],
                       range.begin + i);
  return DNMF_OK;
}
