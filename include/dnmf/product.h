/*
 * Products of this process's block of A with a factor panel. Local arithmetic, threaded; no communication.
 * Each overwrites `out`. The panels' precision is the matrix's.
 */
#ifndef DNMF_PRODUCT_H
#define DNMF_PRODUCT_H

#include "dnmf/matrix.h"
#include "dnmf/panel.h"

/* out (block rows x k) = A_ij * panel (block columns x k). local */
dnmf_status dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out);

/* out (block columns x k) = transpose(A_ij) * panel (block rows x k). local */
dnmf_status dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                     dnmf_panel *out);

#endif
