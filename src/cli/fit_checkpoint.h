/*
 * Checkpoints of a fit: written while it iterates, and taken up by a later job.
 *
 * A checkpoint is a model file. Beside a model's provenance it has the attributes `checkpoint` (the format's number),
 * `options` (what was given on the command line, as JSON) and `state_...` (what the loop and the stopping rules
 * remember), and with held-out entries the best model so far.
 */
#ifndef DNMF_CLI_FIT_CHECKPOINT_H
#define DNMF_CLI_FIT_CHECKPOINT_H

#include "options.h"
#include "session.h"

#include "factor/model.h"
#include "fit/fit_state.h"
#include "store/output.h"

typedef struct cli_fit_options cli_fit_options;
typedef struct cli_fit_run cli_fit_run;

/* Writing them. */
typedef struct cli_checkpoint {
  cli_session *session;
  const cli_fit_options *options;
  cli_fit_run *fit;
  const char *path;
  dnmf_output output;  /* of the next one: begun ahead, so that its lock keeps other jobs away */
  int saved_iteration; /* of the file at `path`; negative: there is none of this fit */
  bool failing;        /* the last attempt failed, which has been told */
  dnmf_fit_host host;
} cli_checkpoint;

/* Going on from one. */
typedef struct cli_resume {
  const char *path; /* NULL: nothing to go on from */
  dnmf_model saved; /* provenance and history */
  json_t *options;  /* owned; the options' texts point into it */
  dnmf_fit_state state;
  dnmf_panel parts[DNMF_MODEL_PARTS]; /* owned; what the state's panels are */
} cli_resume;

/* With --resume: reads what the checkpoint says of the fit, and takes its options where the command line gives none.
 * Released with cli_resume_free, also after a failure. collective */
dnmf_status cli_resume_begin(cli_session *session, const cli_command *command, cli_fit_options *options,
                             cli_given *given, cli_resume *resume);

/* Fails when the matrix of this job is not that of the checkpoint. collective */
dnmf_status cli_resume_check(cli_session *session, const cli_fit_run *fit);

/* Reads what the kind of fit keeps beside W and H. collective */
dnmf_status cli_resume_read_parts(cli_session *session, cli_fit_run *fit);

void cli_resume_free(cli_resume *resume); /* local; accepts a zeroed one */

/* What of the command line belongs to a job rather than to the fit: neither saved nor compared. */
extern const char *const cli_job_options[];

/* Checks --checkpoint and --checkpoint-every, watches signals from here on and makes sure that the file can be written.
 * Without --checkpoint the plan saves nothing and asks only whether the fit is to stop; signals are watched when
 * cli_signals_watch is called. Released with cli_checkpoint_end. collective */
dnmf_status cli_checkpoint_begin(cli_session *session, const cli_fit_options *options, cli_fit_run *fit,
                                 cli_checkpoint *checkpoint);
void cli_checkpoint_end(cli_checkpoint *checkpoint); /* local; accepts a zeroed one */

/* Adds to a model's provenance what makes it a checkpoint. local */
dnmf_status cli_checkpoint_describe(cli_session *session, const cli_fit_options *options, const dnmf_fit_state *now,
                                    dnmf_model *model);

/* The state in the provenance of a checkpoint; its histories stay `saved`'s. local */
dnmf_status cli_checkpoint_state(dnmf_error *error, const char *path, const dnmf_model *saved, dnmf_fit_state *state);

#endif
