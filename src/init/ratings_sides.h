/*
 * The weighted residuals of ratings as an operator on panels, by rows and by columns.
 *
 * The side with fewer rows is the near one. Residuals are made on the way through the entries; nothing of the ratings'
 * size is held.
 */
#ifndef DNMF_INIT_RATINGS_SIDES_H
#define DNMF_INIT_RATINGS_SIDES_H

#include "ratings_product.h"

#include "matrix/ratings.h"

/* Rows or columns of the ratings. */
typedef struct ratings_side {
  const dnmf_ratings_view *view;
  double *weight; /* 1 / sqrt(n + damping) of the owned rows */
  dnmf_panel bias;
  dnmf_panel needed_bias; /* of the other side */
  dnmf_panel x;
  dnmf_panel needed; /* rows of the other side's x */
} ratings_side;

typedef struct ratings_sides {
  dnmf_context *context;
  const ratings_kernels *kernels;
  double mean;
  int columns; /* of x */
  bool tall;   /* the columns are the near side */
  ratings_side near;
  ratings_side far;
} ratings_sides;

/* `columns` is a multiple of RATINGS_LANES. Released with ratings_sides_free, also after failure. local */
dnmf_status ratings_sides_create(dnmf_context *context, const dnmf_ratings *ratings, int columns, double damping,
                                 ratings_sides *sides);
void ratings_sides_free(ratings_sides *sides); /* local */

/* Biases of columns, of rows and of columns again, each the sum of residuals over n + damping. collective */
dnmf_status ratings_sides_fit_biases(ratings_sides *sides);

/* to->x = the weights times the residuals times from->x; the weights `twice` where that goes into a product again.
 * collective */
dnmf_status ratings_sides_multiply(ratings_sides *sides, const ratings_side *from, ratings_side *to, bool twice);

#endif
