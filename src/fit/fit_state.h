/*
 * Where a fit stands between two iterations, and who saves it, stops it and goes on with it.
 *
 * W, H and this state determine every later iteration: on the same grid the next job's numbers are the same bits, on
 * another they are the same to summation order. What is sent to agree on saving and stopping rides along with sums
 * that an iteration makes anyway.
 */
#ifndef DNMF_FIT_STATE_H
#define DNMF_FIT_STATE_H

#include "factor/model.h"
#include "fit/result.h"
#include "fit/settings.h"
#include "solve/ahead.h"

/* What the stopping rules and the kinds of fit remember from one iteration to the next, beside what the result shows.
 * Doubles only, each saved as an attribute of a checkpoint. */
typedef struct dnmf_fit_memory {
  double first_violation; /* of the first iteration */
  double start_error;     /* sqrt(2 loss) at the start, or the first that was known; NaN before */
  double checked_error;   /* at the last check of the objective rule */
  double best_objective;  /* of the model kept on the held-out entries */
  double best_residual_squares;
  double batches_visited; /* batches: over all passes */
  double batches_inner;   /* <A, WH> and |WH|^2 of this pass so far */
  double batches_crossed;
  double batches_seen; /* rows of A that the sums stand for */
  double chain_start;  /* chains: the iterations of the fit before them */
  dnmf_ahead ahead;    /* ahals */
} dnmf_fit_memory;

/* The names of what kinds of fit keep beside W and H. */
#define DNMF_PART_BEST_W       "best_w" /* observed, with held-out entries: the best model, a bias last in a row */
#define DNMF_PART_BEST_H       "best_h"
#define DNMF_PART_AHEAD        "ahead_h"   /* ahals: what H is extrapolated to */
#define DNMF_PART_ROW_TERMS    "row_terms" /* observed, with implicit terms: evidence.h */
#define DNMF_PART_OF_COLS      "of_cols"
#define DNMF_PART_COL_TERMS    "col_terms"
#define DNMF_PART_OF_ROWS      "of_rows"
#define DNMF_PART_BEST_OF_COLS "best_of_cols" /* ... and held-out entries: of the best model */
#define DNMF_PART_BEST_OF_ROWS "best_of_rows"
#define DNMF_PART_SUMS         "sums" /* batches: A'W so far, and W'W */
#define DNMF_PART_GRAM         "gram"
#define DNMF_PART_DIVISORS     "divisors" /* batches by online mu: the denominators of H */

#define DNMF_PART_KEPT_W         "kept_w" /* a chain: the draws kept so far, a bias last in each */
#define DNMF_PART_KEPT_H         "kept_h"
#define DNMF_PART_KEPT_OF_COLS   "kept_of_cols" /* ... with implicit terms */
#define DNMF_PART_KEPT_ROW_TERMS "kept_row_terms"
#define DNMF_PART_KEPT_COL_TERMS "kept_col_terms"
#define DNMF_PART_TRACE          "trace"    /* ... and the figures of each sweep */
#define DNMF_PART_CHAINS_W       "chains_w" /* several chains: the factors that each is at */
#define DNMF_PART_CHAINS_H       "chains_h"

/* All of them, where their rows belong; the last has no name. */
extern const dnmf_model_part dnmf_fit_parts[];

typedef struct dnmf_fit_state {
  dnmf_fit_result result; /* so far; without seconds and traffic. To resume, a history that is NULL was not computed */
  dnmf_fit_memory memory;
  int panel_count; /* what the kind of fit keeps beside W and H */
  dnmf_model_part panels[DNMF_MODEL_PARTS];
} dnmf_fit_state;

/* The panel of that name; NULL when there is none. local */
const dnmf_panel *dnmf_fit_state_panel(const dnmf_fit_state *state, const char *name);

/* Who runs the fit. */
struct dnmf_fit_host {
  void *state; /* given to the functions */

  /* Saves W and H as they are now, with `now`. A save that failed without harm is DNMF_OK: the fit goes on, and a
   * later one is tried. `last`: the fit stops after this one, which therefore has to succeed. NULL: nothing is saved,
   * and a fit that is told to stop ends with the model of its last iteration. Of several fits side by side `now` is
   * NULL (loop.h). collective */
  dnmf_status (*save)(void *state, const dnmf_fit_state *now, bool last);

  /* Whether this process has been told to stop. NULL: never. local */
  bool (*told_to_stop)(void *state);

  int fits;            /* of the job, of which this loop iterates some (restarts.h); 0: those of the loop */
  int groups;          /* of processes that share the job's fits, one of which has these; 0: there are none */
  int fits_done;       /* before it, */
  double seconds_done; /* in so many seconds: for the reporter */

  int every_iterations;         /* 0: not by iterations */
  double every_seconds;         /* infinity: not by time */
  const dnmf_fit_state *resume; /* W and H are those of this state; NULL: they are a start. Copied, not taken over */
};

#endif
