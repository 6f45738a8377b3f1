#include "scoring.h"

#include "store/file.h"

#include <string.h>

static const char *const unknown_choices[] = {"average", "bias", "mean", "nan", "drop", "error", NULL};

#define SCORING(member) offsetof(cli_scoring, member)
const cli_option cli_scoring_options[CLI_SCORING_OPTIONS] = {
    {"clip", 0, CLI_FLAG, SCORING(clip), NULL, "bring scores within the scale of the ratings (default for ratings)", 0,
     0, NULL},
    {"no-clip", 0, CLI_FLAG, SCORING(no_clip), NULL, "leave them as they are", 0, 0, NULL},
    {"unknown", 0, CLI_CHOICE, SCORING(unknown), "P",
     "unknown row or column: average (default), bias, mean, nan, drop (leave out),\n"
     "                               error (stop)",
     0, 0, unknown_choices},
};

const char *cli_unknown_name(const cli_scoring *scoring) {
  return unknown_choices[scoring->unknown];
}

static dnmf_status settle_clipping(dnmf_error *error, const cli_scoring *scoring, cli_scorer *scorer) {
  if (scoring->clip && scoring->no_clip)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "give --clip or --no-clip, not both");
  if (scoring->clip && !scorer->predictor.has_scale)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--clip: %s knows no scale to clip to; models of observed ratings do (fit --missing unobserved)",
                     scorer->name);
  scorer->clip = scorer->predictor.has_scale && !scoring->no_clip;
  return DNMF_OK;
}

dnmf_status cli_scorer_open(cli_session *session, const char *name, const cli_scoring *scoring, cli_scorer *scorer) {
  static const dnmf_fallback fallbacks[] = {DNMF_FALLBACK_AVERAGE, DNMF_FALLBACK_BIAS, DNMF_FALLBACK_MEAN,
                                            DNMF_FALLBACK_NAN,     DNMF_FALLBACK_NAN,  DNMF_FALLBACK_NAN};
  memset(scorer, 0, sizeof *scorer);
  scorer->scoring = scoring;
  scorer->name = name;
  scorer->fallback = fallbacks[scoring->unknown];
  DNMF_TRY(dnmf_model_read(session->context, name, DNMF_DOUBLE, &scorer->model));
  DNMF_TRY(dnmf_predictor_create(session->context, &scorer->model, &scorer->predictor));
  return settle_clipping(&session->context->error, scoring, scorer);
}

void cli_scorer_free(cli_scorer *scorer) {
  dnmf_predictor_free(&scorer->predictor);
  dnmf_model_free(&scorer->model);
}
