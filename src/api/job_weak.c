#include "api/job_weak.h"

#include "api/library.h"

#include <math.h>
#include <string.h>

/* What ratings have and weak zeros have not. */
static dnmf_status refuse_ratings(dnmf_error *error, const dnmf_fitting *f) {
  static const char none[] = "fits with weak zeros have no biases";
  const dnmf_fit_settings *s = &f->asked;
  const struct {
    const char *option;
    bool given;
    const char *why_not;
  } uses[] = {
      {"bias", s->ratings.bias && strcmp(s->ratings.bias, "auto") != 0 && strcmp(s->ratings.bias, "none") != 0, none},
      {"l2-bias", s->ratings.l2_bias >= 0, none},
      {"implicit-terms", s->ratings.implicit_terms && strcmp(s->ratings.implicit_terms, "none") != 0,
       "what is not stored counts itself in fits with weak zeros"},
      {"shrink-to",
       s->ratings.shrink_to &&
           (strcmp(s->ratings.shrink_to, "mean") == 0 || strcmp(s->ratings.shrink_to, "level") == 0),
       "fits with weak zeros shrink to zero"},
      {"validation", s->ratings.validation || s->ratings.held_out,
       "an error on held-out entries tells nothing of the lists that weak zeros are for; dnmf tune --metric does"},
      {"patience", s->ratings.patience >= 0, "it counts iterations without a better RMSE on --validation ratings"},
      {"solver mu", f->settings.solver == DNMF_SOLVER_MU, "weak zeros are fitted by hals and bpp"},
      {"init", f->start == DNMF_START_SVD, "a fit with weak zeros starts at random or from file:MODEL.h5"},
  };
  for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
    if (uses[i].given)
      return dnmf_fail(error, DNMF_ERROR_USAGE, "--%s has no use here: %s", uses[i].option, uses[i].why_not);
  return DNMF_OK;
}

static dnmf_status check_confidence(dnmf_error *error, const dnmf_fit_settings *s, int confidence) {
  if (!s->weak.implicit && confidence != DNMF_CONFIDENCE_ONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--confidence %s needs --implicit: without it values are what is to be predicted, and all of them "
                     "count 1",
                     s->weak.confidence);
  if (s->weak.alpha >= 0 && confidence == DNMF_CONFIDENCE_ONE)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--alpha needs --implicit with --confidence linear or log");
  if (s->weak.epsilon >= 0 && confidence != DNMF_CONFIDENCE_LOG)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--epsilon needs --implicit with --confidence log");
  if (s->weak.like >= 0 && !s->weak.implicit)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--like needs --implicit: without it values are what is to be predicted");
  if (s->weak.epsilon == 0)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--epsilon 0: give a positive number");
  if (!s->weak.implicit && s->weak.weight < 0)
    return dnmf_fail(
        error, DNMF_ERROR_USAGE,
        "--missing weak: say with --missing-weight W, from 0 to 1, what an entry that is not stored counts");
  return DNMF_OK;
}

dnmf_status dnmf_fitting_plan_weak(dnmf_error *error, dnmf_fitting *f) {
  static const char *const confidences[] = {"one", "linear", "log", NULL};
  const dnmf_fit_settings *s = &f->asked;
  const dnmf_implicit_defaults defaults = dnmf_implicit_default_settings();
  const bool implicit = s->weak.implicit;
  dnmf_settings *settings = &f->settings;
  int confidence = implicit ? (int)defaults.weak.confidence : DNMF_CONFIDENCE_ONE;
  if (s->weak.confidence)
    DNMF_TRY(dnmf_choose(error, "--confidence", s->weak.confidence, confidences, &confidence));
  DNMF_TRY(refuse_ratings(error, f));
  DNMF_TRY(check_confidence(error, s, confidence));
  settings->observed = (dnmf_observed_settings){.start_scale = dnmf_number_or(s->ratings.init_scale, 1),
                                                .patience = 1,
                                                .weak = {.on = true,
                                                         .weight = dnmf_number_or(s->weak.weight, defaults.weak.weight),
                                                         .confidence = (dnmf_confidence)confidence,
                                                         .alpha = s->weak.alpha,
                                                         .epsilon = s->weak.epsilon,
                                                         .target_one = implicit,
                                                         .like = implicit ? s->weak.like : 0}};
  if (implicit && s->max_iter < 0)
    settings->max_iterations = defaults.max_iterations;
  if (implicit && (!s->penalty_scale || strcmp(s->penalty_scale, "auto") == 0))
    settings->penalties.count_power = defaults.count_power;
  return DNMF_OK;
}

void dnmf_fitting_settle_weak(dnmf_fitting *f) {
  const dnmf_fit_settings *s = &f->asked;
  dnmf_weak_settings *weak = &f->settings.observed.weak;
  dnmf_penalties *penalties = &f->settings.penalties;
  dnmf_weak_settle(&f->ratings, weak);
  const double both = s->l2 >= 0         ? s->l2
                      : s->weak.implicit ? dnmf_weak_default_l2(&f->ratings, weak, dnmf_count_power(penalties))
                                         : 0;
  penalties->l2_w = dnmf_number_or(s->l2_w, both);
  penalties->l2_h = dnmf_number_or(s->l2_h, both);
}
