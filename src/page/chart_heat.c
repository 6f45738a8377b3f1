/* Heat maps: a shade is one path, of all its cells. */
#include "page/chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* In units of the drawing. */
enum { WIDTH = 360, LEFT = 24, RIGHT = 352, TOP = 20, HIGH = 300 /* of many rows */, ROW = 12 /* of few */ };

static double largest_of_column(const dnmf_heat_map *map, int column) {
  double largest = 0;
  for (int64_t i = 0; i < map->rows; i++)
    largest = fmax(largest, map->values[i * map->columns + column]);
  return largest;
}

static int shade_of(double value, double largest) {
  if (!(value > 0) || !(largest > 0))
    return 0;
  const int shade = (int)ceil(DNMF_SHADES * sqrt(value / largest) - 1e-9);
  return shade < 1 ? 1 : shade > DNMF_SHADES ? DNMF_SHADES : shade;
}

static void put_shade(dnmf_page *page, const dnmf_heat_map *map, int shade) {
  dnmf_page_format(page, "<path class=\"q%d\" data-shade=\"%d\" d=\"", shade, shade);
  for (int c = 0; c < map->columns; c++) {
    const double largest = largest_of_column(map, c);
    for (int64_t i = 0; i < map->rows; i++) {
      const int64_t first = i;
      while (i < map->rows && shade_of(map->values[i * map->columns + c], largest) == shade)
        i++;
      if (i > first)
        dnmf_page_format(page, "M%d %" PRId64 "h1v%" PRId64 "h-1z", c, first, i - first);
    }
  }
  dnmf_page_put(page, "\"/>\n");
}

/* The numbers of rows and columns as they are shown. */
static void put_numbers(dnmf_page *page, const dnmf_heat_map *map) {
  dnmf_page_put(page, " data-rows=\"");
  for (int64_t i = 0; i < map->rows; i++)
    dnmf_page_format(page, "%s%" PRId64, i > 0 ? " " : "", map->numbers[i]);
  dnmf_page_put(page, "\" data-components=\"");
  for (int c = 0; c < map->columns; c++)
    dnmf_page_format(page, "%s%d", c > 0 ? " " : "", map->components[c]);
  dnmf_page_put(page, "\"");
}

static void put_column_labels(dnmf_page *page, const dnmf_heat_map *map) {
  const double width = (double)(RIGHT - LEFT) / map->columns;
  const int every = (int)ceil(22 / width);
  for (int c = 0; c < map->columns; c += every)
    dnmf_page_format(page, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">%d</text>", LEFT + width * (c + 0.5), TOP - 5,
                     map->components[c]);
  dnmf_page_put(page, "\n");
}

/* What the shades stand for. */
static void put_legend(dnmf_page *page, double top) {
  const double width = (double)(RIGHT - LEFT) / DNMF_SHADES;
  for (int s = 1; s <= DNMF_SHADES; s++)
    dnmf_page_format(page,
                     "<rect class=\"q%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"10\"/>"
                     "<text class=\"mid\" x=\"%.1f\" y=\"%.1f\">%d</text>\n",
                     s, LEFT + width * (s - 1), top, width, LEFT + width * (s - 0.5), top + 22,
                     100 * s * s / (DNMF_SHADES * DNMF_SHADES));
}

void dnmf_put_heat_map(dnmf_page *page, const dnmf_heat_map *map) {
  if (map->rows == 0 || map->columns == 0)
    return;
  const double height = map->rows * ROW < HIGH ? (double)map->rows * ROW : HIGH;
  const double bottom = TOP + height;
  dnmf_page_figure(page, map->title, map->note);
  dnmf_page_format(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"",
                   WIDTH, bottom + 48);
  dnmf_page_text(page, map->title, -1);
  dnmf_page_format(page, ": %" PRId64 " rows and %d columns of shades\"", map->rows, map->columns);
  put_numbers(page, map);
  dnmf_page_put(page, ">\n");
  put_column_labels(page, map);
  dnmf_page_format(page,
                   "<text class=\"mid\" transform=\"translate(14 %.0f) rotate(-90)\">%s</text>\n"
                   "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %" PRId64
                   "\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\">\n",
                   TOP + height / 2, map->y_name, LEFT, TOP, RIGHT - LEFT, height, map->columns, map->rows);
  for (int s = 1; s <= DNMF_SHADES; s++)
    put_shade(page, map, s);
  dnmf_page_format(page, "</svg>\n<rect class=\"axis\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%.0f\"/>\n", LEFT, TOP,
                   RIGHT - LEFT, height);
  put_legend(page, bottom + 12);
  dnmf_page_format(page, "<text class=\"mid\" x=\"%d\" y=\"%.0f\">%% of the %s's largest number, at most</text>\n",
                   (LEFT + RIGHT) / 2, bottom + 46, map->x_name);
  dnmf_page_put(page, "</svg>\n");
  dnmf_page_figure_end(page);
}
