/*
 * What a fit tells: before it iterates, in the closing summary and as JSON.
 */
#ifndef DNMF_CLI_FIT_REPORT_H
#define DNMF_CLI_FIT_REPORT_H

#include "session.h"

#include "api/fitting.h"

/* The settings, before the loop; fit_announce.c. local */
void cli_fit_announce(cli_session *session, const dnmf_fitting *fit);

/* The closing summary, or with --json the object. DNMF_INTERRUPTED, with a message that tells how to go on, when the
 * fit was. collective */
dnmf_status cli_fit_print(cli_session *session, const dnmf_fitting *fit);

#endif
