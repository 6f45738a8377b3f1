/*
 * A row's Newton step under the Kullback-Leibler divergence; the method is told in newton.h.
 *
 * The entries of a row pass twice, for the gradient and for the matrix M, which is of the free components alone: those
 * that are positive or want to be. For M they pass in chunks that stay in the first-level cache: the free components of
 * rows of the fixed factor are copied there, and M is summed from the copies. It is symmetric: of each block of rows
 * only the vectors from its first diagonal entry on are summed.
 */
#include "newton_kernels.h"

#include "base/vector.h"
#include "base/vector_math.h"

#include <string.h>

enum {
  CHUNK = 48,                                  /* entries: a multiple of every vector's length */
  BLOCK_ROWS = VECTOR_REGISTERS == 32 ? 8 : 4, /* of M, in registers, */
  BLOCK_VECTORS = 3,                           /* by so many vectors */
  STEP = VECTOR > BLOCK_ROWS ? VECTOR : BLOCK_ROWS,
  MOST_SWEEPS = 20 /* of the model */
};
_Static_assert(CHUNK % VECTOR == 0, "a chunk is whole vectors");

/* The model is solved once a sweep gains less than this share of what all have gained. */
static const double GAIN = 1e-3;

/* A whole step is taken when it is sure to gain this share of what the gradient promises. */
static const double SHARE = 0.1;

/* Numbers below it are subnormal, or near: their ratios with others may be 0, and the logarithms of those infinite. */
static const real SMALL = sizeof(real) == sizeof(double) ? (real)0x1p-512 : (real)0x1p-64;
static const double SMALL_LOG = sizeof(real) == sizeof(double) ? -354.89135644669199 : -44.361419555836498;

/* A thread's scratch memory. */
typedef struct newton_desk {
  real *p;      /* of each entry */
  real *change; /* of p by a whole step; before it is known, a / p^2 */
  real *x;      /* padded, as d and g */
  real *d;
  real *g;
  real *free_x; /* of the free components, as all below */
  real *free_d;
  real *free_g;
  real *rest; /* g + M d */
  real *inverse;
  real *m;            /* padded rows of padded */
  real *rows;         /* CHUNK rows of the fixed factor */
  real *scaled;       /* the same, each times a / p^2 */
  lane_number *lanes; /* of each vector those with free components, one after another */
  lane_number *taken; /* how many those are, a number a vector */
} newton_desk;

static int64_t whole_lines(int64_t numbers) {
  return (numbers + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static int64_t entry_numbers(int64_t longest) {
  return whole_lines(longest + CHUNK);
}

/* A copy of a vector of free components may end in numbers that the next one takes the place of. */
static int64_t copied_numbers(int64_t padded) {
  return whole_lines(CHUNK * padded + VECTOR);
}

static size_t newton_scratch_bytes(int64_t padded, int64_t longest) {
  const int64_t numbers =
      2 * entry_numbers(longest) + 10 * whole_lines(padded) + whole_lines(padded * padded) + 2 * copied_numbers(padded);
  return (size_t)numbers * sizeof(real);
}

static newton_desk newton_take_desk(void *scratch, int64_t padded, int64_t longest) {
  const int64_t line = whole_lines(padded);
  newton_desk s;
  s.p = scratch;
  s.change = s.p + entry_numbers(longest);
  s.x = s.change + entry_numbers(longest);
  s.d = s.x + line;
  s.g = s.d + line;
  s.free_x = s.g + line;
  s.free_d = s.free_x + line;
  s.free_g = s.free_d + line;
  s.rest = s.free_g + line;
  s.inverse = s.rest + line;
  s.lanes = (lane_number *)(void *)(s.inverse + line);
  s.taken = s.lanes + line;
  s.m = s.inverse + 3 * line;
  s.rows = s.m + whole_lines(padded * padded);
  s.scaled = s.rows + copied_numbers(padded);
  return s;
}

/* The components whose step the model has: those of a problem of its own, `components` of them. */
typedef struct newton_free {
  int components;
  int64_t padded;
} newton_free;

/* --- Sums over entries ------------------------------------------------------------------------------------- */

/* A row of the fixed factor. */
TEMPLATE const real *fixed_row(const newton_problem *problem, int32_t index) {
  return (const real *)problem->fixed + index * problem->padded;
}

/* to[e] = x . the entry's row of the fixed factor, for whole vectors of entries: those beyond the last are its copies.
 */
static void dot_rows(const newton_problem *problem, int64_t count, const int32_t *index, const real *restrict x,
                     real *restrict to) {
  for (int64_t begin = 0; begin < count; begin += VECTOR) {
    const real *row[VECTOR];
    vec sum[VECTOR];
#pragma GCC unroll 16
    for (int i = 0; i < VECTOR; i++) {
      row[i] = fixed_row(problem, index[begin + i < count ? begin + i : count - 1]);
      sum[i] = vec_load(x) * vec_load(row[i]);
    }
    for (int64_t t = VECTOR; t < problem->padded; t += VECTOR) {
      const vec factor = vec_load(x + t);
#pragma GCC unroll 16
      for (int i = 0; i < VECTOR; i++)
        sum[i] += factor * vec_load(row[i] + t);
    }
    vec_transpose(sum);
#pragma GCC unroll 4
    for (int half = VECTOR / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < half; i++)
        sum[i] += sum[i + half];
    vec_store(to + begin, sum[0]);
  }
}

/* sums += factors[e] * the entry's row of the fixed factor, `width` vectors of it from `first` on. */
TEMPLATE void add_rows(const newton_problem *problem, int width, int64_t first, int64_t count, const int32_t *index,
                       const real *restrict factors, real *restrict sums) {
  vec even[BLOCK_VECTORS];
  vec odd[BLOCK_VECTORS];
#pragma GCC unroll 3
  for (int64_t j = 0; j < width; j++) {
    even[j] = vec_load(sums + first + j * VECTOR);
    odd[j] = even[j] - even[j];
  }
  for (int64_t e = 0; e + 1 < count; e += 2) {
    const real *one = fixed_row(problem, index[e]) + first;
    const real *other = fixed_row(problem, index[e + 1]) + first;
#pragma GCC unroll 3
    for (int64_t j = 0; j < width; j++) {
      even[j] += factors[e] * vec_load(one + j * VECTOR);
      odd[j] += factors[e + 1] * vec_load(other + j * VECTOR);
    }
  }
  const bool single = count % 2 == 1;
  const real *last = fixed_row(problem, index[count - 1]) + first;
#pragma GCC unroll 3
  for (int64_t j = 0; j < width; j++) {
    if (single)
      even[j] += factors[count - 1] * vec_load(last + j * VECTOR);
    vec_store(sums + first + j * VECTOR, even[j] + odd[j]);
  }
}

/* g += sum over entries of factors[e] times its row. */
static void add_gradient(const newton_problem *problem, int64_t count, const int32_t *index, const real *factors,
                         real *g) {
  for (int64_t first = 0; first < problem->padded; first += (int64_t)BLOCK_VECTORS * VECTOR)
    switch ((problem->padded - first) / VECTOR) {
    case 1:
      add_rows(problem, 1, first, count, index, factors, g);
      break;
    case 2:
      add_rows(problem, 2, first, count, index, factors, g);
      break;
    default:
      add_rows(problem, BLOCK_VECTORS, first, count, index, factors, g);
    }
}

/* The components that are positive, or whose gradient lets them become so, with their x and g; and the lanes they are
 * in. */
static newton_free choose_free(const newton_problem *problem, const newton_desk *s) {
  int count = 0;
  for (int64_t first = 0; first < problem->padded; first += VECTOR) {
    lane_number *lanes = s->lanes + first;
    int taken = 0;
    for (int lane = 0; lane < VECTOR; lane++) {
      const int64_t t = first + lane;
      lanes[lane] = 0;
      if (t >= problem->components || !(s->x[t] > 0 || s->g[t] < 0))
        continue;
      lanes[taken++] = lane;
      s->free_x[count] = s->x[t];
      s->free_g[count++] = s->g[t];
    }
    s->taken[first / VECTOR] = taken;
  }
  const int64_t step = STEP;
  return (newton_free){count, (count + step - 1) / step * step};
}

/* rows = the free components of those of the fixed factor; scaled = the same, each times its weight. */
static void copy_free_rows(const newton_problem *problem, const newton_free *f, int64_t count, const int32_t *index,
                           const real *weight, const newton_desk *s) {
  for (int64_t e = 0; e < count; e++) {
    const real *row = fixed_row(problem, index[e]);
    real *to = s->rows + e * f->padded;
    real *scaled = s->scaled + e * f->padded;
    for (int64_t first = 0, at = 0; first < problem->padded && at < f->components; first += VECTOR) {
      const vec numbers = vec_pick(vec_load(row + first), s->lanes + first);
      vec_store(to + at, numbers);
      vec_store(scaled + at, weight[e] * numbers);
      at += s->taken[first / VECTOR];
    }
  }
}

/* out (height rows of width vectors, `padded` apart) += sum over entries of factors[e] * rows[e] */
TEMPLATE void add_products(int height, int width, int64_t count, const real *restrict factors, int64_t stride,
                           const real *restrict rows, int64_t padded, real *restrict out) {
  vec sum[BLOCK_ROWS][BLOCK_VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < height; i++)
#pragma GCC unroll 3
    for (int64_t j = 0; j < width; j++)
      sum[i][j] = vec_load(out + i * padded + j * VECTOR);
  for (int64_t e = 0; e < count; e++) {
#pragma GCC unroll 8
    for (int i = 0; i < height; i++)
#pragma GCC unroll 3
      for (int64_t j = 0; j < width; j++)
        sum[i][j] += factors[e * stride + i] * vec_load(rows + e * padded + j * VECTOR);
  }
#pragma GCC unroll 8
  for (int i = 0; i < height; i++)
#pragma GCC unroll 3
    for (int64_t j = 0; j < width; j++)
      vec_store(out + i * padded + j * VECTOR, sum[i][j]);
}

/* Likewise for any number of vectors. */
TEMPLATE void add_rows_of_products(int height, int64_t vectors, int64_t count, const real *factors, int64_t stride,
                                   const real *rows, int64_t padded, real *out) {
  for (int64_t j = 0; j < vectors; j += BLOCK_VECTORS)
    switch (vectors - j) {
    case 1:
      add_products(height, 1, count, factors, stride, rows + j * VECTOR, padded, out + j * VECTOR);
      break;
    case 2:
      add_products(height, 2, count, factors, stride, rows + j * VECTOR, padded, out + j * VECTOR);
      break;
    default:
      add_products(height, BLOCK_VECTORS, count, factors, stride, rows + j * VECTOR, padded, out + j * VECTOR);
    }
}

/* M += sum of scaled[e] rows[e]', from each block's diagonal on. */
static void add_matrix(const newton_free *f, int64_t count, const newton_desk *s) {
  const int64_t padded = f->padded;
  for (int64_t t = 0; t < f->components; t += BLOCK_ROWS) {
    const int64_t first = t / VECTOR * VECTOR;
    const int64_t vectors = (padded - first) / VECTOR;
    real *m = s->m + t * padded + first;
    if (f->components - t <= BLOCK_ROWS / 2)
      add_rows_of_products(BLOCK_ROWS / 2, vectors, count, s->scaled + t, padded, s->rows + first, padded, m);
    else
      add_rows_of_products(BLOCK_ROWS, vectors, count, s->scaled + t, padded, s->rows + first, padded, m);
  }
}

/* The entries' part of the gradient, and what they weigh in the matrix. */
static void add_chunk_gradient(const newton_problem *problem, int64_t count, const real *a, const int32_t *index,
                               const real *p, real *weight, real *g) {
  const real floor = (real)problem->floor;
  real factors[CHUNK];
#pragma omp simd
  for (int64_t e = 0; e < count; e++) {
    const real reciprocal = 1 / (p[e] < floor ? floor : p[e]);
    factors[e] = -a[e] * reciprocal;
    weight[e] = a[e] * reciprocal * reciprocal;
  }
  add_gradient(problem, count, index, factors, g);
}

/* change = F d, an entry each; returns rho: the largest share that a p loses, at most 1. */
static double whole_change(const newton_problem *problem, int64_t count, const int32_t *index, const newton_desk *s) {
  const real floor = (real)problem->floor;
  real loss = 0;
  dot_rows(problem, count, index, s->d, s->change);
#pragma omp simd reduction(max : loss)
  for (int64_t e = 0; e < count; e++) {
    const real share = -s->change[e] / (s->p[e] < floor ? floor : s->p[e]);
    loss = share > loss ? share : loss;
  }
  return loss < 1 ? (double)loss : 1;
}

/* Sum of a log(p after a whole step / p). */
static double gain_of_logarithms(const newton_problem *problem, int64_t count, const real *a, const newton_desk *s) {
  const real floor = (real)problem->floor;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < count; e++) {
    const real before = s->p[e] < floor ? floor : s->p[e];
    const real after = s->p[e] + s->change[e] < floor ? floor : s->p[e] + s->change[e];
    sum += (double)(a[e] * real_log(after / before));
  }
  return sum;
}

/* Sum of a log(a / p) - a, p having changed by `alpha` times s->change. */
static double newton_loss(const newton_problem *problem, int64_t count, const real *a, real alpha,
                          const newton_desk *s) {
  const real floor = (real)problem->floor;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < count; e++) {
    const real moved = s->p[e] + alpha * s->change[e];
    const real p = moved < floor ? floor : moved;
    const real scale = a[e] < SMALL ? SMALL : 1; /* a power of 2: exact */
    sum += (double)a[e] * ((double)real_log(a[e] / scale / p) + (a[e] < SMALL ? SMALL_LOG : 0)) - (double)a[e];
  }
  return sum;
}

/* --- The model --------------------------------------------------------------------------------------------- */

/* What the linear terms and the penalty gain or lose. */
static double linear_change(const newton_problem *problem, const newton_desk *s) {
  const real *linear = problem->linear;
  double sum = 0;
  for (int t = 0; t < problem->components; t++) {
    const double d = (double)s->d[t];
    sum += (double)linear[t] * d + problem->l2 * d * ((double)s->x[t] + 0.5 * d);
  }
  return sum;
}

/* x <- s x with the best s. False where the fixed factor is zero, and nothing can be done. */
static bool newton_scale(const newton_problem *problem, double sum, const newton_desk *s) {
  const real *linear = problem->linear;
  double slope = 0;
  double squares = 0;
  for (int t = 0; t < problem->components; t++)
    slope += (double)linear[t] * (double)s->x[t];
  if (!(slope > 0))
    for (int t = 0; t < problem->components; t++) {
      s->x[t] = linear[t] > 0 ? 1 : 0;
      slope += (double)linear[t];
    }
  for (int t = 0; t < problem->components; t++)
    squares += problem->l2 * (double)s->x[t] * (double)s->x[t];
  if (!(slope > 0))
    return false;
  const double best = squares > 0 ? 2 * sum / (slope + sqrt(slope * slope + 4 * squares * sum)) : sum / slope;
  for (int t = 0; t < problem->components; t++)
    s->x[t] = (real)((double)s->x[t] * best);
  return true;
}

/* The whole gradient, from the sum over entries. */
static void complete_gradient(const newton_problem *problem, const newton_desk *s) {
  const real *linear = problem->linear;
  for (int64_t t = 0; t < problem->components; t++)
    s->g[t] += linear[t] + (real)problem->l2 * s->x[t];
}

/* The matrix of the free components, whole. */
static void newton_matrix(const newton_problem *problem, const newton_free *f, int64_t count, const int32_t *index,
                          const newton_desk *s) {
  const int64_t padded = f->padded;
  memset(s->m, 0, (size_t)(padded * padded) * sizeof(real));
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    copy_free_rows(problem, f, some, index + begin, s->change + begin, s);
    add_matrix(f, some, s);
  }
  for (int64_t t = 0; t < f->components; t++) {
    s->m[t * padded + t] += (real)problem->l2;
    for (int64_t u = 0; u < t; u++)
      s->m[t * padded + u] = s->m[u * padded + t];
    const real inverse = 1 / s->m[t * padded + t];
    s->inverse[t] = inverse < (real)INFINITY ? inverse : 0;
  }
}

static double newton_violation(const newton_problem *problem, const newton_desk *s) {
  double sum = 0;
  for (int t = 0; t < problem->components; t++)
    sum += (double)(s->g[t] < 0 ? -s->g[t] : s->x[t] > 0 ? s->g[t] : 0);
  return sum;
}

/* The step of a coordinate that is best for the model. */
TEMPLATE real coordinate_step(const newton_desk *s, int64_t t) {
  const real lowest = -(s->free_x[t] + s->free_d[t]);
  real step = -s->rest[t] * s->inverse[t];
  if (s->inverse[t] == 0)
    step = s->rest[t] > 0 ? lowest : 0;
  return step < lowest ? lowest : step;
}

/* d: about the minimum of g.d + 1/2 d'M d over x + d >= 0, free components alone; rest = g + M d. */
static void solve_model(const newton_free *f, const newton_desk *s) {
  const int64_t padded = f->padded;
  double total = 0;
  memset(s->free_d, 0, (size_t)padded * sizeof(real));
  memcpy(s->rest, s->free_g, (size_t)padded * sizeof(real));
  for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    double gained = 0;
    for (int64_t t = 0; t < f->components; t++) {
      const real step = coordinate_step(s, t);
      const real *row = s->m + t * padded;
      if (step == 0)
        continue;
      gained -= (double)(step * (s->rest[t] + (real)0.5 * step * row[t]));
      s->free_d[t] += step;
      for (int64_t u = 0; u < padded; u += VECTOR)
        vec_store(s->rest + u, vec_load(s->rest + u) + step * vec_load(row + u));
    }
    total += gained;
    if (!(gained > GAIN * total))
      break;
  }
}

/* d of all components. */
static void spread_step(const newton_problem *problem, const newton_desk *s) {
  int64_t at = 0;
  memset(s->d, 0, (size_t)problem->padded * sizeof(real));
  for (int64_t first = 0; first < problem->padded; first += VECTOR)
    for (int64_t i = 0; i < s->taken[first / VECTOR]; i++)
      s->d[first + s->lanes[first + i]] = s->free_d[at++];
}

/* How far to go along d; see newton.h. */
static double step_length(const newton_problem *problem, const newton_free *f, int64_t count, const real *a,
                          const int32_t *index, const newton_desk *s) {
  double gamma = 0;
  double kappa = 0;
  for (int t = 0; t < f->components; t++) {
    gamma -= (double)s->free_g[t] * (double)s->free_d[t];
    kappa += ((double)s->rest[t] - (double)s->free_g[t]) * (double)s->free_d[t];
  }
  if (!(gamma > 0))
    return 0;
  const double rho = whole_change(problem, count, index, s);
  if (0.5 * kappa <= (1 - SHARE) * gamma * (1 - rho))
    return 1;
  if (linear_change(problem, s) - gain_of_logarithms(problem, count, a, s) <= -SHARE * gamma)
    return 1;
  const double best = (1 - 1 / sqrt(1 + 2 * rho * gamma / kappa)) / rho;
  return best < 1 ? best : 1;
}

/* --- A row ------------------------------------------------------------------------------------------------- */

static void newton_move(int components, real alpha, const newton_desk *s) {
  for (int t = 0; t < components; t++) {
    const real moved = s->x[t] + alpha * s->d[t];
    s->x[t] = moved > 0 ? moved : 0;
  }
}

/* p of every entry and, with `model`, the gradient at x and the entries' weights in the matrix. */
static void newton_look(const newton_problem *problem, int64_t count, const real *a, const int32_t *index, bool model,
                        const newton_desk *s) {
  memset(s->g, 0, (size_t)problem->padded * sizeof(real));
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    dot_rows(problem, some, index + begin, s->x, s->p + begin);
    if (model)
      add_chunk_gradient(problem, some, a + begin, index + begin, s->p + begin, s->change + begin, s->g);
  }
  if (model)
    complete_gradient(problem, s);
}

static double sum_of(int64_t count, const real *a) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < count; e++)
    sum += (double)a[e];
  return sum;
}

static newton_sums newton_update_row(const newton_problem *problem, int64_t count, const void *values,
                                     const int32_t *index, void *row, void *scratch) {
  const real *a = values;
  const size_t bytes = (size_t)problem->components * sizeof(real);
  newton_sums sums = {.violation = 0};
  if (count == 0) {
    if (problem->steps > 0)
      memset(row, 0, bytes);
    return sums;
  }
  const newton_desk s = newton_take_desk(scratch, problem->padded, count);
  double alpha = 0;
  memset(s.x, 0, (size_t)problem->padded * sizeof(real));
  memcpy(s.x, row, bytes);
  const bool can_move = problem->steps > 0 && newton_scale(problem, sum_of(count, a), &s);
  for (int step = 0; can_move && step < problem->steps; step++) {
    newton_look(problem, count, a, index, true, &s);
    if (step == 0 && problem->want_violation)
      sums.violation = newton_violation(problem, &s);
    const newton_free f = choose_free(problem, &s);
    newton_matrix(problem, &f, count, index, &s);
    solve_model(&f, &s);
    spread_step(problem, &s);
    alpha = step_length(problem, &f, count, a, index, &s);
    newton_move(problem->components, (real)alpha, &s);
  }
  if (!can_move)
    newton_look(problem, count, a, index, false, &s);
  if (alpha == 0)
    memset(s.change, 0, (size_t)count * sizeof(real));
  if (problem->want_loss)
    sums.loss = newton_loss(problem, count, a, (real)alpha, &s);
  if (can_move)
    memcpy(row, s.x, bytes);
  return sums;
}

/* --- Cells taken out --------------------------------------------------------------------------------------- */

static void newton_sum_rows(const newton_problem *problem, int64_t count, const int32_t *index, double *restrict sums) {
  const int64_t padded = problem->padded;
  memset(sums, 0, (size_t)padded * sizeof *sums);
  for (int64_t e = 0; e < count; e++) {
    const real *row = fixed_row(problem, index[e]);
    for (int64_t t = 0; t < padded; t++)
      sums[t] += (double)row[t];
  }
}

/* Of a cell with the value a, which may be 0. */
TEMPLATE double divergence_of_cell(double a, double p, double floor) {
  return a > 0 ? a * log(a / (p < floor ? floor : p)) - a + p : p;
}

static void newton_look_at_held(const newton_problem *problem, int64_t count, const void *values, const int32_t *index,
                                const void *row, void *scratch, newton_sums *sums) {
  const real *a = values;
  const newton_desk s = newton_take_desk(scratch, problem->padded, 0);
  real p[CHUNK];
  memset(s.x, 0, (size_t)problem->padded * sizeof(real));
  memcpy(s.x, row, (size_t)problem->components * sizeof(real));
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    dot_rows(problem, some, index + begin, s.x, p);
    for (int64_t e = 0; e < some; e++) {
      const double value = (double)a[begin + e];
      const double rest = value - (double)p[e];
      if (value >= 0) { /* no NaN */
        sums->held_squares += rest * rest;
        sums->held_loss += divergence_of_cell(value, (double)p[e], problem->floor);
      }
    }
  }
}

static int64_t newton_pack(int64_t count, const void *from, int64_t stride, const int32_t *index, void *values,
                           int32_t *places) {
  const real *a = from;
  real *to = values;
  int64_t packed = 0;
  for (int64_t i = 0; i < count; i++) {
    to[packed] = a[i * stride];
    places[packed] = index ? index[i] : (int32_t)i;
    packed += a[i * stride] > 0;
  }
  return packed;
}

const newton_kernel VARIANT(dnmf_newton_kernel) = {.step = STEP,
                                                   .scratch_bytes = newton_scratch_bytes,
                                                   .pack = newton_pack,
                                                   .update = newton_update_row,
                                                   .sum_rows = newton_sum_rows,
                                                   .look_at_held = newton_look_at_held};
