/* The private contract between terms_draw.c, which hands out rows, and its kernels. */
#ifndef DNMF_TERMS_DRAW_KERNELS_H
#define DNMF_TERMS_DRAW_KERNELS_H

#include "solve/terms_draw_update.h"

/* Rows, or bringers, `begin` to `end`; their sums are added to `parts`, 2 x stride of them. `row` is room for a row. */
typedef void terms_draw_part(const dnmf_terms_draw *draw, const void *arrived, int64_t begin, int64_t end,
                             double *parts, double *row);

typedef struct terms_draw_kernels {
  terms_draw_part *begin;
  terms_draw_part *spread;
  terms_draw_part *climb;
  terms_draw_part *advance;
  terms_draw_part *turn;
} terms_draw_kernels;

#endif
