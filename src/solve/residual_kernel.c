/*
 * One row over its observed entries, by coordinate sweeps on the residual instead of the normal equations.
 *
 * Equations cost k^2 / 2 multiply-adds an entry, whatever becomes of them; one coordinate step costs two: its slope is
 * the product of the residual with the component's column of factor rows, and moving takes that column off the
 * residual. So a few sweeps are far cheaper than the matrix, as long as the row's factor rows stay in cache. They are
 * fetched once and turned, a component's numbers side by side. BLOCK components take their steps after one pass over
 * the residual: the products of their columns with each other, which the first sweep finds on its way, tell what a step
 * makes of the slopes of those after it. The iterates are those of observed_kernel.c to rounding: a free bias is at its
 * minimum after every step, b = (sum of residuals without it) / (d + l2_bias), which takes `shift` off the residual and
 * weight * sum^2 off a component's curvature.
 *
 * With weak zeros the residual is that of the observed entries times sqrt(c - weight), as the columns are; the slope of
 * the zeros' part, weight (Gx - b) (solve/weak.h), is kept beside it.
 */
#include "observed_row.h"

enum {
  COLUMNS_BYTES = 1 << 20, /* of a row's factor rows: they stream from the second or third cache */
  TILE = 64,               /* entries turned at a time */
  AHEAD = 128,             /* entries by which a prefetch is: into the second cache, which takes more at a time */
  BLOCK = 4,
  PAIRS = BLOCK * (BLOCK - 1) / 2, /* of components of a block: (0, 1) (0, 2) (1, 2) (0, 3) ... */
  PAYS = 12 /* measured: (components + 8) / (1 + sweeps) from which on this is faster than equations */
};

/* What the steps of a block have yet to take off the residual; of components that there are not, 0 of any column. */
typedef struct block_moves {
  bool any;
  real change[BLOCK];
  const real *column[BLOCK];
} block_moves;

typedef struct sweeper {
  const dnmf_observed_update *update;
  int components;
  int64_t entries;
  int64_t length; /* entries in whole vectors */
  int64_t apart;  /* from one column to the next: an odd number of vectors, which spreads them over a cache */
  real *columns;  /* components in whole vectors x apart */
  real *residual; /* length; without the bias of this row, and before `moves` */
  real *sum;      /* of a column */
  real *squares;
  real *x;
  real *blank;     /* width: a factor row of the level, for the entries that fill the last vector */
  real *linear;    /* weak zeros: sum_e t_e f_e */
  real *slopes;    /* weight (Gx - b) */
  real *center;    /* what l2 pulls towards */
  real *inverse;   /* of the curvatures; 0 where that is not positive */
  real *pairs;     /* PAIRS of each block: what a step of one component makes of the slope of another */
  double *normals; /* of rows that are drawn: components and one */
  double target_squares;
  double l2_bias;
  row_pull pull; /* `shift` is without its bias */
  real weight;   /* 1 / (d + l2_bias) with a free bias, else 0 */
  real shift;    /* -b */
  real l1;
  real l2;
  block_moves moves;
} sweeper;

enum { WIDE_ARRAYS = 8, WIDE_PAIRS = 2 /* times the width: PAIRS / BLOCK and what rounding up takes */ };

static int64_t whole_vectors(int64_t count) {
  return (count + VECTOR - 1) / VECTOR * VECTOR;
}

static int64_t apart(int64_t length) {
  return (length / VECTOR | 1) * VECTOR;
}

static int64_t most_entries(const dnmf_observed_update *update, int sweeps) {
  const int64_t width = whole_vectors(update->components);
  if (PAYS * (1 + sweeps) > update->components + 8)
    return 0;
  return COLUMNS_BYTES / (width * (int64_t)sizeof(real)) / VECTOR * VECTOR;
}

/* Numbers of the arrays behind the columns and the residual. */
static int64_t wide_numbers(int64_t width) {
  return (WIDE_ARRAYS + WIDE_PAIRS) * width + PAIRS;
}

static size_t scratch_bytes(const dnmf_observed_update *update) {
  const int64_t width = whole_vectors(update->components);
  const int64_t length = most_entries(update, 1);
  return (size_t)(apart(length) * width + length + whole_vectors(wide_numbers(width))) * sizeof(real) +
         (size_t)(width + 1) * sizeof(double);
}

static sweeper sweeper_in_scratch(const dnmf_observed_update *update, int64_t row, void *scratch) {
  const int64_t width = whole_vectors(update->components);
  sweeper s = {.update = update, .components = update->components};
  s.entries = update->start[row + 1] - update->start[row];
  s.length = whole_vectors(s.entries);
  s.apart = apart(s.length);
  s.columns = scratch;
  s.residual = s.columns + s.apart * width;
  s.sum = s.residual + s.length;
  s.squares = s.sum + width;
  s.linear = s.squares + width;
  s.slopes = s.linear + width;
  s.x = s.slopes + width;
  s.blank = s.x + width;
  s.center = s.blank + width;
  s.inverse = s.center + width;
  s.pairs = s.inverse + width;
  s.normals = (double *)(void *)(s.sum + whole_vectors(wide_numbers(width)));
  memset(s.sum, 0, (size_t)(4 * width) * sizeof(real));
  memcpy(s.x, (const real *)update->x + row * update->stride, (size_t)s.components * sizeof(real));
  for (int64_t i = 0; i < width; i++)
    s.blank[i] = (real)update->level;
  s.l2_bias = row_l2_bias(update, (double)s.entries);
  s.pull = row_pull_of(update, row, (double)s.entries);
  for (int i = 0; i < s.components; i++)
    s.center[i] = (real)center_at(update, &s.pull, i);
  s.weight = update->fit_bias ? (real)(1 / ((double)s.entries + s.l2_bias)) : 0;
  s.l1 = (real)update->l1;
  s.l2 = (real)row_l2(update, (double)s.entries);
  return s;
}

/* The fixed factor's rows at the entries `from` to `to`, and what biases leave of the values. Entries that fill the
 * last vector are zeros. */
static void load_residual(const sweeper *s, int64_t begin, int64_t from, int64_t to, const real *rows[TILE]) {
  const dnmf_observed_update *u = s->update;
  const int32_t *index = u->index + begin;
  const real *fixed = u->read;
  const int64_t stride = u->read_stride;
  const int64_t end = to < s->entries ? to : s->entries;
  const real mean = (real)(u->mean + s->pull.bias);
  for (int64_t e = from; e < end; e++)
    rows[e - from] = fixed + index[e] * stride;
  widen_numbers(u->narrow, u->value, begin + from, end - from, s->residual + from);
  for (int64_t e = from; e < end; e++)
    s->residual[e] -= mean;
  for (int64_t e = from; e < end && u->bias; e++)
    s->residual[e] -= bias_at(u, index[e]);
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
  const real *fixed = u->read;
  const int64_t end = to < s->entries ? to : s->entries;
  widen_numbers(u->narrow, u->value, begin + from, end - from, targets);
  for (int64_t e = from; e < end; e++) {
    rows[e - from] = fixed + index[e] * u->read_stride;
    targets[e - from] = target_of(u->weak, targets[e - from]);
    roots[e - from] = root_at(u->weak, begin + e);
    s->residual[e] = roots[e - from] * targets[e - from];
    s->target_squares += (double)targets[e - from] * (double)targets[e - from];
  }
  for (int64_t e = end; e < to; e++) {
    rows[e - from] = s->blank;
    targets[e - from] = roots[e - from] = s->residual[e] = 0;
  }
}

/* The entries whose rows are asked for while a vector of them, from `at` on, is turned: after a row's last entry comes
 * the next row's first. NULL: there are not as many. */
static inline const int32_t *ahead_of(const dnmf_observed_update *u, int64_t at) {
  const int64_t last = u->start[u->rows] - VECTOR;
  return last < 0 ? NULL : u->index + (at + AHEAD < last ? at + AHEAD : last);
}

/* Asks for a row. A template, since GCC takes a function that does nothing else for one that does nothing. */
TEMPLATE void prefetch_row(const real *row, int components) {
  __builtin_prefetch(row, 0, 2);
  if (components > CACHE_LINE)
    __builtin_prefetch(row + CACHE_LINE, 0, 2);
  for (int j = 2 * CACHE_LINE; j < components; j += CACHE_LINE)
    __builtin_prefetch(row + j, 0, 2);
}

/* Turns the components j ... of a vector of entries and takes what the row explains off their residual. */
static inline void turn(const sweeper *s, int j, int64_t e, vec row[VECTOR]) {
  const int used = s->components - j < VECTOR ? s->components - j : VECTOR;
  vec explained[2] = {{0}};
  vec_transpose(row);
  if (used == VECTOR) {
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++) {
      vec_store(s->columns + (j + i) * s->apart + e, row[i]);
      explained[i % 2] += s->x[j + i] * row[i];
    }
  } else {
    for (int i = 0; i < used; i++) {
      vec_store(s->columns + (j + i) * s->apart + e, row[i]);
      explained[0] += s->x[j + i] * row[i];
    }
  }
  vec_store(s->residual + e, vec_load(s->residual + e) - (explained[0] + explained[1]));
}

/* Entries `from` to `to`, whole vectors. Their sums are added to the row's at once, so that single precision does not
 * lose long rows. */
static void load_tile(const sweeper *s, int64_t begin, int64_t from, int64_t to) {
  const real *rows[TILE];
  const real level = (real)s->update->level;
  const real *fixed = s->update->read;
  const int64_t stride = s->update->read_stride;
  load_residual(s, begin, from, to, rows);
  for (int j = 0; j < s->components; j += VECTOR) {
    vec sum = {0};
    vec squares = {0};
    for (int64_t e = from; e < to; e += VECTOR) {
      const int32_t *ahead = j == 0 ? ahead_of(s->update, begin + e) : NULL;
      vec row[VECTOR];
#pragma GCC unroll 16
      for (int i = 0; i < VECTOR; i++) {
        if (ahead)
          prefetch_row(fixed + ahead[i] * stride, s->components);
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
  const real *fixed = s->update->read;
  const int64_t stride = s->update->read_stride;
  load_targets(s, begin, from, to, rows, targets, roots);
  for (int j = 0; j < s->components; j += VECTOR) {
    vec linear = {0};
    vec squares = {0};
    for (int64_t e = from; e < to; e += VECTOR) {
      const int32_t *ahead = j == 0 ? ahead_of(s->update, begin + e) : NULL;
      vec row[VECTOR];
#pragma GCC unroll 16
      for (int i = 0; i < VECTOR; i++) {
        if (ahead)
          prefetch_row(fixed + ahead[i] * stride, s->components);
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

static void set_curvatures(const sweeper *s) {
  for (int t = 0; t < s->components; t++) {
    const real curvature = s->squares[t] - s->weight * s->sum[t] * s->sum[t] + s->l2;
    s->inverse[t] = curvature > 0 ? 1 / curvature : 0;
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

/* Takes what the steps before have left to take off the residual; with `next`, the columns of a block, the products of
 * what is left with them, and with `pairs` those of them with each other. */
TEMPLATE void pass(const sweeper *s, bool moves, const real *const next[BLOCK], real *inner, real *pairs) {
  vec sums[BLOCK] = {{0}};
  vec products[2 * BLOCK] = {{0}}; /* PAIRS of them */
  const block_moves *m = &s->moves;
  for (int64_t e = 0; e < s->length; e += VECTOR) {
    vec left = vec_load(s->residual + e);
    vec column[BLOCK];
    if (moves) {
      left = (left - m->change[0] * vec_load(m->column[0] + e)) - m->change[1] * vec_load(m->column[1] + e);
      left = (left - m->change[2] * vec_load(m->column[2] + e)) - m->change[3] * vec_load(m->column[3] + e);
      vec_store(s->residual + e, left);
    }
#pragma GCC unroll 4
    for (int i = 0; next && i < BLOCK; i++) {
      column[i] = vec_load(next[i] + e);
      sums[i] += left * column[i];
#pragma GCC unroll 4
      for (int u = 0; pairs && u < i; u++)
        products[i * (i - 1) / 2 + u] += column[u] * column[i];
    }
  }
  if (next)
    vec_sums(sums, inner);
  if (pairs) {
    real rest[BLOCK];
    vec_sums(products, pairs);
    vec_sums(products + BLOCK, rest);
    memcpy(pairs + BLOCK, rest, (PAIRS - BLOCK) * sizeof(real));
  }
}

/* What a step of component t + u makes of the slope of t + i, beside the product of their columns. */
static real coupling(const sweeper *s, int t, int u, int i) {
  const dnmf_weak *weak = s->update->weak;
  const real biases = s->weight * s->sum[t + u] * s->sum[t + i];
  return weak ? ((const real *)weak->pull)[(int64_t)(t + u) * weak->stride + t + i] - biases : -biases;
}

/* The products of the residual, after the steps before, with the columns from t on; the pairs, too, the first time. */
static void take_products(const sweeper *s, int t, bool first, real inner[BLOCK]) {
  const int last = s->components - 1;
  real *pairs = s->pairs + (int64_t)(t / BLOCK) * PAIRS;
  const real *next[BLOCK];
  for (int i = 0; i < BLOCK; i++)
    next[i] = s->columns + (t + i < last ? t + i : last) * s->apart;
  if (!first) {
    if (s->moves.any)
      pass(s, true, next, inner, NULL);
    else
      pass(s, false, next, inner, NULL);
    return;
  }
  if (s->moves.any)
    pass(s, true, next, inner, pairs);
  else
    pass(s, false, next, inner, pairs);
  for (int i = 1; i < BLOCK && t + i <= last; i++)
    for (int u = 0; u < i; u++)
      pairs[i * (i - 1) / 2 + u] += coupling(s, t, u, i);
}

/* What the steps of a block come to: the residual follows with the next pass. Without branches, which nothing could
 * foresee: whether a component stays at zero is as good as chance. */
static inline void take_steps(sweeper *s, int t, const real change[BLOCK]) {
  const int last = s->components - 1;
  real any = 0;
  real shift = 0;
  for (int i = 0; i < BLOCK; i++) {
    const int c = t + i < last ? t + i : last;
    s->moves.change[i] = change[i];
    s->moves.column[i] = s->columns + c * s->apart;
    any += (real)fabs((double)change[i]);
    shift += change[i] * s->sum[c];
  }
  s->moves.any = any > 0;
  s->shift += shift * s->weight;
  for (int i = 0; s->update->weak && i < BLOCK; i++)
    if (change[i] != 0)
      move_slopes(s, t + i, change[i]);
}

/* Steps of the components from t on; returns the sum of |projected gradient| met on the way. */
static inline double step_block(sweeper *s, int t, const real inner[BLOCK]) {
  const real *pairs = s->pairs + (int64_t)(t / BLOCK) * PAIRS;
  const int count = s->components - t < BLOCK ? s->components - t : BLOCK;
  real slope[BLOCK];
  real change[BLOCK] = {0};
  real violation = 0;
  for (int i = 0; i < BLOCK; i++)
    slope[i] =
        s->l1 + s->l2 * (s->x[t + i] - s->center[t + i]) - inner[i] - s->shift * s->sum[t + i] + s->slopes[t + i];
#pragma GCC unroll 4
  for (int i = 0; i < BLOCK; i++) {
    if (i == count)
      break;
    const real old = s->x[t + i];
#pragma GCC unroll 4
    for (int u = 0; u < i; u++)
      slope[i] += change[u] * pairs[i * (i - 1) / 2 + u];
    const real met = slope[i] < 0 ? -slope[i] : slope[i];
    const bool moves = (slope[i] < 0) | (old > 0); /* no branch */
    violation += moves ? met : 0;
    const real moved = old - slope[i] * s->inverse[t + i];
    s->x[t + i] = moved > 0 ? moved : 0;
    change[i] = s->x[t + i] - old;
  }
  take_steps(s, t, change);
  return (double)violation;
}

/* One coordinate sweep. */
static double sweep(sweeper *s, bool first) {
  double violation = 0;
  for (int t = 0; t < s->components; t += BLOCK) {
    real inner[BLOCK];
    take_products(s, t, first, inner);
    violation += step_block(s, t, inner);
  }
  return violation;
}

/* The components from t on drawn one after the other. */
static void draw_block(sweeper *s, const dnmf_draw_key *key, int t, real inner[BLOCK]) {
  const dnmf_observed_update *update = s->update;
  const real *pairs = s->pairs + (int64_t)(t / BLOCK) * PAIRS;
  const int count = s->components - t < BLOCK ? s->components - t : BLOCK;
  real change[BLOCK] = {0};
  for (int i = 0; i < count; i++) {
    const int c = t + i;
    const double old = (double)s->x[c];
    const double l2 = update->draw->l2[c];
    for (int u = 0; u < i; u++)
      inner[i] -= change[u] * pairs[i * (i - 1) / 2 + u];
    const double slope = l2 * (old - center_at(update, &s->pull, c)) - (double)(inner[i] + s->shift * s->sum[c]);
    const double curvature = (double)(s->squares[c] - s->weight * s->sum[c] * s->sum[c]) + l2;
    s->x[c] = draw_component(update, key, c, old, slope, curvature, s->normals[c]);
    change[i] = s->x[c] - (real)old;
  }
  take_steps(s, t, change);
}

/* The row's components drawn, then its bias. */
static void draw_row(sweeper *s, int64_t row) {
  const dnmf_observed_update *update = s->update;
  const dnmf_draw_key key = row_draw_key(update, row);
  const int k = s->components;
  dnmf_draw_normals(&key, k + 1, s->normals);
  for (int t = 0; t < k; t += BLOCK) {
    real inner[BLOCK];
    take_products(s, t, true, inner);
    draw_block(s, &key, t, inner);
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
  s.shift = s.weight > 0 ? -(s.weight * (real)residual_sum(&s)) : 0;
  set_curvatures(&s);
  double first = 0;
  if (update->draw)
    draw_row(&s, row);
  else
    first = sweep(&s, true);
  double violation = first;
  for (int done = 1; done < sweeps && violation > rounding * first; done++)
    violation = sweep(&s, false);
  if (s.moves.any)
    pass(&s, true, NULL, NULL, NULL);
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
