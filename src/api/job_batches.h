/*
 * Mini-batch fits: whether it is one, and how large its batches are; the start; the passes.
 */
#ifndef DNMF_API_JOB_BATCHES_H
#define DNMF_API_JOB_BATCHES_H

#include "api/fitting.h"

/* Batches: whether it is such a fit, or the matrix fits into the memory allowed on the grid it is given; the start; the
 * passes, which leave the factors in f->w.mine and f->h.mine; f->w.mine as it is between two batches. collective */
dnmf_status dnmf_fitting_plan_batches(dnmf_context *context, int grid_rows, int grid_cols, dnmf_fitting *f);
dnmf_status dnmf_fitting_start_batches(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_iterate_batches(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_gather_batches(dnmf_context *context, dnmf_fitting *f);

#endif
