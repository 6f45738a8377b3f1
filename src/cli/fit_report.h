/*
 * What a fit tells: before it iterates, in the model file, in the closing summary and as JSON.
 */
#ifndef DNMF_CLI_FIT_REPORT_H
#define DNMF_CLI_FIT_REPORT_H

#include "fit_run.h"

#include "factor/model.h"

/* The settings, before the loop; fit_announce.c. local */
void cli_fit_announce(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit);

/* "row and column", "row", "column" or "no". local */
const char *cli_bias_name(const dnmf_observed_settings *plan);

/* Provenance and history into `model`. local */
dnmf_status cli_fit_describe(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit,
                             dnmf_model *model);

/* The closing summary, or with --json the object. DNMF_INTERRUPTED, with a message that tells how to go on, when the
 * fit was. collective */
dnmf_status cli_fit_print(cli_session *session, const cli_fit_options *options, const cli_fit_run *fit);

#endif
