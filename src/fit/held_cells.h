/*
 * Cells of A whose value a fit with zeros does not use: held out to measure the fit, or missing in the data.
 *
 * Which cells are held out is a function of a seed and the cell's place alone, the same on any grid: row i has the
 * sequence of SplitMix64 (Steele, Lea, Flood 2014) that begins at random bits of (seed, i), and number j of it is the
 * hash of cell (i, j). Zeros are cells like all others. (RcppML's `mask = p` with `mask_zeros = FALSE` masks cells of
 * all values likewise: a "speckled" mask.)
 *
 * Such cells are taken out of A: their values are kept here, and in A's block stands a zero, so that starts, products
 * and the matrix's figures know nothing of them. (Losses that are infinite at zeros, beta <= 0: the mean of the other
 * cells.) In a fit they stand at their current prediction (EM: Dempster, Laird, Rubin 1977; for factorizations Zhang,
 * Wang, Ford, Makedon 2006), so that every solver stays as it is:
 *
 *   A'H' = A H' + sum_held (w_i.h_j) h_j, and A'W likewise; the same for the numerators of mu under a beta-divergence,
 *   where the ratio a/p of such a cell is 1
 *
 * The prediction is that of the factors before each half-step. With A' the filled matrix, D(A'|WH) is the loss of all
 * other cells before the half-step and not below it after, so that loss, with penalties, never increases: it is the
 * objective of such a fit. Residual, relative error and objective are those of the cells that are not taken out.
 *
 * Newton's method (newton_fit.c) leaves such cells out of each row's sums instead, which is the same minimum.
 *
 * A row or column all of whose cells are taken out is legal: nothing pulls its factor but the penalties, and without
 * them it stays as it starts.
 *
 * Use: dnmf_held_cells_take(..., &layout, &choice, settings.loss, &a, &held); settings.held = &held; dnmf_fit_zeros,
 * whose result has validation_rmse and validation_loss (and settings.stop = DNMF_STOP_VALIDATION stops by the former
 * and keeps the best model; else they are the last model's); dnmf_held_cells_put_back.
 *
 * Memory: 4 bytes a cell for its column, 4 for its row in the order of columns, and a number of A's precision; an
 * iteration takes 8 k operations a cell.
 */
#ifndef DNMF_HELD_CELLS_H
#define DNMF_HELD_CELLS_H

#include "matrix/divergence.h"
#include "solve/loss.h"

/* Which cells are held out: those whose hash is at least fold * share and below (fold + 1) * share of 2^64. Folds of a
 * share have no cell in common; with a share of 1/F the folds 0 ... F - 1 cover all cells. */
typedef struct dnmf_held_choice {
  uint64_t seed;
  double share; /* of all cells, 0 to 1; 0: none */
  int fold;     /* 0 <= fold, (fold + 1) * share <= 1 */
} dnmf_held_choice;

/* Of the whole matrix, the same on every process; the lists are this process's block's. */
typedef struct dnmf_held_cells {
  int64_t held_out; /* cells with a value, by which the fit is measured */
  int64_t missing;  /* cells without one */
  double filler;    /* what stands in A in their place */
  double sum;       /* of A and its squares before */
  double sum_squares;
  dnmf_loss loss;
  dnmf_csr by_rows; /* values in the precision of A, NaN where there is none */
  dnmf_csr by_cols; /* places only */
} dnmf_held_cells;

/* The cells taken out, at P = WH: sums over this block, or over all processes. */
typedef struct dnmf_held_sums {
  double squares; /* |a - p|^2 of those held out */
  double loss;    /* D(a | p) of those held out; 1/2 squares for the squared error */
  double filled;  /* of all: what D counts for them too much, p^2 or D(filler | p) */
} dnmf_held_sums;

/* Takes the chosen cells out of A, whose figures sum, sum_squares and unknown become those of the others; the rest
 * (checksum, empty rows and columns) stays the whole matrix's. Cells that A has no value of (matrix->missing) are
 * listed with them; of such a matrix a share of 0 is taken, too. Fails when a share holds out no cell, or no cell is
 * left. After success released with dnmf_held_cells_put_back or dnmf_held_cells_free. collective */
dnmf_status dnmf_held_cells_take(dnmf_context *context, const dnmf_layout *layout, const dnmf_held_choice *choice,
                                 dnmf_loss loss, dnmf_matrix *a, dnmf_held_cells *held);

/* A as it was before, for another fold; missing cells stay missing. Releases `held`; accepts a zeroed one. local */
void dnmf_held_cells_put_back(dnmf_matrix *a, dnmf_held_cells *held);
void dnmf_held_cells_free(dnmf_held_cells *held); /* local; accepts a zeroed one */

/* Fails where A lacks cells and the fit is not given them (`held` NULL). local */
dnmf_status dnmf_held_cells_check(dnmf_error *error, const dnmf_matrix *a, const dnmf_held_cells *held);

/* Some columns of panels in which several starts stand side by side: components first ... first + components - 1. */
typedef struct dnmf_held_slice {
  int first;
  int components;
} dnmf_held_slice;

/* Adds to `out` (that slice of it; NULL: sums only) what the cells taken out contribute at their prediction: to W's
 * products, or numerators, block rows x k; `transposed`, to H's, block columns x k. `w` and `h`: the gathered factors
 * of the block. `sums`: NULL where nobody asks. local */
dnmf_status dnmf_held_cells_contribute(dnmf_context *context, const dnmf_held_cells *held, const dnmf_matrix *a,
                                       const dnmf_panel *w, const dnmf_panel *h, dnmf_held_slice slice, bool transposed,
                                       dnmf_panel *out, dnmf_held_sums *sums);

#endif
