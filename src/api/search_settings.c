/* What the settings of a search come to, and what has no use in one. */
#include "api/search.h"

#include "api/library.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "none", "poisson", or the delta of uniform numbers. */
static dnmf_status search_parse_perturb(dnmf_error *error, const char *text, dnmf_perturbation *perturb) {
  char *end = NULL;
  *perturb = (dnmf_perturbation){DNMF_PERTURB_NONE, 0};
  if (!text || strcmp(text, "none") == 0)
    return DNMF_OK;
  if (strcmp(text, "poisson") == 0) {
    perturb->kind = DNMF_PERTURB_POISSON;
    return DNMF_OK;
  }
  perturb->kind = DNMF_PERTURB_UNIFORM;
  perturb->delta = strtod(text, &end);
  if (end != text && !*end && perturb->delta > 0 && perturb->delta < 1)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--perturb %s: give none, poisson, or a number between 0 and 1, e.g. 0.03: each stored value is "
                   "taken times a number in 1 -+ that",
                   text);
}

/* Settings of a fit that a search cannot do anything with. */
static dnmf_status search_refuse_settings(dnmf_error *error, const dnmf_fit_settings *fit) {
  const char *init = fit->init ? fit->init : "random";
  const struct {
    const char *option;
    bool given;
    const char *why_not;
  } uses[] = {
      {"fix", fit->zeros.fix && strcmp(fit->zeros.fix, "none") != 0, "a fixed factor has its number of components"},
      {"init file:", strncmp(init, "file:", 5) == 0, "factors in a file have their number of components"},
      {"memory", fit->batches.memory >= 0, "the matrix is held whole"},
      {"batch-rows", fit->batches.batch_rows >= 0, "the matrix is held whole"},
      {"validation", fit->ratings.validation || fit->ratings.held_out, "--holdout says what is held out"},
      {"stop validation", fit->stop && strcmp(fit->stop, "validation") == 0, "the error on held-out cells chooses k"},
      {"exact-residual", fit->zeros.exact_residual, "it is for one fit"},
      {"restarts of a fit", fit->zeros.restarts > 1, "those of the search are a setting of the search"},
      {"groups of a fit", fit->zeros.groups > 1, "those of the search are a setting of the search"},
      {"time-limit", fit->time_limit >= 0 && isfinite(fit->time_limit), "it is for one fit"},
      {"checkpoint", fit->files.checkpoint || fit->files.resume, "that of a search is a setting of the search"},
  };
  for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
    if (uses[i].given)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s has no use in a search: %s", uses[i].option, uses[i].why_not);
  return DNMF_OK;
}

static dnmf_status search_check_components(dnmf_error *error, const dnmf_search_settings *search) {
  if (search->count < 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "give the numbers of components to try, e.g. -k 2:20");
  for (int64_t c = 0; c < search->count; c++)
    for (int64_t d = 0; d < c; d++)
      if (search->components[c] == search->components[d])
        return dnmf_fail(error, DNMF_ERROR_USAGE, "-k: %" PRId64 " is given twice", search->components[c]);
  for (int64_t c = 0; c < search->count; c++)
    if (search->components[c] < 1 || search->components[c] > 1000000)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "-k %" PRId64 ": give numbers from 1 to 1000000",
                       search->components[c]);
  return DNMF_OK;
}

/* A start that is the same from any seed gives as many equal fits as restarts. */
static dnmf_status search_check_starts(dnmf_error *error, const dnmf_search *s) {
  const char *init = s->f.asked.init ? s->f.asked.init : "random";
  const bool fixed = strcmp(init, "nndsvd") == 0 || strcmp(init, "nndsvda") == 0;
  if (!fixed || s->restarts == 1 || s->perturb.kind != DNMF_PERTURB_NONE)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--init %s is the same for every restart; give --init random, --restarts 1 or --perturb 0.03", init);
}

/* Held-out cells: the share of each of the folds, which have no cell in common. */
static dnmf_status search_settle_folds(dnmf_error *error, dnmf_search *s) {
  const double share = s->asked->holdout;
  s->holdout = dnmf_number_or(share, 0.05);
  s->folds = s->holdout > 0 ? s->asked->folds >= 0 ? (int)s->asked->folds : 5 : 0;
  if (isnan(share) || s->holdout >= 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--holdout %g: give a share of all cells below 1, or 0: none", share);
  if (s->holdout == 0 && s->asked->folds >= 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--folds has no use here: with --holdout 0 no cells are held out");
  if (s->holdout > 0 && (s->asked->folds == 0 || s->asked->folds > 1000))
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--folds %" PRId64 ": give a number from 1 to 1000", s->asked->folds);
  if (s->folds * s->holdout > 1 + 1e-12)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--folds %d: so many shares of --holdout %g are more than all cells; give fewer", s->folds,
                     s->holdout);
  return DNMF_OK;
}

static dnmf_status search_settle_criterion(dnmf_error *error, dnmf_search *s) {
  static const char *const criteria[] = {"both", "heldout", "stability", NULL};
  int criterion = 0;
  DNMF_TRY(dnmf_choose(error, "--criterion", s->asked->criterion, criteria, &criterion));
  s->criterion = (dnmf_criterion)criterion;
  if (s->criterion == DNMF_BY_HELDOUT && s->folds == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--criterion heldout needs cells that are held out: --holdout 0.05");
  if (s->criterion == DNMF_BY_STABILITY && s->restarts == 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--criterion stability needs several fits: --restarts 10");
  if (s->wants_model && s->folds == 0 && s->restarts == 1 && s->asked->count > 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "a consensus model needs a number of components that is suggested: --holdout or --restarts");
  if (s->criterion != DNMF_BY_BOTH || !s->asked->criterion)
    return DNMF_OK;
  if (s->folds == 0 || s->restarts == 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--criterion both needs --holdout and --restarts 2 or more");
  return DNMF_OK;
}

dnmf_status dnmf_search_settle(dnmf_error *error, const dnmf_context *context, dnmf_search *s) {
  static const char *const factors[] = {"w", "h", NULL};
  const dnmf_search_settings *search = s->asked;
  int factor = 0;
  DNMF_TRY(search_refuse_settings(error, &s->f.asked));
  DNMF_TRY(search_check_components(error, search));
  if (search->restarts == 0 || search->restarts > 100000)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--restarts %" PRId64 ": give a number from 1 to 100000",
                     search->restarts);
  s->restarts = search->restarts > 0 ? (int)search->restarts : 10;
  DNMF_TRY(search_parse_perturb(error, search->perturb, &s->perturb));
  DNMF_TRY(search_check_starts(error, s));
  DNMF_TRY(dnmf_choose(error, "--cluster", search->cluster, factors, &factor));
  s->clusters_h = factor == 1;
  DNMF_TRY(search_settle_folds(error, s));
  DNMF_TRY(search_settle_criterion(error, s));
  s->group_count = search->groups > 0 ? (int)(search->groups < context->size ? search->groups : context->size) : 1;
  if (s->group_count > search->count)
    s->group_count = (int)search->count;
  if (s->f.data->kind != DNMF_DATA_FILE && s->group_count > 1)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--groups %d: arrays in memory can be read by one group only",
                     s->group_count);
  return DNMF_OK;
}
