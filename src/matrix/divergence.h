/*
 * What this process's block of A contributes to the multiplicative updates under a beta-divergence (Févotte & Idier
 * 2011). Local arithmetic, threaded; no communication. The panels' precision is the matrix's.
 *
 * With P = W H over the block, D_beta(a | p) is
 *   a log(a/p) - a + p                                                    for beta = 1 (Kullback-Leibler)
 *   a/p - log(a/p) - 1                                                    for beta = 0 (Itakura-Saito)
 *   (a^beta + (beta - 1) p^beta - beta a p^(beta - 1)) / (beta (beta - 1))    otherwise
 * and the update of W multiplies it by (a p^(beta - 2)) H' over p^(beta - 1) H'; that of H likewise with W.
 *
 * Memory: P exists in tiles of DNMF_DIVERGENCE_TILE rows and columns, two or three a thread, never whole; beside them
 * copies of the panels, and for beta = 1 and a sparse block only numbers of one row's stored entries. There the
 * numerators are sums over stored entries and the denominators are sums of columns, which the caller has.
 *
 * Where it would be divided by, a p below DNMF_DIVERGENCE_FLOOR counts as that, as in scikit-learn 1.7; of a
 * matrix of small values (dnmf_divergence_floor) the floor is as much smaller. An a of 0 takes no part in ratios and
 * logarithms: it adds p^beta / beta alone to the divergence, whatever p is. With beta < 0 a small p counts as the floor
 * in p^beta too. Results do not depend on the number of threads.
 */
#ifndef DNMF_DIVERGENCE_H
#define DNMF_DIVERGENCE_H

#include "matrix/matrix.h"
#include "matrix/panel.h"

enum { DNMF_DIVERGENCE_TILE = 64 };

#define DNMF_DIVERGENCE_FLOOR 1.1920928955078125e-07 /* float32 machine epsilon, in both precisions */

typedef struct dnmf_divergence {
  double beta;
  bool transposed;          /* contributions to H, not to W */
  const dnmf_panel *w;      /* block rows x k */
  const dnmf_panel *h;      /* block columns x k */
  dnmf_panel *numerators;   /* out: block rows x k; transposed, block columns x k */
  dnmf_panel *denominators; /* out, the same shape; not touched with beta = 1 */
  bool want_loss;           /* the two sums below */
  double stored;            /* out: the part of the loss that vanishes where a = 0 */
  double powers;            /* out: sum of p^beta over all entries; 0 for beta = 0 and 1, where it is known */
} dnmf_divergence;

/* What P counts as at least where it is divided by: DNMF_DIVERGENCE_FLOOR, but never above 1e-5 of the mean value of A,
 * each weighted with itself. From the matrix's global figures; without them (sum 0) the former. local */
double dnmf_divergence_floor(const dnmf_matrix *a);

/* The exponent of the ratio in multiplicative updates, which makes every step descend. local */
double dnmf_divergence_exponent(double beta);

/* Where scikit-learn takes a number of a factor for 0 after an update, so that it does not linger as a denominator:
 * 2^-52, but never above 2^-45 of the size that the factors of a matrix of small values have; 0: nowhere. local */
double dnmf_divergence_smallest(double beta, bool of_h, double mean, int components);

/* Work memory that the larger of the two calls takes while it runs, in bytes, for a block of `rows` x `cols`. local */
double dnmf_divergence_bytes(const dnmf_context *context, bool sparse, dnmf_precision precision, double beta,
                             int64_t rows, int64_t cols, int components);

/* Fills the contributions. local */
dnmf_status dnmf_diverge(dnmf_context *context, const dnmf_matrix *a, dnmf_divergence *divergence);

/* D_beta(A | W H) over all entries from `stored` and the sum of p^beta over all entries. local */
double dnmf_divergence_total(double beta, double stored, double powers);

#endif
