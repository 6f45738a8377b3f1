#include "api/resume.h"

#include "api/checkpoint_state.h"
#include "api/job_describe.h"
#include "api/restart_checkpoint.h"
#include "comm/collective.h"
#include "store/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Process 0 looks. collective */
static dnmf_status is_there(dnmf_context *context, const char *path, bool *found) {
  int64_t answer = context->rank == 0 && access(path, F_OK) == 0;
  dnmf_status status = dnmf_broadcast(context, &answer, (int64_t)sizeof answer, 0);
  *found = answer != 0;
  return status;
}

dnmf_status dnmf_resume_choose(dnmf_context *context, const char *resume, const char *checkpoint, const char **path) {
  const bool automatic = strcmp(resume, "auto") == 0;
  bool found = false;
  *path = NULL;
  if (automatic && !checkpoint)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--resume auto goes on from the checkpoint; name it with --checkpoint");
  const char *wanted = automatic ? checkpoint : resume;
  DNMF_TRY(is_there(context, wanted, &found));
  if (!found && !automatic)
    return dnmf_fail(&context->error, DNMF_ERROR_FILE,
                     "--resume %s: there is no such file; with --resume auto a fit without a checkpoint starts anew",
                     wanted);
  *path = found ? wanted : NULL;
  return DNMF_OK;
}

dnmf_status dnmf_resume_read(dnmf_context *context, const char *path, dnmf_resume *resume) {
  resume->path = path;
  dnmf_status status = dnmf_model_read_provenance(context, path, &resume->saved);
  if (status == DNMF_ERROR_INPUT) {
    dnmf_error cause = context->error;
    context->error = (dnmf_error){0};
    return dnmf_fail(&context->error, status, "%s is no checkpoint to go on from: %.900s", path, cause.text);
  }
  DNMF_TRY(status);
  return dnmf_agree(context, dnmf_checkpoint_state(&context->error, path, &resume->saved, &resume->state));
}

void dnmf_resume_free(dnmf_resume *resume) {
  dnmf_model_free(&resume->saved);
  for (int i = 0; i < DNMF_MODEL_PARTS; i++)
    dnmf_panel_free(&resume->parts[i]);
}

/* --- The same matrix, the same settings -------------------------------------------------------------------- */

typedef struct matrix_fact {
  const char *name;    /* of the attribute */
  const char *meaning; /* to people */
  char now[32];
} matrix_fact;

/* A value of the provenance as people read it. */
static void value_text(const dnmf_attribute *attribute, char *text, size_t size) {
  if (!attribute)
    snprintf(text, size, "unknown");
  else if (attribute->kind == DNMF_ATTRIBUTE_TEXT)
    snprintf(text, size, "%s", attribute->text);
  else if (attribute->kind == DNMF_ATTRIBUTE_INTEGER)
    snprintf(text, size, "%" PRId64, attribute->integer);
  else
    snprintf(text, size, "%g", attribute->real);
}

dnmf_status dnmf_resume_check_matrix(dnmf_error *error, const dnmf_fitting *f) {
  const dnmf_resume *resume = &f->resume;
  const dnmf_matrix *a = &f->a.matrix;
  if (!resume->path)
    return DNMF_OK;
  matrix_fact facts[] = {{"rows", "number of rows", ""},
                         {"cols", "number of columns", ""},
                         {"checksum", "checksum of the entries", ""},
                         {"missing", "meaning of entries that are not stored", ""},
                         {"stored", "number of stored entries", ""}};
  snprintf(facts[0].now, sizeof facts[0].now, "%" PRId64, a->rows);
  snprintf(facts[1].now, sizeof facts[1].now, "%" PRId64, a->cols);
  snprintf(facts[2].now, sizeof facts[2].now, "%016" PRIx64, a->checksum);
  snprintf(facts[3].now, sizeof facts[3].now, "%s", dnmf_fitting_missing_name(f));
  snprintf(facts[4].now, sizeof facts[4].now, "%" PRId64, a->stored);
  /* With zeros it is the same fit whether zeros are stored or not. */
  size_t count = f->missing == DNMF_MISSING_UNOBSERVED ? 5 : 4;
  for (size_t i = 0; i < count; i++) {
    char then[256];
    value_text(dnmf_model_attribute(&resume->saved, facts[i].name), then, sizeof then);
    if (strcmp(then, facts[i].now) != 0)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is a checkpoint of another matrix: its %s is %s, that of %s is %s",
                       resume->path, facts[i].meaning, then, f->source.name, facts[i].now);
  }
  return DNMF_OK;
}

/* Penalties that are made from the data are the same to rounding on any number of processes. */
static bool is_same_value(const dnmf_attribute *a, const dnmf_attribute *b) {
  static const double ROUNDING = 1e-9;
  if (a->kind != b->kind)
    return false;
  if (a->kind == DNMF_ATTRIBUTE_TEXT)
    return strcmp(a->text, b->text) == 0;
  return a->kind == DNMF_ATTRIBUTE_INTEGER ? a->integer == b->integer
                                           : fabs(a->real - b->real) <= ROUNDING * fabs(b->real);
}

static dnmf_status check_restarts(dnmf_error *error, const dnmf_fitting *f) {
  const int now = f->restart_count > 0 ? f->restart_count : 1;
  double then = 1;
  dnmf_model_number(&f->resume.saved, "restarts", &then);
  if (then == now)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "%s is a checkpoint of another fit: its number of restarts is %.0f, that of this one %d",
                   f->resume.path, then, now);
}

/* What this fit will say of itself against what the checkpoint's did; what was not kept then is not compared. */
dnmf_status dnmf_resume_check_settings(dnmf_error *error, const dnmf_fitting *f) {
  static const char *const names[] = {"components",     "loss",
                                      "solver",         "fix",
                                      "seed",           "tol",
                                      "stop",           "l1_w",
                                      "l1_h",           "l2_w",
                                      "l2_h",           "penalty_scale",
                                      "precision",      "bias",
                                      "sweeps",         "l2_bias",
                                      "shrink_to",      "init_scale",
                                      "forget",         "count_power",
                                      "missing_weight", "implicit",
                                      "confidence",     "alpha",
                                      "epsilon",        "like",
                                      "implicit_terms", "l2_terms",
                                      "chain_sweeps",   "chains",
                                      "burn_in",        "thin",
                                      "keep",           "validation_share"};
  const dnmf_resume *resume = &f->resume;
  dnmf_model now = {.rows = 0};
  if (!resume->path)
    return DNMF_OK;
  DNMF_TRY(check_restarts(error, f));
  dnmf_context context = {.size = 1, .threads = 1};
  dnmf_status status = dnmf_fitting_describe(&context, f, &now);
  if (status != DNMF_OK)
    *error = context.error;
  for (size_t i = 0; i < sizeof names / sizeof *names && status == DNMF_OK; i++) {
    char before[256];
    char after[256];
    const dnmf_attribute *saved = dnmf_model_attribute(&resume->saved, names[i]);
    const dnmf_attribute *wanted = dnmf_model_attribute(&now, names[i]);
    if (!saved || !wanted || is_same_value(saved, wanted))
      continue;
    value_text(saved, before, sizeof before);
    value_text(wanted, after, sizeof after);
    status = dnmf_fail(error, DNMF_ERROR_USAGE, "%s is a checkpoint of another fit: its %s is %s, that of this one %s",
                       resume->path, names[i], before, after);
  }
  dnmf_model_free(&now);
  return status;
}

/* --- What the kind of fit keeps ---------------------------------------------------------------------------- */

/* The implicit terms of rows or of columns; `best` with held-out entries, `kept` in a chain. */
static bool has_terms(const dnmf_fitting *f, const char *terms, const char *brought, const char *best,
                      const char *kept) {
  const dnmf_fit_state *state = &f->resume.state;
  if (!dnmf_fit_state_panel(state, terms) || !dnmf_fit_state_panel(state, brought))
    return false;
  if (dnmf_fit_state_panel(state, DNMF_PART_TRACE))
    return dnmf_fit_state_panel(state, kept) != NULL;
  return !f->has_held_out || dnmf_fit_state_panel(state, best);
}

/* What the kind of fit at hand cannot do without. */
static dnmf_status check_parts(dnmf_error *error, const dnmf_fitting *f) {
  const dnmf_fit_state *state = &f->resume.state;
  const bool in_chain = dnmf_fit_state_panel(state, DNMF_PART_TRACE) != NULL;
  const bool complete =
      (!dnmf_fitting_keeps_best(f) || in_chain ||
       (dnmf_fit_state_panel(state, DNMF_PART_BEST_W) && dnmf_fit_state_panel(state, DNMF_PART_BEST_H))) &&
      (!f->in_batches ||
       (dnmf_fit_state_panel(state, DNMF_PART_SUMS) && dnmf_fit_state_panel(state, DNMF_PART_GRAM))) &&
      (!in_chain || (dnmf_fit_state_panel(state, DNMF_PART_KEPT_W) && dnmf_fit_state_panel(state, DNMF_PART_KEPT_H) &&
                     (!dnmf_evidence_has_rows(&f->settings) || dnmf_fit_state_panel(state, DNMF_PART_KEPT_OF_COLS))));
  const bool ahead = f->settings.solver != DNMF_SOLVER_AHALS || dnmf_fit_state_panel(state, DNMF_PART_AHEAD);
  const bool terms =
      (!dnmf_evidence_has_rows(&f->settings) ||
       has_terms(f, DNMF_PART_ROW_TERMS, DNMF_PART_OF_COLS, DNMF_PART_BEST_OF_COLS, DNMF_PART_KEPT_ROW_TERMS)) &&
      (!dnmf_evidence_has_cols(&f->settings) ||
       has_terms(f, DNMF_PART_COL_TERMS, DNMF_PART_OF_ROWS, DNMF_PART_BEST_OF_ROWS, DNMF_PART_KEPT_COL_TERMS));
  if (complete && ahead && terms)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is no checkpoint of such a fit: %s is missing", f->resume.path,
                   in_chain        ? "what a chain has kept"
                   : f->in_batches ? "what a fit in batches keeps"
                   : !ahead        ? "the extrapolated factor"
                   : complete      ? "a part of the implicit terms"
                                   : "the best model on held-out entries");
}

/* Numbers of a row of the part, or of one that belongs to neither side the rows. */
static int part_numbers(const dnmf_fitting *f, const char *name) {
  const dnmf_posterior_settings *posterior = &f->settings.posterior;
  if (posterior->samples == 0)
    return f->components;
  if (strcmp(name, DNMF_PART_TRACE) == 0)
    return dnmf_posterior_trace(posterior);
  if (strcmp(name, DNMF_PART_KEPT_W) == 0 || strcmp(name, DNMF_PART_KEPT_H) == 0 ||
      strcmp(name, DNMF_PART_KEPT_OF_COLS) == 0)
    return dnmf_posterior_draws(posterior) * (f->components + 1);
  return dnmf_posterior_chains(posterior) * (f->components + 1); /* of a fit before the chains less */
}

dnmf_status dnmf_resume_read_parts(dnmf_context *context, dnmf_fitting *f) {
  dnmf_resume *resume = &f->resume;
  if (resume->path && f->restart_count > 0)
    return dnmf_restarts_read(context, f);
  if (!resume->path || (!dnmf_fitting_keeps_best(f) && !f->in_batches && f->settings.posterior.samples == 0 &&
                        f->settings.solver != DNMF_SOLVER_AHALS && f->settings.observed.evidence == DNMF_EVIDENCE_NONE))
    return DNMF_OK;
  const bool observed = f->missing == DNMF_MISSING_UNOBSERVED;
  const dnmf_range rows = observed ? f->ratings.by_rows.owned : f->w.owned;
  const dnmf_range cols = observed ? f->ratings.by_cols.owned : f->h.owned;
  int *count = &resume->state.panel_count;
  for (const dnmf_model_part *part = dnmf_fit_parts; part->name && *count < DNMF_MODEL_PARTS; part++) {
    dnmf_panel *panel = &resume->parts[*count];
    DNMF_TRY(dnmf_checkpoint_read_part(context, resume->path, part, rows, cols, part_numbers(f, part->name),
                                       f->precision, panel));
    if (panel->components > 0)
      resume->state.panels[(*count)++] = (dnmf_model_part){part->name, part->side, panel};
  }
  return dnmf_agree(context, check_parts(&context->error, f));
}
