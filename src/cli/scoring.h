/*
 * What predict and evaluate share: the model read and ready to predict, the options about clipping and unknown ids.
 */
#ifndef DNMF_CLI_SCORING_H
#define DNMF_CLI_SCORING_H

#include "session.h"

#include "factor/model.h"
#include "model/predict.h"

enum {
  CLI_UNKNOWN_AVERAGE = 0,
  CLI_UNKNOWN_BIAS,
  CLI_UNKNOWN_MEAN,
  CLI_UNKNOWN_NAN,
  CLI_UNKNOWN_DROP,
  CLI_UNKNOWN_ERROR
};

typedef struct cli_scoring {
  bool clip;
  bool no_clip;
  int unknown; /* CLI_UNKNOWN_... */
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

typedef struct cli_scorer {
  const cli_scoring *scoring;
  const char *name; /* of the model file */
  dnmf_model model;
  dnmf_predictor predictor;
  dnmf_fallback fallback;
  bool clip; /* to the scale of the ratings */
} cli_scorer;

/* Reads the model and checks the options against it. Released with cli_scorer_free, also after a failure.
 * collective */
dnmf_status cli_scorer_open(cli_session *session, const char *name, const cli_scoring *scoring, cli_scorer *scorer);
void cli_scorer_free(cli_scorer *scorer); /* local */

/* The name of the policy for unknown rows and columns. */
const char *cli_unknown_name(const cli_scoring *scoring);

#endif
