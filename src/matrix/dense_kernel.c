/*
 * A dense block times a tall, skinny panel, and its transpose times one.
 *
 * Both are one register tile: LANES rows (columns, for the transpose) of the result by up to VECTORS vectors
 * of components, summed along columns (rows) of the block. Each step loads the panel's vectors once and
 * multiplies them with LANES numbers of the block, each spread over a vector; the block is never copied.
 * Prefetches run ahead of the tile, because its walk over the block is not one that hardware foresees. A block of
 * narrower numbers is converted piece by piece, each of a size that the cache holds until it is multiplied.
 *
 * The result of every entry is summed in an order that depends on the shape of the block alone: partial sums
 * of SUM_COLS columns (SUM_ROWS rows) in registers, added up in memory.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "matrix/sweep.h"

/* LANES * VECTORS sums, VECTORS panel vectors and a temporary fill the registers; where that leaves some unused by a
 * tile of two vectors, TALL lanes use them. Panel rows are taken so many at a time as stay in half a first-level
 * cache, within bounds; the widest vectors have enough to do on each to take them from the second. */
enum {
  LANES = VECTOR_REGISTERS == 32 ? 8 : 4,
  VECTORS = VECTOR_REGISTERS == 32 || VECTOR_BYTES == 32 ? 3 : 2,
  TALL = VECTOR_REGISTERS == 16 && VECTOR_BYTES == 32 ? 6 : LANES,
  PANEL_BYTES = VECTOR_BYTES == 64 ? 128 << 10 : 16 << 10,
  LEAST_COLS = 32, /* of the block, summed at a time */
  MOST_COLS = 256,
  LEAST_ROWS = 16,
  MOST_ROWS = 64,
  PIECE_ROWS = TALL == 6 ? 12 : 8, /* of narrow numbers, by the columns summed at a time */
  PIECE_COLS = 48,                 /* of narrow numbers, by the rows */
  LINE_BYTES = 64,
  LINES_AHEAD = 4 /* prefetch distance along the rows, in cache lines, where tiles run down the columns */
};

_Static_assert(DNMF_SWEEP_TILE_STEP % MOST_ROWS == 0, "tiles of a sweep end where sums do");

/* sum[lane][v] += one number of the block * the panel's vectors, for one step. */
TEMPLATE void multiply_step(int lanes, int vectors, const real *a, int64_t lane, const real *panel,
                            vec sum[TALL][VECTORS]) {
  vec p[VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++)
    p[v] = vec_load(panel + (int64_t)v * VECTOR);
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      sum[i][v] += a[i * lane] * p[v];
}

/* One register tile: `lanes` x `vectors` results, each summed over `steps` rows of the panel. Its lanes are
 * rows of the block (stride apart), its steps columns; transposed, the other way round. */
TEMPLATE void register_tile(int lanes, int vectors, bool transposed, int64_t steps, const real *a, int64_t stride,
                            const real *panel, real *out, int64_t padded) {
  const int64_t lane = transposed ? 1 : stride;
  const int64_t step = transposed ? stride : 1;
  vec sum[TALL][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      sum[i][v] = (vec){0};
  int64_t s = 0;
  for (; !transposed && s + CACHE_LINE <= steps; s += CACHE_LINE) {
    for (int i = 0; i < lanes; i++) /* the lanes of the next tile */
      __builtin_prefetch(a + (i + lanes) * lane + s);
    for (int g = 0; g < CACHE_LINE; g++)
      multiply_step(lanes, vectors, a + s + g, lane, panel + (s + g) * padded, sum);
  }
  for (; s < steps; s++) {
    if (transposed)
      __builtin_prefetch(a + s * step + (int64_t)LINES_AHEAD * CACHE_LINE);
    multiply_step(lanes, vectors, a + s * step, lane, panel + s * padded, sum);
  }
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      real *to = out + i * padded + (int64_t)v * VECTOR;
      vec_store(to, vec_load(to) + sum[i][v]);
    }
}

/* A register tile as a function of its own, which leaves it all the registers. */
typedef void tile_function(int64_t steps, const real *a, int64_t stride, const real *panel, real *out, int64_t padded);

#define TILE_FUNCTION(name, lanes, vectors, transposed)                                                                \
  static __attribute__((noinline)) void name(int64_t steps, const real *a, int64_t stride, const real *panel,          \
                                             real *out, int64_t padded) {                                              \
    register_tile(lanes, vectors, transposed, steps, a, stride, panel, out, padded);                                   \
  }

#define TILE_FUNCTIONS(name, lanes, transposed)                                                                        \
  TILE_FUNCTION(name##_by_1, lanes, 1, transposed)                                                                     \
  TILE_FUNCTION(name##_by_2, lanes, 2, transposed)                                                                     \
  TILE_FUNCTION(name##_by_3, lanes, VECTORS, transposed)

TILE_FUNCTION(tall_rows_by_1, TALL, 1, false)
TILE_FUNCTION(tall_rows_by_2, TALL, 2, false)
TILE_FUNCTIONS(rows, LANES, false)
TILE_FUNCTIONS(two_rows, 2, false)
TILE_FUNCTIONS(row, 1, false)
TILE_FUNCTION(tall_cols_by_1, TALL, 1, true)
TILE_FUNCTION(tall_cols_by_2, TALL, 2, true)
TILE_FUNCTIONS(cols, LANES, true)
TILE_FUNCTIONS(two_cols, 2, true)
TILE_FUNCTIONS(col, 1, true)

/* Register tiles of so many lanes, by their vectors. */
typedef struct tile_shape {
  int lanes;
  int vectors; /* at most */
  tile_function *tiles[3];
} tile_shape;

/* The tallest first: each takes what the one before leaves. */
enum { SHAPES = 4 };
static const tile_shape row_shapes[SHAPES] = {{TALL, 2, {tall_rows_by_1, tall_rows_by_2}},
                                              {LANES, VECTORS, {rows_by_1, rows_by_2, rows_by_3}},
                                              {2, VECTORS, {two_rows_by_1, two_rows_by_2, two_rows_by_3}},
                                              {1, VECTORS, {row_by_1, row_by_2, row_by_3}}};
static const tile_shape col_shapes[SHAPES] = {{TALL, 2, {tall_cols_by_1, tall_cols_by_2}},
                                              {LANES, VECTORS, {cols_by_1, cols_by_2, cols_by_3}},
                                              {2, VECTORS, {two_cols_by_1, two_cols_by_2, two_cols_by_3}},
                                              {1, VECTORS, {col_by_1, col_by_2, col_by_3}}};

/* Where to begin: with tall tiles for pairs of vectors, unless threes fit as well. */
static int first_shape(const dnmf_operands *operands) {
  const int64_t vectors = operands->width / VECTOR;
  const bool pairs = vectors == 1 || (vectors % 2 == 0 && vectors % 3 != 0);
  return pairs && TALL > LANES ? 0 : 1;
}

/* Rows of the panel at a time. */
static int64_t panel_rows(const dnmf_operands *operands, int64_t least, int64_t most) {
  int64_t rows = most;
  while (rows > least && rows * operands->padded * (int64_t)sizeof(real) > PANEL_BYTES)
    rows /= 2;
  return rows;
}

/* All components of some rows of the result, in groups of vectors that leave no single one over: with one, too
 * few sums are under way to keep the multipliers busy. */
static void all_components(const tile_shape *s, int64_t steps, const real *a, int64_t stride, const real *panel,
                           real *out, const dnmf_operands *operands) {
  int64_t left = operands->width / VECTOR;
  int64_t done = 0;
  while (left > 0) {
    const int64_t vectors = left == 4 ? 2 : left < s->vectors ? left : s->vectors;
    s->tiles[vectors - 1](steps, a, stride, panel + done, out + done, operands->padded);
    left -= vectors;
    done += vectors * VECTOR;
  }
}

static void multiply_native(const dnmf_tile *tile, const dnmf_operands *operands) {
  const int64_t stride = tile->stride;
  const int64_t padded = operands->padded;
  const int64_t chunk = panel_rows(operands, LEAST_COLS, MOST_COLS);
  for (int64_t col = 0; col < tile->cols; col += chunk) {
    const int64_t steps = dnmf_at_most(tile->cols - col, chunk);
    const real *a = (const real *)tile->data + col;
    const real *panel = (const real *)operands->panel + col * padded;
    real *out = operands->out;
    int64_t row = 0;
    for (const tile_shape *s = row_shapes + first_shape(operands); s < row_shapes + SHAPES; s++)
      for (; row + s->lanes <= tile->rows; row += s->lanes)
        all_components(s, steps, a + row * stride, stride, panel, out + row * padded, operands);
  }
}

static void multiply_transposed_native(const dnmf_tile *tile, const dnmf_operands *operands) {
  const int64_t stride = tile->stride;
  const int64_t padded = operands->padded;
  const int64_t chunk = panel_rows(operands, LEAST_ROWS, MOST_ROWS);
  for (int64_t row = 0; row < tile->rows; row += chunk) {
    const int64_t steps = dnmf_at_most(tile->rows - row, chunk);
    const real *a = (const real *)tile->data + row * stride;
    const real *panel = (const real *)operands->panel + row * padded;
    real *out = operands->out;
    int64_t col = 0;
    for (const tile_shape *s = col_shapes + first_shape(operands); s < col_shapes + SHAPES; s++)
      for (; col + s->lanes <= tile->cols; col += s->lanes)
        all_components(s, steps, a + col, stride, panel, out + col * padded, operands);
  }
}

/* A part of a tile of narrow numbers, converted into `numbers`; the numbers `ahead` of it, the next part's, are called
 * for meanwhile. */
static dnmf_tile piece_of(const dnmf_tile *tile, int64_t row, int64_t rows, int64_t col, int64_t cols, int64_t ahead,
                          real *numbers) {
  const int64_t size = (int64_t)dnmf_number_size(tile->narrow);
  const char *from = (const char *)tile->data + (row * tile->stride + col) * size;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t byte = 0; byte < cols * size; byte += LINE_BYTES)
      __builtin_prefetch(from + (i * tile->stride + ahead) * size + byte, 0, 2);
  VARIANT(dnmf_number_kernel).convert(tile->narrow, from, tile->stride, rows, cols, numbers);
  return (dnmf_tile){.data = numbers, .stride = cols, .rows = rows, .cols = cols};
}

/* Pieces are cut where sums are added up in memory, so that the results are those of numbers that are not narrow. */
static void dense_multiply_tile(const dnmf_tile *tile, const dnmf_operands *operands) {
  real numbers[PIECE_ROWS * MOST_COLS];
  if (!tile->narrow) {
    multiply_native(tile, operands);
    return;
  }
  const int64_t chunk = panel_rows(operands, LEAST_COLS, MOST_COLS);
  for (int64_t col = 0; col < tile->cols; col += chunk)
    for (int64_t row = 0; row < tile->rows; row += PIECE_ROWS) {
      const dnmf_tile piece = piece_of(tile, row, dnmf_at_most(tile->rows - row, PIECE_ROWS), col,
                                       dnmf_at_most(tile->cols - col, chunk), PIECE_ROWS * tile->stride, numbers);
      dnmf_operands part = *operands;
      part.panel = (const real *)operands->panel + col * operands->padded;
      part.out = (real *)operands->out + row * operands->padded;
      multiply_native(&piece, &part);
    }
}

static void multiply_transposed(const dnmf_tile *tile, const dnmf_operands *operands) {
  real numbers[MOST_ROWS * PIECE_COLS];
  if (!tile->narrow) {
    multiply_transposed_native(tile, operands);
    return;
  }
  const int64_t chunk = panel_rows(operands, LEAST_ROWS, MOST_ROWS);
  for (int64_t row = 0; row < tile->rows; row += chunk)
    for (int64_t col = 0; col < tile->cols; col += PIECE_COLS) {
      const dnmf_tile piece = piece_of(tile, row, dnmf_at_most(tile->rows - row, chunk), col,
                                       dnmf_at_most(tile->cols - col, PIECE_COLS), PIECE_COLS, numbers);
      dnmf_operands part = *operands;
      part.panel = (const real *)operands->panel + row * operands->padded;
      part.out = (real *)operands->out + col * operands->padded;
      multiply_transposed_native(&piece, &part);
    }
}

const dnmf_dense_kernel VARIANT(dnmf_dense_kernel) = {
    .vector = VECTOR, .multiply = dense_multiply_tile, .multiply_transposed = multiply_transposed};
