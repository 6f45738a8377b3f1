/*
 * Block principal pivoting: preparing a call. See bpp.h.
 *
 * The problem is scaled to a unit diagonal, so that tolerances mean the same for every component whatever the
 * scales of the factors. A component whose diagonal is 0 is dead: it has no part in the products either, and
 * gets the value 0.
 *
 * If the scaled matrix is nearly singular, minimizers are not unique and Cholesky of a passive set may fail.
 * Then the call minimizes objective + damping/2 |x - x before|^2 instead (scaled variables, so relative to each
 * diagonal entry): a proximal step. It has one minimizer, and the objective itself cannot increase. A
 * principal submatrix has pivots no smaller than the whole, so one test of the whole is enough. The Gram matrix
 * of a single-precision factor carries that precision's rounding, which can make it indefinite: the damping
 * grows until the damped matrix is definite.
 *
 * Far from that, the inverse K gives a row on the complement of its passive set. With w the gradient G x - b, the
 * conditions x >= 0, w >= 0, x w = 0 read x = K w + K b just as well: the same problem, of w, with the matrix K and
 * the products -K b, whose passive set is the complement of the row's own. Rounding comes back from there multiplied by
 * the square of K's size, so that this is done only where K is small.
 */
#include "solve/bpp.h"

#include "base/memory.h"
#include "solve/lapack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Smallest squared pivot of the unit-diagonal matrix taken for positive definite, and the least damping used
 * below it: well above the rounding of a Gram matrix for hundreds of components, well below what a fit can
 * resolve. */
static const double NEARLY_SINGULAR[DNMF_PRECISIONS] = {[DNMF_DOUBLE] = 1e-10, [DNMF_SINGLE] = 1e-6};

/* Largest row sum of the scaled matrix's inverse at which it is used: gradients come out within 1e-12 of the largest
 * product then, with 300 components and with most of them in the complement. */
static const double LARGEST_INVERSE = 100;

void *dnmf_arena_take(dnmf_arena *arena, size_t count, size_t size) {
  void *piece = arena->base ? arena->base + arena->used : NULL;
  arena->used += (count * size + 63) / 64 * 64;
  return piece;
}

typedef struct workspace {
  double *scaled;
  double *inverse;
  double *scale;
  double *unscale;
  double *factor;
  uint64_t *alive;
} workspace;

static workspace layout(int components, int stride, dnmf_arena *arena) {
  size_t n = (size_t)components;
  workspace w;
  w.scaled = dnmf_arena_take(arena, dnmf_lanes_matrix_doubles(components, stride), sizeof(double));
  w.inverse = dnmf_arena_take(arena, dnmf_lanes_matrix_doubles(components, stride), sizeof(double));
  w.scale = dnmf_arena_take(arena, (size_t)stride, sizeof(double));
  w.unscale = dnmf_arena_take(arena, (size_t)stride, sizeof(double));
  w.factor = dnmf_arena_take(arena, n * n, sizeof(double));
  w.alive = dnmf_arena_take(arena, (size_t)dnmf_bpp_words(components), sizeof(uint64_t));
  return w;
}

static bool is_alive(const workspace *w, int t) {
  return w->alive[t / 64] >> (t % 64) & 1;
}

static void scale_gram(const dnmf_update *update, int stride, const workspace *w) {
  const int n = update->components;
  for (int t = 0; t < n; t++) {
    double diagonal = update->gram[(int64_t)t * n + t] + update->l2;
    w->unscale[t] = diagonal > 0 ? sqrt(diagonal) : 1;
    w->scale[t] = 1 / w->unscale[t];
    if (diagonal > 0)
      w->alive[t / 64] |= UINT64_C(1) << (t % 64);
  }
  for (int t = 0; t < n; t++) {
    for (int s = 0; s < n; s++)
      if (is_alive(w, t) && is_alive(w, s))
        w->scaled[(int64_t)t * stride + s] = w->scale[t] * update->gram[(int64_t)t * n + s] * w->scale[s];
    if (is_alive(w, t))
      w->scaled[(int64_t)t * stride + t] = 1;
  }
}

/* Whether the scaled matrix with `damping` added has a squared pivot below `smallest`. */
static bool nearly_singular(int n, int stride, const workspace *w, double damping, double smallest) {
  int info = 0;
  for (int t = 0; t < n; t++) {
    memcpy(w->factor + (int64_t)t * n, w->scaled + (int64_t)t * stride, (size_t)n * sizeof(double));
    w->factor[(int64_t)t * n + t] = 1 + damping;
  }
  dpotrf_("L", &n, w->factor, &n, &info, 1);
  if (info != 0)
    return true;
  for (int t = 0; t < n; t++) {
    double pivot = w->factor[(int64_t)t * n + t];
    if (pivot * pivot < smallest)
      return true;
  }
  return false;
}

/* 0 for a matrix that needs none. With n added, a matrix with entries up to 1 is definite. */
static double find_damping(int n, int stride, const workspace *w, double smallest) {
  if (!nearly_singular(n, stride, w, 0, smallest))
    return 0;
  double damping = smallest;
  while (damping < n && nearly_singular(n, stride, w, damping, smallest / 2))
    damping *= 10;
  return damping;
}

static double row_sum_norm(int n, int stride, const double *matrix) {
  double largest = 0;
  for (int t = 0; t < n; t++) {
    double sum = 0;
    for (int s = 0; s < n; s++)
      sum += fabs(matrix[(int64_t)t * stride + s]);
    largest = sum > largest ? sum : largest;
  }
  return largest;
}

/* Gauss-Jordan elimination in place, a component at a time, of a positive definite matrix. Not by a library, which may
 * sum in another order with other threads. */
static void invert_in_place(int n, int stride, double *a) {
  for (int p = 0; p < n; p++) {
    double *restrict pivot_row = a + (int64_t)p * stride;
    const double inverted = 1 / pivot_row[p];
    for (int t = 0; t < n; t++)
      pivot_row[t] *= inverted;
    pivot_row[p] = inverted;
    for (int r = 0; r < n; r++) {
      double *restrict row = a + (int64_t)r * stride;
      const double factor = row[p];
      if (r == p || factor == 0)
        continue;
      row[p] = 0;
      for (int t = 0; t < n; t++)
        row[t] -= factor * pivot_row[t];
    }
  }
}

/* The inverse on the components alive of a matrix that is not nearly singular; false when it is not to be trusted. */
static bool invert(int n, int stride, const workspace *w) {
  memcpy(w->inverse, w->scaled, (size_t)n * (size_t)stride * sizeof(double));
  for (int t = 0; t < n; t++)
    if (!is_alive(w, t))
      w->inverse[(int64_t)t * stride + t] = 1;
  invert_in_place(n, stride, w->inverse);
  for (int t = 0; t < n; t++) {
    if (!is_alive(w, t))
      w->inverse[(int64_t)t * stride + t] = 0;
    for (int s = 0; s < t; s++) /* symmetric to the last bit */
      w->inverse[(int64_t)s * stride + t] = w->inverse[(int64_t)t * stride + s];
  }
  return row_sum_norm(n, stride, w->inverse) <= LARGEST_INVERSE;
}

static int stride_of(int components) {
  return dnmf_lanes_round_up(components, DNMF_LANES_UNIT);
}

double dnmf_bpp_prepare_bytes(int components) {
  dnmf_arena arena = {NULL, 0};
  layout(components, stride_of(components), &arena);
  return dnmf_allocated_bytes((double)arena.used, 1);
}

dnmf_status dnmf_bpp_prepare(const dnmf_update *update, dnmf_precision precision, dnmf_row_problem *problem,
                             void **memory, dnmf_error *error) {
  const int n = update->components;
  const int stride = stride_of(n);
  dnmf_arena arena = {NULL, 0};
  layout(n, stride, &arena);
  DNMF_TRY(dnmf_allocate_zero(error, "the scaled Gram matrix", (int64_t)arena.used, 1, memory));
  arena = (dnmf_arena){*memory, 0};
  workspace w = layout(n, stride, &arena);
  scale_gram(update, stride, &w);
  problem->damping = find_damping(n, stride, &w, NEARLY_SINGULAR[precision]);
  bool inverted = problem->damping == 0 && invert(n, stride, &w);
  for (int t = 0; t < n; t++)
    if (is_alive(&w, t))
      w.scaled[(int64_t)t * stride + t] += problem->damping;
  problem->scaled = (dnmf_lane_matrix){n, stride, w.scaled};
  problem->inverse = (dnmf_lane_matrix){n, stride, inverted ? w.inverse : NULL};
  problem->scale = w.scale;
  problem->unscale = w.unscale;
  problem->alive = w.alive;
  problem->max_rounds = 50 + 5 * n;
  return DNMF_OK;
}
