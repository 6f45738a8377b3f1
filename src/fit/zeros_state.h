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

/* By ahals, these follow: what the sweeps of the half-step lowered the objective by, and the sums of the penalties at
 * the rows that are multiplied with A. */
enum { AHEAD_FIRST = 0, AHEAD_LAST, AHEAD_ALL, AHEAD_SUM, AHEAD_SQUARES, AHEAD_SUMS };

/* A factor in one start. */
typedef struct zeros_rows {
  dnmf_panel mine;     /* owned rows */
  dnmf_panel ahead;    /* H by ahals: what it is extrapolated to, which goes into the products; else empty */
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

/* Of a start by ahals: the objective of W and the extrapolated H, between the half-steps. */
typedef struct zeros_look {
  double inner;   /* <A, WH> */
  double crossed; /* |WH|^2 */
  double penalty;
} zeros_look;

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
  zeros_look *looks;           /* ahals: of each start that runs */
  dnmf_ahead_limits limits;    /* ahals */
  bool owns_ahead;             /* ahals: the extrapolated H is this fit's own, not given with a start */
  dnmf_best_model best;        /* on held-out cells; of one start */
};

/* Values of a start that ride along with its sums. */
static inline int64_t zeros_control_count(const zeros_fit *z) {
  return CONTROLS + (z->held ? HELD_SUMS : 0) + (z->settings->solver == DNMF_SOLVER_AHALS ? AHEAD_SUMS : 0);
}

/* The sums of a start, and the control values behind them. */
static inline double *zeros_sums(const zeros_fit *z, const zeros_factor *x, int start) {
  return x->sums + start * (z->count + zeros_control_count(z));
}
static inline double *zeros_control(const zeros_fit *z, const zeros_factor *x, int start) {
  return zeros_sums(z, x, start) + z->count;
}

/* Whether the wide factor is the start's own. local */
bool dnmf_zeros_is_alone(const zeros_factor *x);

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

/* The sums of ahals, of a start; cells are not taken out there. */
static inline double *zeros_ahead(const zeros_fit *z, const zeros_factor *x, int start) {
  return zeros_control(z, x, start) + CONTROLS;
}

/* The rows of X that go into the products, and from which its half-step starts. */
static inline dnmf_panel *zeros_sent(zeros_rows *rows) {
  return rows->ahead.components > 0 ? &rows->ahead : &rows->mine;
}

/* <W'W, H H'> of the sums of both factors, under the squared error: |WH|^2 of W and H as they are there. */
static inline double zeros_crossed(const zeros_fit *z, int start) {
  const double *w = zeros_sums(z, &z->w, start);
  const double *h = zeros_sums(z, &z->h, start);
  double crossed = 0;
  for (int64_t i = 0; i < z->count; i++)
    crossed += w[i] * h[i];
  return crossed;
}

/* What the loss of a start counts of cells taken out. */
static inline double zeros_filled(const zeros_fit *z, int start) {
  return z->held ? zeros_held(z, z->last, start)[HELD_FILLED] : 0;
}

/* Fits by ahals (solve/ahead.h, zeros_ahead.c); with other solvers these do nothing, and there is one number of sweeps.
 * local */
dnmf_status zeros_ahead_open(zeros_fit *z);
int zeros_ahead_sweeps(const zeros_fit *z, const zeros_factor *x, int start);         /* of the half-step of X */
dnmf_solver zeros_ahead_solver(const zeros_fit *z, const zeros_factor *x, int start); /* of its rows */

/* At a start, or where the `resume` of a fit stopped. */
void zeros_ahead_begin(zeros_fit *z);

/* The penalties of H as it goes into the products, among its sums. */
void zeros_ahead_sum(const zeros_fit *z, zeros_factor *x, int start);

/* Takes the objective of W and the extrapolated H from the sums of both, <A H', W> being among those of X. */
void zeros_ahead_look(zeros_fit *z, const zeros_factor *x);

/* H after its half-step, and what it is extrapolated to. */
void zeros_ahead_extrapolate(zeros_fit *z, int start);

/* The loss of a start, whose penalty is there, and after an iteration the sweeps of the next one. */
void zeros_ahead_evaluate(const zeros_fit *z, int start, dnmf_reached *reached);
void zeros_ahead_remember(zeros_fit *z, const dnmf_reached *all);

/* Adds the extrapolated H to what a later job needs. */
void zeros_ahead_save(const zeros_fit *z, dnmf_fit_state *now);
void zeros_ahead_close(zeros_fit *z);

extern const loss_arithmetic dnmf_squared_error;
extern const loss_arithmetic dnmf_divergence_loss;

#endif
