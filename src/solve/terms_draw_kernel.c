/* Draws of implicit terms, a range of rows at a time. */
#include "arrived_rows.h"
#include "terms_draw_kernels.h"

#include "base/exact_sum.h"
#include "base/variant.h"

#include <math.h>
#include <stdbool.h>

static double *part_at(double *parts, int i) {
  return parts + (int64_t)DNMF_EXACT_PARTS * i;
}

static void draw_begin(const dnmf_terms_draw *draw, const void *arrived, int64_t begin, int64_t end, double *parts,
                       double *row) {
  const int stride = draw->stride;
  for (int64_t j = begin; j < end; j++) {
    const real *y = (const real *)draw->brought + j * stride;
    real *r = (real *)draw->rest + j * stride;
    real *p = (real *)draw->direction + j * stride;
    const bool known = draw->start[j] < draw->start[j + 1];
    sum_arrived(arrived, draw->index, draw->start[j], draw->start[j + 1], stride, row);
    for (int i = 0; i < stride; i++) {
      const double ratio = draw->ratio[i];
      r[i] = known ? (real)((double)r[i] + row[i] - ratio * (double)y[i]) : 0;
      p[i] = (real)((double)r[i] / (draw->curvature[2 * j] + ratio));
      dnmf_exact_add(draw->unit[i] * (double)r[i] * (double)p[i], part_at(parts, i));
      dnmf_exact_add(draw->unit[i] * ratio * (double)p[i] * (double)p[i], part_at(parts, stride + i));
    }
  }
}

static void draw_spread(const dnmf_terms_draw *draw, const void *arrived, int64_t begin, int64_t end, double *parts,
                        double *row) {
  const int stride = draw->stride;
  for (int64_t at = begin; at < end; at++) {
    real *to = (real *)draw->spread + at * stride;
    const int64_t entries = draw->row_start[at + 1] - draw->row_start[at];
    const double share = entries > 0 ? 1 / sqrt((double)entries) : 0;
    sum_arrived(arrived, draw->row_index, draw->row_start[at], draw->row_start[at + 1], stride, row);
    for (int i = 0; i < stride; i++) {
      const double q = share * row[i];
      to[i] = (real)(share * q);
      dnmf_exact_add(draw->unit[i] * q * q, part_at(parts, i));
    }
  }
}

static void draw_climb(const dnmf_terms_draw *draw, const void *arrived, int64_t begin, int64_t end, double *parts,
                       double *row) {
  const int stride = draw->stride;
  (void)arrived;
  (void)parts;
  (void)row;
  for (int64_t at = begin; at < end; at++) {
    const real *from = (const real *)draw->spread + at * stride;
    real *t = (real *)draw->terms + at * stride;
    const double root = sqrt((double)(draw->row_start[at + 1] - draw->row_start[at]));
    for (int i = 0; i < stride; i++)
      t[i] = (real)((double)t[i] + draw->step[i] * root * (double)from[i]);
  }
}

static void draw_advance(const dnmf_terms_draw *draw, const void *arrived, int64_t begin, int64_t end, double *parts,
                         double *row) {
  const int stride = draw->stride;
  for (int64_t j = begin; j < end; j++) {
    real *y = (real *)draw->brought + j * stride;
    real *r = (real *)draw->rest + j * stride;
    const real *p = (const real *)draw->direction + j * stride;
    sum_arrived(arrived, draw->index, draw->start[j], draw->start[j + 1], stride, row);
    for (int i = 0; i < stride; i++) {
      const double ratio = draw->ratio[i];
      y[i] = (real)((double)y[i] + draw->step[i] * (double)p[i]);
      r[i] = (real)((double)r[i] - draw->step[i] * (row[i] + ratio * (double)p[i]));
      dnmf_exact_add(draw->unit[i] * (double)r[i] * (double)r[i] / (draw->curvature[2 * j] + ratio), part_at(parts, i));
    }
  }
}

static void draw_turn(const dnmf_terms_draw *draw, const void *arrived, int64_t begin, int64_t end, double *parts,
                      double *row) {
  const int stride = draw->stride;
  (void)arrived;
  (void)row;
  for (int64_t j = begin; j < end; j++) {
    const real *r = (const real *)draw->rest + j * stride;
    real *p = (real *)draw->direction + j * stride;
    for (int i = 0; i < stride; i++) {
      const double ratio = draw->ratio[i];
      p[i] = (real)((double)r[i] / (draw->curvature[2 * j] + ratio) + draw->step[i] * (double)p[i]);
      dnmf_exact_add(draw->unit[i] * ratio * (double)p[i] * (double)p[i], part_at(parts, stride + i));
    }
  }
}

extern const terms_draw_kernels VARIANT(dnmf_terms_draw_kernels);
const terms_draw_kernels VARIANT(dnmf_terms_draw_kernels) = {draw_begin, draw_spread, draw_climb, draw_advance,
                                                             draw_turn};
