/*
 * The whole job of a fit: data and settings become a model. dnmf_model_fit and `dnmf fit` are this.
 *
 *   open      the data's shape
 *   plan      settings and data together: what kind of fit it is, what each setting comes to (job_plan.c)
 *   read      the matrix, partitioned (job.c; ratings: job_ratings.c, batches: job_batches.c)
 *   start     the first W and H (job_start.c), or those of a checkpoint (resume.c)
 *   restarts  the same for several seeds, of which the best fit is kept (job_restarts.c), side by side and shared
 *             among groups of processes (job_groups.c), each of which then goes through open ... start by itself
 *   iterate   saving now and then (checkpoint.c)
 *   write     the model (job_model.c) with its provenance (job_describe.c)
 * Each phase fills in its part of a dnmf_fitting (fitting.h). Every phase ends with all processes agreeing.
 */
#ifndef DNMF_API_JOB_H
#define DNMF_API_JOB_H

#include "api/fitting.h"

/* All phases; the factors are in `f` afterwards, and the output or, of a fit that was interrupted, the checkpoint is on
 * disk. Released with dnmf_fitting_free, also after a failure. collective */
dnmf_status dnmf_fitting_run(dnmf_context *context, const dnmf_data *data, const dnmf_fit_settings *settings,
                             const dnmf_job_host *host, dnmf_fitting *f);
void dnmf_fitting_free(dnmf_fitting *f); /* collective; accepts a zeroed one */

/* The matrix, partitioned as the plan says. collective */
dnmf_status dnmf_fitting_read(dnmf_context *context, dnmf_fitting *f);

#endif
