/*
 * The options about clipping and unknown ids, which predict and evaluate share.
 */
#ifndef DNMF_CLI_SCORING_H
#define DNMF_CLI_SCORING_H

#include "options.h"

typedef struct cli_scoring {
  bool clip;
  bool no_clip;
  const char *unknown; /* a word of dnmf_predict_settings, default "average" */
} cli_scoring;

enum { CLI_SCORING_OPTIONS = 3 };
extern const cli_option cli_scoring_options[CLI_SCORING_OPTIONS];

/* A paragraph about unknown rows and columns, for the help of commands that score. */
#define CLI_UNKNOWN_HELP                                                                                               \
  "Unknown is a row or column whose id the model does not have or, in a model of ratings, that had no\n"               \
  "rating in the fit. Its score is\n"                                                                                  \
  "  --unknown average  that of a row or column like others: what the fit pulls those towards (default;\n"             \
  "                     as bias where it pulls towards zero, and for a model of a matrix with zeros)\n"                \
  "  --unknown bias     the mean of the ratings (of the matrix) plus the biases that are known\n"                      \
  "  --unknown mean     that mean alone"

/* clip = the word of dnmf_predict_settings. Fails where both options are given. local */
dnmf_status cli_clip(dnmf_error *error, const cli_scoring *scoring, const char **clip);

#endif
