/*
 * Bundles of rows times panels, threaded; the arithmetic under product.h.
 */
#ifndef DNMF_BUNDLES_PRODUCT_H
#define DNMF_BUNDLES_PRODUCT_H

#include "comm/context.h"
#include "matrix/bundles.h"
#include "matrix/panel.h"

/* out (a's rows x k) = a * panel. The threads take bundles. local */
dnmf_status dnmf_bundles_multiply(dnmf_context *context, const dnmf_bundles *a, const dnmf_panel *panel,
                                  dnmf_panel *out);

/* out (a's cols x k) = transpose(a) * panel (a's rows x k). The threads take a part of the columns each. local */
dnmf_status dnmf_bundles_multiply_transposed(dnmf_context *context, const dnmf_bundles *a, const dnmf_panel *panel,
                                             dnmf_panel *out);

/* Work memory of the larger of the two, in bytes. local */
double dnmf_bundles_product_bytes(const dnmf_context *context, dnmf_precision precision, int64_t height, int64_t rows,
                                  int64_t cols, int components);

#endif
