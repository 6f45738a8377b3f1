/*
 * What ratings have in common beyond biases: the largest singular values and vectors of the ratings less their mean and
 * the biases of rows and columns, each entry divided by the square roots of its row's and its column's counts, entries
 * that were not observed 0:
 *   e_ij / sqrt((n_i + d) (n_j + d)),   e_ij = a_ij - mean - b_i - b_j
 * The counts keep rows with many ratings from being all that is seen, the damping d those with few from being noise.
 *
 * By block Lanczos steps with full orthogonalization (Golub, Underwood 1977; from a random block, Musco, Musco 2015) on
 * the side with fewer rows. A step is a product with the ratings and one with their transpose; residuals are made on
 * the way and never held. The block begins at random numbers times sqrt(n): the vectors looked for are about as much
 * larger in rows with more ratings.
 */
#ifndef DNMF_RATINGS_SVD_H
#define DNMF_RATINGS_SVD_H

#include "matrix/ratings.h"

typedef struct dnmf_ratings_svd {
  int components;
  double *values; /* singular values, largest first; 0 beyond the rank. The same on every process */
  /* Of the owned rows and columns, in the ratings' precision, at least `components` numbers a row: singular vectors
   * times sqrt(entries / (n + d)), so that the mean square of a vector's numbers over the observed entries is about
   * 1; a vector of value 0 is zeros. */
  dnmf_panel rows;
  dnmf_panel cols;
  /* Biases of the owned rows and columns, a number each: sums of residuals over counts + d. */
  dnmf_panel row_bias;
  dnmf_panel col_bias;
} dnmf_ratings_svd;

/* 1 <= components. The same on any number of processes to rounding and the sign of a pair, as far as values are apart;
 * bit for bit for any number of threads. Beside the result it takes at most (components + 16) * 7 doubles a row of the
 * smaller side, and two panels of rows fetched. Released with dnmf_ratings_svd_free, also after failure. collective */
dnmf_status dnmf_ratings_svd_compute(dnmf_context *context, const dnmf_ratings *ratings, int components, uint64_t seed,
                                     dnmf_ratings_svd *svd);

void dnmf_ratings_svd_free(dnmf_ratings_svd *svd); /* local; accepts a zeroed one */

#endif
