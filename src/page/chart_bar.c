/* Bars over a frame. */
#include "page/chart.h"
#include "page/frame.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Labels that fit beside each other: every how manieth. */
static int64_t label_every(const dnmf_bar_chart *chart) {
  size_t longest = 1;
  for (int64_t i = 0; i < chart->count; i++)
    longest = strlen(chart->labels[i]) > longest ? strlen(chart->labels[i]) : longest;
  const double room = (double)(DNMF_FRAME_RIGHT - DNMF_FRAME_LEFT) / (double)chart->count;
  return (int64_t)ceil((6.4 * (double)longest + 6) / room);
}

static bool in_percent(const dnmf_bar_chart *chart) {
  return chart->y_format && strcmp(chart->y_format, "%") == 0;
}

static void put_bars(dnmf_page *page, const dnmf_bar_chart *chart, const dnmf_axis *y) {
  const double width = (double)(DNMF_FRAME_RIGHT - DNMF_FRAME_LEFT) / (double)chart->count;
  const int64_t every = label_every(chart);
  const double scale = in_percent(chart) ? 100 : 1;
  for (int64_t i = 0; i < chart->count; i++) {
    char text[DNMF_READABLE_TEXT];
    const double left = DNMF_FRAME_LEFT + width * (double)i;
    const double top = dnmf_frame_y(y, scale * chart->values[i]);
    dnmf_page_put(page, "<rect class=\"fill0\" data-label=\"");
    dnmf_page_text(page, chart->labels[i], -1);
    dnmf_page_format(page, "\" data-value=\"%.9g\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"><title>",
                     chart->values[i], left + 0.1 * width, top, 0.8 * width, DNMF_FRAME_BOTTOM - top);
    dnmf_page_text(page, chart->labels[i], -1);
    dnmf_page_format(page, ": %s%s</title></rect>\n", dnmf_readable_number(scale * chart->values[i], text),
                     in_percent(chart) ? "%" : "");
    if (i % every != 0)
      continue;
    dnmf_page_format(page, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">", left + width / 2, DNMF_FRAME_BOTTOM + 16);
    dnmf_page_text(page, chart->labels[i], -1);
    dnmf_page_put(page, "</text>\n");
  }
}

void dnmf_put_bar_chart(dnmf_page *page, const dnmf_bar_chart *chart) {
  char what[300];
  char text[DNMF_READABLE_TEXT];
  double most = 0;
  for (int64_t i = 0; i < chart->count; i++)
    most = fmax(most, chart->values[i]);
  if (!(most > 0) || !isfinite(most))
    return;
  const double scale = in_percent(chart) ? 100 : 1;
  const dnmf_axis y = dnmf_axis_of(0, scale * most, false, 5);
  snprintf(what, sizeof what, "%s: %d bars, the highest %s%s", chart->title, (int)chart->count,
           dnmf_readable_number(scale * most, text), in_percent(chart) ? " percent" : "");
  dnmf_page_figure(page, chart->title, chart->note);
  dnmf_frame_begin(page, what);
  dnmf_frame_axes(page, &y, chart->x_name, chart->y_name);
  put_bars(page, chart, &y);
  dnmf_frame_end(page);
  dnmf_page_figure_end(page);
}
