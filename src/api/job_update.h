/*
 * A fit of a table that has grown since a model was fitted to it: rows and columns are found by their ids and start
 * from the model's factors, new ones from the mean row of the factor.
 */
#ifndef DNMF_API_JOB_UPDATE_H
#define DNMF_API_JOB_UPDATE_H

#include "api/fitting.h"
#include "init/start.h"

/* As dnmf_start_file_read, from the model of `update`, whose rows and columns are found by their ids; new ones are its
 * mean rows. collective */
dnmf_status dnmf_fitting_update(dnmf_context *context, const dnmf_fitting *f, dnmf_start_file *start);

#endif
