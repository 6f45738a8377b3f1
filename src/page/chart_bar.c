/* Bars over a frame. */
#include "page/chart.h"
#include "page/frame.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_TEXT = 64 };

/* The label of a bar, which may be put into `text`. */
static const char *bar_label(const dnmf_bar_chart *chart, int64_t bar, char text[LABEL_TEXT]) {
  char low[DNMF_READABLE_TEXT];
  char high[DNMF_READABLE_TEXT];
  if (!chart->edges)
    return chart->labels[bar];
  snprintf(text, LABEL_TEXT, "%.28s to %.28s", dnmf_readable_number(chart->edges[bar], low),
           dnmf_readable_number(chart->edges[bar + 1], high));
  return text;
}

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

/* Where bars begin and end. */
static double bar_edge(const dnmf_bar_chart *chart, const dnmf_axis *x, int64_t bar) {
  if (chart->edges)
    return dnmf_frame_x(x, chart->edges[bar]);
  return DNMF_FRAME_LEFT + (double)(DNMF_FRAME_RIGHT - DNMF_FRAME_LEFT) * (double)bar / (double)chart->count;
}

static void put_bars(dnmf_page *page, const dnmf_bar_chart *chart, const dnmf_axis *x, const dnmf_axis *y) {
  const double scale = in_percent(chart) ? 100 : 1;
  const double gap = chart->edges ? 0.02 : 0.1;
  for (int64_t i = 0; i < chart->count; i++) {
    char text[DNMF_READABLE_TEXT];
    char room[LABEL_TEXT];
    const char *label = bar_label(chart, i, room);
    const double left = bar_edge(chart, x, i);
    const double width = bar_edge(chart, x, i + 1) - left;
    const double top = dnmf_frame_y(y, scale * chart->values[i]);
    dnmf_page_put(page, "<rect class=\"fill0\" data-label=\"");
    dnmf_page_text(page, label, -1);
    dnmf_page_format(page, "\" data-value=\"%.9g\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"><title>",
                     chart->values[i], left + gap * width, top, (1 - 2 * gap) * width, DNMF_FRAME_BOTTOM - top);
    dnmf_page_text(page, label, -1);
    dnmf_page_format(page, ": %s%s</title></rect>\n", dnmf_readable_number(scale * chart->values[i], text),
                     in_percent(chart) ? "%" : "");
  }
}

static void put_bar_labels(dnmf_page *page, const dnmf_bar_chart *chart) {
  const int64_t every = label_every(chart);
  for (int64_t i = 0; i < chart->count; i += every) {
    dnmf_page_format(page, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">",
                     0.5 * (bar_edge(chart, NULL, i) + bar_edge(chart, NULL, i + 1)), DNMF_FRAME_BOTTOM + 16);
    dnmf_page_text(page, chart->labels[i], -1);
    dnmf_page_put(page, "</text>\n");
  }
}

static void put_bar_table(dnmf_page *page, const dnmf_bar_chart *chart) {
  dnmf_page_put(page, "<details><summary>Numbers</summary>\n<table class=\"numbers\"><thead><tr><th scope=\"col\">");
  dnmf_page_text(page, chart->x_name, -1);
  dnmf_page_put(page, "</th><th scope=\"col\">");
  dnmf_page_text(page, chart->y_name, -1);
  dnmf_page_put(page, "</th></tr></thead>\n<tbody>\n");
  for (int64_t i = 0; i < chart->count; i++) {
    char room[LABEL_TEXT];
    dnmf_page_put(page, "<tr><th scope=\"row\">");
    dnmf_page_text(page, bar_label(chart, i, room), -1);
    dnmf_page_put(page, "</th><td>");
    dnmf_page_number(page, (in_percent(chart) ? 100 : 1) * chart->values[i]);
    dnmf_page_put(page, "</td></tr>\n");
  }
  dnmf_page_put(page, "</tbody></table></details>\n");
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
  dnmf_axis x = {.count = 0};
  if (chart->edges) {
    x = dnmf_axis_of(chart->edges[0], chart->edges[chart->count], false, 6);
    dnmf_frame_x_ticks(page, &x);
  } else {
    put_bar_labels(page, chart);
  }
  put_bars(page, chart, &x, &y);
  dnmf_frame_end(page);
  put_bar_table(page, chart);
  dnmf_page_figure_end(page);
}
