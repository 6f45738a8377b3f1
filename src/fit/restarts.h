/*
 * Several starts of one fit with zeros: the same A, k and settings from other seeds, so that A is read once for all.
 *
 * Each restart comes to what dnmf_fit_zeros comes to from its start, to rounding: it has its own stopping rule, history
 * and result. Those that have stopped leave the others. A restart is the fit of `fit --seed` with its seed; by
 * convention the seeds of R restarts are seed, seed + 1, ..., seed + R - 1 (dnmf_restarts_create).
 *
 * What is shared: every product with A, every gather, sum-and-scatter and all-reduce. Losses other than the squared
 * error gain nothing from that, since WH is made for each start: their restarts are fitted one after the other, as are
 * those for which there is no memory side by side. A fixed factor, or a start that does not depend on the seed, leaves
 * nothing to restart: whoever makes the starts refuses that.
 */
#ifndef DNMF_RESTARTS_H
#define DNMF_RESTARTS_H

#include "factor/factor.h"
#include "fit/loop.h"

typedef enum dnmf_restart_stage {
  DNMF_RESTART_WAITING = 0, /* has not begun: no panels, an empty result */
  DNMF_RESTART_RUNNING,     /* as an iteration left it: interrupted, or while it is saved */
  DNMF_RESTART_DONE         /* by its stopping rule, the limit of iterations or, without `save`, the end of the job */
} dnmf_restart_stage;

typedef struct dnmf_restart {
  uint64_t seed;
  dnmf_restart_stage stage;
  dnmf_panel w;           /* owned; the rows that this process owns in the layout, as in a dnmf_factor */
  dnmf_panel h;           /* owned; likewise the columns, a row each */
  dnmf_panel ahead;       /* owned; by ahals like h: what that is extrapolated to; else empty */
  dnmf_fit_result result; /* owned; seconds and traffic are of all restarts of its round together */
  dnmf_fit_memory memory; /* of its stopping rule, to go on from */
} dnmf_restart;

typedef struct dnmf_restarts dnmf_restarts;

struct dnmf_restarts {
  int count;
  dnmf_restart *items; /* owned */
  int side_by_side;    /* most restarts that share a product, of which no more do than pay; 0 and 1: one after the
                          other */
  int groups;          /* of processes that share them, one of which has these; told with progress */
  void *state;         /* given to the functions */

  /* What dnmf_fit_restarts comes to. */
  const char *ended;        /* "signal" or "time-limit" where that left restarts behind, else NULL */
  int steps;                /* iterations of all rounds, each of which is one of every restart in it that ran */
  dnmf_fit_seconds seconds; /* of all rounds, as in a result */
  dnmf_traffic traffic;

  /* The start of a seed into the owned rows of two zeroed factors. NULL: dnmf_start_random. collective */
  dnmf_status (*start)(dnmf_context *context, void *state, uint64_t seed, dnmf_factor *w, dnmf_factor *h);

  /* Everything as it is now, as dnmf_fit_host says of its own `save`: when that is due, between two rounds, and with
   * `last` before the job ends early. To go on, another job gives dnmf_fit_restarts the same restarts
   * in the same stages, with panels, results (of which a history that is NULL was not computed) and memories as they
   * were saved. NULL: nothing is saved; a job that is told to stop ends with what has been reached. collective */
  dnmf_status (*save)(void *state, const dnmf_restarts *now, bool last);
};

/* `count` restarts of seeds `seed`, `seed` + 1, ..., waiting. Released with dnmf_restarts_free, also after a failure.
 * local */
dnmf_status dnmf_restarts_create(dnmf_error *error, int count, uint64_t seed, dnmf_restarts *restarts);
void dnmf_restarts_free(dnmf_restarts *restarts); /* accepts zeroed ones */

/* Fits all restarts that are not done. A signal and the time limit, which is of this job and all restarts together,
 * stop all: those that run become done or, with `save`, stay running, and those that wait stay waiting. `settings`:
 * of its host `told_to_stop` and when to save; its `save` and `resume` are not used; its seed is not used.
 * `interrupted` of a result: the restart was stopped so and can go on. collective */
dnmf_status dnmf_fit_restarts(dnmf_context *context, const dnmf_settings *settings, const dnmf_matrix *a,
                              const dnmf_layout *layout, dnmf_restarts *restarts);

/* The place of the restart of the least objective among those that have begun, the first of equals; -1: none has.
 * local */
int dnmf_restarts_best(const dnmf_restarts *restarts);

/* Whether a restart is not done, so that there is something to go on with. local */
bool dnmf_restarts_unfinished(const dnmf_restarts *restarts);

/* How many of `count` restarts of that job on that grid fit side by side into `bytes` of one process, the block and
 * what one fit takes included; at least 1. local */
int dnmf_restarts_at_once(const dnmf_context *context, const dnmf_job *job, int grid_rows, int grid_cols, int count,
                          double bytes);

#endif
