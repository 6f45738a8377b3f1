/*
 * The command line of `tune`, and its two kinds of search: ratings and weak zeros by cross-validation (model/tune.h),
 * matrices with zeros by held-out cells and stability (api/search.h).
 */
#ifndef DNMF_CLI_TUNE_H
#define DNMF_CLI_TUNE_H

#include "fit_run.h"
#include "tune_space.h"

#include <jansson.h>
#include <string.h>

typedef struct cli_tune_options {
  cli_fit_options fit; /* of the options that `fit` has too: seed, sweeps, max-iter, precision, missing, implicit and
                          the borrowed ones */
  const char *output;
  cli_tune_lists lists;
  int64_t groups;
  int64_t folds; /* 0: not given */

  /* Ratings and weak zeros. */
  int search; /* cli_tune_search */
  const char *metric;
  double relevant;
  int64_t samples;
  int64_t patience;
  double l2_bias;
  double init_scale;
  int shrink_to; /* dnmf_shrink */
  int confidence;
  double epsilon;
  double like; /* negative: not given */

  /* Zeros; as in dnmf_search_settings. */
  int64_t restarts;
  const char *perturb;
  const char *cluster;
  double holdout;
  const char *criterion;
  const char *checkpoint;
  const char *resume;
} cli_tune_options;

/* Searches the ratings in `input`; with `opened` not NULL it has been opened, and is closed here. collective */
dnmf_status cli_tune_ratings(cli_session *session, const cli_tune_options *options, const char *input,
                             dnmf_source *opened);

/* Searches the matrix with zeros in `input`, of which `largest` is the larger dimension; 0: not known. `partial`: it is
 * a dense one, and cells without a value are unobserved. collective */
dnmf_status cli_tune_zeros(cli_session *session, const cli_tune_options *options, const char *input, int64_t largest,
                           bool partial);

/* The figures of a candidate as a line of a table, with `mark` behind it; the heading of that table; the figures as a
 * JSON object. local */
void cli_tune_say_figures(cli_session *session, const dnmf_search_candidate *candidate, const char *mark);
void cli_tune_say_heading(cli_session *session);
json_t *cli_tune_figures_json(const dnmf_search_candidate *candidate);

/* Strengths beside weak zeros, or ratings beside them. local */
static inline bool cli_tune_is_weak(const cli_tune_options *options) {
  return options->fit.fit.weak.implicit || strcmp(options->fit.fit.missing, "weak") == 0;
}

#endif
