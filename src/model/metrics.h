/*
 * How good predictions are, on held-out entries.
 *
 * Errors: root mean square and mean absolute difference of prediction and value, over the entries scored.
 *
 * Ranking: the scored entries of a row, and only those, are put in order of score (before clipping, as recommend
 * orders; equal scores in the order of the columns). An entry is relevant when its value is at least `relevant`.
 *   precision at n  relevant ones among the first n, over min(n, entries of the row); mean over rows
 *   recall at n     relevant ones among the first n, over all relevant ones; mean over rows with a relevant one
 *   hit rate at n   share of the rows with a relevant entry that have one among the first n
 *   NDCG at n       scikit-learn's ndcg_score: sum over the first n of value / log2(place + 1), over its largest
 *                   possible value; equal scores share the mean of their values; mean over rows of two or more
 *   MAP             mean over rows with a relevant one of scikit-learn's average_precision_score
 *   FCP             Surprise's fcp (Koren & Sill 2013): of the pairs of a row's entries with different values, nc are
 *                   in the order of their scores and nd are not (or have equal scores); with the mean nc over rows
 *                   where it is not 0 and the mean nd likewise, nc / (nc + nd)
 */
#ifndef DNMF_METRICS_H
#define DNMF_METRICS_H

#include "comm/context.h"

enum { DNMF_MOST_CUTS = 8 };

typedef struct dnmf_metrics_options {
  double relevant;
  int cut_count;
  int64_t cuts[DNMF_MOST_CUTS]; /* the n of the list above */
} dnmf_metrics_options;

/* Sums over entries and rows: of one process until dnmf_metrics_share, of all afterwards. */
typedef struct dnmf_metrics {
  double entries; /* scored */
  double squares; /* of the errors */
  double absolutes;
  double rows;          /* with a scored entry */
  double relevant_rows; /* with a relevant one */
  double longer_rows;   /* with two or more entries */
  double average_precision;
  double concordant; /* pairs */
  double concordant_rows;
  double discordant;
  double discordant_rows;
  double precision[DNMF_MOST_CUTS];
  double recall[DNMF_MOST_CUTS];
  double hits[DNMF_MOST_CUTS];
  double ndcg[DNMF_MOST_CUTS];
} dnmf_metrics;

/* An entry of a row, scored. */
typedef struct dnmf_scored_entry {
  double value;
  double score;      /* orders */
  double prediction; /* is compared with the value */
  int64_t place;     /* orders equal scores */
} dnmf_scored_entry;

/* Adds the entries of one row, which it puts in another order. local */
dnmf_status dnmf_metrics_add_row(dnmf_error *error, const dnmf_metrics_options *ranking, int64_t count,
                                 dnmf_scored_entry *entries, dnmf_metrics *metrics);

/* Sums over all processes. collective */
dnmf_status dnmf_metrics_share(dnmf_context *context, dnmf_metrics *metrics);

/* The figures; NaN where there is nothing to take the mean of. local */
double dnmf_metrics_rmse(const dnmf_metrics *metrics);
double dnmf_metrics_mae(const dnmf_metrics *metrics);
double dnmf_metrics_precision(const dnmf_metrics *metrics, int cut);
double dnmf_metrics_recall(const dnmf_metrics *metrics, int cut);
double dnmf_metrics_hit_rate(const dnmf_metrics *metrics, int cut);
double dnmf_metrics_ndcg(const dnmf_metrics *metrics, int cut);
double dnmf_metrics_map(const dnmf_metrics *metrics);
double dnmf_metrics_fcp(const dnmf_metrics *metrics);

#endif
