/*
 * Ticks of an axis: round numbers, 1, 2 or 5 times a power of ten.
 */
#ifndef DNMF_PAGE_TICKS_H
#define DNMF_PAGE_TICKS_H

#include <stdbool.h>

enum { DNMF_MOST_TICKS = 24, DNMF_TICK_TEXT = 24 };

typedef struct dnmf_axis {
  bool log;
  double low; /* ends of the axis; of a linear one they are ticks */
  double high;
  int count;
  double ticks[DNMF_MOST_TICKS]; /* ascending, within the ends */
  int decimals;                  /* of the labels of a linear axis */
} dnmf_axis;

/* An axis that holds low ... high, which are finite, low <= high; `log`: both are positive. About `wanted` ticks, at
 * most DNMF_MOST_TICKS. local */
dnmf_axis dnmf_axis_of(double low, double high, bool log, int wanted);

/* Moves the ends to low and high and drops the ticks beyond them. local */
void dnmf_axis_cut(dnmf_axis *axis, double low, double high);

/* Where a value lies, 0 at the low end, 1 at the high end. local */
double dnmf_axis_place(const dnmf_axis *axis, double value);

/* A tick's label. local */
const char *dnmf_tick_text(const dnmf_axis *axis, double tick, char text[DNMF_TICK_TEXT]);

#endif
