/*
 * What charts with two axes have in common: the frame, its ticks, its names.
 */
#ifndef DNMF_PAGE_FRAME_H
#define DNMF_PAGE_FRAME_H

#include "page/page.h"
#include "page/ticks.h"

/* In units of the drawing. */
enum {
  DNMF_FRAME_WIDTH = 360,
  DNMF_FRAME_HEIGHT = 230,
  DNMF_FRAME_LEFT = 58,
  DNMF_FRAME_RIGHT = 346,
  DNMF_FRAME_TOP = 12,
  DNMF_FRAME_BOTTOM = 190
};

/* Begins the drawing, which `what` describes to those who do not see it. */
void dnmf_frame_begin(dnmf_page *page, const char *what);
void dnmf_frame_end(dnmf_page *page);

/* Lines and labels of the vertical axis, the horizontal axis, and the names of both. */
void dnmf_frame_axes(dnmf_page *page, const dnmf_axis *y, const char *x_name, const char *y_name);
void dnmf_frame_x_ticks(dnmf_page *page, const dnmf_axis *x);

/* Places of values. */
double dnmf_frame_x(const dnmf_axis *axis, double value);
double dnmf_frame_y(const dnmf_axis *axis, double value);

#endif
