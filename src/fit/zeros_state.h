/*
 * The state of a fit with zeros (zeros_fit.c), and what a loss brings to it.
 *
 * Letters: X is the factor that has just been updated, Y the one whose turn is next, F the one that is fixed in X's
 * turn. Functions marked local do arithmetic of this process alone; zeros_fit.c communicates.
 *
 * Several starts side by side: each has its own rows of X and of its products, k wide, and sums of its own. What is
 * multiplied with A and what is sent is a factor of starts * k components, in which a row of X holds that row of one
 * start after another. A single start has no such copy: the wide factor is its own.
 */
#ifndef DNMF_ZEROS_STATE_H
#define DNMF_ZEROS_STATE_H

#include "factor/factor.h"
#include "fit/best_model.h"
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

/* Where cells are taken out of A, their sums follow. */
enum { HELD_SQUARES = 0, HELD_LOSS, HELD_FILLED, HELD_SUMS };

/* A factor in one start. */
typedef struct zeros_rows {
  dnmf_panel mine;     /* owned rows */
  dnmf_panel products; /* what they are updated from */
} zeros_rows;

/* A factor and what the loss needs of it. */
typedef struct zeros_factor {
  dnmf_factor *x;   /* of all starts that run */
  zeros_rows *rows; /* of each; of a single one they are x's own */
  bool gathered;    /* x->gathered holds x as it is now */
  bool transposed;  /* H: its rows belong to the columns of A */
  double l1;
  double l2;
  double *sums; /* of each start that runs, over all rows of x, what the loss needs of them, and the control values */
} zeros_factor;

typedef struct zeros_fit zeros_fit;

/* The arithmetic of a loss. All functions are local. */
typedef struct loss_arithmetic {
  bool needs_both; /* what X's update needs depends on X too, not on F alone; then there is one start */

  /* Numbers that `sum` makes of a factor. */
  int64_t (*sum_count)(const zeros_fit *z);

  /* y->x->partial = this block's share of what the update of Y needs, from the gathered factors. */
  dnmf_status (*contribute)(zeros_fit *z, zeros_factor *y);

  /* Updates the owned rows of X from their products and the sums of F; adds the violation to X's control values. */
  dnmf_status (*update)(zeros_fit *z, zeros_factor *x, const zeros_factor *f);

  /* With whole rows of A here: updates the rows of W and leaves this block's share of what the update of H needs in
   * h->x->partial, reading A once. NULL: not for this loss. */
  dnmf_status (*sweep)(zeros_fit *z);

  /* X's sums = the share of the owned rows, its CONTROL_LOSS = what this process adds to the loss, taken from the
   * products and rows of `paired`. */
  dnmf_status (*sum)(zeros_fit *z, zeros_factor *x, const zeros_factor *paired);

  /* The loss of a start and what follows from it, from the sums of both factors and the control values. */
  void (*evaluate)(const zeros_fit *z, int start, dnmf_reached *reached);
} loss_arithmetic;

struct zeros_fit {
  dnmf_context *context;
  const dnmf_settings *settings;
  const dnmf_matrix *a;
  const loss_arithmetic *arithmetic;
  dnmf_loop *loop;
  int starts;    /* that run */
  int *numbers;  /* which of the loop's fits each of them is */
  int64_t count; /* numbers that `sum` makes of a factor in one start */
  zeros_factor w;
  zeros_factor h;
  zeros_factor *first; /* whose half-step begins an iteration: W's, or H's when W is fixed */
  zeros_factor *last;  /* whose half-step ends it: H's, or W's when H is fixed */
  bool one_pass;       /* the two half-steps of an iteration read A together */
  double stored;       /* divergences: this block's sums of dnmf_diverge, for the next control values */
  double powers;
  const dnmf_held_cells *held; /* cells taken out of A; NULL: none */
  dnmf_held_sums *held_sums;   /* this block's in each start, for the next control values */
  dnmf_best_model best;        /* on held-out cells; of one start */
};

/* Values of a start that ride along with its sums. */
static inline int64_t zeros_control_count(const zeros_fit *z) {
  return CONTROLS + (z->held ? HELD_SUMS : 0);
}

/* The sums of a start, and the control values behind them. */
static inline double *zeros_sums(const zeros_fit *z, const zeros_factor *x, int start) {
  return x->sums + start * (z->count + zeros_control_count(z));
}
static inline double *zeros_control(const zeros_fit *z, const zeros_factor *x, int start) {
  return zeros_sums(z, x, start) + z->count;
}

/* Some owned rows of X into the wide factor, from each start; of the products, out of it. Nothing where there is one
 * start. local */
void dnmf_zeros_join_rows(const zeros_fit *z, zeros_factor *x, dnmf_range rows);
void dnmf_zeros_split_products(const zeros_fit *z, zeros_factor *x, dnmf_range rows);

/* Leaves of X the starts whose fits are not done, `running` of them, before they are counted anew. local */
void dnmf_zeros_narrow(const zeros_fit *z, zeros_factor *x, int running);

/* The sums over cells taken out, of a start; only where there are any. */
static inline double *zeros_held(const zeros_fit *z, const zeros_factor *x, int start) {
  return zeros_control(z, x, start) + CONTROLS;
}

/* What the loss of a start counts of cells taken out. */
static inline double zeros_filled(const zeros_fit *z, int start) {
  return z->held ? zeros_held(z, z->last, start)[HELD_FILLED] : 0;
}

extern const loss_arithmetic dnmf_squared_error;
extern const loss_arithmetic dnmf_divergence_loss;

#endif
