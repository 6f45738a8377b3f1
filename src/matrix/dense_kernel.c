/*
 * A dense block times a tall, skinny panel, and its transpose times one.
 *
 * Both are one register tile: LANES rows (columns, for the transpose) of the result by up to VECTORS vectors
 * of components, summed along columns (rows) of the block. Each step loads the panel's vectors once and
 * multiplies them with LANES numbers of the block, each spread over a vector; the block is never copied.
 * Prefetches run ahead of the tile, because its walk over the block is not one that hardware foresees.
 *
 * The result of every entry is summed in an order that depends on the shape of the block alone: partial sums
 * of SUM_COLS columns (SUM_ROWS rows) in registers, added up in memory.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "dnmf/product.h"

/* LANES * VECTORS sums, VECTORS panel vectors and a temporary fill the registers. */
enum {
  LANES = VECTOR_REGISTERS == 32 ? 8 : 4,
  VECTORS = VECTOR_REGISTERS == 32 || VECTOR_BYTES == 32 ? 3 : 2,
  SUM_COLS = 256,
  SUM_ROWS = dnmf_sweep_tile_step,
  LINES_AHEAD = 4 /* prefetch distance along the rows, in cache lines, where tiles run down the columns */
};

/* sum[lane][v] += one number of the block * the panel's vectors, for one step. */
TEMPLATE void multiply_step(int lanes, int vectors, const real *a, int64_t lane, const real *panel,
                            vec sum[LANES][VECTORS]) {
  vec p[VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++)
    p[v] = vec_load(panel + v * VECTOR);
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
  const int group = transposed ? 1 : CACHE_LINE; /* steps that share cache lines of the block */
  vec sum[LANES][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      sum[i][v] = (vec){0};
  int64_t s = 0;
  for (; s + group <= steps; s += group) {
    if (transposed)
      __builtin_prefetch(a + s * step + LINES_AHEAD * CACHE_LINE);
    else
      for (int i = 0; i < lanes; i++) /* the lanes of the next tile */
        __builtin_prefetch(a + (i + lanes) * lane + s);
    for (int64_t g = s; g < s + group; g++)
      multiply_step(lanes, vectors, a + g * step, lane, panel + g * padded, sum);
  }
  for (; s < steps; s++)
    multiply_step(lanes, vectors, a + s * step, lane, panel + s * padded, sum);
#pragma GCC unroll 8
  for (int i = 0; i < lanes; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      real *to = out + i * padded + v * VECTOR;
      vec_store(to, vec_load(to) + sum[i][v]);
    }
}

/* All components of `lanes` rows of the result, in groups of vectors that leave no single one over: with one,
 * too few sums are under way to keep the multipliers busy. */
TEMPLATE void all_components(int lanes, bool transposed, int64_t steps, const real *a, int64_t stride,
                             const real *panel, real *out, const dnmf_operands *operands) {
  const int64_t padded = operands->padded;
  int64_t left = operands->width / VECTOR;
  int64_t done = 0;
  for (; VECTORS == 3 && (left == 3 || left >= 5); left -= 3, done += 3 * VECTOR)
    register_tile(lanes, VECTORS, transposed, steps, a, stride, panel + done, out + done, padded);
  for (; left >= 2; left -= 2, done += 2 * VECTOR)
    register_tile(lanes, 2, transposed, steps, a, stride, panel + done, out + done, padded);
  if (left == 1)
    register_tile(lanes, 1, transposed, steps, a, stride, panel + done, out + done, padded);
}

static int64_t at_most(int64_t count, int64_t limit) {
  return count < limit ? count : limit;
}

static void multiply(const dnmf_tile *tile, const dnmf_operands *operands) {
  const int64_t stride = tile->stride;
  const int64_t padded = operands->padded;
  for (int64_t col = 0; col < tile->cols; col += SUM_COLS) {
    const int64_t steps = at_most(tile->cols - col, SUM_COLS);
    const real *a = (const real *)tile->data + col;
    const real *panel = (const real *)operands->panel + col * padded;
    real *out = operands->out;
    int64_t row = 0;
    for (; row + LANES <= tile->rows; row += LANES)
      all_components(LANES, false, steps, a + row * stride, stride, panel, out + row * padded, operands);
    for (; row < tile->rows; row++)
      all_components(1, false, steps, a + row * stride, stride, panel, out + row * padded, operands);
  }
}

static void multiply_transposed(const dnmf_tile *tile, const dnmf_operands *operands) {
  const int64_t stride = tile->stride;
  const int64_t padded = operands->padded;
  for (int64_t row = 0; row < tile->rows; row += SUM_ROWS) {
    const int64_t steps = at_most(tile->rows - row, SUM_ROWS);
    const real *a = (const real *)tile->data + row * stride;
    const real *panel = (const real *)operands->panel + row * padded;
    real *out = operands->out;
    int64_t col = 0;
    for (; col + LANES <= tile->cols; col += LANES)
      all_components(LANES, true, steps, a + col, stride, panel, out + col * padded, operands);
    for (; col < tile->cols; col++)
      all_components(1, true, steps, a + col, stride, panel, out + col * padded, operands);
  }
}

const dnmf_dense_kernel VARIANT(dnmf_dense_kernel) = {
    .vector = VECTOR, .multiply = multiply, .multiply_transposed = multiply_transposed};
