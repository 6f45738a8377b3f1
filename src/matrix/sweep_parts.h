/*
 * A sweep for some of what sweep.h offers, for the products that are one half of it.
 */
#ifndef DNMF_SWEEP_PARTS_H
#define DNMF_SWEEP_PARTS_H

#include "comm/context.h"
#include "matrix/sweep.h"

/* A sweep ready for dnmf_sweep_multiply when given a panel (else NULL), for dnmf_sweep_accumulate with `sums`. local */
dnmf_status dnmf_sweep_prepare(dnmf_context *context, const dnmf_matrix *a, int components, const dnmf_panel *panel,
                               bool sums, dnmf_sweep *sweep);

/* Bytes of what every sweep through a block with so many rows works with, panel and sums apart. local */
double dnmf_sweep_scratch_bytes(const dnmf_context *context, dnmf_precision precision, int64_t rows, int components);

#endif
