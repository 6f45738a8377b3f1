/*
 * Newton steps of rows of a dense matrix side by side: every entry takes part, zeros too, so that the sums over entries
 * are products of small blocks with the fixed factor, whose columns lie in pieces of PIECE entries one after another.
 * The matrix M of each row is summed as elsewhere, from entries that are not zero.
 */
#include "newton_row.h"

enum {
  ROWS = NEWTON_BLOCK_ROWS,
  PIECE = 16 * VECTOR,                           /* entries */
  TILE_VECTORS = VECTOR_REGISTERS == 32 ? 4 : 2, /* of a tile in registers */
};

/* A thread's scratch memory: a desk a row, which share what only one row needs at a time. */
typedef struct block_desk {
  newton_desk row[ROWS];
  vec *gradient; /* of each component those of all rows, lane by lane */
  double whole[ROWS];
} block_desk;

static int64_t piece_numbers(int64_t entries) {
  return (entries + PIECE - 1) / PIECE * PIECE;
}

static size_t block_scratch_bytes(int components, int64_t padded, int64_t entries) {
  const int64_t own = ROWS * (2 * piece_numbers(entries) + 3 * whole_lines(padded));
  const int64_t shared = piece_numbers(entries) + newton_model_numbers(padded);
  return (size_t)(own + shared + (int64_t)components * ROWS * VECTOR) * sizeof(real);
}

static block_desk block_take_desk(void *scratch, int components, int64_t padded, int64_t entries) {
  const int64_t line = whole_lines(padded);
  block_desk b;
  newton_desk s;
  real *at = scratch;
  b.gradient = (vec *)(void *)at;
  at += (int64_t)components * ROWS * VECTOR;
  s.weight = at;
  s.chosen = NULL;
  at = newton_take_model(&s, padded, s.weight + piece_numbers(entries));
  for (int64_t i = 0; i < ROWS; i++) {
    s.p = at;
    s.change = s.p + piece_numbers(entries);
    s.x = s.change + piece_numbers(entries);
    s.d = s.x + line;
    s.g = s.d + line;
    at = s.g + line;
    b.row[i] = s;
    b.whole[i] = 0;
  }
  return b;
}

static void block_turn(int64_t entries, int components, int64_t padded, const void *rows, void *turned) {
  const real *from = rows;
  real *to = turned;
  for (int64_t first = 0; first < entries; first += PIECE)
    for (int64_t t = 0; t < components; t++)
      for (int64_t e = first; e < first + PIECE; e++)
        *to++ = e < entries ? from[e * padded + t] : 0;
}

/* --- Sums over entries ------------------------------------------------------------------------------------- */

/* to[i] = x[i] . rows of a piece of the fixed factor, an entry each */
static void dot_piece(int components, const real *piece, const real *const x[ROWS], real *const to[ROWS]) {
  for (int64_t e = 0; e < PIECE; e += (int64_t)TILE_VECTORS * VECTOR) {
    vec sum[ROWS][TILE_VECTORS];
    const real *from = piece + e;
#pragma GCC unroll 4
    for (int64_t i = 0; i < ROWS; i++)
#pragma GCC unroll 4
      for (int64_t j = 0; j < TILE_VECTORS; j++)
        sum[i][j] = x[i][0] * vec_load(from + j * VECTOR);
    for (int64_t t = 1; t < components; t++) {
      from += PIECE;
#pragma GCC unroll 4
      for (int64_t i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int64_t j = 0; j < TILE_VECTORS; j++)
          sum[i][j] += x[i][t] * vec_load(from + j * VECTOR);
    }
#pragma GCC unroll 4
    for (int64_t i = 0; i < ROWS; i++)
#pragma GCC unroll 4
      for (int64_t j = 0; j < TILE_VECTORS; j++)
        vec_store(to[i] + e + j * VECTOR, sum[i][j]);
  }
}

/* gradient += of `width` components from the first of `piece` on: factors times their entries, lane by lane */
TEMPLATE void add_components(int width, const real *piece, real factors[ROWS][PIECE], vec *gradient) {
  vec sum[TILE_VECTORS][ROWS];
#pragma GCC unroll 4
  for (int64_t t = 0; t < width; t++)
#pragma GCC unroll 4
    for (int64_t i = 0; i < ROWS; i++)
      sum[t][i] = gradient[t * ROWS + i];
  for (int64_t e = 0; e < PIECE; e += VECTOR) {
#pragma GCC unroll 4
    for (int64_t t = 0; t < width; t++)
#pragma GCC unroll 4
      for (int64_t i = 0; i < ROWS; i++)
        sum[t][i] += vec_load(factors[i] + e) * vec_load(piece + t * PIECE + e);
  }
#pragma GCC unroll 4
  for (int64_t t = 0; t < width; t++)
#pragma GCC unroll 4
    for (int64_t i = 0; i < ROWS; i++)
      gradient[t * ROWS + i] = sum[t][i];
}

static void add_gradient_of_piece(int components, const real *piece, real factors[ROWS][PIECE], vec *gradient) {
  int64_t t = 0;
  for (; t + TILE_VECTORS <= components; t += TILE_VECTORS)
    add_components(TILE_VECTORS, piece + t * PIECE, factors, gradient + t * ROWS);
  for (; t < components; t++)
    add_components(1, piece + t * PIECE, factors, gradient + t * ROWS);
}

/* A row's values in a piece, those beyond the last as zeros, in `room` where there are such. */
static const real *values_of_piece(const real *a, int64_t first, int64_t entries, real room[PIECE]) {
  if (first + PIECE <= entries)
    return a + first;
  for (int64_t e = 0; e < PIECE; e++)
    room[e] = first + e < entries ? a[first + e] : 0;
  return room;
}

/* Factors of the gradient; returns the sum of the weights. */
static double factors_of_piece(real floor, const real *a, const real *p, real *restrict factors) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < PIECE; e++) {
    const real reciprocal = 1 / (p[e] < floor ? floor : p[e]);
    factors[e] = -a[e] * reciprocal;
    sum -= factors[e] * reciprocal;
  }
  return (double)sum;
}

/* p of every entry and the gradient of each row, with the sum of its weights. */
static void block_look(const newton_problem *problem, const real *const a[ROWS], block_desk *b) {
  const int64_t entries = problem->entries;
  const real *x[ROWS];
  real room[PIECE];
  real factors[ROWS][PIECE];
  memset(b->gradient, 0, (size_t)problem->components * ROWS * sizeof(vec));
  memset(b->whole, 0, sizeof b->whole);
  for (int64_t i = 0; i < ROWS; i++)
    x[i] = b->row[i].x;
  for (int64_t first = 0; first < entries; first += PIECE) {
    const real *piece = (const real *)problem->turned + first * problem->components;
    real *p[ROWS];
    for (int64_t i = 0; i < ROWS; i++)
      p[i] = b->row[i].p + first;
    dot_piece(problem->components, piece, x, p);
    for (int64_t i = 0; i < ROWS; i++)
      b->whole[i] +=
          factors_of_piece((real)problem->floor, values_of_piece(a[i], first, entries, room), p[i], factors[i]);
    add_gradient_of_piece(problem->components, piece, factors, b->gradient);
  }
  for (int64_t i = 0; i < ROWS; i++) {
    for (int64_t t = 0; t < problem->components; t++)
      b->row[i].g[t] = vec_sum(b->gradient[t * ROWS + i]);
    complete_gradient(problem, &b->row[i]);
  }
}

/* change = F d of every entry, and what of it counts. */
static void block_change(const newton_problem *problem, const real *const a[ROWS], const block_desk *b,
                         newton_reach reach[ROWS]) {
  const int64_t entries = problem->entries;
  const real *d[ROWS];
  real room[PIECE];
  for (int64_t i = 0; i < ROWS; i++) {
    d[i] = b->row[i].d;
    reach[i] = (newton_reach){0, 0, 0};
  }
  for (int64_t first = 0; first < entries; first += PIECE) {
    real *change[ROWS];
    for (int64_t i = 0; i < ROWS; i++)
      change[i] = b->row[i].change + first;
    dot_piece(problem->components, (const real *)problem->turned + first * problem->components, d, change);
    for (int64_t i = 0; i < ROWS; i++)
      add_reach((real)problem->floor, PIECE, values_of_piece(a[i], first, entries, room), b->row[i].p + first,
                change[i], &reach[i]);
  }
}

/* --- Rows -------------------------------------------------------------------------------------------------- */

/* d of a row, M summed over the listed entries; returns gamma. */
static double direction_of_row(const newton_problem *problem, const real *a, double whole, const newton_desk *s) {
  const real floor = (real)problem->floor;
  const real *p = s->p;
  real *weight = s->weight;
  const int32_t *list = problem->list;
  real part = 0;
#pragma omp simd reduction(+ : part)
  for (int64_t i = 0; i < problem->listed; i++) {
    const int32_t e = list[i];
    const real reciprocal = 1 / (p[e] < floor ? floor : p[e]);
    weight[i] = a[e] * reciprocal * reciprocal;
    part += weight[i];
  }
  if (part > 0 && problem->listed < problem->entries)
    for (int64_t i = 0; i < problem->listed; i++)
      weight[i] *= (real)(whole / (double)part);
  return newton_direction(problem, problem->listed, list, s);
}

/* A row's place at its desk; false where nothing can be done. */
static bool begin_row(const newton_problem *problem, const real *a, const void *row, const newton_desk *s) {
  memset(s->x, 0, (size_t)problem->padded * sizeof(real));
  memcpy(s->x, row, (size_t)problem->components * sizeof(real));
  memset(s->d, 0, (size_t)problem->padded * sizeof(real));
  return problem->steps > 0 && newton_scale(problem, sum_of(problem->entries, a), s);
}

static void block_update(const newton_problem *problem, int rows, const void *const values[], void *const x[],
                         void *scratch, newton_sums *const sums[]) {
  const size_t bytes = (size_t)problem->components * sizeof(real);
  block_desk b = block_take_desk(scratch, problem->components, problem->padded, problem->entries);
  const real *a[ROWS];
  bool can_move[ROWS];
  double alpha[ROWS] = {0};
  double gamma[ROWS] = {0};
  newton_reach reach[ROWS];
  for (int64_t i = 0; i < ROWS; i++) {
    a[i] = values[i < rows ? i : rows - 1];
    can_move[i] = begin_row(problem, a[i], x[i < rows ? i : rows - 1], &b.row[i]);
  }
  for (int step = 0; step < problem->steps; step++) {
    block_look(problem, a, &b);
    for (int64_t i = 0; i < rows; i++) {
      if (step == 0 && problem->want_violation && can_move[i])
        sums[i]->violation = newton_violation(problem, &b.row[i]);
      if (can_move[i])
        gamma[i] = direction_of_row(problem, a[i], b.whole[i], &b.row[i]);
    }
    block_change(problem, a, &b, reach);
    for (int64_t i = 0; i < rows; i++) {
      alpha[i] = can_move[i] ? step_length(problem, gamma[i], reach[i], problem->entries, a[i], &b.row[i]) : 0;
      newton_move(problem->components, (real)alpha[i], &b.row[i]);
    }
  }
  if (problem->steps == 0)
    block_look(problem, a, &b);
  for (int64_t i = 0; i < rows; i++) {
    if (alpha[i] == 0)
      memset(b.row[i].change, 0, (size_t)problem->entries * sizeof(real));
    if (problem->want_loss)
      sums[i]->loss = newton_loss(problem, problem->entries, a[i], (real)alpha[i], &b.row[i]);
    if (can_move[i])
      memcpy(x[i], b.row[i].x, bytes);
  }
}

static bool block_takes(int64_t entries, const void *values) {
  const real *a = values;
  int64_t positive = 0;
  for (int64_t e = 0; e < entries; e++)
    positive += a[e] > 0;
  return positive > entries / 2;
}

static void block_spread(int64_t entries, const void *from, int64_t stride, int64_t rows, void *to) {
  const real *columns = from;
  real *row = to;
  int64_t e = 0;
  for (; rows == VECTOR && e + VECTOR <= entries; e += VECTOR) {
    vec tile[VECTOR];
#pragma GCC unroll 16
    for (int64_t i = 0; i < VECTOR; i++)
      tile[i] = vec_load(columns + (e + i) * stride);
    vec_transpose(tile);
#pragma GCC unroll 16
    for (int64_t i = 0; i < VECTOR; i++)
      vec_store(row + i * entries + e, tile[i]);
  }
  for (; e < entries; e++)
    for (int64_t i = 0; i < rows; i++)
      row[i * entries + e] = columns[e * stride + i];
}

const newton_block_kernel VARIANT(dnmf_newton_block_kernel) = {.piece = PIECE,
                                                               .scratch_bytes = block_scratch_bytes,
                                                               .turn = block_turn,
                                                               .takes = block_takes,
                                                               .spread = block_spread,
                                                               .update = block_update};
