/* Lines over a frame. */
#include "page/chart.h"
#include "page/frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_POINTS = 300 /* drawn of a series */, MOST_ROWS = 40 /* of the table */ };

/* Of `count` things the `at`th of `shown` that are evenly spaced, the first and the last among them. */
static int64_t spaced_index(int64_t count, int64_t shown, int64_t at) {
  return shown < 2 ? 0 : (int64_t)((double)at * (double)(count - 1) / (double)(shown - 1) + 0.5);
}

static double series_x(const dnmf_series *s, int64_t at) {
  return s->x ? s->x[at] : (double)at;
}

static bool is_point(const dnmf_series *s, int64_t at) {
  return isfinite(series_x(s, at)) && isfinite(s->y[at]);
}

static int64_t shown_points(const dnmf_series *s) {
  return s->count < MOST_POINTS ? s->count : MOST_POINTS;
}

/* What the axes have to hold. */
typedef struct extent {
  double low_x;
  double high_x;
  double low_y;
  double high_y;
} extent;

static void extent_hold(extent *e, double x, double y) {
  e->low_x = fmin(e->low_x, x);
  e->high_x = fmax(e->high_x, x);
  e->low_y = fmin(e->low_y, y);
  e->high_y = fmax(e->high_y, y);
}

/* False where there is nothing to draw. */
static bool find_extent(const dnmf_line_chart *chart, extent *e) {
  *e = (extent){INFINITY, -INFINITY, INFINITY, -INFINITY};
  for (int n = 0; n < chart->series_count; n++) {
    const dnmf_series *s = &chart->series[n];
    for (int64_t i = 0; i < s->count; i++) {
      if (!is_point(s, i))
        continue;
      const double spread = s->spread && isfinite(s->spread[i]) ? s->spread[i] : 0;
      extent_hold(e, series_x(s, i), s->y[i] - spread);
      extent_hold(e, series_x(s, i), s->y[i] + spread);
    }
  }
  if (!(e->high_y >= e->low_y))
    return false;
  if (chart->x_from_zero)
    extent_hold(e, 0, e->low_y);
  if (chart->same) {
    e->low_x = e->low_y = fmin(e->low_x, e->low_y);
    e->high_x = e->high_y = fmax(e->high_x, e->high_y);
  }
  if (chart->mark)
    extent_hold(e, chart->mark_x, e->low_y);
  return true;
}

/* The numbers as attributes, so that a program can read them. */
static void put_data(dnmf_page *page, const char *name, const dnmf_series *s, bool of_x) {
  const int64_t shown = shown_points(s);
  dnmf_page_format(page, " data-%s=\"", name);
  for (int64_t i = 0; i < shown; i++) {
    const int64_t at = spaced_index(s->count, shown, i);
    dnmf_page_format(page, "%s%.9g", i > 0 ? " " : "", of_x ? series_x(s, at) : s->y[at]);
  }
  dnmf_page_put(page, "\"");
}

static void put_series(dnmf_page *page, const dnmf_line_chart *chart, int n, const dnmf_axis *x, const dnmf_axis *y) {
  const dnmf_series *s = &chart->series[n];
  const int64_t shown = shown_points(s);
  bool pen_down = false;
  dnmf_page_put(page, "<g data-series=\"");
  dnmf_page_text(page, s->name, -1);
  dnmf_page_put(page, "\"");
  put_data(page, "x", s, true);
  put_data(page, "y", s, false);
  dnmf_page_format(page, ">\n<path class=\"line%d\" d=\"", n);
  for (int64_t i = 0; i < shown; i++) {
    const int64_t at = spaced_index(s->count, shown, i);
    if (is_point(s, at))
      dnmf_page_format(page, "%s%.1f %.1f", pen_down ? "L" : "M", dnmf_frame_x(x, series_x(s, at)),
                       dnmf_frame_y(y, s->y[at]));
    pen_down = is_point(s, at);
  }
  dnmf_page_put(page, "\"/>\n");
  for (int64_t i = 0; i < shown && (s->spread || chart->dots); i++) {
    const int64_t at = spaced_index(s->count, shown, i);
    if (!is_point(s, at))
      continue;
    if (s->spread && isfinite(s->spread[at]))
      dnmf_page_format(page, "<path class=\"spread%d\" data-spread=\"%.9g\" d=\"M%.1f %.1fV%.1f\"/>", n, s->spread[at],
                       dnmf_frame_x(x, series_x(s, at)), dnmf_frame_y(y, s->y[at] - s->spread[at]),
                       dnmf_frame_y(y, s->y[at] + s->spread[at]));
    dnmf_page_format(page,
                     "<circle class=\"fill%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>%.6g, %.6g</title></circle>\n", n,
                     dnmf_frame_x(x, series_x(s, at)), dnmf_frame_y(y, s->y[at]), series_x(s, at), s->y[at]);
  }
  dnmf_page_put(page, "</g>\n");
}

/* Names beside samples of their lines. */
static void put_keys(dnmf_page *page, const dnmf_line_chart *chart) {
  if (chart->series_count < 2 && !chart->mark && !chart->same)
    return;
  dnmf_page_put(page, "<div class=\"keys\">");
  for (int n = 0; n < chart->series_count; n++) {
    dnmf_page_format(page,
                     "<span><svg viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"line%d\" d=\"M0 5H26\"/>"
                     "</svg>",
                     n);
    dnmf_page_text(page, chart->series[n].name, -1);
    dnmf_page_put(page, "</span>");
  }
  if (chart->same)
    dnmf_page_put(page, "<span><svg viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"same\" d=\"M0 5H26\"/>"
                        "</svg>equal</span>");
  if (chart->mark) {
    dnmf_page_put(page, "<span><svg viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"mark\" d=\"M13 0V10\"/>"
                        "</svg>");
    dnmf_page_text(page, chart->mark, -1);
    dnmf_page_put(page, "</span>");
  }
  dnmf_page_put(page, "</div>\n");
}

/* Series that share their x in one table, others in one each. */
static void put_tables(dnmf_page *page, const dnmf_line_chart *chart) {
  double values[MOST_ROWS * (DNMF_MOST_SERIES + 1)];
  const char *names[DNMF_MOST_SERIES + 1] = {chart->x_name};
  for (int first = 0, next = 0; first < chart->series_count; first = next) {
    const dnmf_series *s = &chart->series[first];
    for (next = first;
         next < chart->series_count && chart->series[next].x == s->x && chart->series[next].count == s->count; next++)
      names[next - first + 1] = chart->series[next].name;
    const int columns = next - first + 1;
    const int64_t rows = s->count < MOST_ROWS ? s->count : MOST_ROWS;
    for (int64_t i = 0; i < rows; i++) {
      const int64_t at = spaced_index(s->count, rows, i);
      values[i * columns] = series_x(s, at);
      for (int n = first; n < next; n++)
        values[i * columns + n - first + 1] = chart->series[n].y[at];
    }
    dnmf_page_numbers(page, columns, names, rows, values);
  }
}

static void describe_lines(const dnmf_line_chart *chart, const extent *e, char *text, size_t size) {
  char low[DNMF_READABLE_TEXT];
  char high[DNMF_READABLE_TEXT];
  snprintf(text, size, "%s: %s from %s to %s", chart->title, chart->y_name, dnmf_readable_number(e->low_y, low),
           dnmf_readable_number(e->high_y, high));
}

/* From the first point to the last; with dots, which need room, a little more. */
static dnmf_axis horizontal_axis(const dnmf_line_chart *chart, const extent *e) {
  const double width = e->high_x - e->low_x;
  const double room = chart->dots ? 0.04 * width : 0;
  dnmf_axis axis = dnmf_axis_of(e->low_x, e->high_x, false, chart->whole_x && width < 5 ? (int)fmax(1, width) : 5);
  if (width > 0)
    dnmf_axis_cut(&axis, e->low_x - room, e->high_x + room);
  return axis;
}

void dnmf_put_line_chart(dnmf_page *page, const dnmf_line_chart *chart) {
  extent e;
  char what[300];
  char y_name[100];
  if (!find_extent(chart, &e))
    return;
  const bool log = chart->log_y && e.low_y > 0;
  const dnmf_axis x = horizontal_axis(chart, &e);
  const dnmf_axis y = dnmf_axis_of(e.low_y, e.high_y, log, 5);
  describe_lines(chart, &e, what, sizeof what);
  dnmf_page_figure(page, chart->title, chart->note);
  put_keys(page, chart);
  dnmf_frame_begin(page, what);
  snprintf(y_name, sizeof y_name, "%.80s%s", chart->y_name, y.log ? " (log scale)" : "");
  dnmf_frame_axes(page, &y, chart->x_name, y_name);
  dnmf_frame_x_ticks(page, &x);
  if (chart->same)
    dnmf_page_format(page, "<path class=\"same\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", dnmf_frame_x(&x, e.low_x),
                     dnmf_frame_y(&y, e.low_x), dnmf_frame_x(&x, e.high_x), dnmf_frame_y(&y, e.high_x));
  if (chart->mark)
    dnmf_page_format(page, "<path class=\"mark\" data-mark=\"%.9g\" d=\"M%.1f %dV%d\"/>\n", chart->mark_x,
                     dnmf_frame_x(&x, chart->mark_x), DNMF_FRAME_TOP, DNMF_FRAME_BOTTOM);
  for (int n = 0; n < chart->series_count; n++)
    put_series(page, chart, n, &x, &y);
  dnmf_frame_end(page);
  put_tables(page, chart);
  dnmf_page_figure_end(page);
}
