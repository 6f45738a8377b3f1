#include "matrix/product.h"

#include "base/memory.h"
#include "matrix/bundles_product.h"
#include "matrix/csr_product.h"
#include "matrix/padded.h"
#include "matrix/sweep.h"

#include <stddef.h>

enum {
  CACHE_BYTES = 8 << 20, /* a panel beyond which rows of it that lie anywhere come from further away */
  LARGE_BYTES = 24 << 20 /* and one of which hardly any row is in cache */
};

bool dnmf_product_by_rows_alone(const dnmf_context *context, dnmf_precision precision, int64_t rows, int64_t cols,
                                int components) {
  const int64_t row_bytes = dnmf_padded_width(context, precision, components) * (int64_t)dnmf_precision_size(precision);
  return (rows >= CACHE_BYTES / row_bytes && cols <= rows / 2) || (cols >= LARGE_BYTES / row_bytes && cols <= rows);
}

int64_t dnmf_product_bands(const dnmf_context *context, const dnmf_matrix *a, bool transposed, int components) {
  const dnmf_csr *csr = transposed ? &a->by_cols : &a->by_rows;
  if (!a->sparse || !csr->start)
    return 1;
  return dnmf_csr_bands(csr->rows, csr->cols, csr->start[csr->rows],
                        dnmf_padded_width(context, a->precision, components), a->precision);
}

dnmf_status dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out) {
  dnmf_sweep sweep;
  if (dnmf_bundles_exist(&a->bundles))
    return dnmf_bundles_multiply(context, &a->bundles, panel, out);
  if (a->sparse)
    return dnmf_csr_multiply(context, &a->by_rows, panel, out);
  DNMF_TRY(dnmf_sweep_prepare(context, a, panel->components, panel, false, &sweep));
  dnmf_sweep_multiply(context, &sweep, (dnmf_range){0, out->rows}, out->data);
  dnmf_sweep_finish(&sweep, NULL);
  return DNMF_OK;
}

dnmf_status dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                     dnmf_panel *out) {
  dnmf_sweep sweep;
  if (dnmf_bundles_exist(&a->bundles))
    return dnmf_bundles_multiply_transposed(context, &a->bundles, panel, out);
  if (a->sparse && a->by_cols.start)
    return dnmf_csr_multiply(context, &a->by_cols, panel, out);
  if (a->sparse)
    return dnmf_csr_multiply_transposed(context, &a->by_rows, panel, out);
  DNMF_TRY(dnmf_sweep_prepare(context, a, panel->components, NULL, true, &sweep));
  dnmf_sweep_accumulate(context, &sweep, (dnmf_range){0, panel->rows}, panel->data);
  dnmf_sweep_finish(&sweep, out);
  return DNMF_OK;
}

/* --- Memory ---------------------------------------------------------------------------------------------- */

/* What a product of `to` rows with a panel of `from` takes: the padded panel, and a place in each row where the panel
 * is taken in bands. */
static double csr_bytes(int64_t to, int64_t from, double stored, int64_t padded, bool copied,
                        dnmf_precision precision) {
  if (to == 0)
    return 0;
  const bool banded = dnmf_csr_bands(to, from, (int64_t)stored, padded, precision) > 1;
  return (copied ? dnmf_allocated_bytes((double)from * (double)padded, dnmf_precision_size(precision)) : 0) +
         (banded ? dnmf_allocated_bytes((double)to, sizeof(int64_t)) : 0);
}

double dnmf_product_bytes(const dnmf_context *context, bool sparse, bool by_rows_alone, dnmf_precision precision,
                          int64_t rows, int64_t cols, double stored, int components) {
  const int64_t padded = dnmf_padded_width(context, precision, components);
  const bool copied = padded != components;
  const double sums = dnmf_allocated_bytes((double)cols * (double)padded, dnmf_precision_size(precision));
  if (!sparse)
    return dnmf_sweep_scratch_bytes(context, precision, rows, components) + sums;
  const double first = csr_bytes(rows, cols, stored, padded, copied, precision);
  const double second = by_rows_alone
                            ? dnmf_csr_transposed_bytes(context, rows, cols, stored, padded, copied, precision)
                            : csr_bytes(cols, rows, stored, padded, copied, precision);
  return first > second ? first : second;
}
