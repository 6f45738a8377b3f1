/*
 * Restarts shared among groups of processes: each group has the matrix on a grid of its own and fits its share of the
 * seeds, as many side by side as pay. The figures of all are everybody's; the factors of the best come to all groups.
 *
 * A job that saves goes on in slices, as long as --checkpoint-every says: between two of them all groups meet, and the
 * first one, to which the others send their factors, writes the checkpoint of all (restart_checkpoint.h). A restart
 * that a slice cuts short goes on from its last iteration, as after a resume.
 */
#ifndef DNMF_API_JOB_GROUPS_H
#define DNMF_API_JOB_GROUPS_H

#include "api/fitting.h"

/* How many groups there are, and this process's; all restarts, as dnmf_fitting_iterate_restarts. collective */
dnmf_status dnmf_fitting_form_groups(dnmf_context *context, dnmf_fitting *f);
dnmf_status dnmf_fitting_iterate_groups(dnmf_context *context, dnmf_fitting *f);

#endif
