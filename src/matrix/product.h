/*
 * Products of this process's block of A with a factor panel. Local arithmetic, threaded; no communication.
 * The panels' precision is the matrix's.
 *
 * Every entry of a product is summed in an order fixed by the block alone, so results do not depend on the
 * number of threads, nor on whether a sparse block is held by columns too. A sum that is on its way between processes
 * (collective.h) moves on meanwhile.
 */
#ifndef DNMF_PRODUCT_H
#define DNMF_PRODUCT_H

#include "matrix/matrix.h"
#include "matrix/panel.h"

/* Work memory that the larger of the two products takes while it runs, in bytes, for a block of `rows` x `cols` with
 * `stored` entries, held by rows alone or by columns too. local */
double dnmf_product_bytes(const dnmf_context *context, bool sparse, bool by_rows_alone, dnmf_precision precision,
                          int64_t rows, int64_t cols, double stored, int components);

/* Whether products with a sparse block are no slower when it is held by rows alone, in half the memory. Then the
 * transpose adds to rows of a panel of `cols` rows, anywhere, instead of reading rows of one of `rows`: a little slower
 * on the same panel, faster on one that is nearer. local */
bool dnmf_product_by_rows_alone(const dnmf_context *context, dnmf_precision precision, int64_t rows, int64_t cols,
                                int components);

/* In how many bands a product with this block, or its transpose, takes the panel: more than one where the block is
 * sparse and the panel larger than a cache. The sums are the same, bit for bit. local */
int64_t dnmf_product_bands(const dnmf_context *context, const dnmf_matrix *a, bool transposed, int components);

/* out (block rows x k) = A_ij * panel (block columns x k). local */
dnmf_status dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out);

/* out (block columns x k) = transpose(A_ij) * panel (block rows x k); through by_cols where a sparse block has it.
 * local */
dnmf_status dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                     dnmf_panel *out);

#endif
