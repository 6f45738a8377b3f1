/*
 * The settings of a fit, whatever its kind: zeros on a grid, observed entries, mini-batches, rows folded in.
 *
 * One struct for the loop, the command line, checkpoints, `tune`, `transform` and `plan`. A field that a kind of fit
 * does not name has no meaning for it. Zero is the plain value of every field but `components` and `max_iterations`.
 */
#ifndef DNMF_SETTINGS_H
#define DNMF_SETTINGS_H

#include "matrix/matrix.h"
#include "solve/loss.h"
#include "solve/solver.h"

typedef enum dnmf_stop { DNMF_STOP_GRADIENT = 0, DNMF_STOP_OBJECTIVE, DNMF_STOP_VALIDATION } dnmf_stop;

/* raw: as given; dimension: W's penalties times the columns of A, H's times its rows; count: the L2 penalty of a row
 * times its number of observed entries to the power `count_power`. */
typedef enum dnmf_penalty_scale { DNMF_PENALTY_RAW = 0, DNMF_PENALTY_DIMENSION, DNMF_PENALTY_COUNT } dnmf_penalty_scale;

typedef struct dnmf_penalties {
  double l1_w, l1_h, l2_w, l2_h;
  dnmf_penalty_scale scale;
  double count_power; /* of DNMF_PENALTY_COUNT; 0 is raw, 1/2 the root of the count, 1 the count */
  double count_extra; /* added to the number of entries whose power is taken */
} dnmf_penalties;

/* A factor that stays as it starts: no half-step of its own, and only the other counts for the stopping rule. */
typedef enum dnmf_fixed { DNMF_FIXED_NONE = 0, DNMF_FIXED_W, DNMF_FIXED_H } dnmf_fixed;

typedef enum dnmf_confidence { DNMF_CONFIDENCE_ONE = 0, DNMF_CONFIDENCE_LINEAR, DNMF_CONFIDENCE_LOG } dnmf_confidence;

/* What entries that are not stored count (fit/weak_fit.h). */
typedef struct dnmf_weak_settings {
  bool on;       /* else they count nothing, and the rest has no meaning */
  double weight; /* of such an entry, 0 to 1 */
  dnmf_confidence confidence;
  double alpha;
  double epsilon;  /* of DNMF_CONFIDENCE_LOG, positive */
  bool target_one; /* the target of observed entries: 1, else their value */
  double like;     /* with target_one: entries of less are no sign of liking, and weigh what those not stored do */
} dnmf_weak_settings;

/* Which of a fit's rows and columns have implicit terms (fit/evidence.h). */
typedef enum dnmf_evidence_of {
  DNMF_EVIDENCE_NONE = 0,
  DNMF_EVIDENCE_ROWS,
  DNMF_EVIDENCE_COLS,
  DNMF_EVIDENCE_BOTH
} dnmf_evidence_of;

static inline int dnmf_evidence_sides(dnmf_evidence_of evidence) {
  return evidence == DNMF_EVIDENCE_BOTH ? 2 : evidence == DNMF_EVIDENCE_NONE ? 0 : 1;
}

/* Fits of observed entries: the prediction is mean + bias_i + bias_j + w_i h_j. */
typedef struct dnmf_observed_settings {
  bool bias_rows;
  bool bias_cols;
  double l2_bias;      /* in observations: shrinks a bias as that many observations of 0 would; around a level, of a
                          column's, times the root of its entries (0.25 of it for a row's) */
  bool shrink_to_mean; /* L2 pulls a factor's rows towards their mean instead of zero; not for mu */
  bool around_level; /* ... towards a constant row, the product is of deviations from it, and biases are pulled towards
                        a line by their number of entries; with biases only, not for mu; goes before shrink_to_mean */
  dnmf_evidence_of evidence; /* around a level */
  double l2_evidence;        /* of implicit terms, in multiples of l2 and l2_bias; for columns a fifth of it */
  double start_scale;        /* of the random start; 1 predicts the mean at once */
  int patience;              /* with held-out entries: iterations without improvement before stopping; also of zeros */
  dnmf_weak_settings weak;   /* without biases, towards zero, not for mu */
} dnmf_observed_settings;

/* Averaging over the posterior distribution (posterior_fit.h). */
typedef struct dnmf_posterior_settings {
  int samples;    /* sweeps of a chain whose draws count; 0: no chain, and the rest has no meaning */
  int chains;     /* 0 and 1: one */
  int groups;     /* of processes, in which the chains run: the same draws in any number; 0 and 1: one */
  int burn_in;    /* sweeps before */
  int thin;       /* of the sweeps that count every how many-th is kept */
  bool keep_mean; /* one mean of the draws instead of all that are kept */
} dnmf_posterior_settings;

/* Fits of rows that pass by in batches. */
typedef struct dnmf_batch_settings {
  int64_t rows;  /* of a batch, shared by all processes */
  double forget; /* 0 to 1: what earlier batches lose in a pass; 0: each counts as it was last */
} dnmf_batch_settings;

typedef struct dnmf_fit_host dnmf_fit_host;
typedef struct dnmf_held_cells dnmf_held_cells; /* held_cells.h */

typedef struct dnmf_settings {
  int components;
  uint64_t seed; /* of the start and of held-out shares */
  dnmf_loss loss;
  dnmf_solver solver; /* losses other than the squared error are minimized by mu, whatever it says */
  int sweeps;         /* coordinate sweeps of a half-step (hals); updates of a batch; 0 and 1: one */
  dnmf_fixed fixed;   /* zeros; H also for observed entries */
  dnmf_penalties penalties;

  dnmf_stop stop;     /* the rules: loop.h */
  double tolerance;   /* 0: never stop early */
  int max_iterations; /* 0: keep the start; batches: passes */
  double time_limit;  /* seconds of iterating in this job; infinity: none */

  dnmf_observed_settings observed;
  dnmf_posterior_settings posterior; /* observed entries around a level */
  dnmf_batch_settings batches;

  const dnmf_held_cells *held; /* zeros: the cells taken out of A; NULL: none */

  const dnmf_fit_host *host; /* who stops, saves and resumes the fit; state.h; NULL: nobody */
} dnmf_settings;

/* The power of a row's number of entries that its L2 penalty is multiplied by. */
static inline double dnmf_count_power(const dnmf_penalties *penalties) {
  return penalties->scale == DNMF_PENALTY_COUNT ? penalties->count_power : 0;
}

static inline int dnmf_sweeps(const dnmf_settings *settings) {
  return settings->sweeps > 1 ? settings->sweeps : 1;
}

#endif
