/*
 * Compressed rows times panels, threaded; the arithmetic under product.h.
 */
#ifndef DNMF_CSR_PRODUCT_H
#define DNMF_CSR_PRODUCT_H

#include "comm/context.h"
#include "matrix/matrix.h"
#include "matrix/panel.h"

/* The first of the rows `rows` in part `part` of `parts` parts of them with like numbers of stored entries. local */
int64_t dnmf_csr_balanced_row(const dnmf_csr *a, dnmf_range rows, int64_t part, int64_t parts);

/* Bands of a panel of `from` rows that a product of `to` rows is made of: more than one where the panel is larger than
 * a cache; one where the rows of the product have too few entries to be taken up again for each. local */
int64_t dnmf_csr_bands(int64_t to, int64_t from, int64_t stored, int64_t padded, dnmf_precision precision);

/* out (a's rows x k) = a * panel, band by band. local */
dnmf_status dnmf_csr_multiply(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel, dnmf_panel *out);

/* out (a's cols x k) = transpose(a) * panel (a's rows x k). The threads take a part of the columns each, so that each
 * sum is made in the order of the rows, however they are split. local */
dnmf_status dnmf_csr_multiply_transposed(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel,
                                         dnmf_panel *out);

/* Work memory of that, in bytes, with panels that are padded or `copied` to be. local */
double dnmf_csr_transposed_bytes(const dnmf_context *context, int64_t rows, int64_t cols, double stored, int64_t padded,
                                 bool copied, dnmf_precision precision);

#endif
