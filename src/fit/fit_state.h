/*
 * Where a fit stands between two iterations: saved while it runs, and gone on from in another job.
 *
 * W, H and this state determine every later iteration: on the same grid the next job's numbers are the same bits, on
 * another they are the same to summation order. What is sent to agree on saving and stopping rides along with sums
 * that an iteration makes anyway.
 */
#ifndef DNMF_FIT_STATE_H
#define DNMF_FIT_STATE_H

#include "fit/fit.h"

/* What the stopping rules remember from one iteration to the next, beside what the result shows. */
typedef struct dnmf_fit_memory {
  double first_violation; /* of the first iteration */
  double start_error;     /* sqrt(2 loss) at the start; of observed entries, after the first iteration */
  double checked_error;   /* at the last check of the objective rule */
  double best_objective;  /* of the model kept on the held-out entries */
  double best_residual_squares;
} dnmf_fit_memory;

typedef struct dnmf_fit_state {
  dnmf_fit_result result; /* so far; without seconds and traffic. To resume, a history that is NULL was not computed */
  dnmf_fit_memory memory;
  const dnmf_panel *best_w; /* with held-out entries the best model so far, the owned rows; else NULL */
  const dnmf_panel *best_h;
} dnmf_fit_state;

/* How a fit is saved and gone on with. */
struct dnmf_checkpointing {
  void *state; /* given to the functions */

  /* Saves W and H as they are now, with `now`. A save that failed without harm is DNMF_OK: the fit goes on, and a
   * later one is tried. `last`: the fit stops after this one, which therefore has to succeed. NULL: nothing is saved,
   * and a fit that is told to stop ends with the factors it has. collective */
  dnmf_status (*save)(void *state, const dnmf_fit_state *now, bool last);

  /* Whether this process has been told to stop. local */
  bool (*told_to_stop)(void *state);

  int every_iterations;         /* 0: not by iterations */
  double every_seconds;         /* infinity: not by time */
  const dnmf_fit_state *resume; /* W and H are those of this state; NULL: they are a start. Copied, not taken over */
};

#endif
