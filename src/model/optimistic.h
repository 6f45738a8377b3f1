/*
 * Lists by prediction and deviation: for a model of a chain's draws, columns offered with the mean of the draws'
 * predictions plus so many of their standard deviations.
 */
#ifndef DNMF_MODEL_OPTIMISTIC_H
#define DNMF_MODEL_OPTIMISTIC_H

#include "factor/model.h"
#include "model/score.h"

/* Columns to offer. */
typedef struct dnmf_optimistic {
  const dnmf_model *model;
  double optimism;      /* deviations that are added; negative: that are taken off */
  int64_t first;        /* global index of the first column */
  int64_t count;        /* of the columns */
  const void *factors;  /* of each, in the model's precision */
  const double *biases; /* of each; minus infinity: it is not offered */
  const double *drawn;  /* of each, a bias a draw */
} dnmf_optimistic;

/* Offers the columns to the list of the owned row; `work` has room for components + 2 * samples numbers. local */
void dnmf_optimistic_offer(const dnmf_optimistic *columns, int64_t row, double *work, dnmf_listed *listed);

#endif
