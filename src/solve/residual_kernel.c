/*
 * One row over its observed entries, by coordinate sweeps on the residual instead of the normal equations.
 *
 * Equations cost k^2 / 2 multiply-adds an entry, whatever becomes of them; one coordinate step costs two: its slope is
 * the product of the residual with the component's column of factor rows, and moving takes that column off the
 * residual. So a few sweeps are far cheaper than the matrix, as long as the row's factor rows stay in cache. They are
 * fetched once and turned, a component's numbers side by side. The iterates are those of observed_kernel.c to rounding:
 * a free bias is at its minimum after every step, b = (sum of residuals without it) / (d + l2_bias), which takes
 * `shift` off the residual and weight * sum^2 off a component's curvature.
 *
 * With weak zeros the residual is that of the observed entries times sqrt(c - weight), as the columns are; the slope of
 * the zeros' part, weight (Gx - b) (solve/weak.h), is kept beside it.
 */
#include "observed_row.h"

enum {
  COLUMNS_BYTES = 1 << 20, /* of a row's factor rows: they stream from the second or third cache */
  TILE = 64,               /* entries turned at a time */
  PREFETCH = 24,
  PAYS = 12 /* measured: (components + 8) / (1 + sweeps) from which on this is faster than equations */
};

typedef struct sweeper {
  const dnmf_observed_update *update;
  int components;
  int64_t entries;
  int64_t length; /* entries in whole vectors */
  real *columns;  /* components in whole vectors x length */
  real *residual; /* length; without the bias of this row */
  real *sum;      /* of a column */
  real *squares;
  real *x;
  real *blank;     /* width: a factor row of the level, for the entries that fill the last vector */
  real *linear;    /* weak zeros: sum_e t_e f_e */
  real *slopes;    /* weight (Gx - b) */
  double *normals; /* of rows that are drawn: components and one */
  double target_squares;
  double l2_bias;
  row_pull pull; /* `shift` is without its bias */
  real weight;   /* 1 / (d + l2_bias) with a free bias, else 0 */
  real shift;    /* -b */
  real l1;
  real l2;
} sweeper;

static int64_t whole_vectors(int64_t count) {
  return (count + VECTOR - 1) / VECTOR * VECTOR;
}

static int64_t most_entries(const dnmf_observed_update *update, int sweeps) {
  const int64_t width = whole_vectors(update->components);
  if (PAYS * (1 + sweeps) > update->components + 8)
    return 0;
  return COLUMNS_BYTES / (width * (int64_t)sizeof(real)) / VECTOR * VECTOR;
}

static size_t scratch_bytes(const dnmf_observed_update *update) {
  const int64_t width = whole_vectors(update->components);
  const int64_t length = most_entries(update, 1);
  return (size_t)(length * width + length + 6 * width) * sizeof(real) + (size_t)(width + 1) * sizeof(double);
}

static sweeper sweeper_in_scratch(const dnmf_observed_update *update, int64_t row, void *scratch) {
  const int64_t width = whole_vectors(update->components);
  sweeper s = {.update = update, .components = update->components};
  s.entries = update->start[row + 1] - update->start[row];
  s.length = whole_vectors(s.entries);
  s.columns = scratch;
  s.residual = s.columns + s.length * width;
  s.sum = s.residual + s.length;
  s.squares = s.sum + width;
  s.x = s.squares + width;
  s.blank = s.x + width;
  s.linear = s.blank + width;
  s.slopes = s.linear + width;
  s.normals = (double *)(void *)(s.slopes + width);
  memset(s.sum, 0, (size_t)(6 * width) * sizeof(real));
  memcpy(s.x, (const real *)update->x + row * update->stride, (size_t)s.components * sizeof(real));
  for (int64_t i = 0; i < width; i++)
    s.blank[i] = (real)update->level;
  s.l2_bias = row_l2_bias(update, (double)s.entries);
  s.pull = row_pull_of(update, row, (double)s.entries);
  s.weight = update->fit_bias ? (real)(1 / ((double)s.entries + s.l2_bias)) : 0;
  s.l1 = (real)update->l1;
  s.l2 = (real)row_l2(update, (double)s.entries);
  return s;
}

/* The fixed factor's rows at the entries `from` to `to`, and what biases leave of the values; the rows further on are
 * prefetched. Entries that fill the last vector are zeros. */
static void load_residual(const sweeper *s, int64_t begin, int64_t from, int64_t to, const real *rows[TILE]) {
  const dnmf_observed_update *u = s->update;
  const int32_t *index = u->index + begin;
  const real *fixed = u->fixed;
  const int64_t stride = u->stride;
  const int64_t last = u->start[u->rows] - begin - 1;
  const int64_t end = to < s->entries ? to : s->entries;
  const real mean = (real)(u->mean + s->pull.bias);
  for (int64_t e = from; e < end; e++) {
    const real *row = fixed + index[e] * stride;
    const real *soon = fixed + index[e + PREFETCH < last ? e + PREFETCH : last] * stride;
    for (int j = 0; j < s->components; j += CACHE_LINE)
      __builtin_prefetch(soon + j);
    s->residual[e] = value_at(u, begin + e) - mean - (u->bias ? row[s->components] : 0);
    rows[e - from] = row;
  }
  for (int64_t e = end; e < to; e++) {
    s->residual[e] = 0;
    rows[e - from] = s->blank;
  }
}

/* The same with weak zeros: targets and roots of the entries beside their rows. */
static void load_targets(sweeper *s, int64_t begin, int64_t from, int64_t to, const real *rows[TILE],
                         real targets[TILE], real roots[TILE]) {
  const dnmf_observed_update *u = s->update;
  const int32_t *index = u->index + begin;
  const real *fixed = u->fixed;
  const int64_t last = u->start[u->rows] - begin - 1;
  const int64_t end = to < s->entries ? to : s->entries;
  for (int64_t e = from; e < end; e++) {
    const real *soon = fixed + (int64_t)index[e + PREFETCH < last ? e + PREFETCH : last] * u->stride;
    for (int j = 0; j < s->components; j += CACHE_LINE)
      __builtin_prefetch(soon + j);
    rows[e - from] = fixed + (int64_t)index[e] * u->stride;
    targets[e - from] = target_at(u, begin + e);
    roots[e - from] = root_at(u->weak, begin + e);
    s->residual[e] = roots[e - from] * targets[e - from];
    s->target_squares += (double)targets[e - from] * (double)targets[e - from];
  }
  for (int64_t e = end; e < to; e++) {
    rows[e - from] = s->blank;
    targets[e - from] = roots[e - from] = s->residual[e] = 0;
  }
}

/* Turns the components j ... of a vector of entries and takes what the row explains off their residual. */
static inline void turn(const sweeper *s, int j, int64_t e, vec row[VECTOR]) {
  const int used = s->components - j < VECTOR ? s->components - j : VECTOR;
  vec residual = vec_load(s->residual + e);
  vec_transpose(row);
  if (used == VECTOR) {
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++) {
      vec_store(s->columns + (j + i) * s->length + e, row[i]);
      residual -= s->x[j + i] * row[i];
    }
  } else {
    for (int i = 0; i < used; i++) {
      vec_store(s->columns + (j + i) * s->length + e, row[i]);
      residual -= s->x[j + i] * row[i];
    }
  }
  vec_store(s->residual + e, residual);
}

/* Entries `from` to `to`, whole vectors. Their sums are added to the row's at once, so that single precision does not
 * lose long rows. */
static void load_tile(const sweeper *s, int64_t begin, int64_t from, int64_t to) {
  const real *rows[TILE];
  const real level = (real)s->update->level;
  load_residual(s, begin, from, to, rows);
  for (int j = 0; j < s->components; j += VECTOR) {
    vec sum = {0};
    vec squares = {0};
    for (int64_t e = from; e < to; e += VECTOR) {
      vec row[VECTOR];
#pragma GCC unroll 16
      for (int i = 0; i < VECTOR; i++) {
        row[i] = vec_load(rows[e - from + i] + j) - level;
        sum += row[i];
        squares += row[i] * row[i];
      }
      turn(s, j, e, row);
    }
    vec_store(s->sum + j, vec_load(s->sum + j) + sum);
    vec_store(s->squares + j, vec_load(s->squares + j) + squares);
  }
}

static void load_weak_tile(sweeper *s, int64_t begin, int64_t from, int64_t to) {
  const real *rows[TILE];
  real targets[TILE];
  real roots[TILE];
  load_targets(s, begin, from, to, rows, targets, roots);
  for (int j = 0; j < s->components; j += VECTOR) {
    vec linear = {0};
    vec squares = {0};
    for (int64_t e = from; e < to; e += VECTOR) {
      vec row[VECTOR];
#pragma GCC unroll 16
      for (int i = 0; i < VECTOR; i++) {
        const vec whole = vec_load(rows[e - from + i] + j);
        linear += targets[e - from + i] * whole;
        row[i] = roots[e - from + i] * whole;
        squares += row[i] * row[i];
      }
      turn(s, j, e, row);
    }
    vec_store(s->linear + j, vec_load(s->linear + j) + linear);
    vec_store(s->squares + j, vec_load(s->squares + j) + squares);
  }
}

/* slopes += change * weight * row t of G */
static void move_slopes(const sweeper *s, int t, real change) {
  const dnmf_weak *weak = s->update->weak;
  const real *pull = (const real *)weak->pull + (int64_t)t * weak->stride;
  for (int j = 0; j < s->components; j += VECTOR)
    vec_store(s->slopes + j, vec_load(s->slopes + j) + change * vec_load(pull + j));
}

/* The slopes of the zeros' part at the row as it is, and its curvatures. */
static void load_weak_zeros(const sweeper *s) {
  const dnmf_weak *weak = s->update->weak;
  for (int j = 0; j < s->components; j += VECTOR)
    vec_store(s->slopes + j, (real)-weak->weight * vec_load(s->linear + j));
  for (int t = 0; t < s->components; t++) {
    s->squares[t] += ((const real *)weak->pull)[(int64_t)t * weak->stride + t];
    if (s->x[t] != 0)
      move_slopes(s, t, s->x[t]);
  }
}

/* weight / 2 (sum_e t_e^2 - 2 bx + x'Gx) */
static double weak_zeros_loss(const sweeper *s) {
  const double weight = s->update->weak->weight;
  double sum = weight * s->target_squares;
  for (int t = 0; t < s->components; t++)
    sum += (double)s->x[t] * ((double)s->slopes[t] - weight * (double)s->linear[t]);
  return 0.5 * sum;
}

enum { STREAMS = 4, AT_ONCE = STREAMS * VECTOR }; /* sums under way at a time, and their numbers */

static real product(int64_t length, const real *x, const real *y) {
  vec sum[STREAMS] = {{0}};
  int64_t e = 0;
  for (; e + AT_ONCE <= length; e += AT_ONCE)
#pragma GCC unroll 4
    for (int i = 0; i < STREAMS; i++)
      sum[i] += vec_load(x + e + (int64_t)i * VECTOR) * vec_load(y + e + (int64_t)i * VECTOR);
  for (; e < length; e += VECTOR)
    sum[0] += vec_load(x + e) * vec_load(y + e);
  return vec_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* residual -= change * column; returns the product of what is left with the next column. */
static real move(int64_t length, real change, const real *column, const real *next, real *residual) {
  vec sum[STREAMS] = {{0}};
  int64_t e = 0;
  for (; e + AT_ONCE <= length; e += AT_ONCE)
#pragma GCC unroll 4
    for (int i = 0; i < STREAMS; i++) {
      const vec left =
          vec_load(residual + e + (int64_t)i * VECTOR) - change * vec_load(column + e + (int64_t)i * VECTOR);
      vec_store(residual + e + (int64_t)i * VECTOR, left);
      sum[i] += left * vec_load(next + e + (int64_t)i * VECTOR);
    }
  for (; e < length; e += VECTOR) {
    const vec left = vec_load(residual + e) - change * vec_load(column + e);
    vec_store(residual + e, left);
    sum[0] += left * vec_load(next + e);
  }
  return vec_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* One coordinate sweep; returns the sum of |projected gradient| met on the way. */
static double sweep(sweeper *s) {
  const int k = s->components;
  double violation = 0;
  real inner = product(s->length, s->residual, s->columns);
  for (int t = 0; t < k; t++) {
    const real *column = s->columns + t * s->length;
    const real *next = s->columns + (t + 1 < k ? t + 1 : 0) * s->length;
    const real old = s->x[t];
    const real slope =
        s->l1 + s->l2 * (old - (real)center_at(s->update, &s->pull, t)) - inner - s->shift * s->sum[t] + s->slopes[t];
    const real curvature = s->squares[t] - s->weight * s->sum[t] * s->sum[t] + s->l2;
    if (slope < 0 || old > 0)
      violation += fabs((double)slope);
    real moved = curvature > 0 ? old - slope / curvature : old;
    moved = moved > 0 ? moved : 0;
    const real change = moved - old;
    s->x[t] = moved;
    s->shift += change * s->weight * s->sum[t];
    if (change != 0 && s->update->weak)
      move_slopes(s, t, change);
    inner = change != 0 ? move(s->length, change, column, next, s->residual) : product(s->length, s->residual, next);
  }
  return violation;
}

/* The row's components drawn one after the other, then its bias. */
static void draw_row(sweeper *s, int64_t row) {
  const dnmf_observed_update *update = s->update;
  const dnmf_draw_key key = row_draw_key(update, row);
  const int k = s->components;
  dnmf_draw_normals(&key, k + 1, s->normals);
  real inner = product(s->length, s->residual, s->columns);
  for (int t = 0; t < k; t++) {
    const real *column = s->columns + t * s->length;
    const real *next = s->columns + (t + 1 < k ? t + 1 : 0) * s->length;
    const double old = (double)s->x[t];
    const double l2 = update->draw->l2[t];
    const double slope = l2 * (old - center_at(update, &s->pull, t)) - (double)(inner + s->shift * s->sum[t]);
    const double curvature = (double)(s->squares[t] - s->weight * s->sum[t] * s->sum[t]) + l2;
    const real moved = draw_component(update, &key, t, old, slope, curvature, s->normals[t]);
    const real change = moved - s->x[t];
    s->x[t] = moved;
    s->shift += change * s->weight * s->sum[t];
    inner = move(s->length, change, column, next, s->residual);
  }
  s->shift -= (real)draw_bias(update, (double)s->entries, s->l2_bias, s->normals[k]);
}

static double residual_loss(const sweeper *s) {
  double squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t e = 0; e < s->entries; e++) {
    const double left = (double)s->residual[e] + (double)s->shift;
    squares += left * left;
  }
  return 0.5 * squares;
}

static double residual_sum(const sweeper *s) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < s->entries; e++)
    sum += (double)s->residual[e];
  return sum;
}

static observed_sums sweeps_on_residual(const dnmf_observed_update *update, int64_t row, int sweeps, void *scratch) {
  real *x = (real *)update->x + row * update->stride;
  sweeper s = sweeper_in_scratch(update, row, scratch);
  for (int64_t from = 0; from < s.length; from += TILE) {
    const int64_t to = from + TILE < s.length ? from + TILE : s.length;
    if (update->weak)
      load_weak_tile(&s, update->start[row], from, to);
    else
      load_tile(&s, update->start[row], from, to);
  }
  if (update->weak)
    load_weak_zeros(&s);
  s.shift = -(s.weight * (real)residual_sum(&s));
  double first = 0;
  if (update->draw)
    draw_row(&s, row);
  else
    first = sweep(&s);
  double violation = first;
  for (int done = 1; done < sweeps && violation > rounding * first; done++)
    violation = sweep(&s);
  memcpy(x, s.x, (size_t)s.components * sizeof(real));
  if (update->bias)
    store_bias(update, s.pull.bias - (double)s.shift, x);
  double loss = residual_loss(&s);
  if (update->weak)
    loss = fmax(0, loss + weak_zeros_loss(&s));
  return (observed_sums){loss, row_penalty(update, s.x, &s.pull, (double)s.l2, s.l2_bias, -(double)s.shift), first};
}

extern const residual_kernels VARIANT(dnmf_residual_kernels);
const residual_kernels VARIANT(dnmf_residual_kernels) = {scratch_bytes, most_entries, sweeps_on_residual};
