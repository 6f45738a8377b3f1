#include "page/ticks.h"

#include "page/page.h"

#include <math.h>
#include <stdio.h>

/* The least of 1, 2, 5 times a power of ten that is no less than `size`. */
static double round_step(double size) {
  const double power = pow(10, floor(log10(size)));
  const double part = size / power;
  return power * (part <= 1.0000001 ? 1 : part <= 2.0000001 ? 2 : part <= 5.0000001 ? 5 : 10);
}

static dnmf_axis linear_axis(double low, double high, int wanted) {
  dnmf_axis axis = {.log = false};
  if (high - low <= 1e-12 * fmax(fabs(low), fabs(high))) { /* one value, or values that rounding parts */
    const double room = low == 0 ? 1 : 0.5 * fabs(low);
    low -= low == 0 ? 0 : room;
    high += room;
  }
  const double step = round_step((high - low) / wanted);
  const double first = floor(low / step + 1e-9);
  const double last = ceil(high / step - 1e-9);
  axis.low = first * step;
  axis.high = last * step;
  axis.decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
  for (double t = first; t <= last && axis.count < DNMF_MOST_TICKS; t++)
    axis.ticks[axis.count++] = t * step;
  return axis;
}

static void add_log_tick(dnmf_axis *axis, double tick) {
  if (axis->count < DNMF_MOST_TICKS && tick >= axis->low * (1 - 1e-9) && tick <= axis->high * (1 + 1e-9))
    axis->ticks[axis->count++] = tick;
}

/* Powers of ten where there are enough of them, else 1-2-5, else ticks of a linear axis. */
static dnmf_axis log_axis(double low, double high, int wanted) {
  const double decades = log10(high) - log10(low);
  dnmf_axis axis = {.log = true, .low = low / pow(10, 0.03 * decades), .high = high * pow(10, 0.03 * decades)};
  const int first = (int)floor(log10(axis.low));
  const int last = (int)ceil(log10(axis.high));
  const int every = 1 + (last - first) / (wanted + 1);
  for (int d = first; d <= last; d++) {
    if (d % every == 0)
      add_log_tick(&axis, pow(10, d));
    if (decades < 2.5) {
      add_log_tick(&axis, 2 * pow(10, d));
      add_log_tick(&axis, 5 * pow(10, d));
    }
  }
  if (axis.count >= 3)
    return axis;
  const dnmf_axis linear = linear_axis(low, high, wanted);
  axis.count = 0;
  for (int t = 0; t < linear.count; t++)
    if (linear.ticks[t] > 0)
      add_log_tick(&axis, linear.ticks[t]);
  return axis;
}

dnmf_axis dnmf_axis_of(double low, double high, bool log, int wanted) {
  return log && high > low * (1 + 1e-9) ? log_axis(low, high, wanted) : linear_axis(low, high, wanted);
}

void dnmf_axis_cut(dnmf_axis *axis, double low, double high) {
  const double rounding = 1e-9 * (high - low);
  int kept = 0;
  for (int t = 0; t < axis->count; t++)
    if (axis->ticks[t] >= low - rounding && axis->ticks[t] <= high + rounding)
      axis->ticks[kept++] = axis->ticks[t];
  axis->count = kept;
  axis->low = low;
  axis->high = high;
}

double dnmf_axis_place(const dnmf_axis *axis, double value) {
  if (axis->log)
    return log(value / axis->low) / log(axis->high / axis->low);
  return (value - axis->low) / (axis->high - axis->low);
}

const char *dnmf_tick_text(const dnmf_axis *axis, double tick, char text[DNMF_TICK_TEXT]) {
  char readable[DNMF_READABLE_TEXT];
  const double size = fabs(tick);
  const bool small = axis->log ? size < 1e-4 : axis->decimals > 4;
  if (size >= 1e6 || (size > 0 && small)) {
    const int exponent = (int)floor(log10(size) + 1e-9);
    snprintf(text, DNMF_TICK_TEXT, "%.3ge%d", tick / pow(10, exponent), exponent);
  } else if (axis->log || axis->decimals == 0 || size == 0) {
    snprintf(text, DNMF_TICK_TEXT, "%.20s", dnmf_readable_number(tick, readable));
  } else {
    snprintf(text, DNMF_TICK_TEXT, "%.*f", axis->decimals > 8 ? 8 : axis->decimals, tick);
  }
  return text;
}
