/* The private contract between terms.c, which hands out rows, and its kernels. */
#ifndef DNMF_TERMS_KERNELS_H
#define DNMF_TERMS_KERNELS_H

#include "solve/terms_update.h"

/* Rows `begin` to `end`, their sums added to `sums` (terms.h), which has room for a row of partial ones behind. */
typedef struct terms_kernels {
  void (*rests)(const dnmf_terms *terms, int64_t begin, int64_t end);
  void (*directions)(const dnmf_terms *terms, const void *arrived, int64_t begin, int64_t end, double *sums,
                     double *row);
  void (*spread)(const dnmf_observed_update *update, const double unit[2], const void *arrived, int64_t begin,
                 int64_t end, void *out, double *sums, double *row);
  void (*move)(int stride, const double *steps, const void *direction, int64_t begin, int64_t end, void *moved);
} terms_kernels;

#endif
