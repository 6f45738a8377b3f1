/* Going on from a checkpoint, or from the model of an earlier state of the table: its options, where the command line
 * gives none. */
#include "fit_run.h"
#include "options_saved.h"

#include "api/resume.h"

/* What a fit may do differently when it goes on. */
static const char *const may_change[] = {"output", "max-iter", "checkpoint-every", NULL};

const char *const cli_job_options[] = {"threads",    "quiet",      "verbose", "progress", "json",   "log", "grid",
                                       "time-limit", "checkpoint", "resume",  "memory",   "groups", NULL};

/* The options in the provenance. */
static dnmf_status parse_options(dnmf_error *error, const dnmf_model *saved, const char *path, cli_resume *resume) {
  const dnmf_attribute *text = dnmf_model_attribute(saved, "options");
  if (text && text->kind == DNMF_ATTRIBUTE_TEXT)
    resume->options = json_loads(text->text, JSON_REJECT_DUPLICATES, NULL);
  return json_is_object(resume->options)
             ? DNMF_OK
             : dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its options cannot be read", path);
}

static dnmf_status restore_options(cli_session *session, const cli_command *command, const char *path,
                                   cli_fit_options *options, cli_given *given, cli_resume *resume) {
  dnmf_error *error = &session->context->error;
  dnmf_resume checkpoint = {.path = NULL};
  dnmf_status status = dnmf_resume_read(session->context, path, &checkpoint);
  if (status == DNMF_OK)
    status = parse_options(error, &checkpoint.saved, path, resume);
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

/* What of the model's command line is another fit's: where it went, and what it started from. */
static const char *const not_updated[] = {
    "output", "init",       "fix",        "update", "threads",          "quiet",  "verbose", "progress", "json", "log",
    "grid",   "time-limit", "checkpoint", "resume", "checkpoint-every", "memory", NULL};

dnmf_status cli_update_begin(cli_session *session, const cli_command *command, cli_fit_options *options,
                             cli_given *given, cli_resume *resume) {
  const char *path = options->fit.files.update;
  dnmf_error *error = &session->context->error;
  dnmf_model model = {.file = NULL};
  if (!path || resume->goes_on)
    return DNMF_OK;
  dnmf_status status = dnmf_model_read_provenance(session->context, path, &model);
  if (status == DNMF_OK && !dnmf_model_attribute(&model, "options"))
    dnmf_warn(session->context, "%s does not say with which options it was fitted: only those given now count", path);
  else if (status == DNMF_OK)
    status = parse_options(error, &model, path, resume);
  dnmf_model_free(&model);
  DNMF_TRY(status);
  return resume->options ? cli_options_restore(error, command, resume->options, path, not_updated, NULL, options, given)
                         : DNMF_OK;
}

void cli_resume_free(cli_resume *resume) {
  json_decref(resume->options);
}
