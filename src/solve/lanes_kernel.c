/*
 * Systems in the lanes of a vector: L D L' with a unit lower triangle L, row by row, which takes no square roots.
 * See lanes.h.
 *
 * Blocks of four rows of L are finished one after another. While a block is at work it holds U = L D, so that what is
 * subtracted from an entry is the inner product of a row of U and a finished row of L.
 */
#include "solve/lanes.h"

#include "base/vector.h"

enum { LANES = VECTOR_BYTES / (int)sizeof(double), BLOCK = DNMF_LANES_BLOCK, UNIT = DNMF_LANES_UNIT / LANES };

typedef double lanes __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(double)), may_alias));

/* L's rows below the diagonal, packed one after another, then 1 / D. */
static lanes *factor_row(lanes *factor, int i) {
  return factor + (size_t)i * (size_t)(i - 1) / 2;
}

/* What has one place a lane. */
typedef struct places {
  const double *in[LANES];
} places;

TEMPLATE lanes gather(const places *from, const int at[LANES]) {
  lanes value = {0};
#pragma GCC unroll 8
  for (int i = 0; i < LANES; i++)
    value[i] = from->in[i][at[i]];
  return value;
}

/* The m-th members. */
TEMPLATE void read_members(const int *const members[LANES], int m, int at[LANES]) {
#pragma GCC unroll 8
  for (int i = 0; i < LANES; i++)
    at[i] = members[i][m];
}

/* Entries of a block of rows from `begin`, up to the diagonal block, which is `corner`. */
TEMPLATE void load_block(const dnmf_lane_systems *s, int begin, lanes *const row[BLOCK], lanes corner[BLOCK][BLOCK]) {
  const int *members[LANES];
  places base[BLOCK];
  int at[LANES];
  for (int i = 0; i < LANES; i++) {
    members[i] = s->members[i];
    for (int a = 0; a < BLOCK; a++)
      base[a].in[i] = s->matrix->entries + (size_t)members[i][begin + a] * (size_t)s->matrix->stride;
  }
  for (int j = 0; j < begin; j++) {
    read_members(members, j, at);
#pragma GCC unroll 4
    for (int a = 0; a < BLOCK; a++)
      row[a][j] = gather(&base[a], at);
  }
#pragma GCC unroll 4
  for (int c = 0; c < BLOCK; c++) {
    read_members(members, begin + c, at);
#pragma GCC unroll 4
    for (int a = c + 1; a < BLOCK; a++)
      corner[a][c] = gather(&base[a], at);
    lanes diagonal = gather(&base[c], at);
    for (int i = 0; i < LANES; i++) /* a row of the identity where there is no member */
      diagonal[i] = at[i] == s->matrix->order ? 1 : diagonal[i];
    corner[c][c] = diagonal;
  }
}

TEMPLATE lanes load_target(const dnmf_lane_systems *s, int m) {
  lanes value = {0};
#pragma GCC unroll 8
  for (int i = 0; i < LANES; i++)
    value[i] = s->members[i][m] == s->matrix->order ? 0 : s->target[i][s->members[i][m]];
  return value;
}

/* Columns `column` and the next of U, from the rows of L with these numbers. */
TEMPLATE void eliminate(lanes *const row[BLOCK], int column, const lanes *first, const lanes *second) {
  lanes sum[BLOCK][2];
#pragma GCC unroll 4
  for (int a = 0; a < BLOCK; a++) {
    sum[a][0] = row[a][column];
    sum[a][1] = row[a][column + 1];
  }
  for (int q = 0; q < column; q++) {
    const lanes l0 = first[q];
    const lanes l1 = second[q];
#pragma GCC unroll 4
    for (int a = 0; a < BLOCK; a++) {
      const lanes u = row[a][q];
      sum[a][0] -= u * l0;
      sum[a][1] -= u * l1;
    }
  }
#pragma GCC unroll 4
  for (int a = 0; a < BLOCK; a++) {
    row[a][column] = sum[a][0];
    row[a][column + 1] = sum[a][1] - sum[a][0] * second[column];
  }
}

/* U becomes L, and what it has to subtract from the diagonal block is. */
TEMPLATE void divide(lanes *const row[BLOCK], int begin, const lanes *inverse, lanes corner[BLOCK][BLOCK]) {
  lanes sum[BLOCK][BLOCK];
#pragma GCC unroll 4
  for (int a = 0; a < BLOCK; a++)
#pragma GCC unroll 4
    for (int c = 0; c <= a; c++)
      sum[a][c] = corner[a][c];
  for (int q = 0; q < begin; q++) {
    lanes l[BLOCK];
    const lanes d = inverse[q];
#pragma GCC unroll 4
    for (int a = 0; a < BLOCK; a++) {
      const lanes u = row[a][q];
      l[a] = u * d;
      row[a][q] = l[a];
#pragma GCC unroll 4
      for (int c = 0; c <= a; c++)
        sum[a][c] -= u * l[c];
    }
  }
#pragma GCC unroll 4
  for (int a = 0; a < BLOCK; a++)
#pragma GCC unroll 4
    for (int c = 0; c <= a; c++)
      corner[a][c] = sum[a][c];
}

/* The diagonal block, in place; false when a pivot is not positive. */
TEMPLATE bool factorize_corner(lanes *const row[BLOCK], int begin, lanes *inverse, lanes corner[BLOCK][BLOCK]) {
  bool definite = true;
#pragma GCC unroll 4
  for (int c = 0; c < BLOCK; c++) {
    const lanes pivot = corner[c][c];
    for (int i = 0; i < LANES; i++)
      definite = definite && pivot[i] > 0;
    const lanes inverted = 1 / pivot;
    inverse[begin + c] = inverted;
#pragma GCC unroll 4
    for (int a = c + 1; a < BLOCK; a++) {
      const lanes l = corner[a][c] * inverted;
#pragma GCC unroll 4
      for (int b = c + 1; b <= a; b++)
        corner[a][b] -= corner[b][c] * l;
      row[a][begin + c] = l;
    }
  }
  return definite;
}

/* The block's part of L y = target. */
TEMPLATE void substitute(lanes *const row[BLOCK], const dnmf_lane_systems *s, int begin, lanes *y) {
  lanes sum[BLOCK];
#pragma GCC unroll 4
  for (int a = 0; a < BLOCK; a++)
    sum[a] = load_target(s, begin + a);
  for (int q = 0; q < begin; q++)
#pragma GCC unroll 4
    for (int a = 0; a < BLOCK; a++)
      sum[a] -= row[a][q] * y[q];
#pragma GCC unroll 4
  for (int a = 0; a < BLOCK; a++) {
#pragma GCC unroll 4
    for (int c = 0; c < a; c++)
      sum[a] -= row[a][begin + c] * sum[c];
    y[begin + a] = sum[a];
  }
}

/* L' x = x. */
static void substitute_back(lanes *factor, int size, lanes *x) {
  for (int begin = size - BLOCK; begin >= 0; begin -= BLOCK) {
    const lanes *row[BLOCK];
    lanes value[BLOCK];
#pragma GCC unroll 4
    for (int a = BLOCK - 1; a >= 0; a--) {
      row[a] = factor_row(factor, begin + a);
      value[a] = x[begin + a];
#pragma GCC unroll 4
      for (int b = BLOCK - 1; b > a; b--)
        value[a] -= row[b][begin + a] * value[b];
      x[begin + a] = value[a];
    }
    for (int j = 0; j < begin; j++) {
      lanes sum = x[j];
#pragma GCC unroll 4
      for (int a = 0; a < BLOCK; a++)
        sum -= row[a][j] * value[a];
      x[j] = sum;
    }
  }
}

static bool solve(const dnmf_lane_systems *s, double *work, double *solution) {
  lanes *const factor = (lanes *)work;
  lanes *const inverse = factor_row(factor, s->size);
  lanes *const x = (lanes *)solution;
  bool definite = true;
  for (int begin = 0; begin < s->size; begin += BLOCK) {
    lanes *const row[BLOCK] = {factor_row(factor, begin), factor_row(factor, begin + 1), factor_row(factor, begin + 2),
                               factor_row(factor, begin + 3)};
    lanes corner[BLOCK][BLOCK];
    load_block(s, begin, row, corner);
    for (int column = 0; column < begin; column += 2)
      eliminate(row, column, factor_row(factor, column), factor_row(factor, column + 1));
    divide(row, begin, inverse, corner);
    definite = factorize_corner(row, begin, inverse, corner) && definite;
    substitute(row, s, begin, x);
  }
  for (int i = 0; i < s->size; i++)
    x[i] *= inverse[i];
  substitute_back(factor, s->size, x);
  return definite;
}

/* `units` of combine's out. */
TEMPLATE void combine_units(int units, const dnmf_lane_matrix *matrix, int size, const int *members,
                            const double *values, const double *target, double *out, int begin) {
  lanes sum[8];
#pragma GCC unroll 8
  for (int v = 0; v < units; v++)
    sum[v] = -*(const lanes *)(target + begin + (ptrdiff_t)v * LANES);
  for (int m = 0; m < size; m++) {
    const double *entries = matrix->entries + (size_t)members[m] * (size_t)matrix->stride + begin;
    const double value = values[(size_t)m * LANES];
#pragma GCC unroll 8
    for (int v = 0; v < units; v++)
      sum[v] += value * *(const lanes *)(entries + (ptrdiff_t)v * LANES);
  }
#pragma GCC unroll 8
  for (int v = 0; v < units; v++)
    *(lanes *)(out + begin + (ptrdiff_t)v * LANES) = sum[v];
}

static void lanes_combine(const dnmf_lane_matrix *matrix, int size, const int *members, const double *values,
                          const double *target, double *out) {
  int begin = 0;
  for (; matrix->stride - begin >= 8 * LANES; begin += 8 * LANES)
    combine_units(8, matrix, size, members, values, target, out, begin);
  for (; matrix->stride - begin >= 4 * LANES; begin += 4 * LANES)
    combine_units(4, matrix, size, members, values, target, out, begin);
  for (; matrix->stride - begin >= 2 * LANES; begin += 2 * LANES)
    combine_units(2, matrix, size, members, values, target, out, begin);
  for (; begin < matrix->stride; begin += LANES)
    combine_units(1, matrix, size, members, values, target, out, begin);
}

/* Twelve sums in registers at a time: rows times the vectors of a unit. */
enum { ROWS = 12 / UNIT };

TEMPLATE void multiply_rows(int rows, const dnmf_lane_matrix *matrix, double sign, const double *const *from,
                            double *const *to) {
  for (int begin = 0; begin < matrix->stride; begin += DNMF_LANES_UNIT) {
    lanes sum[ROWS][UNIT];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int v = 0; v < UNIT; v++)
        sum[r][v] = (lanes){0};
    for (int t = 0; t < matrix->order; t++) {
      lanes entries[UNIT];
#pragma GCC unroll 4
      for (int v = 0; v < UNIT; v++)
        entries[v] =
            *(const lanes *)(matrix->entries + (size_t)t * (size_t)matrix->stride + begin + (ptrdiff_t)v * LANES);
#pragma GCC unroll 12
      for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < UNIT; v++)
          sum[r][v] += from[r][t] * entries[v];
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
      for (int v = 0; v < UNIT; v++)
        *(lanes *)(to[r] + begin + (ptrdiff_t)v * LANES) = sign * sum[r][v];
  }
}

static void lanes_multiply(const dnmf_lane_matrix *matrix, double sign, int count, const double *const *from,
                           double *const *to) {
  int i = 0;
  for (; i + ROWS <= count; i += ROWS)
    multiply_rows(ROWS, matrix, sign, from + i, to + i);
  for (; i < count; i++)
    multiply_rows(1, matrix, sign, from + i, to + i);
}

const dnmf_lanes_kernel VARIANT(dnmf_lanes_kernel) = {LANES, solve, lanes_combine, lanes_multiply};
