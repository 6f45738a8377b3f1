#include "posterior_prior.h"

#include "bias_line.h"

#include "base/memory.h"
#include "base/team.h"
#include "solve/observed_update.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 0, PLACES, PLACE_SQUARES };       /* of a side */
enum { NUMBERS = 0, PRODUCTS, NUMBER_SQUARES }; /* of a coordinate */

static const double LINE_WEIGHT = 1; /* of the line's prior, in rows */

dnmf_status dnmf_prior_create(dnmf_error *error, int coordinates, dnmf_prior *prior) {
  void *memory = NULL;
  *prior = (dnmf_prior){.coordinates = coordinates};
  DNMF_TRY(dnmf_allocate_zero(error, "priors", 3 * (int64_t)coordinates, sizeof(double), &memory));
  prior->mean = memory;
  prior->slope = prior->mean + coordinates;
  prior->precision = prior->slope + coordinates;
  return DNMF_OK;
}

void dnmf_prior_free(dnmf_prior *prior) {
  free(prior->mean);
  memset(prior, 0, sizeof *prior);
}

/* Where the sums of a coordinate begin. */
static ptrdiff_t coordinate_at(int coordinate) {
  return (ptrdiff_t)DNMF_EXACT_PARTS * (DNMF_PRIOR_ROWS + (ptrdiff_t)DNMF_PRIOR_COORDINATE * coordinate);
}

static void add_number(double number, double place, double *sums) {
  dnmf_exact_add(number, sums + (ptrdiff_t)DNMF_EXACT_PARTS * NUMBERS);
  dnmf_exact_add(number * place, sums + (ptrdiff_t)DNMF_EXACT_PARTS * PRODUCTS);
  dnmf_exact_add(number * number, sums + (ptrdiff_t)DNMF_EXACT_PARTS * NUMBER_SQUARES);
}

static void add_row(double place, double *sums) {
  dnmf_exact_add(1, sums + (ptrdiff_t)DNMF_EXACT_PARTS * ROWS);
  dnmf_exact_add(place, sums + (ptrdiff_t)DNMF_EXACT_PARTS * PLACES);
  dnmf_exact_add(place * place, sums + (ptrdiff_t)DNMF_EXACT_PARTS * PLACE_SQUARES);
}

/* The sums of some coordinates; those of the bias bring the rows' along. */
static void add_coordinates(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                            double deviation, int begin, int end, double *sums) {
  const int64_t *start = view->entries.start;
  const int k = x->components - 1;
  const double root = sqrt(deviation);
  for (int64_t row = 0; row < x->rows; row++) {
    if (start[row + 1] == start[row])
      continue;
    const double place = dnmf_count_place((double)(start[row + 1] - start[row]));
    for (int c = begin; c < end && c < k; c++)
      add_number((dnmf_panel_get(x, row, c) - level - dnmf_term_of_row(terms, row, c)) / root, place,
                 sums + coordinate_at(c));
    if (end <= k)
      continue;
    add_number((dnmf_bias_of_row(x, row, level) - dnmf_term_of_row(terms, row, k)) / deviation, place,
               sums + coordinate_at(k));
    add_row(place, sums);
  }
}

enum { COORDINATES_AT_ONCE = 8 };

typedef struct prior_call {
  const dnmf_ratings_view *view;
  const dnmf_panel *x;
  const dnmf_panel *terms;
  double level;
  double deviation;
  double *sums;
} prior_call;

static void add_some_coordinates(void *of_call, int64_t begin, int64_t end) {
  const prior_call *call = of_call;
  for (int64_t part = begin; part < end; part++) {
    const int first = (int)part * COORDINATES_AT_ONCE;
    const int behind = first + COORDINATES_AT_ONCE;
    add_coordinates(call->view, call->x, call->terms, call->level, call->deviation, first,
                    behind < call->x->components ? behind : call->x->components, call->sums);
  }
}

void dnmf_prior_sums(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                     double deviation, int threads, double *sums) {
  const int coordinates = x->components;
  const int64_t count = dnmf_prior_sums_count(coordinates);
  for (int64_t i = 0; i < count; i++)
    sums[i] = 0;
  prior_call call = {view, x, terms, level, deviation, sums};
  dnmf_team_run(dnmf_team(threads, 12.0 * (double)x->rows * coordinates),
                (coordinates + COORDINATES_AT_ONCE - 1) / COORDINATES_AT_ONCE, add_some_coordinates, &call);
}

/* The normal-gamma posterior of one coordinate, in units. */
static void draw_coordinate(const double *side, const double *sums, const dnmf_draw_key *key, double *mean,
                            double *slope, double *precision) {
  double s[DNMF_PRIOR_ROWS];
  double t[DNMF_PRIOR_COORDINATE];
  double normals[2];
  for (int i = 0; i < DNMF_PRIOR_ROWS; i++)
    s[i] = dnmf_exact_value(side + (ptrdiff_t)DNMF_EXACT_PARTS * i);
  for (int i = 0; i < DNMF_PRIOR_COORDINATE; i++)
    t[i] = dnmf_exact_value(sums + (ptrdiff_t)DNMF_EXACT_PARTS * i);
  /* The line's precision matrix, over that of the numbers, is R R' with R lower triangular. */
  const double first = sqrt(s[ROWS] + LINE_WEIGHT);
  const double cross = s[PLACES] / first;
  const double second = sqrt(s[PLACE_SQUARES] + LINE_WEIGHT - cross * cross);
  const double y0 = t[NUMBERS] / first;
  const double y1 = (t[PRODUCTS] - cross * y0) / second;
  const double squares = fmax(0, t[NUMBER_SQUARES] - y0 * y0 - y1 * y1);
  *precision = dnmf_draw_gamma(key, 0, DNMF_PRIOR_SHAPE + 0.5 * s[ROWS]) / (DNMF_PRIOR_RATE + 0.5 * squares);
  dnmf_random_normal_pair(key->seed, key->stream, key->i, 1, normals);
  const double spread = 1 / sqrt(*precision);
  *slope = (y1 + spread * normals[1]) / second;
  *mean = (y0 + spread * normals[0] - cross * *slope) / first;
}

void dnmf_prior_draw(const double *sums, double deviation, const dnmf_draw_key *key, int64_t first, dnmf_prior *prior) {
  for (int c = 0; c < prior->coordinates; c++) {
    const double unit = dnmf_prior_unit(c, prior->coordinates, deviation);
    dnmf_draw_key own = *key;
    own.i += (uint64_t)(first + c);
    draw_coordinate(sums, sums + coordinate_at(c), &own, &prior->mean[c], &prior->slope[c], &prior->precision[c]);
    prior->mean[c] *= unit;
    prior->slope[c] *= unit;
    prior->precision[c] /= unit * unit;
  }
}
