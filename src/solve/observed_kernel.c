/*
 * One row over its observed entries.
 *
 * The row's factor rows are copied, a tile of entries at a time, into a padded buffer that stays in L1; the
 * normal matrix is accumulated from it in square blocks of registers, lower triangle only, which is where the
 * nnz * k^2 / 2 multiply-adds of a half-step are. Sums of a tile are added to the row's totals once a tile, so
 * that single precision does not lose the long rows.
 */
#include "observed_row.h"

enum { BLOCK = VECTOR > 8 ? VECTOR : 8, TILE_BYTES = 16 * 1024, PREFETCH = 64 /* entries; into the second cache */ };

/* Denominators of the multiplicative update are kept above this, as scikit-learn does. */
static const real smallest_denominator = (real)1.1920929e-07;

static int padded(int components) {
  return (components + BLOCK - 1) / BLOCK * BLOCK;
}

static int tile_entries(int width) {
  int entries = TILE_BYTES / (width * (int)sizeof(real));
  return entries < 8 ? 8 : entries;
}

/* A row's normal equations and the tile they are made from. All arrays have padded width. */
typedef struct equations {
  int components;
  int width;
  int tile;
  real *gram; /* width x width */
  real *rhs;
  real *sum;    /* of the factor rows: the bias's row of the normal matrix */
  real *linear; /* weak zeros: sum_e t_e f_e */
  real *x;
  real *gradient;
  real *inverse; /* of the diagonal; 0 where that is not positive */
  real *rows;    /* tile x width */
  real *residual;
  double *normals; /* of rows that are drawn: components and one */
  double entries;
  double l2_bias;
  row_pull pull;
  double residual_sum;
  double residual_squares;
} equations;

static size_t scratch_bytes(const dnmf_observed_update *update) {
  size_t width = (size_t)padded(update->components);
  size_t tile = (size_t)tile_entries((int)width);
  return (width * width + 6 * width + tile * width + (tile + 1) / 2 * 2) * sizeof(real) + (width + 1) * sizeof(double);
}

static equations equations_in_scratch(const dnmf_observed_update *update, int64_t row, void *scratch) {
  size_t width = (size_t)padded(update->components);
  equations eq = {.components = update->components, .width = (int)width, .tile = tile_entries((int)width)};
  eq.entries = (double)(update->start[row + 1] - update->start[row]);
  eq.l2_bias = row_l2_bias(update, eq.entries);
  eq.pull = row_pull_of(update, row, eq.entries);
  eq.gram = scratch;
  eq.rhs = eq.gram + width * width;
  eq.sum = eq.rhs + width;
  eq.linear = eq.sum + width;
  eq.x = eq.linear + width;
  eq.gradient = eq.x + width;
  eq.inverse = eq.gradient + width;
  eq.rows = eq.inverse + width;
  eq.residual = eq.rows + (size_t)eq.tile * width;
  eq.normals = (double *)(void *)(eq.residual + (size_t)(eq.tile + 1) / 2 * 2);
  memset(eq.rhs, 0, 6 * width * sizeof(real));
  return eq;
}

/* Copies the factor rows of `count` entries in whole vectors, less the level, and the values less what the mean and the
 * biases explain already.
 * What lies beyond a row's components only meets padding. */
static void load_tile(const dnmf_observed_update *update, int64_t begin, int count, equations *eq) {
  const int32_t *index = update->index + begin;
  const real *fixed = update->fixed;
  real mean = (real)(update->mean + eq->pull.bias);
  real level = (real)update->level;
  int k = eq->components;
  int whole = (k + VECTOR - 1) / VECTOR * VECTOR;
  int64_t last = update->start[update->rows] - begin - 1;
  widen_numbers(update->narrow, update->value, begin, count, eq->residual);
  for (int e = 0; e < count; e++) {
    const real *from = fixed + (int64_t)index[e] * update->stride;
    real *to = eq->rows + (int64_t)e * eq->width;
    const real *soon = fixed + (int64_t)index[e + PREFETCH < last ? e + PREFETCH : last] * update->stride;
    for (int j = 0; j < whole; j += CACHE_LINE)
      __builtin_prefetch(soon + j, 0, 2);
    for (int j = 0; j < whole; j += VECTOR)
      vec_store(to + j, vec_load(from + j) - level);
    eq->residual[e] = eq->residual[e] - mean - (update->bias ? from[k] : 0);
  }
}

/* The same with weak zeros: rows and targets times sqrt(c - weight), and what the targets add to the products. */
static void load_weak_tile(const dnmf_observed_update *update, int64_t begin, int count, equations *eq) {
  const real *fixed = update->fixed;
  const int whole = (eq->components + VECTOR - 1) / VECTOR * VECTOR;
  const int64_t last = update->start[update->rows] - 1;
  double squares = 0;
  widen_numbers(update->narrow, update->value, begin, count, eq->residual);
  for (int e = 0; e < count; e++) {
    const int64_t at = begin + e;
    const real *from = fixed + (int64_t)update->index[at] * update->stride;
    const real *soon = fixed + (int64_t)update->index[at + PREFETCH < last ? at + PREFETCH : last] * update->stride;
    real *to = eq->rows + (int64_t)e * eq->width;
    const real target = target_of(update->weak, eq->residual[e]);
    const real root = root_at(update->weak, at);
    for (int j = 0; j < whole; j += CACHE_LINE)
      __builtin_prefetch(soon + j, 0, 2);
    for (int j = 0; j < whole; j += VECTOR) {
      const vec row = vec_load(from + j);
      vec_store(eq->linear + j, vec_load(eq->linear + j) + target * row);
      vec_store(to + j, root * row);
    }
    eq->residual[e] = root * target;
    squares += (double)target * (double)target;
  }
  eq->residual_squares += update->weak->weight * squares;
}

/* Adds or, for the row's first tile, stores. */
TEMPLATE void put(real *to, vec sum, bool first) {
  if (!first)
    sum += vec_load(to);
  vec_store(to, sum);
}

/* Block (i, j) of the normal matrix over the tile; a block of the diagonal brings the right-hand side and the sum
 * of the rows along. */
TEMPLATE void add_block(const equations *eq, int count, int i, int j, bool diagonal, bool first) {
  vec sums[BLOCK] = {{0}};
  vec rhs = {0};
  vec sum = {0};
  const real *left = eq->rows + i;
  const real *right = eq->rows + j;
  int64_t width = eq->width;
  for (int e = 0; e < count; e++) {
    vec f = vec_load(right + e * width);
    for (int r = 0; r < BLOCK; r++)
      sums[r] += left[e * width + r] * f;
    if (diagonal) {
      rhs += eq->residual[e] * f;
      sum += f;
    }
  }
  for (int r = 0; r < BLOCK; r++)
    put(eq->gram + (i + r) * width + j, sums[r], first);
  if (diagonal) {
    put(eq->rhs + j, rhs, first);
    put(eq->sum + j, sum, first);
  }
}

static void add_tile(equations *eq, int count, bool first) {
  for (int i = 0; i < eq->width; i += BLOCK) {
    for (int j = 0; j < i; j += VECTOR)
      add_block(eq, count, i, j, false, first);
    for (int j = i; j < i + BLOCK; j += VECTOR)
      add_block(eq, count, i, j, true, first);
  }
  real sum = 0;
  real squares = 0;
#pragma omp simd reduction(+ : sum, squares)
  for (int e = 0; e < count; e++) {
    sum += eq->residual[e];
    squares += eq->residual[e] * eq->residual[e];
  }
  eq->residual_sum += (double)sum;
  eq->residual_squares += (double)squares;
}

/* The other triangle of the normal matrix; blocks of the diagonal are whole already. */
static void mirror(equations *eq) {
  int64_t width = eq->width;
  for (int64_t i = BLOCK; i < width; i += BLOCK)
    for (int64_t j = 0; j < i; j++)
      for (int64_t r = 0; r < BLOCK; r++)
        eq->gram[j * width + i + r] = eq->gram[(i + r) * width + j];
}

/* The row's part of a fit with zeros, times their weight. */
static void add_weak_zeros(const dnmf_weak *weak, equations *eq) {
  for (int i = 0; i < eq->components; i++) {
    const real *pull = (const real *)weak->pull + (int64_t)i * weak->stride;
    real *row = eq->gram + (int64_t)i * eq->width;
    for (int j = 0; j < eq->width; j += VECTOR)
      vec_store(row + j, vec_load(row + j) + vec_load(pull + j));
  }
  for (int j = 0; j < eq->width; j += VECTOR)
    vec_store(eq->rhs + j, vec_load(eq->rhs + j) + (real)weak->weight * vec_load(eq->linear + j));
}

/* Takes the free bias out: b = (residual sum - sum'w) / (d + l2_bias) at the minimum over b. */
static void eliminate_bias(equations *eq) {
  double weight = 1 / (eq->entries + eq->l2_bias);
  for (int i = 0; i < eq->components; i++) {
    real scaled = (real)(weight * (double)eq->sum[i]);
    real *row = eq->gram + (int64_t)i * eq->width;
    eq->rhs[i] -= (real)(weight * (double)eq->sum[i] * eq->residual_sum);
    for (int j = 0; j < eq->width; j += VECTOR)
      vec_store(row + j, vec_load(row + j) - scaled * vec_load(eq->sum + j));
  }
}

/* The L2 weight of component i of the row. */
static double component_l2(const dnmf_observed_update *update, double l2, int i) {
  return update->draw ? update->draw->l2[i] : l2;
}

/* gradient = G x - rhs + l1, with l2 on G's diagonal and what it pulls towards in rhs. */
static void set_gradient(const dnmf_observed_update *update, equations *eq, double row_l2) {
  const real l1 = (real)update->l1;
  for (int i = 0; i < eq->components; i++) {
    const real l2 = (real)component_l2(update, row_l2, i);
    eq->rhs[i] += l2 * (real)center_at(update, &eq->pull, i);
    real *diagonal = eq->gram + (int64_t)i * eq->width + i;
    *diagonal += l2;
    eq->inverse[i] = *diagonal > 0 ? 1 / *diagonal : 0;
  }
  for (int j = 0; j < eq->width; j += VECTOR) {
    vec sum = l1 - vec_load(eq->rhs + j);
    for (int i = 0; i < eq->components; i++)
      sum += eq->x[i] * vec_load(eq->gram + (int64_t)i * eq->width + j);
    vec_store(eq->gradient + j, sum);
  }
}

/* x_t += change, and what that makes of the gradient. */
static void move_component(equations *eq, int t, real change) {
  const real *column = eq->gram + (int64_t)t * eq->width;
  for (int j = 0; j < eq->width; j += VECTOR)
    vec_store(eq->gradient + j, vec_load(eq->gradient + j) + change * vec_load(column + j));
}

/* The components drawn one after the other; returns what the drawn bias has beyond its mean. */
static double draw_components(const dnmf_observed_update *update, int64_t row, equations *eq) {
  const dnmf_draw_key key = row_draw_key(update, row);
  dnmf_draw_normals(&key, eq->components + 1, eq->normals);
  for (int t = 0; t < eq->components; t++) {
    const double curvature = (double)eq->gram[(int64_t)t * eq->width + t];
    const real moved =
        draw_component(update, &key, t, (double)eq->x[t], (double)eq->gradient[t], curvature, eq->normals[t]);
    const real change = moved - eq->x[t];
    eq->x[t] = moved;
    move_component(eq, t, change);
  }
  return draw_bias(update, eq->entries, eq->l2_bias, eq->normals[eq->components]);
}

/* One coordinate sweep; returns the sum of |projected gradient| met on the way. */
static double sweep(equations *eq) {
  double violation = 0;
  for (int t = 0; t < eq->components; t++) {
    real slope = eq->gradient[t];
    real old = eq->x[t];
    if (slope < 0 || old > 0)
      violation += fabs((double)slope);
    real moved = old - slope * eq->inverse[t];
    moved = moved > 0 ? moved : 0;
    real change = moved - old;
    if (change == 0)
      continue;
    eq->x[t] = moved;
    move_component(eq, t, change);
  }
  return violation;
}

/* Loss and penalty at the new row, from the quadratic form; `b` is the new bias less the expected one, `beyond` what it
 * has beyond its minimum. */
static observed_sums row_sums(const dnmf_observed_update *update, const equations *eq, double l2, double b,
                              double beyond) {
  double quadratic = 0; /* w'G'w - 2 rhs'w of the equations with the bias eliminated */
  double pull = 0;      /* l2 (|w|^2 - 2 m'w): what l2 adds to the quadratic form */
#pragma omp simd reduction(+ : quadratic, pull)
  for (int i = 0; i < eq->components; i++) {
    double w = (double)eq->x[i];
    double m = center_at(update, &eq->pull, i);
    quadratic += w * ((double)eq->gradient[i] - update->l1 - (double)eq->rhs[i]);
    pull += component_l2(update, l2, i) * w * (w - 2 * m);
  }
  double bias_penalty = update->fit_bias ? 0.5 * eq->l2_bias * b * b : 0;
  double reduced = eq->residual_squares;
  if (update->fit_bias)
    reduced -= eq->residual_sum * eq->residual_sum / (eq->entries + eq->l2_bias);
  double loss = 0.5 * (reduced + quadratic - pull) - bias_penalty;
  loss += 0.5 * (eq->entries + eq->l2_bias) * beyond * beyond;
  return (observed_sums){.loss = loss < 0 ? 0 : loss,
                         .penalty = row_penalty(update, eq->x, &eq->pull, l2, eq->l2_bias, b)};
}

/* Less the expected one. */
static double new_bias(const equations *eq) {
  double explained = 0;
  for (int i = 0; i < eq->components; i++)
    explained += (double)eq->sum[i] * (double)eq->x[i];
  return (eq->residual_sum - explained) / (eq->entries + eq->l2_bias);
}

static observed_sums least_squares(const dnmf_observed_update *update, int64_t row, int sweeps, void *scratch) {
  real *x = (real *)update->x + row * update->stride;
  int64_t begin = update->start[row];
  int64_t end = update->start[row + 1];
  if (begin == end && !(update->weak && update->weak->weight > 0)) {
    settle_empty_row(update, x);
    return (observed_sums){0, 0, 0};
  }
  equations eq = equations_in_scratch(update, row, scratch);
  for (int64_t at = begin; at < end; at += eq.tile) {
    int count = end - at < eq.tile ? (int)(end - at) : eq.tile;
    if (update->weak)
      load_weak_tile(update, at, count, &eq);
    else
      load_tile(update, at, count, &eq);
    add_tile(&eq, count, at == begin);
  }
  if (begin == end)
    memset(eq.gram, 0, (size_t)eq.width * (size_t)eq.width * sizeof(real));
  mirror(&eq);
  if (update->weak)
    add_weak_zeros(update->weak, &eq);
  if (update->fit_bias)
    eliminate_bias(&eq);
  double l2 = row_l2(update, eq.entries);
  memcpy(eq.x, x, (size_t)eq.components * sizeof(real));
  set_gradient(update, &eq, l2);
  double beyond = 0;
  double first = 0;
  if (update->draw)
    beyond = draw_components(update, row, &eq);
  else
    first = sweep(&eq);
  double violation = first;
  for (int s = 1; s < sweeps && violation > rounding * first; s++)
    violation = sweep(&eq);
  double b = update->fit_bias ? new_bias(&eq) + beyond : 0;
  memcpy(x, eq.x, (size_t)eq.components * sizeof(real));
  if (update->bias)
    store_bias(update, b + eq.pull.bias, x);
  observed_sums sums = row_sums(update, &eq, l2, b, beyond);
  sums.violation = first;
  return sums;
}

/* Adds a tile's numerators and denominators at the current row; returns its loss. */
static double add_ratios(const dnmf_observed_update *update, equations *eq, int64_t begin, int count) {
  double loss = 0;
  real *denominator = eq->sum;
  int k = eq->components;
  widen_numbers(update->narrow, update->value, begin, count, eq->residual);
  for (int e = 0; e < count; e++) {
    const real *f = eq->rows + (int64_t)e * eq->width;
    real r = eq->residual[e];
    real predicted = 0;
#pragma omp simd reduction(+ : predicted)
    for (int j = 0; j < k; j++)
      predicted += f[j] * eq->x[j];
    real above = predicted > smallest_denominator ? predicted : smallest_denominator;
    real n = update->kullback_leibler ? r / above : r;
    real q = update->kullback_leibler ? 1 : predicted;
    for (int j = 0; j < k; j++) {
      eq->rhs[j] += n * f[j];
      denominator[j] += q * f[j];
    }
    double difference = (double)r - (double)predicted;
    if (!update->kullback_leibler)
      loss += 0.5 * difference * difference;
    else
      loss += (r > 0 ? (double)r * log((double)r / (double)above) : 0) - difference;
  }
  return loss;
}

/* A pass over the row's entries at the current x. */
static double accumulate_ratios(const dnmf_observed_update *update, equations *eq, int64_t begin, int64_t end) {
  double loss = 0;
  memset(eq->rhs, 0, (size_t)eq->width * sizeof(real));
  memset(eq->sum, 0, (size_t)eq->width * sizeof(real));
  for (int64_t at = begin; at < end; at += eq->tile) {
    int count = end - at < eq->tile ? (int)(end - at) : eq->tile;
    load_tile(update, at, count, eq);
    loss += add_ratios(update, eq, at, count);
  }
  return loss;
}

static observed_sums multiplicative(const dnmf_observed_update *update, int64_t row, void *scratch) {
  real *x = (real *)update->x + row * update->stride;
  int64_t begin = update->start[row];
  int64_t end = update->start[row + 1];
  observed_sums sums = {0, 0, 0};
  if (begin == end) {
    settle_empty_row(update, x);
    return sums;
  }
  equations eq = equations_in_scratch(update, row, scratch);
  double l2 = row_l2(update, (double)(end - begin));
  memcpy(eq.x, x, (size_t)eq.components * sizeof(real));
  accumulate_ratios(update, &eq, begin, end);
  for (int i = 0; i < eq.components; i++) {
    real below = eq.sum[i] + (real)update->l1 + (real)l2 * eq.x[i];
    real slope = below - eq.rhs[i];
    if (slope < 0 || eq.x[i] > 0)
      sums.violation += fabs((double)slope);
    eq.x[i] *= eq.rhs[i] / (below > 0 ? below : smallest_denominator);
    sums.penalty += 0.5 * l2 * (double)eq.x[i] * (double)eq.x[i] + update->l1 * (double)eq.x[i];
  }
  memcpy(x, eq.x, (size_t)eq.components * sizeof(real));
  sums.loss = accumulate_ratios(update, &eq, begin, end);
  return sums;
}

extern const observed_kernels VARIANT(dnmf_observed_kernels);
const observed_kernels VARIANT(dnmf_observed_kernels) = {scratch_bytes, least_squares, multiplicative};
