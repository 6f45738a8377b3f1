/* The line through biases: weighted least squares, each row with the weight of its penalty. */
#include "bias_line.h"

enum { WEIGHT = 0, PLACE, PLACE_SQUARES, BIAS, PRODUCT };

/* The bias that the stored number stands for. */
static double bias_of(const dnmf_panel *x, int64_t row, double level) {
  const int components = x->components - 1;
  double sum = 0;
  for (int c = 0; c < components; c++)
    sum += dnmf_panel_get(x, row, c);
  return dnmf_panel_get(x, row, components) + level * sum;
}

void dnmf_bias_line_sums(const dnmf_ratings_view *view, const dnmf_panel *x, double level, double bias_power,
                         double sums[DNMF_BIAS_LINE_SUMS]) {
  for (int i = 0; i < DNMF_BIAS_LINE_SUMS; i++)
    sums[i] = 0;
  for (int64_t row = 0; row < x->rows; row++) {
    const double entries = (double)(view->entries.start[row + 1] - view->entries.start[row]);
    if (entries == 0)
      continue;
    const double weight = pow(entries, bias_power);
    const double place = log1p(entries / DNMF_BIAS_KNEE);
    const double bias = bias_of(x, row, level);
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
