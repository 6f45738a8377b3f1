/*
 * Cells that a fit with zeros does not use: held out by --validation, or without a value.
 */
#ifndef DNMF_API_JOB_CELLS_H
#define DNMF_API_JOB_CELLS_H

#include "api/fitting.h"

/* Whether data that are taken as unobserved are a dense matrix with cells
 * without a value, and no setting that ratings alone have asks for another fit; which cells --validation holds out; the
 * block that was read made dense; these cells out of the matrix; counts of the others and the settings of a model of
 * observed entries into a model. local, local, collective, collective, collective */
bool dnmf_fitting_is_partial(const dnmf_fitting *f);
dnmf_status dnmf_fitting_plan_cells(dnmf_error *error, dnmf_fitting *f, bool stops_by_them);
dnmf_status dnmf_fitting_fill_out(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_take_cells(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_count_cells(dnmf_context *context, const dnmf_fitting *f, dnmf_model *model);

#endif
