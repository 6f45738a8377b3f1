/*
 * Recommending: for each row the columns with the highest predictions, those it has seen left out; and the columns
 * most like a given one.
 *
 * The score is the model's prediction, mean + row bias + column bias + w h; for a row without data, and for a column
 * without, the mean of the ratings and the bias of the other (predict.h). Columns are ranked by it as it is, and
 * reported clipped to the scale: a row with many predictions above the scale's end still gets the best of them
 * first. Equal scores are ordered by column. A row without data is listed the most popular columns instead, where
 * these are known. W H is computed in register tiles against one tile of H at a time; memory is a tile of H and what
 * is reported, never rows x columns. With `optimism` a score is the prediction and so many deviations (optimistic.h),
 * and is reported as that.
 */
#ifndef DNMF_RECOMMEND_H
#define DNMF_RECOMMEND_H

#include "factor/model.h"
#include "factor/ranking.h"
#include "matrix/matrix.h"
#include "model/popularity.h"
#include "model/score.h"

typedef struct dnmf_recommend_options {
  int64_t top;        /* columns a row, fewer where there are not so many */
  bool include_empty; /* list columns the fit had no data for too */
  bool clip;          /* scores to [smallest, largest] */
  double smallest;
  double largest;
  double optimism;      /* deviations of the draws that a score has beyond the prediction, of a model with several; 0:
                           none */
  double mean;          /* predicted where nothing is known: of the ratings; 0 where unstored entries were zeros */
  const bool *wanted;   /* of the owned rows: those to list; NULL: all */
  const bool *listable; /* of the owned columns: those that may be listed; NULL: all */
  const dnmf_csr *seen; /* owned rows x all columns: entries left out; NULL: none */
  const dnmf_popularity *popularity; /* of the listable columns: what rows without data are listed; NULL: they are
                                        listed by prediction */
} dnmf_recommend_options;

typedef struct dnmf_recommend_work {
  double seconds;  /* of scoring, of the slowest process */
  double flops;    /* of W H, all processes together */
  int64_t empty;   /* columns without data */
  int64_t popular; /* rows without data that were listed the most popular columns, of all processes */
} dnmf_recommend_work;

/* Lists of rows owned here: the place of each row's list, its best first. */
typedef struct dnmf_lists {
  int64_t count;
  dnmf_listed *listed; /* listed[i].top.items: global columns and their scores without mean and row bias */
  int64_t *row;        /* of each, counted in the owned rows, ascending */
  bool *popular;       /* listed by popularity; the scores of these are counts */
  dnmf_scored *items;  /* of all lists */
} dnmf_lists;

/* The lists as they are made; dnmf_recommend reports them. Released with dnmf_lists_free, also after a failure.
 * collective */
dnmf_status dnmf_lists_make(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_options *options,
                            dnmf_lists *lists, dnmf_recommend_work *work);
void dnmf_lists_free(dnmf_lists *lists); /* local; accepts zeroed lists */

/* Lists the columns of the owned rows; the score of a column listed by popularity is NaN. Released with
 * dnmf_ranking_free, also after a failure. collective */
dnmf_status dnmf_recommend(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_options *options,
                           dnmf_ranking *ranking, dnmf_recommend_work *work);

/* For each of the `count` columns the `top` others of largest cosine in the space of components; `row` of a line is
 * the column asked about. Columns without data are never listed, nor those that are not `listable` (owned ones; NULL:
 * all), and a list is empty for one without data. All lines are on process 0; the columns must be the same on all.
 * collective */
dnmf_status dnmf_similar(dnmf_context *context, const dnmf_model *model, int64_t count, const int64_t *columns,
                         int64_t top, const bool *listable, dnmf_ranking *ranking);

#endif
