/*
 * What the kernels of Newton's method share: the model of a row, its minimum, and the length of a step; the method is
 * told in newton.h. Only for kernel files (base/variant.h).
 *
 * The matrix M is of the free components alone: those that are positive or want to be. Entries pass in chunks that stay
 * in the first-level cache: the free components of rows of the fixed factor are copied there, and M is summed from the
 * copies. It is symmetric: of each block of rows only the vectors from its first diagonal entry on are summed.
 */
#ifndef DNMF_NEWTON_ROW_H
#define DNMF_NEWTON_ROW_H

#include "newton_kernels.h"

#include "base/vector.h"
#include "base/vector_math.h"

#include <math.h>
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
  real *p;         /* of each entry */
  real *change;    /* of p by a whole step */
  real *weight;    /* a / p^2 of entries, then of those that M is summed over alone */
  int32_t *chosen; /* where those have their rows */
  real *x;         /* padded, as d and g */
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

/* A copy of a vector of free components may end in numbers that the next one takes the place of. */
static int64_t copied_numbers(int64_t padded) {
  return whole_lines(CHUNK * padded + VECTOR);
}

/* What a desk has of the free components, and its chunk of rows: numbers, and where they are from `at` on. Returns what
 * follows. */
static int64_t newton_model_numbers(int64_t padded) {
  return 7 * whole_lines(padded) + whole_lines(padded * padded) + 2 * copied_numbers(padded);
}

static real *newton_take_model(newton_desk *s, int64_t padded, real *at) {
  const int64_t line = whole_lines(padded);
  s->free_x = at;
  s->free_d = s->free_x + line;
  s->free_g = s->free_d + line;
  s->rest = s->free_g + line;
  s->inverse = s->rest + line;
  s->lanes = (lane_number *)(void *)(s->inverse + line);
  s->taken = s->lanes + line;
  s->m = s->inverse + 3 * line;
  s->rows = s->m + whole_lines(padded * padded);
  s->scaled = s->rows + copied_numbers(padded);
  return s->scaled + copied_numbers(padded);
}

/* The components whose step the model has: those of a problem of its own, `components` of them. */
typedef struct newton_free {
  int components;
  int64_t padded;
} newton_free;

/* A row of the fixed factor. */
TEMPLATE const real *fixed_row(const newton_problem *problem, int32_t index) {
  return (const real *)problem->fixed + index * problem->padded;
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

/* Sum of a log(p after a whole step / p). */
static double gain_of_logarithms(const newton_problem *problem, int64_t count, const real *a, const newton_desk *s) {
  const real floor = (real)problem->floor;
  double sum = 0;
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    const real *p = s->p + begin;
    const real *change = s->change + begin;
    real ratio[CHUNK];
#pragma omp simd
    for (int64_t e = 0; e < some; e++) {
      const real before = p[e] < floor ? floor : p[e];
      const real after = p[e] + change[e] < floor ? floor : p[e] + change[e];
      ratio[e] = after / before;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t e = 0; e < some; e++)
      sum += (double)(a[begin + e] * real_log(ratio[e]));
  }
  return sum;
}

/* Sum of a log(a / p) - a, p having changed by `alpha` times s->change. */
static double newton_loss(const newton_problem *problem, int64_t count, const real *values, real alpha,
                          const newton_desk *s) {
  const real floor = (real)problem->floor;
  double sum = 0;
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    const real *a = values + begin;
    const real *before = s->p + begin;
    const real *change = s->change + begin;
    real ratio[CHUNK]; /* a / p, of small ones a power of 2 times that, which is exact, and 1 of zeros */
#pragma omp simd
    for (int64_t e = 0; e < some; e++) {
      const real moved = before[e] + alpha * change[e];
      const real p = moved < floor ? floor : moved;
      const real scaled = a[e] * (a[e] < SMALL ? 1 / SMALL : 1);
      ratio[e] = (a[e] > 0 ? scaled : p) / p;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t e = 0; e < some; e++)
      sum += (double)a[e] * ((double)real_log(ratio[e]) + (a[e] < SMALL ? SMALL_LOG : 0)) - (double)a[e];
  }
  return sum;
}

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

/* The matrix of the free components, whole, from entries with their weights. */
static void newton_matrix(const newton_problem *problem, const newton_free *f, int64_t count, const int32_t *index,
                          const newton_desk *s) {
  const int64_t padded = f->padded;
  memset(s->m, 0, (size_t)(padded * padded) * sizeof(real));
  for (int64_t begin = 0; begin < count; begin += CHUNK) {
    const int64_t some = count - begin < CHUNK ? count - begin : CHUNK;
    copy_free_rows(problem, f, some, index + begin, s->weight + begin, s);
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

/* d from g and the entries that M is summed over; returns gamma, what the gradient promises of it. */
static double newton_direction(const newton_problem *problem, int64_t count, const int32_t *index,
                               const newton_desk *s) {
  const newton_free f = choose_free(problem, s);
  double gamma = 0;
  newton_matrix(problem, &f, count, index, s);
  solve_model(&f, s);
  spread_step(problem, s);
  for (int t = 0; t < f.components; t++)
    gamma -= (double)s->free_g[t] * (double)s->free_d[t];
  return gamma;
}

/* What a whole step makes of the entries, each of whose p loses the share r of itself: the largest r, d'M d with all of
 * them, which is sum a r^2, and sum a r^2 / (1 - r), where r > 0 counts alone below. */
typedef struct newton_reach {
  double rho;
  double kappa;
  double bound;
} newton_reach;

/* Adds entries. */
TEMPLATE void add_reach(real floor, int64_t count, const real *a, const real *p, const real *change,
                        newton_reach *reach) {
  real rho = 0;
  real kappa = 0;
  real bound = 0;
#pragma omp simd reduction(max : rho) reduction(+ : kappa, bound)
  for (int64_t e = 0; e < count; e++) {
    const real share = a[e] > 0 ? -change[e] / (p[e] < floor ? floor : p[e]) : 0;
    const real lost = share > 0 ? share : 0;
    const real square = a[e] * share * share;
    rho = lost > rho ? lost : rho;
    kappa += square;
    bound += square / (lost < (real)0.999 ? 1 - lost : (real)0.001);
  }
  reach->rho = (double)rho > reach->rho ? (double)rho : reach->rho;
  reach->kappa += (double)kappa;
  reach->bound += (double)bound;
}

/* How far to go along d; see newton.h. */
static double step_length(const newton_problem *problem, double gamma, newton_reach reach, int64_t count, const real *a,
                          const newton_desk *s) {
  double squares = 0;
  for (int t = 0; t < problem->components; t++)
    squares += problem->l2 * (double)s->d[t] * (double)s->d[t];
  if (!(gamma > 0))
    return 0;
  if (reach.rho < 0.999 && 0.5 * (reach.bound + squares) <= (1 - SHARE) * gamma)
    return 1;
  reach.kappa += squares;
  reach.rho = reach.rho < 1 ? reach.rho : 1;
  if (linear_change(problem, s) - gain_of_logarithms(problem, count, a, s) <= -SHARE * gamma)
    return 1;
  const double best = (1 - 1 / sqrt(1 + 2 * reach.rho * gamma / reach.kappa)) / reach.rho;
  return best < 1 ? best : 1;
}

static void newton_move(int components, real alpha, const newton_desk *s) {
  for (int t = 0; t < components; t++) {
    const real moved = s->x[t] + alpha * s->d[t];
    s->x[t] = moved > 0 ? moved : 0;
  }
}

static double sum_of(int64_t count, const real *a) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < count; e++)
    sum += (double)a[e];
  return sum;
}

#endif
