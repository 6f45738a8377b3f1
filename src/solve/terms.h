/*
 * Implicit terms: what it tells of a row which entries it has. Local arithmetic.
 *
 * Row i of a factor has entries with N_i, some of the bringers: the rows of the other factor. Each bringer j has
 * numbers y_j of its own, one for each component and one for the bias, which may have either sign. What the penalties
 * pull row i and its bias towards (observed.h) moves by the row's terms t_i = |N_i|^-1/2 sum_{j in N_i} y_j (the sum of
 * SVD++, Koren 2008, as the mean of a prior, Simm et al. 2017), so that y is fitted by the penalties alone: minimize
 * over y   1/2 sum_i p_i |x_i - m_i - t_i|^2 + 1/2 weight l2 sum_j |y_j|^2 with x_i the row or its bias, m_i its center
 * and p_i its weight, l2 d_i^s or l2_bias d_i^bias_power. One step is that of steepest descent, each y divided by its
 * curvature, as far along as is best for each component by itself: the objective never grows, and the result is the
 * same to the last bit for any number of threads and processes. It takes four parts, between which numbers travel:
 *   rests       r_i = p_i |N_i|^-1/2 (x_i - m_i - t_i), to the processes of the bringers
 *   directions  z_j = (sum_i r_i - weight l2 y_j) / (curvature_j + weight l2), to those of the rows
 *   spread      q_i = |N_i|^-1/2 sum_j z_j
 *   move        y_j += a z_j, t_i += a q_i, with the a of each component from sums over all processes
 */
#ifndef DNMF_SOLVE_TERMS_H
#define DNMF_SOLVE_TERMS_H

#include "base/precision.h"
#include "base/status.h"
#include "solve/terms_update.h"

/* share[2 i ...] = p_i / |N_i| of row i, for components and for the bias; 0 without entries. local */
void dnmf_terms_shares(const dnmf_observed_update *update, double *share);

/* terms->curvature from the shares that have arrived. local */
void dnmf_terms_curvatures(const dnmf_terms *terms, const double *arrived);

/* terms->rows = r. local */
void dnmf_terms_rests(const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa, int threads);

/* terms->direction = z from the r that have arrived, readable for DNMF_OBSERVED_SLACK numbers past the last row. sums
 * become 2 stride sums of DNMF_EXACT_PARTS (base/exact_sum.h), over their units: each component's product of z and the
 * gradient, and weight l2 |z|^2; *penalty: that of y. local */
dnmf_status dnmf_terms_directions(dnmf_error *error, const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa,
                                  int threads, const void *arrived, double *sums, double *penalty);

/* terms->rows = q from the z that have arrived; adds to the second half of the sums p_i |q_i|^2. local */
dnmf_status dnmf_terms_spread(dnmf_error *error, const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa,
                              int threads, const void *arrived, double *sums);

/* Moves y and `moved`, the rows' t, by the sums over all processes, the first half of which becomes the steps. local */
void dnmf_terms_move(const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa, int threads, double *sums,
                     void *moved);

/* moved = the t of the update's rows, from the y that have arrived. local */
dnmf_status dnmf_terms_of_rows(dnmf_error *error, const dnmf_observed_update *update, dnmf_precision precision,
                               dnmf_isa isa, int threads, const void *arrived, void *moved);

#endif
