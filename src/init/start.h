/*
 * Starts: the first W and H. The same on every grid.
 */
#ifndef DNMF_START_H
#define DNMF_START_H

#include "factor/factor.h"
#include "matrix/matrix.h"

/* |N(0,1)| * sqrt(mean(A) / k) for every entry (scikit-learn's scale). Either factor may be NULL. local */
void dnmf_start_random(const dnmf_matrix *a, uint64_t seed, dnmf_factor *w, dnmf_factor *h);

/* sqrt(mean(A) / k) for every entry. local */
void dnmf_start_flat(const dnmf_matrix *a, dnmf_factor *factor);

/* What takes the place of zeros in an SVD start. */
typedef enum dnmf_svd_fill {
  DNMF_SVD_FILL_ZERO = 0, /* nndsvd: they stay */
  DNMF_SVD_FILL_MEAN,     /* nndsvda: mean(A) */
  DNMF_SVD_FILL_RANDOM    /* nndsvdar: |N(0,1)| * mean(A) / 100 */
} dnmf_svd_fill;

struct dnmf_svd_products;

/* Nonnegative double SVD (Boutsidis, Gallopoulos 2008), as scikit-learn has it: of each singular pair the positive or
 * the negative parts, whichever is larger; entries below 1e-6 count as zeros. Components beyond A's numerical rank
 * are zeros: their singular vectors are rounding errors, different on every grid. Fails if there are more components
 * than rows or columns. `products` are A's (svd.h); NULL: by its blocks. collective */
dnmf_status dnmf_start_svd(dnmf_context *context, const dnmf_layout *layout, const dnmf_matrix *a,
                           const struct dnmf_svd_products *products, dnmf_svd_fill fill, uint64_t seed, dnmf_factor *w,
                           dnmf_factor *h);

/* What takes the place of zeros in the owned rows of a factor, by their global numbers. local */
void dnmf_start_fill_zeros(const dnmf_matrix *a, dnmf_svd_fill fill, uint64_t seed, bool of_h, dnmf_factor *x);

#endif
