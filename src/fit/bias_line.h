/*
 * What the biases of a factor's rows are pulled towards: a line in log(1 + entries / DNMF_BIAS_KNEE), which is where
 * their penalty is smallest. Rows that many have something of are not like those of a few: films seen by many are liked
 * better.
 */
#ifndef DNMF_BIAS_LINE_H
#define DNMF_BIAS_LINE_H

#include "fit/settings.h"
#include "matrix/panel.h"
#include "matrix/ratings.h"
#include "solve/observed.h"

enum { DNMF_BIAS_LINE_SUMS = 5 };

/* The bias that the stored number of a panel row stands for. */
static inline double dnmf_bias_of_row(const dnmf_panel *x, int64_t row, double level) {
  const int components = x->components - 1;
  double sum = 0;
  for (int c = 0; c < components; c++)
    sum += dnmf_panel_get(x, row, c);
  return dnmf_panel_get(x, row, components) + level * sum;
}

/* A number of a row's implicit terms; NULL: it has none. */
static inline double dnmf_term_of_row(const dnmf_panel *terms, int64_t row, int component) {
  return terms ? dnmf_panel_get(terms, row, component) : 0;
}

/* The owned rows' part of the sums the line is made of; to be added up over all processes. Panel rows end in the stored
 * bias; `level` and `bias_power` as in solve/observed.h; implicit `terms` are taken off them, NULL: none. local */
void dnmf_bias_line_sums(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                         double bias_power, double sums[DNMF_BIAS_LINE_SUMS]);

/* The line from the sums over all processes; level where all rows have as many entries. local */
dnmf_bias_line dnmf_bias_line_of(const double sums[DNMF_BIAS_LINE_SUMS]);

/* The same for what columns are pulled towards: level + slope * dnmf_count_place(entries), so that how somebody takes
 * to what many know is told by his row. Sums over the owned rows of x, weighted as their L2 penalties: one of each
 * component, then one. local */
void dnmf_center_slope_sums(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                            const dnmf_penalties *penalties, int components, double *sums);

/* slope[components] from the sums over all processes: where the columns' penalty and the slope's own, a ninth of l2
 * times the last sum, are smallest. local */
void dnmf_center_slope_take(const double *sums, int components, double *slope);

/* That own penalty; `place_squares` is the last of the sums, of all processes or of one for its share. local */
double dnmf_center_slope_penalty(const double *slope, int components, double l2, double place_squares);

#endif
