#include "page/frame.h"

double dnmf_frame_x(const dnmf_axis *axis, double value) {
  return DNMF_FRAME_LEFT + (DNMF_FRAME_RIGHT - DNMF_FRAME_LEFT) * dnmf_axis_place(axis, value);
}

double dnmf_frame_y(const dnmf_axis *axis, double value) {
  return DNMF_FRAME_BOTTOM - (DNMF_FRAME_BOTTOM - DNMF_FRAME_TOP) * dnmf_axis_place(axis, value);
}

void dnmf_frame_begin(dnmf_page *page, const char *what) {
  dnmf_page_format(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                   DNMF_FRAME_WIDTH, DNMF_FRAME_HEIGHT);
  dnmf_page_text(page, what, -1);
  dnmf_page_put(page, "\">\n");
}

void dnmf_frame_end(dnmf_page *page) {
  dnmf_page_put(page, "</svg>\n");
}

void dnmf_frame_axes(dnmf_page *page, const dnmf_axis *y, const char *x_name, const char *y_name) {
  char text[DNMF_TICK_TEXT];
  for (int t = 0; t < y->count; t++) {
    const double at = dnmf_frame_y(y, y->ticks[t]);
    dnmf_page_format(
        page, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n",
        DNMF_FRAME_LEFT, at, DNMF_FRAME_RIGHT, DNMF_FRAME_LEFT - 5, at + 4, dnmf_tick_text(y, y->ticks[t], text));
  }
  dnmf_page_format(page, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", DNMF_FRAME_LEFT, DNMF_FRAME_TOP,
                   DNMF_FRAME_BOTTOM, DNMF_FRAME_RIGHT);
  dnmf_page_format(page, "<text class=\"mid\" x=\"%d\" y=\"%d\">", (DNMF_FRAME_LEFT + DNMF_FRAME_RIGHT) / 2,
                   DNMF_FRAME_HEIGHT - 8);
  dnmf_page_text(page, x_name, -1);
  const int middle = (DNMF_FRAME_TOP + DNMF_FRAME_BOTTOM) / 2;
  dnmf_page_format(page, "</text>\n<text class=\"mid\" transform=\"translate(11 %d) rotate(-90)\">", middle);
  dnmf_page_text(page, y_name, -1);
  dnmf_page_put(page, "</text>\n");
}

void dnmf_frame_x_ticks(dnmf_page *page, const dnmf_axis *x) {
  char text[DNMF_TICK_TEXT];
  for (int t = 0; t < x->count; t++) {
    const double at = dnmf_frame_x(x, x->ticks[t]);
    dnmf_page_format(page, "<path class=\"axis\" d=\"M%.1f %dv4\"/><text class=\"mid\" x=\"%.1f\" y=\"%d\">%s</text>\n",
                     at, DNMF_FRAME_BOTTOM, at, DNMF_FRAME_BOTTOM + 16, dnmf_tick_text(x, x->ticks[t], text));
  }
}
