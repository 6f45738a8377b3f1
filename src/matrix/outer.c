/* Tiles of X Y' by BLAS, a few rows a thread. */
#include "matrix/panel.h"

#include "base/team.h"

#include <cblas.h>
#include <omp.h>

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

void dnmf_panel_outer(const dnmf_context *context, const dnmf_panel *x, dnmf_range rows, const dnmf_panel *y,
                      dnmf_range cols, void *out) {
  const int64_t width = dnmf_range_size(cols);
  if (width == 0)
    return;
  const double operations = (double)dnmf_range_size(rows) * (double)width * x->components;
#pragma omp parallel num_threads(dnmf_team(context->threads, operations))
  {
    /* A team of one does not count as parallel: without this, BLAS would start threads of its own there. */
    omp_set_num_threads(1);
#pragma omp for schedule(dynamic)
    for (int64_t row = rows.begin; row < rows.end; row += ROWS_AT_ONCE) {
      dnmf_range part = {row, row + ROWS_AT_ONCE < rows.end ? row + ROWS_AT_ONCE : rows.end};
      char *to = (char *)out + (size_t)((row - rows.begin) * width) * dnmf_precision_size(x->precision);
      outer_product(x, part, y, cols, to);
    }
  }
}
