#include "solve/ahead.h"

#include <math.h>

/* Measured on dense and sparse matrices of 64 to 8000 columns, k = 3 to 50: more sweeps gain nothing, whatever they
 * cost. */
enum { MOST_SWEEPS = 4 };

/* Of the time of the products, what sweeps beyond the first may take (Gillis & Glineur's alpha). */
static const double SHARE_OF_PRODUCTS = 0.5;

/* Seconds of an operation with a stored entry of a sparse matrix, in those of a sweep; of a dense one they are alike.
 */
static const double SPARSE_OPERATION = 2;

/* A last sweep that lowers the objective by less than this share of the first was one too many. */
static const double WORTH_ANOTHER = 0.03;

/* Ang & Gillis 2019: the first momentum, its growth, that of its limit, and what it is divided by. */
static const double FIRST_MOMENTUM = 0.5;
static const double GROWTH = 1.1;
static const double GROWTH_OF_MOST = 1.05;
static const double FALL = 1.5;

/* Of |A|^2, changes of the objective below which rounding, 1e-15 and 1e-8 of it, has a say in what is compared. */
static const double SETTLED = 1e-9;
static const double SETTLED_SINGLE = 1e-6;

int dnmf_ahead_most_sweeps(int64_t rows, int64_t cols, bool sparse, double stored, int components) {
  const double entries = sparse ? SPARSE_OPERATION * stored : (double)rows * (double)cols;
  const double products = 4 * entries * components;
  const double sweep = 2 * ((double)rows + (double)cols) * components * components;
  const double more = floor(SHARE_OF_PRODUCTS * products / sweep);
  return more < MOST_SWEEPS - 1 ? 1 + (int)more : MOST_SWEEPS;
}

dnmf_ahead dnmf_ahead_start(int most_sweeps) {
  return (dnmf_ahead){.momentum = FIRST_MOMENTUM,
                      .most_momentum = 1,
                      .most_sweeps = most_sweeps,
                      .sweeps_w = most_sweeps,
                      .sweeps_h = most_sweeps,
                      .objective = INFINITY};
}

void dnmf_ahead_reach(dnmf_ahead *ahead, double objective, double squares, dnmf_precision precision) {
  const double least = (precision == DNMF_SINGLE ? SETTLED_SINGLE : SETTLED) * squares;
  if (fabs(ahead->objective - objective) < least)
    ahead->momentum = 0;
  ahead->objective = objective;
}

bool dnmf_ahead_is_settled(const dnmf_ahead *ahead) {
  return ahead->momentum == 0;
}

int dnmf_ahead_next_sweeps(int sweeps, int most, const dnmf_decrease *decrease) {
  const int least = most < 2 ? most : 2; /* with one there is nothing to compare */
  const int next = decrease->last > WORTH_ANOTHER * decrease->first ? sweeps + 1 : sweeps - 1;
  return next > most ? most : next < least ? least : next;
}

double dnmf_ahead_take_momentum(dnmf_ahead *ahead, double looked) {
  const double now = ahead->momentum;
  if (dnmf_ahead_is_settled(ahead))
    return 0;
  if (looked > ahead->objective) {
    ahead->most_momentum = now;
    ahead->momentum = now / FALL;
    return 0;
  }
  ahead->momentum = fmin(ahead->most_momentum, GROWTH * now);
  ahead->most_momentum = fmin(1, GROWTH_OF_MOST * ahead->most_momentum);
  return now;
}
