/*
 * Going on from a checkpoint: its file, its matrix, its settings, its state.
 */
#ifndef DNMF_API_RESUME_H
#define DNMF_API_RESUME_H

#include "api/fitting.h"

/* The file that --resume and --checkpoint lead to, NULL where --resume auto finds none. Says on every process whether
 * it is there. collective */
dnmf_status dnmf_resume_choose(dnmf_context *context, const char *resume, const char *checkpoint, const char **path);

/* What a checkpoint says of its fit, without the factors. Released with dnmf_resume_free, also after a failure.
 * collective */
dnmf_status dnmf_resume_read(dnmf_context *context, const char *path, dnmf_resume *resume);
void dnmf_resume_free(dnmf_resume *resume); /* local; accepts a zeroed one */

/* Fails when the matrix, or the settings, of this job are not those of the checkpoint. local */
dnmf_status dnmf_resume_check_matrix(dnmf_error *error, const dnmf_fitting *f);
dnmf_status dnmf_resume_check_settings(dnmf_error *error, const dnmf_fitting *f);

/* Reads what the kind of fit keeps beside W and H. collective */
dnmf_status dnmf_resume_read_parts(dnmf_context *context, dnmf_fitting *f);

#endif
