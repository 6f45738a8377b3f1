/*
 * The largest singular values of the partitioned matrix and their vectors, by a randomized range finder with power
 * iterations (Halko, Martinsson, Tropp 2011).
 *
 * A is only ever multiplied: 2 x 8 products with panels of components + 10 columns, in A's precision; bases are
 * orthonormalized in double after each. Errors shrink by (s[components + 10] / s[i])^30 for value i, so values
 * are accurate to rounding where the spectrum falls, and rough where it is flat.
 */
#ifndef DNMF_SVD_H
#define DNMF_SVD_H

#include "factor/factor.h"
#include "matrix/matrix.h"

typedef struct dnmf_svd {
  int components;
  double *values; /* largest first, the same on every process */
  dnmf_panel u;   /* left vectors, double: the rows of A that this process owns of W */
  dnmf_panel v;   /* right vectors: the columns of A that it owns of H */
  dnmf_range owned_rows;
  dnmf_range owned_cols;
} dnmf_svd;

/* Products with a matrix that no process has a block of: out = A x, or with `transposed` A'x, of x and out what this
 * process has of a layout of one column; in out before the sum over processes. local */
typedef struct dnmf_svd_products {
  void *state;
  dnmf_status (*multiply)(dnmf_context *context, void *state, bool transposed, const dnmf_panel *x, dnmf_panel *out);
} dnmf_svd_products;

enum { DNMF_SVD_OVERSAMPLING = 10 };

/* Requires 1 <= components <= min(rows, cols). The same values and vectors on every grid, up to rounding: the
 * largest entry of each left vector is positive. `products` are A's; NULL: by its blocks. Released with dnmf_svd_free,
 * also after failure. collective */
dnmf_status dnmf_svd_compute(dnmf_context *context, const dnmf_layout *layout, const dnmf_matrix *a,
                             const dnmf_svd_products *products, int components, uint64_t seed, dnmf_svd *svd);

/* Most memory that it takes on a layout of one column in a process that has `rows` rows and owns `owned_cols` columns,
 * bytes, without what products take. local */
double dnmf_svd_bytes(int64_t rows, int64_t cols, int64_t owned_cols, int processes, int components,
                      dnmf_precision precision);

void dnmf_svd_free(dnmf_svd *svd); /* local; accepts a zeroed one */

#endif
