/*
 * What an update over observed entries is given: rows, their entries, the fixed factor (observed.h).
 */
#ifndef DNMF_OBSERVED_UPDATE_H
#define DNMF_OBSERVED_UPDATE_H

#include "base/draws.h"
#include "base/exact_sum.h"
#include "base/number.h"
#include "solve/weak.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { DNMF_OBSERVED_SLACK = 16 };

enum { DNMF_BIAS_KNEE = 200 }; /* entries from which on more of them change what is expected of a row */

/* Where a row of so many entries is on lines by their number. */
static inline double dnmf_count_place(double entries) {
  return log1p(entries / DNMF_BIAS_KNEE);
}

/* What a bias is pulled towards; zero: zero. */
typedef struct dnmf_bias_line {
  double at_none; /* of a row without entries */
  double slope;
} dnmf_bias_line;

static inline double dnmf_bias_expected(const dnmf_bias_line *line, double entries) {
  return line->at_none + line->slope * dnmf_count_place(entries);
}

/* Rows are drawn from what they are likely to be, instead of becoming the likeliest (observed.h). */
typedef struct dnmf_observed_draw {
  dnmf_draw_key key; /* `i` of row 0 of this process: that of row r is r more */
  double noise;      /* standard deviation of an observed value about its prediction */
  const double *l2;  /* of each component, instead of l2 */
} dnmf_observed_draw;

typedef struct dnmf_observed_update {
  /* The rows' observed entries: start[rows + 1]; index is a row of `fixed`. */
  int64_t rows;
  const int64_t *start;
  const int32_t *index;
  const void *value;
  dnmf_number narrow; /* of the values, as dnmf_csr has it */

  /* Factor rows have `stride` numbers: the components, then, with biases, the row's bias. `fixed` must be readable
   * for DNMF_OBSERVED_SLACK numbers past its last row: rows are read in whole vectors. */
  int components;
  int stride;
  const void *fixed;
  int64_t fixed_rows; /* that entries may point to; 0: not told, and no copy of them pays */
  void *x;            /* updated in place */

  bool bias;     /* the last number of each row is its bias and counts in the prediction */
  bool fit_bias; /* ... and this side's is fitted */
  double mean;   /* added to every prediction */
  double l1;
  double l2;
  double count_power;
  double count_extra;   /* added to a row's entries where l2 is multiplied by their power */
  double level;         /* c; `center` is the constant row of it; 0: none. Not for mu */
  const double *center; /* m, as many numbers as there are components; NULL: zero. Not for mu */
  const double *slope;  /* likewise; m moves by this times dnmf_count_place of the row's entries; NULL: it does not */
  const void *terms;    /* of each row: a panel like x of what is added to its m, then to what its bias is pulled
                           towards; NULL: nothing. Not for mu */
  double l2_bias;
  double bias_power;
  dnmf_bias_line bias_line;
  const dnmf_weak *weak; /* what entries that are not stored count; NULL: nothing. Without biases, not for mu */
  const dnmf_observed_draw *draw; /* NULL: rows are not drawn. Not for mu, nor with weak zeros */
  int sweeps;                     /* hals */
  bool kullback_leibler;          /* mu: the generalized Kullback-Leibler loss instead of squared error */

  /* Set by dnmf_observed_rows for its kernels: where the fixed rows are read, `fixed` or a copy (observed_fixed.h). */
  const void *read;
  int64_t read_stride;
  const void *read_bias; /* of the first row */
  int64_t read_bias_stride;

  /* Out: sums over the rows. */
  double loss;                         /* 1/2 squared error, or the divergence, at the new rows */
  double exact_loss[DNMF_EXACT_PARTS]; /* of rows that are drawn: the same over noise^2, a sum of base/exact_sum.h */
  double penalty;                      /* of the new rows */
  double violation; /* sum of |projected gradient| at the values before the update, in the first sweep */
} dnmf_observed_update;

#endif
