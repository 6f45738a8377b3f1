/*
 * What ends an iteration in both loops: limits, saving when it is time, stopping before the fit is done.
 *
 * Each process says what it asks for; the sums over all processes ride along with sums an iteration makes anyway, and
 * from those everybody decides alike.
 */
#ifndef DNMF_FIT_PACE_H
#define DNMF_FIT_PACE_H

#include "fit/fit_state.h"

enum { DNMF_ASK_STOP = 0, DNMF_ASK_SAVE, DNMF_ASK_EXPIRED, DNMF_ASKS };

typedef struct dnmf_pace {
  const dnmf_checkpointing *plan; /* NULL: nothing is saved */
  int max_iterations;
  double time_limit;
  double began;   /* this job's loop */
  double earlier; /* seconds of iterating in the jobs before */
  double saved;   /* when; at first the beginning */
} dnmf_pace;

/* Starts the clocks. local */
void dnmf_pace_begin(dnmf_pace *pace, const dnmf_fit_result *result);

/* What this process asks for. local */
void dnmf_pace_ask(const dnmf_pace *pace, double asks[DNMF_ASKS]);

/* Seconds of iterating, all jobs together. local */
double dnmf_pace_seconds(const dnmf_pace *pace);

/* Marks the result as stopped and returns true. local */
bool dnmf_fit_stop(dnmf_fit_result *result, bool converged, const char *reason);

/* Whether a limit or a request ends the fit here, from the sums of what was asked. local, the same everywhere */
bool dnmf_pace_limits(const dnmf_pace *pace, const double asks[DNMF_ASKS], dnmf_fit_result *result);

/* After an iteration: saves `now` when that is due, or the fit is interrupted. collective */
dnmf_status dnmf_pace_save(dnmf_pace *pace, const double asks[DNMF_ASKS], const dnmf_fit_state *now);

/* With something to resume: the result and memory as they were saved; otherwise nothing changes. local */
dnmf_status dnmf_fit_resume(dnmf_error *error, const dnmf_checkpointing *plan, dnmf_fit_result *result,
                            dnmf_fit_memory *memory);

#endif
