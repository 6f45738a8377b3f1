/*
 * Compressed rows times padded panels, threaded; the arithmetic under product.h and sweep.h.
 */
#ifndef DNMF_CSR_PRODUCT_H
#define DNMF_CSR_PRODUCT_H

#include "dnmf/context.h"
#include "dnmf/matrix.h"
#include "dnmf/panel.h"

/* The first of the rows `rows` in part `part` of `parts` parts of them with like numbers of stored entries. local */
int64_t dnmf_csr_balanced_row(const dnmf_csr *a, dnmf_range rows, int64_t part, int64_t parts);

/* Bands of a panel of `from` rows that a product of `to` rows is made of: more than one where the panel is larger than
 * a cache; one where the rows of the product have too few entries to be taken up again for each. local */
int64_t dnmf_csr_bands(int64_t to, int64_t from, int64_t stored, int64_t padded, dnmf_precision precision);

/* out (a's rows x k) = a * panel, band by band. local */
dnmf_status dnmf_csr_multiply(dnmf_context *context, const dnmf_csr *a, const dnmf_panel *panel, dnmf_panel *out);

/* out (size(rows) x components) = those rows of a * panel (a's cols x padded), in one band. local */
void dnmf_csr_multiply_rows(dnmf_context *context, dnmf_precision precision, const dnmf_csr *a, dnmf_range rows,
                            const void *panel, int64_t padded, void *out, int components);

/* Where columns are split into `parts` parts with like numbers of stored entries, as a sample of these has it:
 * first[part] .. first[part + 1]; `first` has parts + 1 items. local */
dnmf_status dnmf_csr_split_columns(dnmf_error *error, const dnmf_csr *a, int parts, int64_t *first);

/* sums (a's cols x padded) += transpose(those rows of a) * x (size(rows) x padded). The threads take a part of the
 * columns each, so that each sum is made in the order of the rows, however they are split. local */
void dnmf_csr_add_transposed(dnmf_context *context, dnmf_precision precision, const dnmf_csr *a, dnmf_range rows,
                             const int64_t *first, const void *x, void *sums, int64_t padded);

#endif
