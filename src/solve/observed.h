/*
 * Row updates over observed entries only. Local arithmetic.
 *
 * Row x of a factor, its bias b and the observed values r_e of its row of A, with f_e the fixed factor's rows at
 * those entries and c_e = mean + their biases:
 *   minimize over w >= 0, b free   1/2 sum_e (r_e - c_e - b - f_e w)^2 + 1/2 l2 d^s |w - m|^2 + l1 |w|_1 + 1/2 l2_bias
 * b^2 where d is the number of entries, s the count power of the penalty scale (0 raw, 1 ALS-WR's count) and m the row
 * that the penalty pulls towards: zero, or the factor's mean row.
 * With weak zeros the objective is that of weak.h, by hals or bpp, without biases.
 *   hals  `sweeps` warm-started coordinate sweeps, b always at its minimum: on the row's residual where its factor rows
 *         fit a cache and the sweeps are few, else on its normal equations; the iterates are the same to rounding
 *   bpp   the same equations, sweeps until the projected gradient is at rounding: the exact minimizer
 *   mu    w <- w * sum(n_e f_e) / (sum(q_e f_e) + penalties), with n, q of the loss (Lee & Seung 2001; masked as
 *         in Luo et al. 2014), no biases
 *
 * With a level c > 0 the product is that of deviations from it: (f_e - c)(w - c) takes the place of f_e w above, and
 * the constant row c is what the penalty pulls towards (`center`). No direction of a factor is free then, a row's mean
 * no more than any other: a row with few entries stays near c, and its bias alone tells its level. Multiplied out, k
 * c^2 goes into the mean and -c sum(w) into the row's bias, so that w f_e, the mean and the numbers stored as biases
 * make the prediction whatever c is.
 *
 * A center may move with the entries: m + slope log(1 + d / DNMF_BIAS_KNEE).
 * With `draw`, each number of the row is drawn given the others: from the normal distribution with the density
 * exp(-objective / noise^2) where that is not negative, l2 being each component's own; the bias is left out of the
 * components' distributions (integrated over) and drawn last. One sweep, by hals.
 * The bias b is pulled towards the line a0 + a1 log(1 + d / DNMF_BIAS_KNEE): rows with more entries are not like those
 * with few. Its penalty is l2_bias d^bias_power.
 */
#ifndef DNMF_OBSERVED_H
#define DNMF_OBSERVED_H

#include "base/status.h"
#include "solve/observed_update.h"
#include "solve/solver.h"

/* Updates the rows with `threads` OpenMP threads; the result does not depend on how many. Rows without entries
 * become the center, their bias what is expected of it, zero without a center; with weak zeros of a positive weight
 * they are updated like all others. local */
dnmf_status dnmf_observed_rows(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                               dnmf_observed_update *update, dnmf_error *error);

#endif
