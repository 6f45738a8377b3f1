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
 */
#include "solve/bpp.h"

#include "dnmf/memory.h"
#include "solve/lapack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Smallest squared pivot of the unit-diagonal matrix taken for positive definite, and the least damping used
 * below it: well above the rounding of a Gram matrix for hundreds of components, well below what a fit can
 * resolve. */
static const double NEARLY_SINGULAR[DNMF_PRECISIONS] = {[DNMF_DOUBLE] = 1e-10, [DNMF_SINGLE] = 1e-6};

void *dnmf_arena_take(dnmf_arena *arena, size_t count, size_t size) {
  void *piece = arena->base ? arena->base + arena->used : NULL;
  arena->used += (count * size + 63) / 64 * 64;
  return piece;
}

typedef struct workspace {
  double *scaled;
  double *scale;
  double *factor;
  uint64_t *alive;
} workspace;

static workspace layout(int components, int stride, dnmf_arena *arena) {
  size_t n = (size_t)components;
  workspace w;
  w.scaled = dnmf_arena_take(arena, n * (size_t)stride, sizeof(double));
  w.scale = dnmf_arena_take(arena, (size_t)stride, sizeof(double));
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
    w->scale[t] = diagonal > 0 ? 1 / sqrt(diagonal) : 1;
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

static int stride_of(int components) {
  return (components + DNMF_BPP_LANES - 1) / DNMF_BPP_LANES * DNMF_BPP_LANES;
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
  for (int t = 0; t < n; t++)
    if (is_alive(&w, t))
      w.scaled[(int64_t)t * stride + t] += problem->damping;
  problem->stride = stride;
  problem->scaled = w.scaled;
  problem->scale = w.scale;
  problem->alive = w.alive;
  problem->max_rounds = 50 + 5 * n;
  return DNMF_OK;
}
