/*
 * Drawing what brings implicit terms (terms.h) from its conditional distribution in a chain. Local arithmetic.
 *
 * Of each component, and of the bias, rows that differ by e_i from what they are pulled towards without terms are
 * e_i ~ N(t_i, 1 / lambda), t = X y with x_ij = |N_i|^-1/2, and y_j ~ N(0, 1 / tau). Given e, y is normal with the
 * precision lambda A, A = X'X + (tau / lambda) I, and a draw of it is the solution of
 *   A y = X'(e + u / sqrt(lambda)) + sqrt(tau) / lambda v,   u, v standard normal
 * (Papandreou & Yuille 2010), found by conjugate gradients from the y before, divided by the diagonal. An iteration
 * takes these parts, between which numbers travel; all stride components go side by side, with steps of their own:
 *   begin    r = X'(...) + ... - A y, p = r / diagonal
 *   spread   q = X p
 *   climb    t += step q
 *   advance  y += step p, r -= step A p
 *   turn     p = r / diagonal + step p
 * Sums are exact (base/exact_sum.h), so that a draw is the same to the last bit on any number of processes.
 */
#ifndef DNMF_SOLVE_TERMS_DRAW_H
#define DNMF_SOLVE_TERMS_DRAW_H

#include "base/exact_sum.h"
#include "base/precision.h"
#include "solve/terms_draw_update.h"

/* The parts; `arrived` are rows of the other side, fetched: of r (the rows' share times what is in brackets), of p, of
 * q times the share. Each adds to draw->parts what is said beside it. local */
void dnmf_terms_draw_begin(const dnmf_terms_draw *draw, const void *arrived);  /* r p; of ratio p^2 the second half */
void dnmf_terms_draw_spread(const dnmf_terms_draw *draw, const void *arrived); /* q^2; leaves q times the share */
void dnmf_terms_draw_climb(const dnmf_terms_draw *draw);
void dnmf_terms_draw_advance(const dnmf_terms_draw *draw, const void *arrived); /* r^2 / diagonal */
void dnmf_terms_draw_turn(const dnmf_terms_draw *draw);                         /* of ratio p^2 the second half */

#endif
