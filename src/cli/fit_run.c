#include "fit_run.h"

#include "fit_report.h"
#include "load.h"
#include "signals.h"
#include "version.h"

#include <string.h>

static void begin_iterating(void *state, const dnmf_fitting *f) {
  const cli_fit_run *run = state;
  cli_fit_announce(run->session, f);
  cli_signals_watch();
}

static bool told_to_stop(void *state) {
  (void)state;
  return cli_signals_came();
}

dnmf_status cli_fit_execute(cli_session *session, const char *name, const cli_input *input,
                            const dnmf_fit_settings *settings, const char *saved_options, cli_fit_run *run) {
  dnmf_context *context = session->context;
  memset(run, 0, sizeof *run);
  run->session = session;
  cli_library_versions(run->libraries, sizeof run->libraries);
  run->host = (dnmf_job_host){.state = run,
                              .begins = begin_iterating,
                              .told_to_stop = told_to_stop,
                              .began = session->began,
                              .command_line = session->command_line,
                              .libraries = run->libraries,
                              .options = saved_options};
  DNMF_TRY(cli_data(session, name, input, &run->data));
  if (settings->files.checkpoint)
    cli_signals_watch(); /* what comes while data are read ends the fit after its first iteration */
  return dnmf_fitting_run(context, run->data, settings, &run->host, &run->f);
}

void cli_fit_free(cli_fit_run *run) {
  dnmf_fitting_free(&run->f);
  dnmf_data_destroy(&run->data);
}
