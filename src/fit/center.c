/* The weighted mean row of a factor. */
#include "center.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

dnmf_status center_create(dnmf_error *error, const dnmf_ratings_view *view, int components, double count_power,
                          center *c) {
  void *weight = NULL;
  void *numbers = NULL;
  int64_t rows = view->entries.rows;
  *c = (center){.components = components};
  DNMF_TRY(dnmf_allocate(error, "penalty weights", rows, sizeof(double), &weight));
  c->weight = weight;
  DNMF_TRY(dnmf_allocate_zero(error, "mean row", 2 * (int64_t)components + CENTER_EXTRA, sizeof(double), &numbers));
  c->sums = numbers;
  c->mean = c->sums + components + CENTER_EXTRA;
  for (int64_t row = 0; row < rows; row++) {
    double entries = (double)(view->entries.start[row + 1] - view->entries.start[row]);
    c->weight[row] = entries > 0 ? pow(entries, count_power) : 0;
  }
  return DNMF_OK;
}

void center_free(center *c) {
  free(c->weight);
  free(c->sums);
  *c = (center){0};
}

void center_sum(const dnmf_panel *x, center *c) {
  memset(c->sums, 0, (size_t)(c->components + CENTER_EXTRA) * sizeof(double));
  for (int64_t row = 0; row < x->rows; row++) {
    double weight = c->weight[row];
    int64_t at = row * x->components;
    if (x->precision == DNMF_DOUBLE)
      for (int i = 0; i < c->components; i++)
        c->sums[i] += weight * ((const double *)x->data)[at + i];
    else
      for (int i = 0; i < c->components; i++)
        c->sums[i] += weight * (double)((const float *)x->data)[at + i];
    c->sums[c->components] += weight;
  }
}

void center_take(const double *sums, center *c) {
  double weight = sums[c->components];
  for (int i = 0; i < c->components; i++)
    c->mean[i] = weight > 0 ? sums[i] / weight : 0;
}

dnmf_status dnmf_observed_mean_row(dnmf_context *context, const dnmf_settings *settings, const dnmf_ratings_view *view,
                                   const dnmf_panel *x, double *mean) {
  center c;
  int64_t count = settings->components + CENTER_EXTRA;
  dnmf_status status =
      center_create(&context->error, view, settings->components, dnmf_count_power(&settings->penalties), &c);
  if (status == DNMF_OK)
    center_sum(x, &c);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_sum_doubles(context, context->comm, c.sums, count);
  if (status == DNMF_OK) {
    center_take(c.sums, &c);
    memcpy(mean, c.mean, (size_t)settings->components * sizeof *mean);
  }
  center_free(&c);
  return status;
}
