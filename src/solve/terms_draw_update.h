/*
 * What a draw of implicit terms is given: rows, and the bringers of their terms (terms_draw.h).
 */
#ifndef DNMF_TERMS_DRAW_UPDATE_H
#define DNMF_TERMS_DRAW_UPDATE_H

#include "base/exact_sum.h"
#include "base/precision.h"

#include <stdint.h>

enum { DNMF_TERMS_DRAW_RANGE = 512 }; /* rows or bringers that a thread takes at a time */

/* Numbers of dnmf_terms_draw.partial for so many rows or bringers, whichever are more. */
static inline int64_t dnmf_terms_draw_room(int64_t rows, int64_t stride) {
  const int64_t ranges = (rows + DNMF_TERMS_DRAW_RANGE - 1) / DNMF_TERMS_DRAW_RANGE;
  return ranges * (2 * DNMF_EXACT_PARTS + 1) * stride;
}

/* Arrays of rows have `stride` numbers each: the components, then the bias's. */
typedef struct dnmf_terms_draw {
  dnmf_precision precision;
  dnmf_isa isa;
  int threads;
  int stride;

  int64_t rows;
  const int64_t *row_start;
  const int32_t *row_index; /* a place among what has arrived */
  void *terms;              /* t */
  void *spread;             /* q times the share |N_i|^-1/2 */

  int64_t bringers; /* those without rows keep their y */
  const int64_t *start;
  const int32_t *index;
  void *brought;           /* y */
  void *rest;              /* r; before `begin` what v makes of it */
  void *direction;         /* p */
  const double *curvature; /* 2 numbers of each: the diagonal of X'X, and another */

  /* Of each component. */
  const double *ratio; /* tau / lambda */
  const double *unit;  /* by which terms of sums are multiplied, so that they are about one */
  const double *step;
  double *parts;   /* 2 x stride sums of DNMF_EXACT_PARTS */
  double *partial; /* room: dnmf_terms_draw_room */
} dnmf_terms_draw;

#endif
