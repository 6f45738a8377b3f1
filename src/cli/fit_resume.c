/* Going on from a checkpoint: its options, where the command line gives none. */
#include "fit_run.h"
#include "options_saved.h"

#include <string.h>

/* What a fit may do differently when it goes on. */
static const char *const may_change[] = {"output", "max-iter", "checkpoint-every", NULL};

const char *const cli_job_options[] = {"threads",    "quiet",      "verbose", "progress", "json",   "log", "grid",
                                       "time-limit", "checkpoint", "resume",  "memory",   "groups", NULL};

static dnmf_status restore_options(cli_session *session, const cli_command *command, const char *path,
                                   cli_fit_options *options, cli_given *given, cli_resume *resume) {
  dnmf_error *error = &session->context->error;
  dnmf_resume checkpoint = {.path = NULL};
  dnmf_status status = dnmf_resume_read(session->context, path, &checkpoint);
  if (status == DNMF_OK) {
    const dnmf_attribute *text = dnmf_model_attribute(&checkpoint.saved, "options");
    if (text && text->kind == DNMF_ATTRIBUTE_TEXT)
      resume->options = json_loads(text->text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(resume->options))
      status = dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its options cannot be read", path);
  }
  dnmf_resume_free(&checkpoint);
  DNMF_TRY(status);
  return cli_options_restore(error, command, resume->options, path, cli_job_options, may_change, options, given);
}

dnmf_status cli_resume_begin(cli_session *session, const cli_command *command, cli_fit_options *options,
                             cli_given *given, cli_resume *resume) {
  const char *path = NULL;
  if (!options->fit.files.resume)
    return DNMF_OK;
  DNMF_TRY(dnmf_resume_choose(session->context, options->fit.files.resume, options->fit.files.checkpoint, &path));
  if (!path)
    cli_say(session, "%s is not there yet: a new fit", options->fit.files.checkpoint);
  options->fit.files.resume = path;
  if (!options->fit.files.checkpoint)
    options->fit.files.checkpoint = path;
  resume->goes_on = path != NULL;
  return path ? restore_options(session, command, path, options, given, resume) : DNMF_OK;
}

void cli_resume_free(cli_resume *resume) {
  json_decref(resume->options);
}
