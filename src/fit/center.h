/*
 * The row that a factor's L2 penalty pulls its rows towards: their mean, each weighted as its penalty is, which is
 * where the penalty is smallest.
 */
#ifndef DNMF_CENTER_H
#define DNMF_CENTER_H

#include "fit/settings.h"
#include "matrix/panel.h"
#include "matrix/ratings.h"

typedef struct center {
  int components;
  double *weight; /* of each owned row: its entries to the count power, 0 without entries */
  double *sums;   /* the weighted sum of the rows, then the sum of the weights */
  double *mean;   /* NULL: none, rows are pulled towards zero */
} center;

enum { CENTER_EXTRA = 1 }; /* numbers that `sums` has beyond the components */

/* Released with center_free, also after a failure. local */
dnmf_status center_create(dnmf_error *error, const dnmf_ratings_view *view, int components, double count_power,
                          center *c);
void center_free(center *c);

/* The sums over the owned rows of x; to be added up over all processes. local */
void center_sum(const dnmf_panel *x, center *c);

/* The mean from the sums over all processes. local */
void center_take(const double *sums, center *c);

/* The mean of a factor's rows over all processes, each weighted as its penalty is: what `shrink_to_mean` pulls them
 * towards. Into `components` numbers of `mean`. collective */
dnmf_status dnmf_observed_mean_row(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings_view *view,
                                   const dnmf_panel *x, double *mean);

#endif
