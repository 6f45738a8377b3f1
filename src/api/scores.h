/*
 * Scores of pairs of a row and a column: what dnmf_model_predict, dnmf_model_evaluate and the commands predict and
 * evaluate share.
 */
#ifndef DNMF_API_SCORES_H
#define DNMF_API_SCORES_H

#include "api/model.h"
#include "model/predict.h"

/* What becomes of a pair whose row or column is unknown (model/predict.h). */
typedef enum dnmf_unknown {
  DNMF_UNKNOWN_AVERAGE = 0,
  DNMF_UNKNOWN_BIAS,
  DNMF_UNKNOWN_MEAN,
  DNMF_UNKNOWN_NAN,
  DNMF_UNKNOWN_DROP, /* it is left out: its score is NaN */
  DNMF_UNKNOWN_ERROR
} dnmf_unknown;

/* A model that is ready to predict. */
typedef struct dnmf_scorer {
  const dnmf_model *model;
  dnmf_predictor predictor;
  dnmf_unknown unknown;
  bool clip; /* to the scale of the ratings */
} dnmf_scorer;

/* `unknown` and `clip` are the words of dnmf_predict_settings. Released with dnmf_scorer_free, also after a failure.
 * collective */
dnmf_status dnmf_scorer_create(dnmf_context *context, const dnmf_model *model, const char *unknown, const char *clip,
                               dnmf_scorer *scorer);
void dnmf_scorer_free(dnmf_scorer *scorer); /* local; accepts a zeroed one */

/* Whether the model has draws, over which predictions deviate. local */
bool dnmf_scorer_has_deviations(const dnmf_scorer *scorer);

/* Whether scores are clipped: "auto" where the model has a scale. "yes" where it has none is an error. local */
dnmf_status dnmf_choose_clipping(dnmf_error *error, const dnmf_model *model, const char *clip, bool *clips);

typedef struct dnmf_scores {
  int64_t count;
  dnmf_pair *pairs; /* in the model's positions */
  dnmf_prediction *predictions;
  double *scores;     /* clipped */
  double *deviations; /* of the predictions over the draws of the model; NaN: it has none, or the pair is unknown */
  bool *left_out;     /* unknown, where those are dropped */
  int64_t refused;    /* the first unknown pair, where those are an error; -1: none */
  int64_t all;        /* pairs of all processes; and of these: */
  int64_t unknown;
  int64_t all_left_out;
  int64_t clipped;
} dnmf_scores;

/* Room for `count` pairs, which the caller fills. Released with dnmf_scores_free, also after a failure. local */
dnmf_status dnmf_scores_create(dnmf_error *error, int64_t count, dnmf_scores *scores);
void dnmf_scores_free(dnmf_scores *scores); /* local; accepts zeroed ones */

/* Everything else from the pairs. What is refused is the caller's to report. collective */
dnmf_status dnmf_scores_compute(dnmf_context *context, const dnmf_scorer *scorer, dnmf_scores *scores);

#endif
