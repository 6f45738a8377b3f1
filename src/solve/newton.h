/*
 * Kullback-Leibler with zeros: rows of a factor by Newton's method, the other factor fixed. Local arithmetic only.
 *
 * With F the fixed factor, c the sums of its columns and p_j = x . f_j, a row x of the other factor minimizes
 *   sum_t (c_t + l1) x_t + l2/2 |x|^2 - sum_j a_j log p_j    over x >= 0,
 * where only entries a_j > 0 take part in the second sum. A step of a row:
 *   scale  x <- s x with the s that is best
 *   model  gradient g = c + l1 + l2 x - sum_j (a_j / p_j) f_j and matrix M = sum_j (a_j / p_j^2) f_j f_j' + l2 I
 *   free   d_t = 0 where x_t = 0 and g_t >= 0: M is of the other components alone
 *   solve  min g.d + 1/2 d'M d over x + d >= 0, by coordinate sweeps (Hsieh & Dhillon 2011 sweep on the divergence
 *          itself, which needs every p_j again after each coordinate; the model needs k numbers)
 *   move   x <- x + alpha d
 * Writing r_j for the share of itself that a p_j loses in a whole step, rho for the largest, gamma = -g.d and
 * kappa = d'M d = sum_j a_j r_j^2, a step of length alpha lowers the objective by
 * alpha gamma - 1/2 alpha^2 sum_j a_j r_j^2 / (1 - alpha max(r_j, 0)) at least, and that by alpha gamma - 1/2 alpha^2
 * kappa / (1 - alpha rho), for -log(1 - r) <= r + 1/2 r^2 / (1 - r) (the divergence is self-concordant: Tran-Dinh,
 * Kyrillidis, Cevher 2015). So a
 * whole step is taken where the bound says that it descends or, else, the objective itself does; otherwise the alpha
 * of the best bound, (1 - 1/sqrt(1 + 2 rho gamma / kappa)) / rho. No step increases the objective, but for rounding
 * and for p below the floor, which counts as that (matrix/divergence.h).
 *
 * M of a row with many entries, more than 16 a component (and 256), is estimated from about so many of them, those
 * whose row of F comes first in an order by chance, times what all weigh over what those do: only the direction d is
 * made of it. Gradient, kappa and the bound are of all entries, so that the step descends all the same (sub-sampled
 * Newton: Roosta-Khorasani & Mahoney 2019).
 *
 * A row without a positive entry becomes 0. A row with p = 0 everywhere starts flat: zeros do not stay zeros.
 *
 * Cells taken out of A take no part: c is the sum over the other rows of F, a row at a time (EM, which multiplicative
 * updates need, would count them at their prediction). A row all of whose cells are taken out stays as it is, or
 * becomes 0 where there are penalties.
 */
#ifndef DNMF_NEWTON_H
#define DNMF_NEWTON_H

#include "base/number.h"
#include "base/precision.h"
#include "base/status.h"
#include "matrix/csr.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct dnmf_newton_update {
  int64_t rows;
  int64_t cols;         /* of A, seen from these rows: rows of the fixed factor */
  const int64_t *start; /* sparse: rows + 1; NULL: dense */
  const int32_t *index; /* sparse: rows of the fixed factor */
  const void *value;    /* sparse: an entry each; dense: see `turned` */
  bool turned;          /* dense: value is cols x rows, row-major, not rows x cols */
  dnmf_number narrow;   /* the type of the values; 0: numbers of the precision */
  int components;
  const void *fixed;      /* cols x components */
  const int32_t *numbers; /* of the fixed factor's rows, in all of A, in which they are sampled; NULL: their places */
  const double *sums;     /* of the fixed factor's columns, over all its rows */
  int64_t across;         /* how many rows those are */
  const dnmf_csr *held; /* cells taken out: rows of the fixed factor, ascending, and values in the precision, NaN where
                           nobody knows one; A has zeros there; NULL: none */
  void *x;              /* rows x components, updated in place */
  double l1;            /* already multiplied by the penalty scale */
  double l2;
  double floor; /* what p counts as at least where it is divided by */
  int steps;    /* of each row; 0: the sums below alone */
  bool want_violation;
  bool want_loss;
  double violation;    /* out, when wanted: sum of |projected gradient| at the values before the update, scaled */
  double loss;         /* out, when wanted: sum of a log(a/p) - a over positive entries, after the update */
  double held_squares; /* out, with the loss, of cells taken out: (a - p)^2, */
  double held_loss;    /* and D(a | p), both of those with a value; */
  double sum;          /* of all cells that are not taken out: p */
} dnmf_newton_update;

/* Updates the rows. `threads` OpenMP threads are used; the result does not depend on how many. local */
dnmf_status dnmf_newton_rows(dnmf_precision precision, dnmf_isa isa, int threads, dnmf_newton_update *update,
                             dnmf_error *error);

/* Work memory that dnmf_newton_rows takes while it runs, in bytes; `longest` is the most entries of a row: `cols` when
 * dense. local */
double dnmf_newton_bytes(dnmf_precision precision, dnmf_isa isa, int threads, bool sparse, bool turned, bool held,
                         int64_t rows, int64_t cols, int64_t longest, int components);

/* Operations of a row's step apart from its entries, and of each entry, as a cost model counts them. local */
double dnmf_newton_operations(int components, double rows, double entries);

#endif
