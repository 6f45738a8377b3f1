#include "model/optimistic.h"

#include <math.h>

static double double_product(int count, const double *w, const double *h) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int c = 0; c < count; c++)
    sum += w[c] * h[c];
  return sum;
}

static double single_product(int count, const double *w, const float *h) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int c = 0; c < count; c++)
    sum += w[c] * (double)h[c];
  return sum;
}

/* Prediction and deviation without mean and row bias: w and the row's drawn biases are those of the row. */
static double optimistic_score(const dnmf_optimistic *o, int64_t col, const double *w, const double *row_biases) {
  const dnmf_model *model = o->model;
  const int draws = model->samples;
  const int k = model->components / draws;
  const int64_t at = col * model->components;
  const bool wide = model->h.precision == DNMF_DOUBLE;
  double whole = 0;
  double mean = 0;
  double squares = 0;
  for (int s = 0; s < draws; s++) {
    const int64_t from = at + (int64_t)s * k;
    const double part = wide ? double_product(k, w + (int64_t)s * k, (const double *)o->factors + from)
                             : single_product(k, w + (int64_t)s * k, (const float *)o->factors + from);
    const double drawn = draws * part + row_biases[s] + o->drawn[col * draws + s];
    const double away = drawn - mean;
    whole += part;
    mean += away / (s + 1);
    squares += away * (drawn - mean);
  }
  return o->biases[col] + whole + o->optimism * sqrt(squares / (draws - 1));
}

void dnmf_optimistic_offer(const dnmf_optimistic *columns, int64_t row, double *work, dnmf_listed *listed) {
  const dnmf_model *model = columns->model;
  double *row_biases = work + model->components;
  for (int c = 0; c < model->components; c++)
    work[c] = dnmf_panel_get(&model->w, row, c);
  for (int s = 0; s < model->samples; s++)
    row_biases[s] = dnmf_panel_get(&model->row_samples, row, s);
  for (int64_t j = 0; j < columns->count; j++) {
    if (columns->biases[j] == -INFINITY || dnmf_is_among(listed->seen, listed->seen_count, columns->first + j))
      continue;
    dnmf_top_offer(&listed->top, (dnmf_scored){optimistic_score(columns, j, work, row_biases), columns->first + j});
  }
}
