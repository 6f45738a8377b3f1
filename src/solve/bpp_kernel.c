/*
 * bpp: the exact minimizer of each row by block principal pivoting (Kim & Park, SIAM J. Sci. Comput. 2011).
 *
 * A guess at the passive set (the components that may be positive) gives x by a linear system and the gradient
 * elsewhere; both without a negative value is the optimality condition, and components that fail it change
 * sides. The guess starts from the positive entries of the row as it came, which late in a fit is nearly
 * always right. In every round rows with equal sets share one Cholesky factorization.
 *
 * Rows not settled after max_rounds (rounding can make the exchanges of a degenerate row cycle) get a fixed
 * number of coordinate sweeps from their old values, which cannot increase the objective.
 */
#include "solve/bpp.h"
#include "solve/lapack.h"

#include <string.h>

/* A tile is large so that many rows share a factorization; a batch is what is solved at a time, small so that
 * it stays in cache. */
enum { TILE_ROWS = 4096, BATCH = 32, SWEEPS = 100 };

/* A gradient this far below 0, relative to the row's largest product, is rounding. */
static const double FEASIBLE = 1e-12;

typedef struct bpp_tile {
  const dnmf_row_problem *problem;
  real *x;
  const real *products;
  dnmf_passive_sets sets;

  /* The group at hand. */
  double *factor; /* Cholesky factor, size x size, column-major lower */
  int *members;   /* its passive set as a list */
  int size;

  /* The batch at hand; all in scaled variables. */
  double *target;   /* BATCH x stride: S (b - l1) + damping x before, then zeros */
  double *solution; /* BATCH x size: right-hand sides, then passive entries of x */
  double *gradient; /* stride */
  uint64_t *infeasible;
} bpp_tile;

static size_t layout(bpp_tile *tile, int rows, int components, void *scratch) {
  size_t n = (size_t)components;
  size_t stride = (n + DNMF_BPP_LANES - 1) / DNMF_BPP_LANES * DNMF_BPP_LANES;
  dnmf_arena arena = {scratch, 0};
  dnmf_passive_sets_layout(&tile->sets, rows, components, &arena);
  tile->factor = dnmf_arena_take(&arena, n * n, sizeof(double));
  tile->members = dnmf_arena_take(&arena, n, sizeof(int));
  tile->target = dnmf_arena_take(&arena, BATCH * stride, sizeof(double));
  tile->solution = dnmf_arena_take(&arena, BATCH * n, sizeof(double));
  tile->gradient = dnmf_arena_take(&arena, stride, sizeof(double));
  tile->infeasible = dnmf_arena_take(&arena, (size_t)tile->sets.words, sizeof(uint64_t));
  return arena.used;
}

static size_t scratch_bytes(int components) {
  bpp_tile tile;
  return layout(&tile, TILE_ROWS, components, NULL);
}

static void load_target(const dnmf_row_problem *p, const real *x, const real *b, double *restrict target) {
  for (int t = 0; t < p->components; t++)
    target[t] = ((double)b[t] - p->l1) * p->scale[t] + p->damping * ((double)x[t] / p->scale[t]);
  for (int t = p->components; t < p->stride; t++)
    target[t] = 0;
}

/* gradient = scaled gram x - target, with x given by its `size` entries at `members`. */
static void find_gradient(const dnmf_row_problem *p, int size, const int *members, const double *x,
                          const double *target, double *restrict gradient) {
  for (int begin = 0; begin < p->stride; begin += DNMF_BPP_LANES) {
    double sum[DNMF_BPP_LANES];
    for (int i = 0; i < DNMF_BPP_LANES; i++)
      sum[i] = -target[begin + i];
    for (int m = 0; m < size; m++) {
      const double *gram = p->scaled + (int64_t)members[m] * p->stride + begin;
#pragma omp simd
      for (int i = 0; i < DNMF_BPP_LANES; i++)
        sum[i] += x[m] * gram[i];
    }
    for (int i = 0; i < DNMF_BPP_LANES; i++)
      gradient[begin + i] = sum[i];
  }
}

/* Sum of |projected gradient| at the rows as they came. */
static double total_violation(bpp_tile *tile, int64_t rows) {
  const dnmf_row_problem *p = tile->problem;
  double total = 0;
  for (int64_t row = 0; row < rows; row++) {
    const real *x = tile->x + row * p->components;
    int size = 0;
    for (int t = 0; t < p->components; t++)
      if (x[t] > 0) {
        tile->members[size] = t;
        tile->solution[size++] = (double)x[t] / p->scale[t];
      }
    load_target(p, x, tile->products + row * p->components, tile->target);
    find_gradient(p, size, tile->members, tile->solution, tile->target, tile->gradient);
    for (int t = 0; t < p->components; t++) {
      double gradient = tile->gradient[t] / p->scale[t];
      total += gradient < 0 ? -gradient : (x[t] > 0 ? gradient : 0);
    }
  }
  return total;
}

static void guess_passive_sets(bpp_tile *tile, int rows) {
  const dnmf_row_problem *p = tile->problem;
  const int words = tile->sets.words;
  memset(tile->sets.passive, 0, (size_t)rows * (size_t)words * sizeof(uint64_t));
  for (int row = 0; row < rows; row++) {
    uint64_t *passive = tile->sets.passive + (int64_t)row * words;
    const real *x = tile->x + (int64_t)row * p->components;
    for (int t = 0; t < p->components; t++)
      passive[t / 64] |= (uint64_t)(x[t] > 0) << (t % 64);
    for (int w = 0; w < words; w++)
      passive[w] &= p->alive[w];
  }
}

static int factorize(bpp_tile *tile, int first) {
  const dnmf_row_problem *p = tile->problem;
  const int words = tile->sets.words;
  int info = 0;
  tile->size = dnmf_bpp_members(words, tile->sets.passive + (int64_t)first * words, tile->members);
  for (int j = 0; j < tile->size; j++) {
    const double *gram = p->scaled + (int64_t)tile->members[j] * p->stride;
    for (int i = j; i < tile->size; i++)
      tile->factor[(int64_t)j * tile->size + i] = gram[tile->members[i]];
  }
  if (tile->size > 0)
    dpotrf_("L", &tile->size, tile->factor, &tile->size, &info, 1);
  return info;
}

static int solve_batch(bpp_tile *tile, int count, const int *rows) {
  const dnmf_row_problem *p = tile->problem;
  int info = 0;
  for (int i = 0; i < count; i++) {
    int64_t at = (int64_t)rows[i] * p->components;
    double *target = tile->target + (int64_t)i * p->stride;
    load_target(p, tile->x + at, tile->products + at, target);
    for (int m = 0; m < tile->size; m++)
      tile->solution[(int64_t)i * tile->size + m] = target[tile->members[m]];
  }
  if (tile->size > 0)
    dpotrs_("L", &tile->size, &count, tile->factor, &tile->size, tile->solution, &tile->size, &info, 1);
  return info;
}

/* Marks the components of the solved row that have to change sides; false when there are none. */
static bool find_infeasible(bpp_tile *tile, const uint64_t *passive, const double *target, const double *x) {
  const dnmf_row_problem *p = tile->problem;
  double largest = 0;
  bool any = false;
  for (int t = 0; t < p->components; t++) {
    double size = target[t] < 0 ? -target[t] : target[t];
    largest = size > largest ? size : largest;
  }
  for (int w = 0; w < tile->sets.words; w++)
    tile->infeasible[w] = 0;
  for (int t = 0; t < p->components; t++)
    tile->infeasible[t / 64] |= (uint64_t)(tile->gradient[t] < -FEASIBLE * largest) << (t % 64);
  for (int w = 0; w < tile->sets.words; w++)
    tile->infeasible[w] &= p->alive[w] & ~passive[w];
  for (int m = 0; m < tile->size; m++)
    tile->infeasible[tile->members[m] / 64] |= (uint64_t)(x[m] < 0) << (tile->members[m] % 64);
  for (int w = 0; w < tile->sets.words; w++)
    any = any || tile->infeasible[w];
  return any;
}

/* The solved rows are finished or exchange components for the next round. */
static void judge_batch(bpp_tile *tile, int count, const int *rows) {
  const dnmf_row_problem *p = tile->problem;
  for (int i = 0; i < count; i++) {
    const double *target = tile->target + (int64_t)i * p->stride;
    const double *solution = tile->solution + (int64_t)i * tile->size;
    const uint64_t *passive = tile->sets.passive + (int64_t)rows[i] * tile->sets.words;
    find_gradient(p, tile->size, tile->members, solution, target, tile->gradient);
    if (find_infeasible(tile, passive, target, solution)) {
      dnmf_bpp_exchange(&tile->sets, rows[i], tile->infeasible);
    } else {
      real *x = tile->x + (int64_t)rows[i] * p->components;
      memset(x, 0, (size_t)p->components * sizeof *x);
      for (int m = 0; m < tile->size; m++)
        x[tile->members[m]] = (real)(solution[m] * p->scale[tile->members[m]]);
    }
  }
}

static int solve_group(bpp_tile *tile, int first) {
  int info = factorize(tile, first);
  for (int row = first; row >= 0 && info == 0;) {
    int rows[BATCH];
    int count = 0;
    for (; row >= 0 && count < BATCH; row = tile->sets.next[row])
      rows[count++] = row;
    info = solve_batch(tile, count, rows);
    if (info == 0)
      judge_batch(tile, count, rows);
  }
  return info;
}

/* Coordinate descent on one row, from its old values. */
static void sweep(bpp_tile *tile, int row) {
  const dnmf_row_problem *p = tile->problem;
  real *x_row = tile->x + (int64_t)row * p->components;
  double *x = tile->solution;
  load_target(p, x_row, tile->products + (int64_t)row * p->components, tile->target);
  for (int t = 0; t < p->components; t++)
    x[t] = p->alive[t / 64] >> (t % 64) & 1 ? (double)x_row[t] / p->scale[t] : 0;
  for (int done = 0; done < SWEEPS; done++)
    for (int t = 0; t < p->components; t++) {
      const double *gram = p->scaled + (int64_t)t * p->stride;
      double gradient = -tile->target[t];
      for (int s = 0; s < p->components; s++)
        gradient += gram[s] * x[s];
      double moved = gram[t] > 0 ? x[t] - gradient / gram[t] : 0;
      x[t] = moved > 0 ? moved : 0;
    }
  for (int t = 0; t < p->components; t++)
    x_row[t] = (real)(x[t] * p->scale[t]);
}

static int update(const dnmf_row_problem *problem, int64_t row_count, void *x, const void *products, void *scratch,
                  double *violation) {
  const int rows = (int)row_count; /* at most TILE_ROWS */
  int info = 0;
  bpp_tile tile = {.problem = problem, .x = x, .products = products};
  layout(&tile, rows, problem->components, scratch);
  if (violation)
    *violation += total_violation(&tile, rows);
  guess_passive_sets(&tile, rows);
  dnmf_passive_sets_start(&tile.sets, rows);
  for (int round = 0; round < problem->max_rounds && tile.sets.pending_count > 0; round++) {
    dnmf_bpp_group(&tile.sets);
    for (int group = 0; group < tile.sets.group_count && info == 0; group++)
      info = solve_group(&tile, tile.sets.first[group]);
    if (info != 0)
      return info;
  }
  for (int i = 0; i < tile.sets.pending_count; i++)
    sweep(&tile, tile.sets.pending[i]);
  return 0;
}

const dnmf_row_kernel VARIANT(dnmf_bpp_kernel) = {TILE_ROWS, scratch_bytes, update};
