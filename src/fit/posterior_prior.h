/*
 * Priors of a factor's numbers, and their draws (Salakhutdinov & Mnih 2008, with normal-gamma priors of each coordinate
 * by itself).
 *
 * A coordinate is a component of a factor, as a deviation from the level, or its bias. Over the rows with entries its
 * numbers are normal about the line mean + slope * dnmf_count_place(entries), with one precision. Line and precision
 * have a normal-gamma prior: precision ~ Gamma(1/2, unit^2 / 20), and given it mean and slope ~ N(0, 1 / precision),
 * where the unit is the deviation of the ratings, of a component its root.
 *
 * That factors are not negative conditions the joint distribution of numbers, lines and precisions: so the numbers
 * given the rest are truncated normals, and the lines and precisions given the numbers are what they are without the
 * bound.
 */
#ifndef DNMF_FIT_POSTERIOR_PRIOR_H
#define DNMF_FIT_POSTERIOR_PRIOR_H

#include "base/draws.h"
#include "base/exact_sum.h"
#include "matrix/panel.h"
#include "matrix/ratings.h"

#include <math.h>

/* Sums of a side, each of DNMF_EXACT_PARTS doubles: rows with entries, their places, the squares of those; then of each
 * coordinate numbers, numbers times places, squares. */
enum { DNMF_PRIOR_ROWS = 3, DNMF_PRIOR_COORDINATE = 3 };

/* The gamma prior of precisions: its shape, and its rate in squares of the unit. */
#define DNMF_PRIOR_SHAPE 0.5
#define DNMF_PRIOR_RATE  0.05

/* The unit of a coordinate, the last of which is the bias; `deviation` is that of the ratings. */
static inline double dnmf_prior_unit(int coordinate, int coordinates, double deviation) {
  return coordinate + 1 < coordinates ? sqrt(deviation) : deviation;
}

typedef struct dnmf_prior {
  int coordinates;
  double *mean; /* of each coordinate */
  double *slope;
  double *precision;
} dnmf_prior;

/* Numbers that dnmf_prior_sums makes. */
static inline int64_t dnmf_prior_sums_count(int coordinates) {
  return (int64_t)DNMF_EXACT_PARTS * (DNMF_PRIOR_ROWS + (int64_t)DNMF_PRIOR_COORDINATE * coordinates);
}

/* Released with dnmf_prior_free, also after a failure. local */
dnmf_status dnmf_prior_create(dnmf_error *error, int coordinates, dnmf_prior *prior);
void dnmf_prior_free(dnmf_prior *prior);

/* The owned rows' part of the sums, to be added up over all processes: the same in whatever order. Panel rows are
 * components and the stored bias; `deviation` is that of the ratings; implicit `terms` are taken off the numbers, NULL:
 * none. local */
void dnmf_prior_sums(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                     double deviation, int threads, double *sums);

/* Draws lines and precisions given the sums over all processes; key->i is of the sweep, and this side's coordinates are
 * `first` and those that follow. local */
void dnmf_prior_draw(const double *sums, double deviation, const dnmf_draw_key *key, int64_t first, dnmf_prior *prior);

#endif
