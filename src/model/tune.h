/*
 * Choosing the settings of an observed-only fit by cross-validation inside one job.
 *
 * Every candidate is fitted once a fold, the fold held out; an entry's fold is a hash of (seed, row, column), so
 * folds are the same on any number of processes. The processes are split into groups that work on different fits
 * side by side. A candidate's score is its held-out RMSE over all folds together, at the iteration where that is
 * lowest; that iteration is part of the choice. With a ranking metric the score is that of the lists that each fold's
 * fit, at its own lowest RMSE, makes of all columns that are not in its training entries (rank_metrics.h). Fits with
 * weak zeros know no RMSE: their lists are those of the fit's end.
 */
#ifndef DNMF_TUNE_H
#define DNMF_TUNE_H

#include "fit/observed_fit.h"
#include "model/rank_metrics.h"
#include "store/source.h"

typedef struct dnmf_candidate {
  int components;
  bool bias;
  double l2; /* negative: the default, see dnmf_observed_default_l2 */
  double count_power;
  double weight;             /* weak zeros: of an entry that is not stored; else negative */
  dnmf_evidence_of evidence; /* implicit terms; needs biases */
  double l2_evidence;        /* ... their weight; negative: the default, DNMF_L2_EVIDENCE */
  double alpha;              /* ... of confidences; negative: the default, see dnmf_weak_settle */

  /* Out. */
  double rmse;          /* held out, over all folds; NaN with weak zeros */
  double spread;        /* standard deviation of the folds' own RMSE at that iteration */
  int iterations;       /* to run with all entries */
  double seconds;       /* of iterating, all folds */
  double metric;        /* of the lists, mean over the rows of all folds; NaN without a ranking metric */
  double metric_spread; /* standard deviation of the folds' own */
} dnmf_candidate;

/* Ranking instead of RMSE. */
typedef struct dnmf_tune_metric {
  bool ranks; /* else RMSE */
  dnmf_list_figure figure;
  int64_t at;      /* length of the lists */
  double relevant; /* held-out entries of that or more; NaN: of the mean of the training entries, of strengths of
                      their `like` */
} dnmf_tune_metric;

typedef struct dnmf_tune_plan {
  const char *input;
  dnmf_source *opened; /* the input where it has been opened, for one group alone: moved, closed with the search; NULL:
                          each group opens it */
  dnmf_source_options source;
  dnmf_precision precision;
  dnmf_settings fit;  /* what the candidates have in common; max_iterations and patience bound each fit; with weak zeros
                         a ranking metric decides, and fits end as they do in `fit`; negative numbers of weak zeros are
                         dnmf_weak_settle's */
  dnmf_shrink shrink; /* and l2_bias: as dnmf_observed_set_shrink takes them */
  double l2_bias;
  uint64_t seed; /* of starts and folds */
  int folds;
  int groups; /* of processes; at most as many as there are */
  dnmf_tune_metric metric;
  int64_t candidate_count;
  dnmf_candidate *candidates; /* results are filled in, the same on every process */
} dnmf_tune_plan;

/* Fold of an entry. local */
int dnmf_tune_fold(uint64_t seed, int folds, int64_t row, int64_t col);

/* Runs all fits. `done`, if not NULL, is called on the first process of each group after each fit with its score.
 * collective */
dnmf_status dnmf_tune(dnmf_context *context, dnmf_tune_plan *plan,
                      void (*done)(void *state, const dnmf_candidate *candidate, int fold, double score), void *state);

/* Negative when candidate `a` is better than `b`: a lower RMSE or a higher metric; of equals, the one with fewer
 * components. local */
int dnmf_tune_compare(const dnmf_candidate *a, const dnmf_candidate *b);

/* The best candidate. local */
const dnmf_candidate *dnmf_tune_best(const dnmf_tune_plan *plan);

#endif
