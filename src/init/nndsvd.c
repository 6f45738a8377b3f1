#include "init/start.h"

#include "base/memory.h"
#include "base/random.h"
#include "comm/collective.h"
#include "init/svd.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const double smallest_entry = 1e-6;

/* Squared norms of the parts of one pair of singular vectors, over all processes. */
typedef struct parts {
  double u_positive;
  double u_negative;
  double v_positive;
  double v_negative;
} parts;

enum { NORMS = sizeof(parts) / sizeof(double) };

/* The first pair of a nonnegative matrix is nonnegative, but for rounding and signs between its separate blocks. */
static void make_nonnegative(dnmf_panel *panel, int component) {
  for (int64_t row = 0; row < panel->rows; row++)
    dnmf_panel_set(panel, row, component, fabs(dnmf_panel_get(panel, row, component)));
}

static void add_squares(const dnmf_panel *panel, int component, double *positive, double *negative) {
  for (int64_t row = 0; row < panel->rows; row++) {
    double x = dnmf_panel_get(panel, row, component);
    *(x > 0 ? positive : negative) += x * x;
  }
}

static dnmf_status sum_parts(dnmf_context *context, dnmf_svd *svd, parts **norms) {
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "norms of singular vectors", svd->components, sizeof(parts), (void **)norms);
  DNMF_TRY(dnmf_agree(context, status));
  make_nonnegative(&svd->u, 0);
  make_nonnegative(&svd->v, 0);
  for (int c = 0; c < svd->components; c++) {
    add_squares(&svd->u, c, &(*norms)[c].u_positive, &(*norms)[c].u_negative);
    add_squares(&svd->v, c, &(*norms)[c].v_positive, &(*norms)[c].v_negative);
  }
  return dnmf_sum_doubles(context, context->comm, (double *)*norms, (int64_t)svd->components * NORMS);
}

/* One component of a factor: scale times the vector's entries of the given sign. */
static void set_part(const dnmf_panel *vectors, int component, double sign, double scale, dnmf_factor *x) {
  for (int64_t row = 0; row < vectors->rows; row++) {
    double entry = scale * fmax(sign * dnmf_panel_get(vectors, row, component), 0);
    dnmf_panel_set(&x->mine, row, component, entry < smallest_entry ? 0 : entry);
  }
}

/* The larger of the positive and the negative part; a tie, up to rounding, goes to the negative on every grid. */
static void set_component(const dnmf_svd *svd, const parts *norms, int c, dnmf_factor *w, dnmf_factor *h) {
  double positive = sqrt(norms->u_positive * norms->v_positive);
  double negative = sqrt(norms->u_negative * norms->v_negative);
  bool take_positive = positive > negative * (1 + 1e-8);
  double sign = take_positive ? 1 : -1;
  double u_norm = sqrt(take_positive ? norms->u_positive : norms->u_negative);
  double v_norm = sqrt(take_positive ? norms->v_positive : norms->v_negative);
  double scale = sqrt(svd->values[c] * u_norm * v_norm);
  set_part(&svd->u, c, sign, u_norm > 0 ? scale / u_norm : 0, w);
  set_part(&svd->v, c, sign, v_norm > 0 ? scale / v_norm : 0, h);
}

void dnmf_start_fill_zeros(const dnmf_matrix *a, dnmf_svd_fill fill, uint64_t seed, bool of_h, dnmf_factor *x) {
  const dnmf_stream stream = of_h ? DNMF_STREAM_START_H : DNMF_STREAM_START_W;
  const double mean = dnmf_matrix_mean(a);
  for (int64_t row = 0; row < x->mine.rows && fill != DNMF_SVD_FILL_ZERO; row++)
    for (int c = 0; c < x->components; c++)
      if (dnmf_panel_get(&x->mine, row, c) <= 0) {
        double value = mean;
        if (fill == DNMF_SVD_FILL_RANDOM)
          value *= fabs(dnmf_random_normal(seed, stream, (uint64_t)(x->owned.begin + row), (uint64_t)c)) / 100;
        dnmf_panel_set(&x->mine, row, c, value);
      }
}

dnmf_status dnmf_start_svd(dnmf_context *context, const dnmf_layout *layout, const dnmf_matrix *a,
                           const struct dnmf_svd_products *products, dnmf_svd_fill fill, uint64_t seed, dnmf_factor *w,
                           dnmf_factor *h) {
  const int64_t smaller = a->rows < a->cols ? a->rows : a->cols;
  if (w->components > smaller)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "a start from singular vectors has at most %" PRId64
                     " components, the smaller dimension of the matrix, not %d; use --init random",
                     smaller, w->components);
  dnmf_svd svd;
  parts *norms = NULL;
  dnmf_status status = dnmf_svd_compute(context, layout, a, products, w->components, seed, &svd);
  if (status == DNMF_OK)
    status = sum_parts(context, &svd, &norms);
  const double rounding = 2 * dnmf_precision_epsilon(a->precision) * (double)(a->rows > a->cols ? a->rows : a->cols);
  const double cells = (double)a->rows * (double)a->cols;
  const double known = cells / (cells - (double)a->unknown); /* what the others' share of a sum stands for */
  for (int c = 0; c < w->components && status == DNMF_OK; c++) {
    svd.values[c] *= known;
    if (svd.values[c] <= rounding * svd.values[0])
      svd.values[c] = 0;
    set_component(&svd, &norms[c], c, w, h);
  }
  if (status == DNMF_OK) {
    dnmf_start_fill_zeros(a, fill, seed, false, w);
    dnmf_start_fill_zeros(a, fill, seed, true, h);
  }
  free(norms);
  dnmf_svd_free(&svd);
  return status;
}
