/* Going on from a checkpoint: its options, its matrix, its state. */
#include "fit_checkpoint.h"
#include "fit_run.h"
#include "options_saved.h"

#include "comm/collective.h"
#include "store/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a fit may do differently when it goes on. */
static const char *const may_change[] = {"output", "max-iter", "checkpoint-every", NULL};

/* Process 0 looks. collective */
static dnmf_status is_there(dnmf_context *context, const char *path, bool *found) {
  int64_t answer = context->rank == 0 && access(path, F_OK) == 0;
  dnmf_status status = dnmf_broadcast(context, &answer, (int64_t)sizeof answer, 0);
  *found = answer != 0;
  return status;
}

/* --resume FILE or auto; --checkpoint FILE where none is given. */
static dnmf_status choose_file(cli_session *session, cli_fit_options *options, cli_resume *resume) {
  dnmf_error *error = &session->context->error;
  bool automatic = strcmp(options->resume, "auto") == 0;
  bool found = false;
  if (automatic && !options->checkpoint)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--resume auto goes on from the checkpoint; name it with --checkpoint");
  const char *path = automatic ? options->checkpoint : options->resume;
  DNMF_TRY(is_there(session->context, path, &found));
  if (!found && !automatic)
    return dnmf_fail(error, DNMF_ERROR_FILE,
                     "--resume %s: there is no such file; with --resume auto a fit without a checkpoint starts anew",
                     path);
  if (found)
    resume->path = path;
  else
    cli_say(session, "%s is not there yet: a new fit", path);
  if (!options->checkpoint)
    options->checkpoint = path;
  return DNMF_OK;
}

static dnmf_status read_saved(dnmf_context *context, cli_resume *resume) {
  dnmf_status status = dnmf_model_read_provenance(context, resume->path, &resume->saved);
  if (status != DNMF_ERROR_INPUT)
    return status;
  dnmf_error cause = context->error;
  context->error = (dnmf_error){0};
  return dnmf_fail(&context->error, status, "%s is no checkpoint to go on from: %.900s", resume->path, cause.text);
}

dnmf_status cli_resume_begin(cli_session *session, const cli_command *command, cli_fit_options *options,
                             cli_given *given, cli_resume *resume) {
  dnmf_context *context = session->context;
  dnmf_error *error = &context->error;
  if (!options->resume)
    return DNMF_OK;
  DNMF_TRY(choose_file(session, options, resume));
  if (!resume->path)
    return DNMF_OK;
  DNMF_TRY(read_saved(context, resume));
  DNMF_TRY(cli_checkpoint_state(error, resume->path, &resume->saved, &resume->state));
  const dnmf_attribute *text = dnmf_model_attribute(&resume->saved, "options");
  if (text && text->kind == DNMF_ATTRIBUTE_TEXT)
    resume->options = json_loads(text->text, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object(resume->options))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: its options cannot be read", resume->path);
  DNMF_TRY(
      cli_options_restore(error, command, resume->options, resume->path, cli_job_options, may_change, options, given));
  double batch_rows = 0; /* the same batches, whatever memory this job has */
  if (dnmf_model_number(&resume->saved, "batch_rows", &batch_rows) && batch_rows >= 1 && batch_rows < 9e15)
    options->batch_rows = (int64_t)batch_rows;
  return DNMF_OK;
}

typedef struct fact {
  const char *name;    /* of the attribute */
  const char *meaning; /* to people */
  char now[32];
} fact;

static void saved_text(const dnmf_model *saved, const char *name, char *text, size_t size) {
  const dnmf_attribute *attribute = dnmf_model_attribute(saved, name);
  if (attribute && attribute->kind == DNMF_ATTRIBUTE_TEXT)
    snprintf(text, size, "%s", attribute->text);
  else if (attribute && attribute->kind == DNMF_ATTRIBUTE_INTEGER)
    snprintf(text, size, "%" PRId64, attribute->integer);
  else
    snprintf(text, size, "unknown");
}

dnmf_status cli_resume_check(cli_session *session, const cli_fit_run *fit) {
  const cli_resume *resume = &fit->resume;
  const dnmf_matrix *a = &fit->a.matrix;
  if (!resume->path)
    return DNMF_OK;
  fact facts[] = {{"rows", "number of rows", ""},
                  {"cols", "number of columns", ""},
                  {"checksum", "checksum of the entries", ""},
                  {"missing", "meaning of entries that are not stored", ""},
                  {"stored", "number of stored entries", ""}};
  snprintf(facts[0].now, sizeof facts[0].now, "%" PRId64, a->rows);
  snprintf(facts[1].now, sizeof facts[1].now, "%" PRId64, a->cols);
  snprintf(facts[2].now, sizeof facts[2].now, "%016" PRIx64, a->checksum);
  snprintf(facts[3].now, sizeof facts[3].now, "%s", dnmf_missing_name(fit->missing));
  snprintf(facts[4].now, sizeof facts[4].now, "%" PRId64, a->stored);
  /* With zeros it is the same fit whether zeros are stored or not. */
  size_t count = fit->missing == DNMF_MISSING_UNOBSERVED ? 5 : 4;
  for (size_t i = 0; i < count; i++) {
    char then[256];
    saved_text(&resume->saved, facts[i].name, then, sizeof then);
    if (strcmp(then, facts[i].now) != 0)
      return dnmf_fail(&session->context->error, DNMF_ERROR_INPUT,
                       "%s is a checkpoint of another matrix: its %s is %s, that of %s is %s", resume->path,
                       facts[i].meaning, then, fit->input, facts[i].now);
  }
  return DNMF_OK;
}

/* What the kind of fit at hand cannot do without. */
static dnmf_status check_parts(dnmf_error *error, const cli_fit_run *fit) {
  const dnmf_fit_state *state = &fit->resume.state;
  const bool complete = (!fit->has_held_out || (dnmf_fit_state_panel(state, DNMF_PART_BEST_W) &&
                                                dnmf_fit_state_panel(state, DNMF_PART_BEST_H))) &&
                        (!fit->in_batches ||
                         (dnmf_fit_state_panel(state, DNMF_PART_SUMS) && dnmf_fit_state_panel(state, DNMF_PART_GRAM)));
  if (complete)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is no checkpoint of such a fit: %s is missing", fit->resume.path,
                   fit->in_batches ? "what a fit in batches keeps" : "the best model on held-out entries");
}

dnmf_status cli_resume_read_parts(cli_session *session, cli_fit_run *fit) {
  cli_resume *resume = &fit->resume;
  dnmf_context *context = session->context;
  if (!resume->path || (!fit->has_held_out && !fit->in_batches))
    return DNMF_OK;
  const dnmf_range rows = fit->has_held_out ? fit->ratings.by_rows.owned : fit->w.owned;
  const dnmf_range cols = fit->has_held_out ? fit->ratings.by_cols.owned : fit->h.owned;
  int *count = &resume->state.panel_count;
  for (const dnmf_model_part *part = dnmf_fit_parts; part->name && *count < DNMF_MODEL_PARTS; part++) {
    dnmf_panel *panel = &resume->parts[*count];
    DNMF_TRY(
        dnmf_checkpoint_read_part(context, resume->path, part, rows, cols, fit->components, fit->precision, panel));
    if (panel->components > 0)
      resume->state.panels[(*count)++] = (dnmf_model_part){part->name, part->side, panel};
  }
  return dnmf_agree(context, check_parts(&context->error, fit));
}

void cli_resume_free(cli_resume *resume) {
  dnmf_model_free(&resume->saved);
  json_decref(resume->options);
  for (int i = 0; i < DNMF_MODEL_PARTS; i++)
    dnmf_panel_free(&resume->parts[i]);
}
