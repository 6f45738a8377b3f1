/*
 * The state of a fit with zeros (zeros_fit.c), and what a loss brings to it.
 *
 * Letters: X is the factor that has just been updated, Y the one whose turn is next, F the one that is fixed in X's
 * turn. Functions marked local do arithmetic of this process alone; zeros_fit.c communicates.
 */
#ifndef DNMF_ZEROS_STATE_H
#define DNMF_ZEROS_STATE_H

#include "factor/factor.h"
#include "fit/held_cells.h"
#include "fit/loop.h"

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

/* Where cells are taken out of A, their sums ride along too, before the control values. */
enum { HELD_SQUARES = 0, HELD_LOSS, HELD_FILLED, HELD_SUMS };

/* A factor and what the loss needs of it. */
typedef struct zeros_factor {
  dnmf_factor *x;
  bool gathered;   /* x->gathered holds x as it is now */
  bool transposed; /* H: its rows belong to the columns of A */
  double l1;
  double l2;
  double *sums;    /* over all rows of x, what the loss needs of them; then `held` and the control values */
  double *held;    /* points behind the sums of the loss; NULL: no cells are taken out */
  double *control; /* points behind the sums */
} zeros_factor;

typedef struct zeros_fit zeros_fit;

/* The arithmetic of a loss. All functions are local. */
typedef struct loss_arithmetic {
  bool needs_both; /* what X's update needs depends on X too, not on F alone */

  /* Numbers that `sum` makes of a factor. */
  int64_t (*sum_count)(const zeros_fit *z);

  /* y->x->partial = this block's share of what the update of Y needs, from the gathered factors. */
  dnmf_status (*contribute)(zeros_fit *z, zeros_factor *y);

  /* Updates the owned rows of X from x->x->products and the sums of F; adds the violation to X's control values. */
  dnmf_status (*update)(zeros_fit *z, zeros_factor *x, const zeros_factor *f);

  /* With whole rows of A here: updates the rows of W and leaves this block's share of what the update of H needs in
   * h->x->partial, reading A once. NULL: not for this loss. */
  dnmf_status (*sweep)(zeros_fit *z);

  /* x->sums = the share of the owned rows, x->control[CONTROL_LOSS] = what this process adds to the loss, taken from
   * the products and rows of `paired`. */
  dnmf_status (*sum)(zeros_fit *z, zeros_factor *x, const zeros_factor *paired);

  /* The loss and what follows from it, from the sums of both factors and the control values. */
  void (*evaluate)(const zeros_fit *z, dnmf_reached *reached);
} loss_arithmetic;

struct zeros_fit {
  dnmf_context *context;
  const dnmf_settings *settings;
  const dnmf_matrix *a;
  const loss_arithmetic *arithmetic;
  dnmf_loop *loop;
  zeros_factor w;
  zeros_factor h;
  zeros_factor *first; /* whose half-step begins an iteration: W's, or H's when W is fixed */
  zeros_factor *last;  /* whose half-step ends it: H's, or W's when H is fixed */
  bool one_pass;       /* the two half-steps of an iteration read A together */
  double stored;       /* divergences: this block's sums of dnmf_diverge, for the next control values */
  double powers;
  const dnmf_held_cells *held; /* cells taken out of A; NULL: none */
  dnmf_held_sums held_sums;    /* this block's, for the next control values */
  bool keeps_best;             /* the model to keep is the best on held-out cells */
  dnmf_panel best_w;           /* own rows of it */
  dnmf_panel best_h;
};

/* What the loss counts of cells taken out, over all processes. */
static inline double zeros_filled(const zeros_fit *z) {
  return z->held ? z->last->held[HELD_FILLED] : 0;
}

/* The best model on held-out cells (zeros_best.c), as dnmf_problem_kind asks for it; without one they do nothing.
 * local */
dnmf_status zeros_best_open(zeros_fit *z);
void zeros_best_keep(dnmf_loop *loop, void *state);
void zeros_best_resume(zeros_fit *z);
void zeros_best_save(dnmf_loop *loop, void *state, dnmf_fit_state *now);
dnmf_status zeros_best_settle(dnmf_loop *loop, void *state, dnmf_reached *reached);
void zeros_best_close(zeros_fit *z);

extern const loss_arithmetic dnmf_squared_error;
extern const loss_arithmetic dnmf_divergence_loss;

#endif
