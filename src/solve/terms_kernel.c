/* Implicit terms, a range of rows at a time. Sums over entries are in double. */
#include "arrived_rows.h"
#include "observed_row.h"
#include "terms_kernels.h"

#include "base/exact_sum.h"

static double row_entries(const dnmf_observed_update *update, int64_t row) {
  return (double)(update->start[row + 1] - update->start[row]);
}

/* p_i of components and of the bias. */
static double row_bias_weight(const dnmf_observed_update *update, double entries) {
  return update->fit_bias ? row_l2_bias(update, entries) : 0;
}

/* Where sum i, of DNMF_EXACT_PARTS, begins. */
static double *sum_at(double *sums, int i) {
  return sums + (int64_t)DNMF_EXACT_PARTS * i;
}

static void rests(const dnmf_terms *terms, int64_t begin, int64_t end) {
  const dnmf_observed_update *update = terms->update;
  const int k = update->components;
  for (int64_t row = begin; row < end; row++) {
    const real *x = (const real *)update->x + row * update->stride;
    real *rest = (real *)terms->rows + row * update->stride;
    const double entries = row_entries(update, row);
    if (entries == 0) {
      memset(rest, 0, (size_t)update->stride * sizeof(real));
      continue;
    }
    const row_pull pull = row_pull_of(update, row, entries);
    const double share = 1 / sqrt(entries);
    const double weight = share * row_l2(update, entries);
    double sum = 0;
    for (int i = 0; i < k; i++) {
      sum += (double)x[i];
      rest[i] = (real)(weight * ((double)x[i] - center_at(update, &pull, i)));
    }
    const double bias = (double)x[k] + update->level * sum;
    rest[k] = (real)(share * row_bias_weight(update, entries) * (bias - pull.bias));
  }
}

static void directions(const dnmf_terms *terms, const void *arrived, int64_t begin, int64_t end, double *sums,
                       double *row) {
  const dnmf_observed_update *update = terms->update;
  const int k = update->components;
  const int stride = update->stride;
  const double of_components = terms->weight * update->l2;
  const double of_bias = update->fit_bias ? terms->weight * update->l2_bias : 0;
  for (int64_t j = begin; j < end; j++) {
    const real *y = (const real *)terms->brought + j * stride;
    real *z = (real *)terms->direction + j * stride;
    if (terms->start[j] == terms->start[j + 1]) {
      memset(z, 0, (size_t)stride * sizeof(real));
      continue;
    }
    const double curvature = terms->curvature[2 * j] + of_components;
    const double bias_curvature = terms->curvature[2 * j + 1] + of_bias;
    sum_arrived(arrived, terms->index, terms->start[j], terms->start[j + 1], stride, row);
    for (int i = 0; i < stride; i++) {
      const double penalty = i < k ? of_components : of_bias;
      const double along = i < k ? curvature : bias_curvature;
      const double slope = row[i] - penalty * (double)y[i];
      z[i] = along > 0 ? (real)(slope / along) : 0;
      const double unit = terms->unit[i < k ? 0 : 1];
      dnmf_exact_add(slope * (double)z[i] / unit, sum_at(sums, i));
      dnmf_exact_add(penalty * (double)z[i] * (double)z[i] / unit, sum_at(sums, stride + i));
      *sum_at(sums, 2 * stride) += 0.5 * penalty * (double)y[i] * (double)y[i];
    }
  }
}

static void spread(const dnmf_observed_update *update, const double unit[2], const void *arrived, int64_t begin,
                   int64_t end, void *out, double *sums, double *row_sums) {
  const int k = update->components;
  const int stride = update->stride;
  for (int64_t row = begin; row < end; row++) {
    real *to = (real *)out + row * stride;
    const double entries = row_entries(update, row);
    const double share = entries > 0 ? 1 / sqrt(entries) : 0;
    const double weight = entries > 0 ? row_l2(update, entries) : 0;
    const double bias_weight = entries > 0 ? row_bias_weight(update, entries) : 0;
    sum_arrived(arrived, update->index, update->start[row], update->start[row + 1], stride, row_sums);
    for (int i = 0; i < stride; i++) {
      const double q = share * row_sums[i];
      to[i] = (real)q;
      if (sums)
        dnmf_exact_add((i < k ? weight / unit[0] : bias_weight / unit[1]) * q * q, sum_at(sums, i));
    }
  }
}

static void move(int stride, const double *steps, const void *direction, int64_t begin, int64_t end, void *moved) {
  for (int64_t row = begin; row < end; row++) {
    const real *from = (const real *)direction + row * stride;
    real *to = (real *)moved + row * stride;
    for (int i = 0; i < stride; i++)
      to[i] = (real)((double)to[i] + steps[i] * (double)from[i]);
  }
}

extern const terms_kernels VARIANT(dnmf_terms_kernels);
const terms_kernels VARIANT(dnmf_terms_kernels) = {rests, directions, spread, move};
