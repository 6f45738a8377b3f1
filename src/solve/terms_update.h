/*
 * What a step of implicit terms is given: rows, and the bringers of their terms (terms.h).
 */
#ifndef DNMF_TERMS_UPDATE_H
#define DNMF_TERMS_UPDATE_H

#include "solve/observed_update.h"

/* All arrays of factor rows are as in dnmf_observed_update, of the update's stride and one precision. */
typedef struct dnmf_terms {
  const dnmf_observed_update *update; /* of the rows: entries, x, penalties and what they pull towards, t */
  double unit[2];                     /* of sums of components, of the bias: they are about as large as terms / unit */
  double weight;                      /* of y's penalty, times the update's l2 and l2_bias */
  void *rows;                         /* rows x stride: r, then q */

  /* The bringers, each with the rows that have an entry with it. */
  int64_t bringers;
  const int64_t *start;
  const int32_t *index; /* a place among what has arrived */
  void *brought;        /* bringers x stride: y */
  void *direction;      /* bringers x stride: z */
  double *curvature;    /* bringers x 2: sum_i p_i / |N_i|, for components and for the bias */
} dnmf_terms;

#endif
