/*
 * The one loop of all fits: starting, stepping, stopping, checking, recording, saving, resuming.
 *
 * What is iterated is a problem: a table of a few functions over a state of its own. Kinds of problem, a file each:
 *   zeros_fit.c     unstored entries are zeros; blocks on a process grid; also several starts side by side
 *   newton_fit.c    the same with whole rows and columns of A: Kullback-Leibler by Newton's method
 *   observed_fit.c  observed entries only: ratings; also rows folded in, H fixed
 *   batch_fit.c     zeros, the rows of A pass by in batches
 *
 * Stopping rules, each checked after every iteration in this order:
 *   validation  held-out RMSE has not improved for `patience` iterations; the best model is kept (with held-out
 * entries) gradient    the sum of |projected gradient| over the factors fitted is at most tol of the first iteration's
 *               (scikit-learn's rule for cd)
 *   objective   every 10 iterations: (error then - error now) / error of the start < tol, error = sqrt(2 loss)
 *               (scikit-learn's rule for mu)
 *   max-iter, a signal, time-limit
 * A fit fails, on all processes alike, when its values are too small for its precision or its loss becomes infinite or
 * no number.
 */
#ifndef DNMF_FIT_LOOP_H
#define DNMF_FIT_LOOP_H

#include "fit/fit_state.h"
#include "fit/settings.h"

/* What each process asks for; summed over all processes by the problem's own all-reduce. */
enum { DNMF_ASK_STOP = 0, DNMF_ASK_SAVE, DNMF_ASK_EXPIRED, DNMF_ASKS };

/* What an iteration has come to, the same on all processes. */
typedef struct dnmf_reached {
  bool has_loss;       /* false: a start of which the loss is not known yet */
  double loss;         /* of the entries fitted, without penalties */
  double penalty;      /* of both factors */
  double watched;      /* what the objective rule watches, of the dimension of a loss */
  double violation;    /* sum of |projected gradient|; 0 where nobody asks for it */
  double squares;      /* |A - WH|^2; NaN for other losses than the squared error */
  bool below_rounding; /* the loss is lost in the rounding of its terms */
  double held_out_squares;
  double held_out_loss;  /* zeros: D(a | p) */
  double held_out_count; /* 0: nothing is held out */
  double asks[DNMF_ASKS];
  int64_t batch; /* of a pass, which ends with 0; other kinds of fit: 0 */
  int64_t batches;
} dnmf_reached;

/* One of the fits that a problem iterates side by side, each with its own start and end. Most problems are of one. */
typedef struct dnmf_loop_fit {
  const dnmf_fit_state *resume; /* NULL: from a start */
  dnmf_fit_result *result;
  dnmf_fit_memory memory;
  double earlier; /* seconds of iterating in the jobs before */
  bool done;
} dnmf_loop_fit;

/* What a problem sees of the loop. */
typedef struct dnmf_loop {
  dnmf_context *context;
  const dnmf_settings *settings;
  int fit_count;
  dnmf_loop_fit *fits;
  dnmf_status failure; /* of local work here; shared with the next sums, so that nobody waits */
  dnmf_fit_seconds seconds;
  double began; /* this job's loop */
  double saved; /* when; at first the beginning */
} dnmf_loop;

/* `reached` has a place for each fit of the loop; those of fits that are done stay as they are. */
typedef struct dnmf_problem_kind {
  /* Memory. local */
  dnmf_status (*open)(dnmf_loop *loop, void *state);

  /* Everything as an iteration leaves it, at a start or where the `resume` of a fit stopped. collective */
  dnmf_status (*begin)(dnmf_loop *loop, void *state, dnmf_reached *reached);

  /* One iteration, or one batch of a pass. collective */
  dnmf_status (*step)(dnmf_loop *loop, void *state, dnmf_reached *reached);

  /* Some fits are done, and others go on without them. NULL: there is one fit. local */
  void (*leave)(dnmf_loop *loop, void *state);

  /* Keeps the model as the best on the held-out entries. NULL: nothing can be held out. local */
  void (*keep_best)(dnmf_loop *loop, void *state);

  /* Adds to `now` what a later job needs beside W, H and the memory. NULL: nothing. collective */
  dnmf_status (*save)(dnmf_loop *loop, void *state, dnmf_fit_state *now);

  /* After the last iteration: the model to keep, and what it has come to if that changes. NULL: as it is. collective */
  dnmf_status (*settle)(dnmf_loop *loop, void *state, dnmf_reached *reached);

  /* Releases what `open` made, also when it failed. local */
  void (*close)(void *state);
} dnmf_problem_kind;

typedef struct dnmf_problem {
  const dnmf_problem_kind *kind;
  void *state;
  dnmf_precision precision;
  double sum; /* of the entries fitted */
  double sum_squares;
  bool holds_out; /* entries are held out: they decide when to stop, and which model is kept */
  int passes;     /* readings of A an iteration takes */
} dnmf_problem;

/* Fits from the start in the problem's factors, which hold the model afterwards. Released with dnmf_fit_result_free.
 * collective */
dnmf_status dnmf_loop_run(dnmf_context *context, const dnmf_settings *settings, const dnmf_problem *problem,
                          dnmf_fit_result *result);

/* The same for several fits side by side, given where each goes on from and a place for its result; their memories are
 * there afterwards. Entries are not held out. Seconds and traffic are those of all together, in each result. What the
 * host saves is told without a state: the caller, who has given the fits, has it. collective */
dnmf_status dnmf_loop_run_together(dnmf_context *context, const dnmf_settings *settings, const dnmf_problem *problem,
                                   int fit_count, dnmf_loop_fit *fits);

/* Keeps the first local failure until everybody hears of it. local */
void dnmf_loop_keep_failure(dnmf_loop *loop, dnmf_status status);

/* What this process asks for. local */
void dnmf_loop_ask(const dnmf_loop *loop, double asks[DNMF_ASKS]);

/* |A - WH|^2 = |A|^2 - 2 <A, WH> + |WH|^2 from its terms into loss, squares and below_rounding. local */
void dnmf_reached_from_terms(dnmf_reached *reached, dnmf_precision precision, double sum_squares, double inner,
                             double crossed);

#endif
