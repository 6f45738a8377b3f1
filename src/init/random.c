#include "init/start.h"

#include "base/random.h"

#include <math.h>

/* With this everywhere in both factors, W H has A's mean. */
static double flat_entry(const dnmf_matrix *a, const dnmf_factor *factor) {
  return sqrt(dnmf_matrix_mean(a) / factor->components);
}

static void fill_random(uint64_t seed, dnmf_stream stream, double scale, dnmf_factor *factor) {
  for (int64_t row = 0; row < factor->mine.rows; row++)
    for (int c = 0; c < factor->components; c++) {
      double x = dnmf_random_normal(seed, stream, (uint64_t)(factor->owned.begin + row), (uint64_t)c);
      dnmf_panel_set(&factor->mine, row, c, scale * fabs(x));
    }
}

void dnmf_start_random(const dnmf_matrix *a, uint64_t seed, dnmf_factor *w, dnmf_factor *h) {
  if (w)
    fill_random(seed, DNMF_STREAM_START_W, flat_entry(a, w), w);
  if (h)
    fill_random(seed, DNMF_STREAM_START_H, flat_entry(a, h), h);
}

void dnmf_start_flat(const dnmf_matrix *a, dnmf_factor *factor) {
  for (int64_t row = 0; row < factor->mine.rows; row++)
    for (int c = 0; c < factor->components; c++)
      dnmf_panel_set(&factor->mine, row, c, flat_entry(a, factor));
}
