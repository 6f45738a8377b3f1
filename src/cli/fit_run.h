/*
 * A fit as `fit` and the refit of `tune` ask for it: options become the job of the library (api/job.h), which is
 * watched and reported.
 */
#ifndef DNMF_CLI_FIT_RUN_H
#define DNMF_CLI_FIT_RUN_H

#include "session.h"

#include "api/job.h"

/* The command line of `fit`. */
typedef struct cli_fit_options {
  cli_common common;
  cli_input input;
  dnmf_fit_settings fit;
} cli_fit_options;

typedef struct cli_fit_run {
  cli_session *session;
  dnmf_data *data;
  dnmf_job_host host;
  dnmf_fitting f;
  char libraries[512];
} cli_fit_run;

/* Runs the job on the file `name`; when it returns DNMF_OK the model is on disk, or, for a fit that was interrupted,
 * its checkpoint. `saved_options` are kept in checkpoints (NULL: none). The settings must outlive `run`. Released with
 * cli_fit_free, also after a failure. collective */
dnmf_status cli_fit_execute(cli_session *session, const char *name, const cli_input *input,
                            const dnmf_fit_settings *settings, const char *saved_options, cli_fit_run *run);
void cli_fit_free(cli_fit_run *run); /* collective; accepts a zeroed one */

/* Going on from a checkpoint. */
typedef struct cli_resume {
  bool goes_on;    /* there is one */
  json_t *options; /* owned; the options' texts point into it */
} cli_resume;

/* With --resume: takes the options of the checkpoint where the command line gives none; the file to go on from, or
 * none, is then in options->fit.files.resume. Released with cli_resume_free, also after a failure. collective */
dnmf_status cli_resume_begin(cli_session *session, const cli_command *command, cli_fit_options *options,
                             cli_given *given, cli_resume *resume);

/* With --update: takes the options of the model where the command line gives none. collective */
dnmf_status cli_update_begin(cli_session *session, const cli_command *command, cli_fit_options *options,
                             cli_given *given, cli_resume *resume);

void cli_resume_free(cli_resume *resume); /* local; accepts a zeroed one */

/* What of the command line belongs to a job rather than to the fit: neither saved nor compared. */
extern const char *const cli_job_options[];

#endif
