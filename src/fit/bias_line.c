/* The line through biases: weighted least squares, each row with the weight of its penalty. */
#include "bias_line.h"

enum { WEIGHT = 0, PLACE, PLACE_SQUARES, BIAS, PRODUCT };

void dnmf_bias_line_sums(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                         double bias_power, double sums[DNMF_BIAS_LINE_SUMS]) {
  for (int i = 0; i < DNMF_BIAS_LINE_SUMS; i++)
    sums[i] = 0;
  for (int64_t row = 0; row < x->rows; row++) {
    const double entries = (double)(view->entries.start[row + 1] - view->entries.start[row]);
    if (entries == 0)
      continue;
    const double weight = pow(entries, bias_power);
    const double place = dnmf_count_place(entries);
    const double bias =
        dnmf_bias_of_row(x, row, level) - (terms ? dnmf_panel_get(terms, row, terms->components - 1) : 0);
    sums[WEIGHT] += weight;
    sums[PLACE] += weight * place;
    sums[PLACE_SQUARES] += weight * place * place;
    sums[BIAS] += weight * bias;
    sums[PRODUCT] += weight * place * bias;
  }
}

dnmf_bias_line dnmf_bias_line_of(const double sums[DNMF_BIAS_LINE_SUMS]) {
  const double weight = sums[WEIGHT];
  if (!(weight > 0))
    return (dnmf_bias_line){0, 0};
  const double place = sums[PLACE] / weight;
  const double bias = sums[BIAS] / weight;
  const double squares = sums[PLACE_SQUARES] / weight;
  const double spread = squares - place * place;
  if (!(spread > 1e-9 * squares)) /* places alike but for rounding */
    return (dnmf_bias_line){bias, 0};
  const double slope = (sums[PRODUCT] / weight - place * bias) / spread;
  return (dnmf_bias_line){bias - slope * place, slope};
}

void dnmf_center_slope_sums(const dnmf_ratings_view *view, const dnmf_panel *x, const dnmf_panel *terms, double level,
                            const dnmf_penalties *penalties, int components, double *sums) {
  for (int c = 0; c <= components; c++)
    sums[c] = 0;
  for (int64_t row = 0; row < x->rows; row++) {
    const double entries = (double)(view->entries.start[row + 1] - view->entries.start[row]);
    if (entries == 0)
      continue;
    const double weight = pow(entries + penalties->count_extra, dnmf_count_power(penalties));
    const double place = dnmf_count_place(entries);
    for (int c = 0; c < components; c++)
      sums[c] += weight * place * (dnmf_panel_get(x, row, c) - level - dnmf_term_of_row(terms, row, c));
    sums[components] += weight * place * place;
  }
}

/* Of a slope's own penalty. Without it nothing would hold what rows and the slope share, as one can shrink and the
 * other grow, and predictions would get worse from the thirtieth iteration on. */
static const double SLOPE_RIDGE = 1.0 / 9;

void dnmf_center_slope_take(const double *sums, int components, double *slope) {
  for (int c = 0; c < components; c++)
    slope[c] = sums[components] > 0 ? sums[c] / ((1 + SLOPE_RIDGE) * sums[components]) : 0;
}

double dnmf_center_slope_penalty(const double *slope, int components, double l2, double place_squares) {
  double squares = 0;
  for (int c = 0; c < components; c++)
    squares += slope[c] * slope[c];
  return 0.5 * l2 * SLOPE_RIDGE * place_squares * squares;
}
