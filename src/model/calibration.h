/*
 * Calibration: whether what is predicted is what is observed, on average. Entries are sorted into bins of equal width
 * by their prediction, within the scale of the ratings, and by their error.
 */
#ifndef DNMF_CALIBRATION_H
#define DNMF_CALIBRATION_H

#include "comm/context.h"

enum { DNMF_CALIBRATION_BINS = 20 };

/* Of one process until dnmf_calibration_share, of all afterwards. */
typedef struct dnmf_calibration {
  double low; /* the scale; predictions beyond it count in its first and last bin */
  double high;
  double counts[DNMF_CALIBRATION_BINS];    /* entries whose prediction is in a bin, */
  double predicted[DNMF_CALIBRATION_BINS]; /* the sum of their predictions, */
  double observed[DNMF_CALIBRATION_BINS];  /* and of their values */
  double errors[DNMF_CALIBRATION_BINS];    /* entries by value less prediction, from low - high to high - low */
} dnmf_calibration;

/* No entries yet, on a scale with low < high. local */
void dnmf_calibration_begin(double low, double high, dnmf_calibration *calibration);

void dnmf_calibration_add(dnmf_calibration *calibration, double prediction, double value); /* local */

/* Sums over all processes. collective */
dnmf_status dnmf_calibration_share(dnmf_context *context, dnmf_calibration *calibration);

/* The lower end of bin `bin` of predictions (of errors); of DNMF_CALIBRATION_BINS the upper end of the last. local */
double dnmf_calibration_edge(const dnmf_calibration *calibration, int bin);
double dnmf_calibration_error_edge(const dnmf_calibration *calibration, int bin);

#endif
