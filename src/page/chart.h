/*
 * Charts of a page: inline SVG, each a figure with a title, a caption and, folded, the numbers that it shows.
 *
 * A chart is drawn 360 units wide, for figures of 300 to 500 pixels, and grows with its figure. What it shows is in
 * data-... attributes too (9 significant digits), for programs that read the page; all charts say to readers of the
 * screen what they show. All functions are local, and put no name that comes from a file as markup.
 */
#ifndef DNMF_PAGE_CHART_H
#define DNMF_PAGE_CHART_H

#include "page/page.h"

/* One line: `count` points, of which those that are not finite are gaps. Not owned. */
typedef struct dnmf_series {
  const char *name;
  int64_t count;
  const double *x; /* NULL: 0, 1, 2, ... */
  const double *y;
  const double *spread; /* y - spread to y + spread is drawn as a bar, too; NULL: none */
} dnmf_series;

enum { DNMF_MOST_SERIES = 4 };

typedef struct dnmf_line_chart {
  const char *title;
  const char *note;
  const char *x_name;
  const char *y_name;
  bool log_y; /* where all values are positive */
  bool x_from_zero;
  bool whole_x; /* whole numbers on the horizontal axis */
  bool dots;    /* a dot at every point: there are few */
  bool same;    /* the line x = y, too */
  int series_count;
  dnmf_series series[DNMF_MOST_SERIES];
  const char *mark; /* what the vertical line at mark_x is; NULL: there is none */
  double mark_x;
} dnmf_line_chart;

/* Lines; of more points than can be seen, evenly spaced ones. Nothing where no point is finite. */
void dnmf_put_line_chart(dnmf_page *page, const dnmf_line_chart *chart);

/* Bars side by side, each with a label below where there is room. */
typedef struct dnmf_bar_chart {
  const char *title;
  const char *note;
  const char *x_name;
  const char *y_name;
  const char *y_format; /* of the values in the table and below the pointer: NULL, or "%" for shares in percent */
  int64_t count;
  const char *const *labels; /* text; NULL: the ranges between edges */
  const double *edges;       /* count + 1 ascending places on a horizontal axis of numbers; NULL: labels */
  const double *values;      /* none negative */
} dnmf_bar_chart;

void dnmf_put_bar_chart(dnmf_page *page, const dnmf_bar_chart *chart);

/* A matrix of numbers, none negative, as shades: the share of each column's largest in it. */
typedef struct dnmf_heat_map {
  const char *title;
  const char *note;
  const char *x_name; /* what columns are */
  const char *y_name; /* what rows are */
  int64_t rows;
  int columns;
  const double *values;   /* rows x columns */
  const int64_t *numbers; /* of the rows, in the order shown */
  const int *components;  /* of the columns */
} dnmf_heat_map;

/* Shades: 0 for nothing, n where the share is above ((n - 1) / DNMF_SHADES)^2, at most DNMF_SHADES. */
enum { DNMF_SHADES = 10 };
void dnmf_put_heat_map(dnmf_page *page, const dnmf_heat_map *map);

#endif
