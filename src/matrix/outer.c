/* Tiles of X Y' by BLAS, a few rows a thread. */
#include "matrix/panel.h"

#include "base/team.h"

#include <cblas.h>

enum { ROWS_AT_ONCE = 64 }; /* fixed, so that the sums do not depend on the number of threads */

static const void *row_of(const dnmf_panel *x, int64_t row) {
  return (const char *)x->data + (size_t)(row * x->components) * dnmf_precision_size(x->precision);
}

static void outer_product(const dnmf_panel *x, dnmf_range rows, const dnmf_panel *y, dnmf_range cols, void *out) {
  const int m = (int)dnmf_range_size(rows);
  const int n = (int)dnmf_range_size(cols);
  const int k = x->components;
  const void *a = row_of(x, rows.begin);
  const void *b = row_of(y, cols.begin);
  if (x->precision == DNMF_DOUBLE)
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, k, b, k, 0, out, n);
  else
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, k, b, k, 0, out, n);
}

typedef struct outer_call {
  const dnmf_panel *x;
  dnmf_range rows;
  const dnmf_panel *y;
  dnmf_range cols;
  char *out;
} outer_call;

/* Tiles of ROWS_AT_ONCE rows. */
static void outer_tiles(void *of_call, int64_t begin, int64_t end) {
  const outer_call *call = of_call;
  const size_t row_bytes = (size_t)dnmf_range_size(call->cols) * dnmf_precision_size(call->x->precision);
  for (int64_t tile = begin; tile < end; tile++) {
    const int64_t row = call->rows.begin + tile * ROWS_AT_ONCE;
    const dnmf_range part = {row, row + ROWS_AT_ONCE < call->rows.end ? row + ROWS_AT_ONCE : call->rows.end};
    outer_product(call->x, part, call->y, call->cols, call->out + (size_t)(row - call->rows.begin) * row_bytes);
  }
}

void dnmf_panel_outer(const dnmf_context *context, const dnmf_panel *x, dnmf_range rows, const dnmf_panel *y,
                      dnmf_range cols, void *out) {
  const int64_t width = dnmf_range_size(cols);
  if (width == 0)
    return;
  outer_call call = {x, rows, y, cols, out};
  const double operations = (double)dnmf_range_size(rows) * (double)width * x->components;
  const int64_t tiles = (dnmf_range_size(rows) + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
  dnmf_team_run(dnmf_team(context->threads, operations), tiles, outer_tiles, &call);
}
