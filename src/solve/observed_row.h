/*
 * What the kernels of rows over observed entries share. Only for kernel files (base/variant.h).
 */
#ifndef DNMF_SOLVE_OBSERVED_ROW_H
#define DNMF_SOLVE_OBSERVED_ROW_H

#include "observed_kernels.h"

#include "base/variant.h"
#include "base/vector.h"
#include "base/widen.h"

#include <math.h>
#include <string.h>

/* A projected gradient this much smaller than the first sweep's is rounding. */
static const double rounding = sizeof(real) == sizeof(double) ? 1e-15 : 1e-6;

/* t of an entry with weak zeros, of its value. */
static inline real target_of(const dnmf_weak *weak, real value) {
  return weak->target_one ? (real)dnmf_weak_likes((double)value, weak->like) : value;
}

/* sqrt(c - weight) of an entry. */
static inline real root_at(const dnmf_weak *weak, int64_t at) {
  return weak->roots ? ((const real *)weak->roots)[at] : (real)weak->root;
}

/* Whole powers cost nothing. */
static inline double count_to_power(double count, double power) {
  return power == 0 ? 1 : power == 1 ? count : pow(count, power);
}

/* The L2 weight of a row: entries that are not stored count, too, where zeros are weak. */
static inline double row_l2(const dnmf_observed_update *update, double entries) {
  const dnmf_weak *weak = update->weak;
  const double count = weak ? entries + weak->weight * ((double)weak->fixed_rows - entries) : entries;
  return update->l2 * count_to_power(count + update->count_extra, update->count_power);
}

/* The bias as it is stored: less what the level makes of the row, see observed.h. */
static inline void store_bias(const dnmf_observed_update *update, double bias, real *x) {
  double sum = 0;
  for (int i = 0; i < update->components; i++)
    sum += (double)x[i];
  x[update->components] = (real)(bias - update->level * sum);
}

/* A row without entries becomes what rows are pulled towards. */
static inline void settle_empty_row(const dnmf_observed_update *update, real *x) {
  for (int i = 0; i < update->components; i++)
    x[i] = update->center ? (real)update->center[i] : 0;
  if (update->bias)
    store_bias(update, update->fit_bias ? update->bias_line.at_none : 0, x);
}

/* The weight of the penalty of a bias of a row with so many entries. */
static inline double row_l2_bias(const dnmf_observed_update *update, double entries) {
  return update->l2_bias * count_to_power(entries, update->bias_power);
}

/* What a row of its own has to do with what it is pulled towards. */
typedef struct row_pull {
  double place;      /* on the line of centers */
  const real *terms; /* the row's; NULL: none */
  double bias;       /* what its bias is pulled towards */
} row_pull;

static inline row_pull row_pull_of(const dnmf_observed_update *update, int64_t row, double entries) {
  row_pull pull = {.place = update->slope ? dnmf_count_place(entries) : 0};
  if (update->terms)
    pull.terms = (const real *)update->terms + row * update->stride;
  if (update->fit_bias)
    pull.bias =
        dnmf_bias_expected(&update->bias_line, entries) + (pull.terms ? (double)pull.terms[update->components] : 0);
  return pull;
}

/* The number that component i is pulled towards. */
static inline double center_at(const dnmf_observed_update *update, const row_pull *pull, int i) {
  const double center = update->center ? update->center[i] : 0;
  const double sloping = update->slope ? center + pull->place * update->slope[i] : center;
  return pull->terms ? sloping + (double)pull->terms[i] : sloping;
}

static inline dnmf_draw_key row_draw_key(const dnmf_observed_update *update, int64_t row) {
  dnmf_draw_key key = update->draw->key;
  key.i += (uint64_t)row;
  return key;
}

/* Component i drawn, from its slope and curvature at `old`, of objective / noise^2. */
static inline real draw_component(const dnmf_observed_update *update, const dnmf_draw_key *key, int i, double old,
                                  double slope, double curvature, double normal) {
  const double noise = update->draw->noise;
  return (real)dnmf_draw_positive_normal(key, (uint64_t)i, old - slope / curvature, noise / sqrt(curvature), normal);
}

/* What the drawn bias of a row with so many entries has beyond its mean. */
static inline double draw_bias(const dnmf_observed_update *update, double entries, double l2_bias, double normal) {
  return update->fit_bias ? update->draw->noise / sqrt(entries + l2_bias) * normal : 0;
}

/* l2 and l1 of the row, and its bias's share; `bias` is what differs from the expected one. */
static inline double row_penalty(const dnmf_observed_update *update, const real *x, const row_pull *pull, double l2,
                                 double l2_bias, double bias) {
  double total = 0;
  double away = 0; /* |w - m|^2 */
#pragma omp simd reduction(+ : total, away)
  for (int i = 0; i < update->components; i++) {
    double w = (double)x[i];
    double m = center_at(update, pull, i);
    total += w;
    away += (w - m) * (w - m);
  }
  return 0.5 * l2 * away + update->l1 * total + (update->fit_bias ? 0.5 * l2_bias * bias * bias : 0);
}

#endif
