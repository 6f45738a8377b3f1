/* The private contract between ratings_svd.c and its kernels. */
#ifndef DNMF_INIT_RATINGS_PRODUCT_H
#define DNMF_INIT_RATINGS_PRODUCT_H

#include "matrix/matrix.h"

enum { RATINGS_LANES = 16 }; /* columns come in multiples of this, whole vectors of any width */

/* Residuals of ratings, e = value - mean - own - other, times a panel. Numbers are of the kernel's precision. */
typedef struct ratings_product {
  const dnmf_csr *entries;
  double mean;
  const void *own;      /* a number a row */
  const void *other;    /* a number a column */
  const double *weight; /* a number a row */
  bool weight_twice;
  int columns;   /* of x and out */
  const void *x; /* a row a column of the ratings */
  void *out;     /* a row a row */
} ratings_product;

typedef struct ratings_kernels {
  /* out = weight, or its square, times the sum of e_j x_j, for the rows from `begin` to `end`. */
  void (*multiply)(const ratings_product *product, int64_t begin, int64_t end);
  /* out = weight^2 times the sum of value - mean - other, a number a row. */
  void (*sum)(const ratings_product *product, int64_t begin, int64_t end);
} ratings_kernels;

#endif
