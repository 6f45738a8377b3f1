#include "solve/ahead.h"

#include <math.h>

/* Where more than these are needed, and cheap, the exact solution is. */
enum { MOST_SWEEPS = 8 };

/* Of the time of the products, what sweeps beyond the first may take (Gillis & Glineur's alpha). */
static const double SHARE_OF_PRODUCTS = 0.5;

/* Seconds of an operation with a stored entry of a sparse matrix, in those of a sweep; of a dense one they are alike.
 */
static const double SPARSE_OPERATION = 2;

/* Sweeps in whose time rows are solved exactly, late in a fit: measured from k = 3 to 40 as about 100 / k, and no fewer
 * than 5. */
static const double EXACT_SMALL = 100;
static const double EXACT_LEAST = 5;

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

dnmf_ahead_limits dnmf_ahead_limits_of(int64_t rows, int64_t cols, bool sparse, double stored, int components) {
  const double entries = sparse ? SPARSE_OPERATION * stored : (double)rows * (double)cols;
  const double products = 4 * entries * components;
  const double sweep = 2 * ((double)rows + (double)cols) * components * components;
  const double more = floor(SHARE_OF_PRODUCTS * products / sweep);
  const double exact = fmax(EXACT_LEAST, EXACT_SMALL / components);
  return (dnmf_ahead_limits){.most_sweeps = more < MOST_SWEEPS - 1 ? 1 + (int)more : MOST_SWEEPS,
                             .exact_from = more < exact ? INFINITY : exact};
}

/* Until a sweep lowers the objective by no more than WORTH_ANOTHER of the first: they fall geometrically. */
static double sweeps_needed(int sweeps, const dnmf_decrease *decrease) {
  const double share = decrease->last / decrease->first;
  if (sweeps < 2 || !(share > WORTH_ANOTHER))
    return sweeps;
  return share < 1 ? 1 + (sweeps - 1) * log(WORTH_ANOTHER) / log(share) : INFINITY;
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

int dnmf_ahead_next_sweeps(int sweeps, const dnmf_ahead_limits *limits, const dnmf_decrease *decrease) {
  if (sweeps == DNMF_AHEAD_EXACT || sweeps_needed(sweeps, decrease) > limits->exact_from)
    return DNMF_AHEAD_EXACT;
  const int most = limits->most_sweeps;
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
