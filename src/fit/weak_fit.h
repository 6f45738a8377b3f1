/*
 * Fits with weak zeros: what a fit of observed entries has beside them (solve/weak.h has the objective).
 *
 * An observed entry of value v has the target v, or 1 where that is positive, and the confidence
 *   one      1
 *   linear   1 + alpha v
 *   log      1 + alpha log(1 + v / epsilon)
 * With a `like`, an entry of less has the target 0 and the confidence `weight`, too, but is a stored entry to everybody
 * else: it counts in penalties and is seen. What is not stored has the target 0 and the confidence `weight`.
 * Weight 1 and confidence one is the fit with zeros, weight 0 the fit of observed entries without biases.
 */
#ifndef DNMF_WEAK_FIT_H
#define DNMF_WEAK_FIT_H

#include "fit/loop.h"
#include "matrix/ratings.h"
#include "solve/weak.h"

/* What --implicit takes where nothing else is said, chosen on held-out shares of training files only. What depends on
 * the values is negative here, see dnmf_weak_settle. */
typedef struct dnmf_implicit_defaults {
  dnmf_weak_settings weak;
  double count_power;
  int max_iterations;
} dnmf_implicit_defaults;

dnmf_implicit_defaults dnmf_implicit_default_settings(void); /* local */

/* Puts what the values lead to where settings are negative, of strengths (target_one) only:
 *   like     ratings crowd in the upper half of their scale, and the lower ones are dislikes; what is counted crowds at
 *            the lower end: the mean of the values where that is above the middle of their range, else 0
 *            A `like` becomes a number of the precision of the values.
 *   epsilon  twice the mean
 *   alpha    16 by log, 6.5 / mean when linear: a confidence of 7.5 at the mean
 * local */
void dnmf_weak_settle(const dnmf_ratings *ratings, dnmf_weak_settings *settings);

/* The L2 weight where none is given: 1.1 at the power 1/2; at others the same for a row of the mean count, entries that
 * are not stored included. local */
double dnmf_weak_default_l2(const dnmf_ratings *ratings, const dnmf_weak_settings *settings, double count_power);

/* What an observed entry is to be predicted as, and its confidence. local */
double dnmf_weak_target(const dnmf_weak_settings *settings, double value);
double dnmf_weak_confidence(const dnmf_weak_settings *settings, double value);

/* Sums over all entries, observed or not. */
typedef struct dnmf_weak_figures {
  double confidences;    /* of all entries: what a mean of squares is divided by */
  double targets;        /* of the observed ones, each times its confidence */
  double target_squares; /* likewise */
  double plain_targets;  /* of the observed ones, each once */
} dnmf_weak_figures;

/* `view` holds the observed entries of a matrix with `cells` entries altogether. collective */
dnmf_status dnmf_weak_measure(dnmf_context *context, const dnmf_weak_settings *settings, const dnmf_ratings_view *view,
                              dnmf_precision precision, double cells, dnmf_weak_figures *figures);

/* What the rows of one factor are updated with. */
typedef struct weak_side {
  dnmf_weak terms; /* of the next update */
  double *gram;
  void *roots;
} weak_side;

/* For the rows of `view`; the other factor has `fixed_rows` rows over all processes. Released with weak_side_free, also
 * after a failure. local */
dnmf_status weak_side_create(dnmf_error *error, const dnmf_weak_settings *settings, const dnmf_ratings_view *view,
                             dnmf_precision precision, int components, int64_t fixed_rows, weak_side *side);
void weak_side_free(weak_side *side);

/* Takes the other factor as it is now, of which `fixed` are the owned rows. Local failures are kept by the loop.
 * collective */
dnmf_status weak_side_take(dnmf_loop *loop, const dnmf_panel *fixed, weak_side *side);

#endif
