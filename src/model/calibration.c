#include "model/calibration.h"

#include "comm/collective.h"

#include <math.h>
#include <string.h>

void dnmf_calibration_begin(double low, double high, dnmf_calibration *calibration) {
  memset(calibration, 0, sizeof *calibration);
  calibration->low = low;
  calibration->high = high;
}

static int bin_of(double low, double high, double value) {
  const double place = (value - low) / (high - low) * DNMF_CALIBRATION_BINS;
  if (!(place > 0))
    return 0;
  return place < DNMF_CALIBRATION_BINS ? (int)place : DNMF_CALIBRATION_BINS - 1;
}

void dnmf_calibration_add(dnmf_calibration *calibration, double prediction, double value) {
  const double range = calibration->high - calibration->low;
  const int bin = bin_of(calibration->low, calibration->high, prediction);
  calibration->counts[bin]++;
  calibration->predicted[bin] += prediction;
  calibration->observed[bin] += value;
  calibration->errors[bin_of(-range, range, value - prediction)]++;
}

void dnmf_calibration_add_interval(dnmf_calibration *calibration, double deviation, double noise, double error) {
  const double width = sqrt(deviation * deviation + noise * noise);
  const double level = width > 0 ? erf(fabs(error) / width / sqrt(2)) : error == 0 ? 0 : 1;
  int at = (int)(level * DNMF_CALIBRATION_LEVELS);
  at = at < DNMF_CALIBRATION_LEVELS ? at : DNMF_CALIBRATION_LEVELS - 1;
  calibration->levels[at]++;
  calibration->deviations[bin_of(0, (calibration->high - calibration->low) / 4, deviation)]++;
}

dnmf_status dnmf_calibration_share(dnmf_context *context, dnmf_calibration *calibration) {
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, calibration->counts, DNMF_CALIBRATION_BINS));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, calibration->predicted, DNMF_CALIBRATION_BINS));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, calibration->observed, DNMF_CALIBRATION_BINS));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, calibration->deviations, DNMF_CALIBRATION_BINS));
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, calibration->levels, DNMF_CALIBRATION_LEVELS));
  return dnmf_sum_doubles(context, context->comm, calibration->errors, DNMF_CALIBRATION_BINS);
}

static double edge_of(double low, double high, int bin) {
  return low + (high - low) * bin / DNMF_CALIBRATION_BINS;
}

double dnmf_calibration_edge(const dnmf_calibration *calibration, int bin) {
  return edge_of(calibration->low, calibration->high, bin);
}

double dnmf_calibration_error_edge(const dnmf_calibration *calibration, int bin) {
  const double range = calibration->high - calibration->low;
  return edge_of(-range, range, bin);
}

double dnmf_calibration_deviation_edge(const dnmf_calibration *calibration, int bin) {
  return edge_of(0, (calibration->high - calibration->low) / 4, bin);
}
