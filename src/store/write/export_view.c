#include "store/write/export_view.h"

#include "store/write/shared_text.h"

#include <string.h>

dnmf_status dnmf_export_check(dnmf_context *context, const dnmf_export_view *view, int failed) {
  return dnmf_shared_check(context, view->path, failed);
}

static void put_number(const dnmf_export_view *view, int64_t col, double value) {
  if (view->precision == DNMF_DOUBLE)
    ((double *)view->scratch)[col] = value;
  else
    ((float *)view->scratch)[col] = (float)value;
}

const void *dnmf_export_row(const dnmf_export_view *view, int64_t local) {
  size_t size = dnmf_precision_size(view->precision);
  if (view->dense && !view->scratch)
    return (const char *)view->dense + (size_t)(local * view->cols) * size;
  if (view->dense) {
    for (int64_t col = 0; col < view->cols; col++)
      put_number(view, col, dnmf_export_stored(view, local * view->cols + col));
    return view->scratch;
  }
  memset(view->scratch, 0, (size_t)view->cols * size);
  for (int64_t e = view->csr->start[local]; e < view->csr->start[local + 1]; e++)
    put_number(view, view->csr->index[e], dnmf_export_stored(view, e));
  return view->scratch;
}
