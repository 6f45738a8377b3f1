/*
 * Calibration: whether what is predicted is what is observed, on average. Entries are sorted into bins of equal width
 * by their prediction, within the scale of the ratings, and by their error; where predictions have deviations, by
 * these, and by the level of the central interval around the prediction that just holds the value.
 */
#ifndef DNMF_CALIBRATION_H
#define DNMF_CALIBRATION_H

#include "comm/context.h"

enum { DNMF_CALIBRATION_BINS = 20, DNMF_CALIBRATION_LEVELS = 20 };

/* Of one process until dnmf_calibration_share, of all afterwards. */
typedef struct dnmf_calibration {
  double low; /* the scale; predictions beyond it count in its first and last bin */
  double high;
  double counts[DNMF_CALIBRATION_BINS];     /* entries whose prediction is in a bin, */
  double predicted[DNMF_CALIBRATION_BINS];  /* the sum of their predictions, */
  double observed[DNMF_CALIBRATION_BINS];   /* and of their values */
  double errors[DNMF_CALIBRATION_BINS];     /* entries by value less prediction, from low - high to high - low */
  double deviations[DNMF_CALIBRATION_BINS]; /* entries by deviation, from 0 to (high - low) / 4 and more */
  double levels[DNMF_CALIBRATION_LEVELS];   /* entries by the level of their interval, from 0 to 1 */
} dnmf_calibration;

/* No entries yet, on a scale with low < high. local */
void dnmf_calibration_begin(double low, double high, dnmf_calibration *calibration);

void dnmf_calibration_add(dnmf_calibration *calibration, double prediction, double value); /* local */

/* An entry whose prediction has a deviation, and whose value deviates from what is predicted by noise besides:
 * intervals are those of the normal distribution with both variances. `error` is the value less the prediction. local
 */
void dnmf_calibration_add_interval(dnmf_calibration *calibration, double deviation, double noise, double error);

/* Sums over all processes. collective */
dnmf_status dnmf_calibration_share(dnmf_context *context, dnmf_calibration *calibration);

/* The lower end of bin `bin` of predictions (of errors, of deviations); of DNMF_CALIBRATION_BINS the upper end of the
 * last. local */
double dnmf_calibration_edge(const dnmf_calibration *calibration, int bin);
double dnmf_calibration_error_edge(const dnmf_calibration *calibration, int bin);
double dnmf_calibration_deviation_edge(const dnmf_calibration *calibration, int bin);

#endif
