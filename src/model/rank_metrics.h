/*
 * How good lists are: for every row with a relevant held-out entry, all columns it has not seen are ranked, and the
 * first n are the list. Beside it the same figures of the list of the most popular columns.
 *
 * A row has r relevant entries; an entry in a column that the model does not have, or that the row has seen, cannot be
 * listed and counts as missed. Gains are 0 or 1; columns of equal score come in their order; columns without data in
 * the fit are not listed, and rows without are listed by popularity (recommend.h). Means are over the rows, but for:
 *   precision at n      relevant ones among the first n, over n
 *   recall at n         over min(n, r): Liang et al. 2018
 *   hit rate at n       share of the rows with a relevant one among the first n
 *   NDCG at n           sum over relevant places p <= n of 1 / log2(p + 1), over its largest possible value, which is
 *                       the same sum over 1 ... min(n, r): scikit-learn's ndcg_score of binary relevance, implicit's
 *                       "ndcg"
 *   MAP at n            sum over relevant places p <= n of precision at p, over min(n, r): implicit's "map"
 *   MRR at n            1 / first relevant place; 0 when that is beyond n
 *   pooled recall at n  relevant ones among the first n of all rows, over the sum of min(n, r): implicit's "precision"
 *   catalogue at n      share of the columns that are in at least one list
 */
#ifndef DNMF_RANK_METRICS_H
#define DNMF_RANK_METRICS_H

#include "fit/observed_fit.h"
#include "model/metrics.h"
#include "model/recommend.h"

typedef enum dnmf_list_figure {
  DNMF_LIST_PRECISION = 0,
  DNMF_LIST_RECALL,
  DNMF_LIST_HIT_RATE,
  DNMF_LIST_NDCG,
  DNMF_LIST_MAP,
  DNMF_LIST_MRR,
  DNMF_LIST_POOLED_RECALL,
  DNMF_LIST_CATALOGUE,
  DNMF_LIST_FIGURES /* how many there are */
} dnmf_list_figure;

/* Their names in options and JSON: "ndcg". */
extern const char *const dnmf_list_figure_names[DNMF_LIST_FIGURES];

/* The figures of one kind of lists at each cut; NaN where there is nothing to take the mean of. */
typedef struct dnmf_list_figures {
  double value[DNMF_LIST_FIGURES][DNMF_MOST_CUTS];
} dnmf_list_figures;

/* What is ranked: relevant entries of the owned rows. */
typedef struct dnmf_held_out_lists {
  const dnmf_csr *relevant; /* owned rows x (columns, and one more whose value counts entries in no column of the
                               model); in the precision that follows */
  dnmf_precision precision;
  const dnmf_csr *seen; /* owned rows x columns; NULL: none */
} dnmf_held_out_lists;

/* The same on every process. */
typedef struct dnmf_rank_metrics {
  int64_t rows;         /* with a relevant entry */
  int64_t relevant;     /* entries */
  int64_t unlisted;     /* of these, in columns the model does not have */
  int64_t seen;         /* of these, seen: in both views */
  int64_t popular_rows; /* without data, ranked by popularity */
  dnmf_list_figures of_model;
  dnmf_list_figures of_popular;
} dnmf_rank_metrics;

/* Ranks. `options` are those of recommend, of which top, wanted, seen and popularity are set here; `cuts` are those of
 * the metrics. Popularity is the number of entries in the seen view, or in the fit. Memory is that of the lists of some
 * rows, and some numbers a column. collective */
dnmf_status dnmf_rank_evaluate(dnmf_context *context, const dnmf_model *model, const dnmf_held_out_lists *held_out,
                               const dnmf_recommend_options *options, const dnmf_metrics_options *cuts,
                               dnmf_rank_metrics *metrics);

/* The same of a fit of observed entries that is not a model yet: its factors, with biases as the last numbers of their
 * rows, the ratings it was fitted to, which are seen, and held-out ones (from dnmf_ratings_attach), of which those of
 * `cuts->relevant` or more are relevant. collective */
dnmf_status dnmf_rank_ratings(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings *ratings,
                              const dnmf_ratings_view *held_out, const dnmf_panel *w, const dnmf_panel *h,
                              const dnmf_metrics_options *cuts, dnmf_rank_metrics *metrics);

#endif
