/*
 * Predictions of a model for pairs of a row and a column.
 *
 * A model of a matrix whose unstored entries are zeros predicts w_i h_j. A model of observed entries predicts
 *   mean' + b_i + b_j + w_i h_j,
 * where mean' (bias.mean of the file) is the mean of the ratings less one standard deviation when biases are fitted,
 * 0 otherwise: the product is what brings the mean back.
 *
 * Unknown is a row or column whose id the model does not have, and, in a model of observed entries, one of which the
 * fit saw none (dnmf_model_row_is_known). It is predicted to be like others: the row that the fit pulls others towards
 * takes its place, and the bias that is expected of it. A model without such rows, of zeros, an older one or one of a
 * fit that pulls towards zero, has a product of 0 for it, which is not what to expect: there the mean of the ratings
 * and the biases that are known are predicted. In a model with zeros a row of zeros is data.
 */
#ifndef DNMF_PREDICT_H
#define DNMF_PREDICT_H

#include "factor/model.h"

/* What an unknown row or column is predicted to be. */
typedef enum dnmf_fallback {
  DNMF_FALLBACK_AVERAGE = 0, /* what the model's own rows are pulled towards; where it has no such row, as bias */
  DNMF_FALLBACK_MEAN,        /* the mean of the ratings (of the matrix) */
  DNMF_FALLBACK_BIAS,        /* that and the bias of the row or column that is known */
  DNMF_FALLBACK_NAN
} dnmf_fallback;

/* Numbers that a factor row of a predictor has beyond the components: the bias, and whether the row is known. Behind
 * them the biases of the model's draws. */
enum { DNMF_PREDICTOR_EXTRA = 2 };

typedef struct dnmf_predictor {
  int64_t rows;
  int64_t cols;
  double constant; /* mean' */
  double level;    /* of the fit (solve/observed.h): a stored bias is the bias less this times the sum of the row */
  int components;
  int samples;    /* draws that the components are of, in as many parts; 0: none */
  double noise;   /* standard deviation of an observed value about its prediction; 0 where it is not known */
  double mean;    /* of the ratings or the matrix, as the model has it; else of all its predictions */
  bool has_scale; /* smallest and largest are known */
  double smallest;
  double largest;
  int64_t *row_bounds; /* size + 1: who owns which rows of W */
  int64_t *col_bounds;
  dnmf_panel w; /* owned rows, each followed by its bias and by 1 when it is known, else 0 */
  dnmf_panel h;
  double *average_row; /* an unknown row, its components and bias, the same on every process; NULL: there is none */
  double *average_col;
} dnmf_predictor;

typedef struct dnmf_pair {
  int64_t row; /* of the model; -1: it has none */
  int64_t col;
} dnmf_pair;

typedef struct dnmf_prediction {
  double score;     /* not clipped */
  double deviation; /* of the scores of the model's draws; NaN where it has less than two, or one of both is unknown */
  bool known;       /* row and column both; else the score is the fallback */
} dnmf_prediction;

/* Prepares predictions of a model that dnmf_model_read read; the model is needed no longer afterwards. Released with
 * dnmf_predictor_free, also after a failure. collective */
dnmf_status dnmf_predictor_create(dnmf_context *context, const dnmf_model *model, dnmf_predictor *predictor);
void dnmf_predictor_free(dnmf_predictor *predictor); /* local; accepts a zeroed one */

/* predictions[i] of this process's pairs, any number on any process. Only the factor rows of the pairs travel, those
 * of a million pairs at a time. collective */
dnmf_status dnmf_predict(dnmf_context *context, const dnmf_predictor *predictor, dnmf_fallback fallback, int64_t count,
                         const dnmf_pair *pairs, dnmf_prediction *predictions);

/* The score within the scale of the ratings; NaN stays NaN. local */
double dnmf_clip(const dnmf_predictor *predictor, double score);

#endif
