/*
 * bpp: the exact minimizer of each row by block principal pivoting (Kim & Park, SIAM J. Sci. Comput. 2011).
 *
 * A guess at the passive set (the components that may be positive) gives x by a linear system and the gradient
 * elsewhere; both without a negative value is the optimality condition, and components that fail it change
 * sides. The guess is what is positive after a step along the gradient from the row as it came, which late in a fit is
 * nearly always right. The system is solved on the passive set or, with the inverse, on its complement: the gradient
 * there, which gives x elsewhere. Rows with systems of like sizes are solved side by side, in the lanes of vectors.
 *
 * Rows not settled after max_rounds (rounding can make the exchanges of a degenerate row cycle) get a fixed
 * number of coordinate sweeps from their old values, which cannot increase the objective.
 */
#include "solve/bpp.h"

#include "base/vector.h"

#include <string.h>

/* A tile is large enough that its rows fill vectors with systems of like sizes, and small enough to stay in cache. */
enum { TILE_ROWS = DNMF_SOLVER_STEP, LANES = VECTOR_BYTES / (int)sizeof(double), AT_ONCE = 24, SWEEPS = 100 };

/* A gradient this far below 0, relative to the row's largest product, is rounding. */
static const double FEASIBLE = 1e-12;

typedef struct bpp_tile {
  const dnmf_row_problem *problem;
  real *x;
  const real *products;
  dnmf_passive_sets sets;
  double *target;  /* rows x stride, in scaled variables: S (b - l1) + damping x before, then zeros */
  double *inverse; /* rows x stride: -inverse target; valid where `has_inverse` */
  bool *has_inverse;
  double *rounding; /* rows: the least gradient that counts as 0 */
  double lowered;   /* the objective, by the rows so far, where that is wanted */

  /* The rows at hand. */
  int *members;     /* LANES lists */
  double *work;     /* of a solve */
  double *solution; /* components x LANES */
  double *other;    /* 2 AT_ONCE x stride */
  uint64_t *below;  /* words x LANES: bit m of a lane for its m-th member */
  uint64_t *set;    /* of one row */
  uint64_t *infeasible;
} bpp_tile;

static size_t layout(bpp_tile *tile, int rows, int components, void *scratch) {
  const size_t n = (size_t)dnmf_lanes_round_up(components, DNMF_LANES_BLOCK);
  const size_t stride = (size_t)dnmf_lanes_round_up(components, DNMF_LANES_UNIT);
  dnmf_arena arena = {scratch, 0};
  dnmf_passive_sets_layout(&tile->sets, rows, components, &arena);
  tile->target = dnmf_arena_take(&arena, (size_t)rows * stride, sizeof(double));
  tile->inverse = dnmf_arena_take(&arena, (size_t)rows * stride, sizeof(double));
  tile->has_inverse = dnmf_arena_take(&arena, (size_t)rows, sizeof(bool));
  tile->rounding = dnmf_arena_take(&arena, (size_t)rows, sizeof(double));
  tile->members = dnmf_arena_take(&arena, LANES * n, sizeof(int));
  tile->work = dnmf_arena_take(&arena, dnmf_lanes_work_doubles(components), sizeof(double));
  tile->solution = dnmf_arena_take(&arena, LANES * n, sizeof(double));
  tile->other = dnmf_arena_take(&arena, (size_t)(2 * AT_ONCE) * stride, sizeof(double));
  tile->below = dnmf_arena_take(&arena, LANES * (size_t)tile->sets.words, sizeof(uint64_t));
  tile->set = dnmf_arena_take(&arena, (size_t)tile->sets.words, sizeof(uint64_t));
  tile->infeasible = dnmf_arena_take(&arena, (size_t)tile->sets.words, sizeof(uint64_t));
  return arena.used;
}

static size_t bpp_scratch_bytes(int components) {
  bpp_tile tile;
  return layout(&tile, TILE_ROWS, components, NULL);
}

/* Bits of the first `count` <= 64 values, rounded up to a unit, that are below the limit. */
static uint64_t bits_below(const double *values, double limit, int count) {
  uint64_t part[DNMF_LANES_UNIT] = {0};
  uint64_t bits = 0;
  for (int t = 0; t < count; t += DNMF_LANES_UNIT)
#pragma omp simd
    for (int i = 0; i < DNMF_LANES_UNIT; i++)
      part[i] |= (uint64_t)(values[t + i] < limit) << t;
  for (int i = 0; i < DNMF_LANES_UNIT; i++)
    bits |= part[i] << i;
  return bits;
}

/* A mask's word of these bits. */
static uint64_t word_below(const dnmf_row_problem *p, int word, const double *values, double limit) {
  const int count = p->components - 64 * word;
  return bits_below(values + (ptrdiff_t)64 * word, limit, count < 64 ? count : 64) & p->alive[word];
}

/* The row's target, and the row itself in scaled variables. */
static void load_row(bpp_tile *tile, int row, double *restrict scaled) {
  const dnmf_row_problem *p = tile->problem;
  const real *restrict x = tile->x + (int64_t)row * p->components;
  const real *restrict b = tile->products + (int64_t)row * p->components;
  double *restrict target = tile->target + (int64_t)row * p->scaled.stride;
  double largest = 0;
#pragma omp simd reduction(max : largest)
  for (int t = 0; t < p->components; t++) {
    scaled[t] = (double)x[t] * p->unscale[t];
    target[t] = ((double)b[t] - p->l1) * p->scale[t] + p->damping * scaled[t];
    double size = target[t] < 0 ? -target[t] : target[t];
    largest = size > largest ? size : largest;
  }
  for (int t = p->components; t < p->scaled.stride; t++)
    scaled[t] = target[t] = 0;
  tile->rounding[row] = FEASIBLE * largest;
  tile->has_inverse[row] = false;
}

/* The objective x'Gx / 2 - target'x of a row as it came, in scaled variables; `product` is the matrix's with it. */
static double value_before(const bpp_tile *tile, int row, const double *restrict scaled,
                           const double *restrict product) {
  const dnmf_row_problem *p = tile->problem;
  const double *restrict target = tile->target + (int64_t)row * p->scaled.stride;
  double value = 0;
#pragma omp simd reduction(+ : value)
  for (int t = 0; t < p->components; t++)
    value += scaled[t] * (product[t] / 2 - target[t]);
  return value;
}

/* Sum of |projected gradient| of the row as it came, which is `scaled` in scaled variables; `product`, the matrix's
 * product with that, becomes what a step along the gradient leaves below 0: the guess. */
static double guess_passive_set(bpp_tile *tile, int row, const double *restrict scaled, double *restrict product) {
  const dnmf_row_problem *p = tile->problem;
  const double *restrict target = tile->target + (int64_t)row * p->scaled.stride;
  uint64_t *passive = tile->sets.passive + (int64_t)row * tile->sets.words;
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (int t = 0; t < p->components; t++) {
    double gradient = product[t] - target[t];
    double counted = gradient < 0 ? -gradient : (scaled[t] > 0 ? gradient : 0);
    total += counted * p->unscale[t];
    product[t] = gradient - scaled[t];
  }
  for (int w = 0; w < tile->sets.words; w++)
    passive[w] = word_below(p, w, product, 0);
  return total;
}

/* Returns the sum of |projected gradient| at the rows as they came. */
static double start(bpp_tile *tile, int rows) {
  const dnmf_row_problem *p = tile->problem;
  const double *from[AT_ONCE];
  double *to[AT_ONCE];
  double total = 0;
  for (int i = 0; i < AT_ONCE; i++) {
    from[i] = tile->other + (int64_t)i * p->scaled.stride;
    to[i] = tile->other + (int64_t)(AT_ONCE + i) * p->scaled.stride;
  }
  for (int begin = 0; begin < rows; begin += AT_ONCE) {
    int count = rows - begin < AT_ONCE ? rows - begin : AT_ONCE;
    for (int i = 0; i < count; i++)
      load_row(tile, begin + i, tile->other + (int64_t)i * p->scaled.stride);
    VARIANT(dnmf_lanes_kernel).multiply(&p->scaled, 1, count, from, to);
    for (int i = 0; i < count; i++) {
      if (p->want_decrease)
        tile->lowered += value_before(tile, begin + i, from[i], to[i]);
      total += guess_passive_set(tile, begin + i, from[i], to[i]);
    }
  }
  dnmf_passive_sets_start(&tile->sets, rows);
  return total;
}

/* Products with the inverse for those of the rows that lack them. */
static void apply_inverse(bpp_tile *tile, int count, const int *rows) {
  const dnmf_row_problem *p = tile->problem;
  const double *from[AT_ONCE];
  double *to[AT_ONCE];
  for (int i = 0; i < count;) {
    int found = 0;
    for (; i < count && found < AT_ONCE; i++)
      if (!tile->has_inverse[rows[i]]) {
        from[found] = tile->target + (int64_t)rows[i] * p->inverse.stride;
        to[found++] = tile->inverse + (int64_t)rows[i] * p->inverse.stride;
        tile->has_inverse[rows[i]] = true;
      }
    VARIANT(dnmf_lanes_kernel).multiply(&p->inverse, -1, found, from, to);
  }
}

/* A row's passive set, or its complement. */
static const uint64_t *set_of(bpp_tile *tile, int row, bool complement) {
  const uint64_t *passive = tile->sets.passive + (int64_t)row * tile->sets.words;
  for (int w = 0; w < tile->sets.words && complement; w++)
    tile->set[w] = tile->problem->alive[w] & ~passive[w];
  return complement ? tile->set : passive;
}

/* Of every lane, the bits of the members whose values are below the lane's limit: words x LANES. */
static void find_members_below(bpp_tile *tile, int size, const double limit[LANES]) {
  for (int begin = 0; begin < size; begin += 64) {
    uint64_t bits[LANES] = {0};
    const double *values = tile->solution + (int64_t)begin * LANES;
    for (int m = 0; m < 64 && begin + m < size; m++)
#pragma omp simd
      for (int i = 0; i < LANES; i++)
        bits[i] |= (uint64_t)(values[m * LANES + i] < limit[i]) << m;
    for (int i = 0; i < LANES; i++)
      tile->below[begin / 64 * LANES + i] = bits[i];
  }
}

/* Marks the components that have to change sides: members with a value below the limit, and others with a value of the
 * other kind below theirs. False when there are none. */
static bool find_infeasible(bpp_tile *tile, int lane, const uint64_t *set, int size, const int *members, double limit) {
  uint64_t any = 0;
  for (int w = 0; w < tile->sets.words; w++)
    any |= tile->infeasible[w] = word_below(tile->problem, w, tile->other, limit) & ~set[w];
  for (int begin = 0; begin < size; begin += 64) {
    uint64_t left = tile->below[begin / 64 * LANES + lane];
    if (size - begin < 64)
      left &= (UINT64_C(1) << (size - begin)) - 1;
    any |= left;
    for (; left; left &= left - 1) {
      int t = members[begin + __builtin_ctzll(left)];
      tile->infeasible[t / 64] |= UINT64_C(1) << (t % 64);
    }
  }
  return any != 0;
}

/* What a component adds to the objective of an exact solution, -target'x / 2, less what the damping does. */
static double component_value(const bpp_tile *tile, int row, int t, double value) {
  const dnmf_row_problem *p = tile->problem;
  const double moved = value - (double)tile->x[(int64_t)row * p->components + t] * p->unscale[t];
  return -(tile->target[(int64_t)row * p->scaled.stride + t] * value + p->damping * moved * moved) / 2;
}

/* The objective of a row that is about to be written (settle). */
static double value_after(const bpp_tile *tile, int row, bool complement, int size, const int *members,
                          const double *values) {
  double value = 0;
  for (int t = 0; t < tile->problem->components; t++)
    value += component_value(tile, row, t, complement ? tile->other[t] : 0);
  for (int m = 0; m < size; m++) {
    const int t = members[m];
    value += complement ? component_value(tile, row, t, 0) - component_value(tile, row, t, tile->other[t])
                        : component_value(tile, row, t, values[(int64_t)m * LANES]) - component_value(tile, row, t, 0);
  }
  return value;
}

/* Writes the row that a system on its passive set or, as `other`, on the complement has given. */
static void settle(bpp_tile *tile, int row, bool complement, int size, const int *members, const double *values) {
  const dnmf_row_problem *p = tile->problem;
  real *x = tile->x + (int64_t)row * p->components;
  if (p->want_decrease)
    tile->lowered -= value_after(tile, row, complement, size, members, values);
  for (int t = 0; t < p->components; t++)
    x[t] = complement ? (real)(tile->other[t] * p->scale[t]) : 0;
  for (int m = 0; m < size; m++)
    x[members[m]] = complement ? 0 : (real)(values[(int64_t)m * LANES] * p->scale[members[m]]);
}

/* Solves up to LANES rows; each is finished or exchanges components for the next round. */
static bool solve_rows(bpp_tile *tile, bool complement, int count, const int *rows) {
  const dnmf_row_problem *p = tile->problem;
  const dnmf_lane_matrix *matrix = complement ? &p->inverse : &p->scaled;
  const int stride = dnmf_lanes_round_up(p->components, DNMF_LANES_BLOCK);
  dnmf_lane_systems systems = {.matrix = matrix};
  int size[LANES] = {0};
  double limit[LANES] = {0};
  for (int i = 0; i < LANES; i++) {
    int *members = tile->members + (int64_t)i * stride;
    if (i < count) {
      size[i] = dnmf_bpp_members(tile->sets.words, set_of(tile, rows[i], complement), members);
      limit[i] = complement ? -tile->rounding[rows[i]] : 0;
      systems.target[i] = (complement ? tile->inverse : tile->target) + (int64_t)rows[i] * matrix->stride;
    }
    systems.members[i] = members;
    systems.size = size[i] > systems.size ? size[i] : systems.size;
  }
  systems.size = dnmf_lanes_round_up(systems.size, DNMF_LANES_BLOCK);
  for (int i = 0; i < LANES; i++)
    for (int m = size[i]; m < systems.size; m++)
      tile->members[(int64_t)i * stride + m] = p->components;
  if (!VARIANT(dnmf_lanes_kernel).solve(&systems, tile->work, tile->solution))
    return false;
  find_members_below(tile, systems.size, limit);
  for (int i = 0; i < count; i++) {
    const int *members = systems.members[i];
    const double *values = tile->solution + i;
    VARIANT(dnmf_lanes_kernel).combine(matrix, size[i], members, values, systems.target[i], tile->other);
    if (find_infeasible(tile, i, set_of(tile, rows[i], complement), size[i], members,
                        complement ? 0 : -tile->rounding[rows[i]]))
      dnmf_bpp_exchange(&tile->sets, rows[i], tile->infeasible);
    else
      settle(tile, rows[i], complement, size[i], members, values);
  }
  return true;
}

static bool solve_round(bpp_tile *tile) {
  dnmf_passive_sets *sets = &tile->sets;
  dnmf_bpp_arrange(sets, tile->problem->alive, tile->problem->inverse.entries != NULL);
  const int inside = sets->complement_begin;
  bool definite = true;
  apply_inverse(tile, sets->arranged_count - inside, sets->arranged + inside);
  for (int i = 0; i < sets->arranged_count && definite;) {
    const bool complement = i >= inside;
    const int left = (complement ? sets->arranged_count : inside) - i;
    const int count = left < LANES ? left : LANES;
    definite = solve_rows(tile, complement, count, sets->arranged + i);
    i += count;
  }
  return definite;
}

/* Coordinate descent on one row, from its old values. */
static void bpp_sweep_row(bpp_tile *tile, int row) {
  const dnmf_row_problem *p = tile->problem;
  const double *target = tile->target + (int64_t)row * p->scaled.stride;
  real *x_row = tile->x + (int64_t)row * p->components;
  double *x = tile->other;
  for (int t = 0; t < p->components; t++)
    x[t] = p->alive[t / 64] >> (t % 64) & 1 ? (double)x_row[t] * p->unscale[t] : 0;
  for (int done = 0; done < SWEEPS; done++)
    for (int t = 0; t < p->components; t++) {
      const double *gram = p->scaled.entries + (int64_t)t * p->scaled.stride;
      double gradient = -target[t];
      for (int s = 0; s < p->components; s++)
        gradient += gram[s] * x[s];
      double moved = gram[t] > 0 ? x[t] - gradient / gram[t] : 0;
      x[t] = moved > 0 ? moved : 0;
    }
  for (int t = 0; t < p->components; t++) {
    const double *gram = p->scaled.entries + (int64_t)t * p->scaled.stride;
    double gradient = -2 * target[t];
    for (int s = 0; s < p->components && p->want_decrease; s++)
      gradient += gram[s] * x[s];
    const double moved = x[t] - (double)x_row[t] * p->unscale[t];
    tile->lowered -= (x[t] * gradient - p->damping * moved * moved) / 2;
    x_row[t] = (real)(x[t] * p->scale[t]);
  }
}

static bool bpp_update_rows(const dnmf_row_problem *problem, int64_t row_count, void *x, const void *products,
                            void *scratch, dnmf_row_sums *sums) {
  const int rows = (int)row_count; /* at most TILE_ROWS */
  bpp_tile tile = {.problem = problem, .x = x, .products = products};
  layout(&tile, rows, problem->components, scratch);
  double before = start(&tile, rows);
  if (sums)
    sums->violation += before;
  for (int round = 0; round < problem->max_rounds && tile.sets.pending_count > 0; round++)
    if (!solve_round(&tile))
      return false;
  for (int i = 0; i < tile.sets.pending_count; i++)
    bpp_sweep_row(&tile, tile.sets.pending[i]);
  if (sums)
    sums->decrease.all += tile.lowered;
  return true;
}

const dnmf_row_kernel VARIANT(dnmf_bpp_kernel) = {TILE_ROWS, bpp_scratch_bytes, bpp_update_rows};
