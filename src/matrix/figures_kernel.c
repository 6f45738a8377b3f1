/*
 * What is found out about a dense matrix while its numbers pass through the cache: validity, sums, checksum.
 *
 * As many rows as a vector has lanes go side by side. Their sums are taken with a row in each lane, column by column,
 * so that each is the sum of its row in order, the same on every instruction set (this file is compiled without
 * contracting products and sums). The checksum, a sum of integers, may be taken in any order: along the rows.
 */
#include "base/variant.h"
#include "base/vector.h"

#include <stdint.h>

#define DNMF_HASH_BYTES VECTOR_BYTES
#include "base/entry_hash.h"
#include "matrix/kernels.h"

#include <float.h>
#include <string.h>

/* The bits of a vector of numbers. */
typedef __typeof__((vec){0} == (vec){0}) vec_bits;

/* A vector of numbers is `PARTS` vectors of doubles. */
enum { WIDE = VECTOR_BYTES / (int)sizeof(double), PARTS = VECTOR / WIDE };
typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
typedef float singles __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint32_t single_bits __attribute__((vector_size(VECTOR_BYTES / 2)));

/* The sums of some rows, a row in each lane. */
typedef struct row_sums {
  wide sum[PARTS];
  wide squares[PARTS];
} row_sums;

/* What is the same for the whole block. */
typedef struct block_figures {
  hash_word hash;
  vec_bits signs; /* set where a number that came through the lane has a sign */
} block_figures;

TEMPLATE void widen(vec value, wide parts[PARTS]) {
  if (PARTS == 1) {
    memcpy(parts, &value, sizeof value);
    return;
  }
  singles halves[PARTS];
  memcpy(halves, &value, sizeof value);
  for (int p = 0; p < PARTS; p++)
    parts[p] = __builtin_convertvector(halves[p], wide);
}

/* Numbers as floats. */
TEMPLATE void narrow(vec value, singles parts[PARTS]) {
  if (PARTS == 1) {
    wide part;
    memcpy(&part, &value, sizeof value);
    parts[0] = __builtin_convertvector(part, singles);
  } else {
    memcpy(parts, &value, sizeof value);
  }
}

/* Numbers of a row, in neighbouring columns; `lanes` is what their columns add to the row's `place`. Signs are left
 * out: valid numbers have none, but for negative zeros. */
TEMPLATE void hash_row(vec value, uint64_t place, const hash_word lanes[PARTS], block_figures *figures) {
  singles single[PARTS];
  narrow(value, single);
  figures->signs |= (vec_bits)value;
#pragma GCC unroll 2
  for (int p = 0; p < PARTS; p++) {
    const hash_word bits = __builtin_convertvector((single_bits)single[p] & INT32_MAX, hash_word);
    figures->hash += dnmf_hash_entry(lanes[p] + place, bits) & (hash_word)(bits != 0);
  }
}

TEMPLATE void add_sums(vec rows[VECTOR], row_sums *sums) {
  vec_transpose(rows);
#pragma GCC unroll 16
  for (int c = 0; c < VECTOR; c++) {
    wide parts[PARTS];
    widen(rows[c], parts);
#pragma GCC unroll 2
    for (int p = 0; p < PARTS; p++) {
      sums->sum[p] += parts[p];
      sums->squares[p] += parts[p] * parts[p];
    }
  }
}

TEMPLATE void mark_columns(const vec rows[VECTOR], int count, uint8_t *seen) {
  vec_bits any = rows[0] != 0;
  for (int r = 1; r < VECTOR; r++)
    any |= rows[r] != 0;
  for (int c = 0; c < count; c++)
    seen[c] |= any[c] != 0;
}

/* `cols` columns of `count` rows, neither more than VECTOR, as a block of vectors; zeros fill it up. */
TEMPLATE void load_part(const real *values, int64_t stride, int64_t count, int64_t cols, vec block[VECTOR]) {
  memset(block, 0, VECTOR * sizeof *block);
  for (int64_t r = 0; r < count; r++)
    memcpy(&block[r], values + r * stride, (size_t)cols * sizeof(real));
}

/* Up to VECTOR rows on their way. */
typedef struct row_group {
  row_sums sums;
  uint64_t place[VECTOR];
} row_group;

TEMPLATE void look_at_block(vec block[VECTOR], int cols, const hash_word lanes[PARTS], uint8_t *seen, row_group *group,
                            block_figures *figures) {
#pragma GCC unroll 16
  for (int r = 0; r < VECTOR; r++)
    hash_row(block[r], group->place[r], lanes, figures);
  if (seen)
    mark_columns(block, cols, seen);
  add_sums(block, &group->sums);
}

/* `count` rows, at most VECTOR. */
static void look_at_rows(const real *values, int64_t stride, int64_t count, int64_t cols, uint8_t *seen, row_group *to,
                         block_figures *figures) {
  vec block[VECTOR];
  hash_word lanes[PARTS];
  row_group group = *to;
  block_figures found = *figures;
  int64_t c = 0;
  uint64_t columns[VECTOR] = {0};
  for (int i = 0; i < VECTOR; i++)
    columns[i] = dnmf_hash_column(i);
  memcpy(lanes, columns, sizeof columns);
  for (; count == VECTOR && c + VECTOR <= cols; c += VECTOR) {
#pragma GCC unroll 16
    for (int r = 0; r < VECTOR; r++)
      block[r] = vec_load(values + r * stride + c);
    look_at_block(block, VECTOR, lanes, seen ? seen + c : NULL, &group, &found);
    for (int p = 0; p < PARTS; p++)
      lanes[p] += dnmf_hash_column(VECTOR);
  }
  for (; c < cols; c += VECTOR) {
    const int64_t some = cols - c < VECTOR ? cols - c : VECTOR;
    load_part(values + c, stride, count, some, block);
    look_at_block(block, (int)some, lanes, seen ? seen + c : NULL, &group, &found);
    for (int p = 0; p < PARTS; p++)
      lanes[p] += dnmf_hash_column(VECTOR);
  }
  *to = group;
  *figures = found;
}

static void look_at_group(const real *values, int64_t stride, int64_t count, int64_t cols, uint8_t *seen,
                          dnmf_row_figures *rows, block_figures *figures) {
  row_group group = {0};
  double sum[VECTOR] = {0};
  double squares[VECTOR] = {0};
  for (int64_t r = 0; r < count; r++) {
    group.place[r] = rows[r].place;
    sum[r] = rows[r].sum;
    squares[r] = rows[r].squares;
  }
  memcpy(group.sums.sum, sum, sizeof sum);
  memcpy(group.sums.squares, squares, sizeof squares);
  look_at_rows(values, stride, count, cols, seen, &group, figures);
  memcpy(sum, group.sums.sum, sizeof sum);
  memcpy(squares, group.sums.squares, sizeof squares);
  for (int64_t r = 0; r < count; r++) {
    rows[r].place += dnmf_hash_column(cols);
    rows[r].sum = sum[r];
    rows[r].squares = squares[r];
  }
}

/* Of finite numbers a sum may be infinite, and negative zeros have a sign: the caller looks again, one by one. */
static bool look_at_tile(const void *values, int64_t stride, int64_t count, int64_t cols, uint8_t *seen,
                         dnmf_row_figures *rows, uint64_t *hash) {
  const real *from = values;
  block_figures figures = {{0}, {0}};
  bool valid = true;
  for (int64_t row = 0; row < count; row += VECTOR) {
    const int64_t some = count - row < VECTOR ? count - row : VECTOR;
    look_at_group(from + row * stride, stride, some, cols, seen, rows + row, &figures);
  }
  for (int64_t row = 0; row < count; row++)
    valid = valid && rows[row].sum <= DBL_MAX;
  for (int i = 0; i < WIDE; i++)
    *hash += figures.hash[i];
  for (int i = 0; i < VECTOR; i++)
    valid = valid && figures.signs[i] >= 0;
  return valid;
}

const dnmf_figures_kernel VARIANT(dnmf_figures_kernel) = {.look = look_at_tile};
