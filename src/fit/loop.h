/*
 * The state of the update loop (loop.c), and what a loss brings to it.
 *
 * Letters: X is the factor that has just been updated, Y the one whose turn is next, F the one that is fixed in X's
 * turn. Functions marked local do arithmetic of this process alone; the loop communicates.
 */
#ifndef DNMF_FIT_LOOP_H
#define DNMF_FIT_LOOP_H

#include "pace.h"

/* Values that ride along with a factor's sums, summed over all processes. */
enum {
  CONTROL_VIOLATION = 0,
  CONTROL_LOSS,
  CONTROL_SUM,
  CONTROL_SQUARES,
  CONTROL_FAILED,
  CONTROL_ASKS,
  CONTROLS = CONTROL_ASKS + DNMF_ASKS
};

typedef struct side {
  dnmf_factor *x;
  bool gathered;   /* x->gathered holds x as it is now */
  bool transposed; /* H: its rows belong to the columns of A */
  double l1;
  double l2;
  double *sums;    /* over all rows of x, what the loss needs of them; then the control values */
  double *control; /* points behind the sums */
} side;

typedef struct loop loop;

/* The arithmetic of a loss. All functions are local. */
typedef struct loss_arithmetic {
  bool needs_both; /* what X's update needs depends on X too, not on F alone */

  /* Numbers that `sum` makes of a factor. */
  int64_t (*sum_count)(const loop *l);

  /* y->x->partial = this block's share of what the update of Y needs, from the gathered factors. */
  dnmf_status (*contribute)(loop *l, side *y);

  /* Updates the owned rows of X from x->x->products and the sums of F; adds the violation to X's control values. */
  dnmf_status (*update)(loop *l, side *x, const side *f);

  /* With whole rows of A here: updates the rows of W and leaves this block's share of what the update of H needs in
   * h->x->partial, reading A once. NULL: not for this loss. */
  dnmf_status (*sweep)(loop *l);

  /* x->sums = the share of the owned rows, x->control[CONTROL_LOSS] = what this process adds to the loss, taken from
   * the products and rows of `paired`. */
  dnmf_status (*sum)(loop *l, side *x, const side *paired);

  /* l->loss, and the errors that follow from it, from the sums of both factors and the control values. */
  void (*evaluate)(loop *l, dnmf_fit_result *result);
} loss_arithmetic;

struct loop {
  dnmf_context *context;
  const dnmf_fit_options *options;
  const dnmf_matrix *a;
  const loss_arithmetic *arithmetic;
  side w;
  side h;
  side *first;   /* whose half-step begins an iteration: W's, or H's when W is fixed */
  side *last;    /* whose half-step ends it: H's, or W's when H is fixed */
  bool one_pass; /* the two half-steps of an iteration read A together */
  double stored; /* divergences: this block's sums of dnmf_diverge, for the next control values */
  double powers;
  dnmf_status failure; /* of local arithmetic here; shared with the next sums, so that nobody waits */
  dnmf_pace pace;
  dnmf_fit_memory memory;
  double loss; /* without penalties, where the last half-step ended */
  dnmf_fit_seconds seconds;
};

/* Fails on a matrix, not all zero, whose values are too small to compute with; scale.c. The same on all processes.
 * local */
dnmf_status dnmf_check_scale(dnmf_context *context, const dnmf_matrix *a);

extern const loss_arithmetic dnmf_squared_error;
extern const loss_arithmetic dnmf_divergence_loss;

#endif
