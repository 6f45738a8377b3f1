/*
 * Weak zeros: what the entries that are not stored count in an update over observed entries. Local arithmetic.
 *
 * With the target t_e and the confidence c_e of an observed entry, and its factor row f_e, a row x minimizes
 *   1/2 sum_e c_e (t_e - f_e x)^2 + 1/2 weight sum_others (f x)^2 + penalties
 *     = 1/2 sum_e (c_e - weight) (t_e - f_e x)^2 + 1/2 weight (sum_e t_e^2 - 2 b x + x'Gx) + penalties
 * with b = sum_e t_e f_e and G = F'F over all rows of the fixed factor: observed entries that weigh c_e - weight, and
 * `weight` times the row's part of a fit with zeros. The L2 penalty of a row is l2 (d + weight * others)^s for d
 * entries (observed.h).
 */
#ifndef DNMF_SOLVE_WEAK_H
#define DNMF_SOLVE_WEAK_H

#include "base/precision.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { DNMF_WEAK_UNIT = 16 }; /* rows of `pull` are a multiple of so many numbers */

typedef struct dnmf_weak {
  double weight;   /* of an entry that is not stored, from 0 to 1 */
  bool target_one; /* t = 1 of positive values of `like` or more and 0 of others; else the value */
  double like;
  int64_t fixed_rows; /* of the fixed factor, over all processes */
  const double *gram; /* G, components x components */
  double root;        /* sqrt(c - weight) of all entries ... */
  const void *roots;  /* ... or of each, in the precision of the run; NULL: all alike */

  /* weight * G in the precision of the run, rows of `stride` numbers, zeros behind the components. Filled in by
   * dnmf_observed_rows. */
  const void *pull;
  int stride;
} dnmf_weak;

/* Whether an entry of strengths is a sign of liking: the one place that says so. `like` is a number of the precision
 * that values are kept in. local */
static inline bool dnmf_weak_likes(double value, double like) {
  return value > 0 && value >= like;
}

/* Numbers of a row of `pull`. local */
int dnmf_weak_stride(int components);

/* `filled` = `weak` with its `pull`, which the caller frees as *memory, also after a failure. local */
dnmf_status dnmf_weak_fill(dnmf_error *error, dnmf_precision precision, int components, const dnmf_weak *weak,
                           dnmf_weak *filled, void **memory);

#endif
