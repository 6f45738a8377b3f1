#include "scoring.h"

static const char *const unknown_choices[] = {"average", "bias", "mean", "nan", "drop", "error", NULL};

#define SCORING(member) offsetof(cli_scoring, member)
const cli_option cli_scoring_options[CLI_SCORING_OPTIONS] = {
    {"clip", 0, CLI_FLAG, SCORING(clip), NULL, "bring scores within the scale of the ratings (default for ratings)", 0,
     0, NULL},
    {"no-clip", 0, CLI_FLAG, SCORING(no_clip), NULL, "leave them as they are", 0, 0, NULL},
    {"unknown", 0, CLI_WORD, SCORING(unknown), "P",
     "unknown row or column: average (default), bias, mean, nan, drop (leave out), "
     "error (stop)",
     0, 0, unknown_choices},
};

dnmf_status cli_clip(dnmf_error *error, const cli_scoring *scoring, const char **clip) {
  if (scoring->clip && scoring->no_clip)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "give --clip or --no-clip, not both");
  *clip = scoring->clip ? "yes" : scoring->no_clip ? "no" : "auto";
  return DNMF_OK;
}
