/*
 * A page about a search for the number of components: what `dnmf tune --json` told.
 */
#ifndef DNMF_API_REPORT_SEARCH_H
#define DNMF_API_REPORT_SEARCH_H

#include "page/page.h"

/* What a candidate may tell; NaN where it does not. */
typedef enum dnmf_search_figure {
  DNMF_SEARCH_K = 0,
  DNMF_SEARCH_L2,
  DNMF_SEARCH_WEIGHT,
  DNMF_SEARCH_ALPHA,
  DNMF_SEARCH_ERROR,
  DNMF_SEARCH_MEDIAN_ERROR,
  DNMF_SEARCH_HELD_OUT,
  DNMF_SEARCH_HELD_OUT_SPREAD,
  DNMF_SEARCH_SILHOUETTE_MIN,
  DNMF_SEARCH_SILHOUETTE_MEAN,
  DNMF_SEARCH_COPHENETIC,
  DNMF_SEARCH_OUTLIERS,
  DNMF_SEARCH_METRIC, /* of lists; its name is the search's */
  DNMF_SEARCH_METRIC_SPREAD,
  DNMF_SEARCH_RMSE,
  DNMF_SEARCH_SPREAD,
  DNMF_SEARCH_ITERATIONS,
  DNMF_SEARCH_SECONDS,
  DNMF_SEARCH_FIGURES
} dnmf_search_figure;

/* Their names in the JSON object; of DNMF_SEARCH_METRIC NULL. */
extern const char *const dnmf_search_figure_keys[DNMF_SEARCH_FIGURES];

typedef struct dnmf_report_candidate {
  double figures[DNMF_SEARCH_FIGURES];
  const char *penalty_scale; /* NULL: not told */
  const char *bias;
} dnmf_report_candidate;

/* A value that the search tells beside its candidates. */
typedef struct dnmf_report_fact {
  const char *key;
  const char *text; /* NULL: a number */
  double number;
} dnmf_report_fact;

/* Nothing in it is owned. */
typedef struct dnmf_report_search {
  const char *name;   /* of the file */
  const char *metric; /* "ndcg@10"; NULL: none */
  int64_t fact_count;
  const dnmf_report_fact *facts;
  int64_t count; /* of the candidates; of several with one k the first is the best */
  const dnmf_report_candidate *candidates;
  double suggested;   /* k; NaN: none is */
  const char *reason; /* NULL: none is told */
  int64_t stability_count;
  const double *stability; /* silhouettes of the components of the suggested k */
} dnmf_report_search;

/* Released with dnmf_page_free, also after a failure. local */
dnmf_status dnmf_report_search_page(dnmf_error *error, const dnmf_report_search *search, const char *title,
                                    dnmf_page *page);

#endif
