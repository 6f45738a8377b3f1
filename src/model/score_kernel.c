/*
 * W H a few rows and columns at a time, in registers, against what each row's list must beat.
 *
 * A register tile is ROWS rows by VECTORS vectors of columns. Its scores are compared with the rows' thresholds
 * at once; only when one exceeds is the tile looked through. A score is bias + sum over the components in their
 * order, so it does not depend on where a row or column lies.
 */
#include "model/score.h"

#include "base/variant.h"
#include "base/vector.h"

/* ROWS * VECTORS sums, VECTORS columns and a spread number fill the registers. */
enum {
  ROWS = VECTOR_REGISTERS == 32 ? 8 : 4,
  VECTORS = VECTOR_REGISTERS == 32 || VECTOR_BYTES == 32 ? 3 : 2,
  COLUMNS = VECTORS * VECTOR,
  CACHED_BYTES = 128 * 1024 /* columns that a block of rows goes through while they are near */
};

/* Comparisons, lane by lane: any bits but zero. */
typedef uint64_t mask __attribute__((vector_size(VECTOR_BYTES)));

static void pack_factors(const dnmf_packed *packed, int64_t group, int64_t count, const void *factors,
                         const double *biases) {
  const int64_t k = packed->components;
  const real *from = factors;
  real *to = (real *)packed->data + group * (k + 1) * COLUMNS;
  for (int64_t j = 0; j < COLUMNS; j++)
    to[j] = j < count ? (real)biases[j] : (real)-INFINITY;
  for (int64_t c = 0; c < k; c++)
    for (int64_t j = 0; j < COLUMNS; j++)
      to[(c + 1) * COLUMNS + j] = j < count ? from[j * k + c] : 0;
}

/* scores = the tile's; true when a row's threshold is exceeded. */
static bool score_tile(const real *const w[ROWS], const real threshold[ROWS], int64_t k, const real *columns,
                       real *scores) {
  vec sum[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++)
      sum[i][v] = vec_load(columns + (int64_t)v * VECTOR);
  for (int64_t c = 0; c < k; c++) {
    vec h[VECTORS];
    columns += COLUMNS;
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++)
      h[v] = vec_load(columns + (int64_t)v * VECTOR);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++)
        sum[i][v] += w[i][c] * h[v];
  }
  mask above = {0};
#pragma GCC unroll 8
  for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
    for (int v = 0; v < VECTORS; v++) {
      above |= (mask)(sum[i][v] > threshold[i]);
      vec_store(scores + (int64_t)i * COLUMNS + (int64_t)v * VECTOR, sum[i][v]);
    }
  uint64_t any = 0;
  for (size_t n = 0; n < sizeof above / sizeof any; n++)
    any |= above[n];
  return any != 0;
}

/* Offers a tile's scores of one row; returns the row's new threshold. */
static real offer_scores(dnmf_listed *row, const real *scores, int64_t first, real threshold) {
  for (int j = 0; j < COLUMNS; j++)
    if (scores[j] > threshold && !dnmf_is_among(row->seen, row->seen_count, first + j)) {
      dnmf_top_offer(&row->top, (dnmf_scored){(double)scores[j], first + j});
      threshold = (real)dnmf_top_threshold(&row->top);
    }
  return threshold;
}

/* Up to ROWS rows against some groups. A tile with fewer rows repeats its last one, which nobody listens to. */
static void offer_groups(const dnmf_packed *packed, dnmf_range groups, int rows, dnmf_listed *listed) {
  const int64_t k = packed->components;
  const real *w[ROWS];
  real threshold[ROWS];
  real scores[ROWS * COLUMNS];
  for (int i = 0; i < ROWS; i++) {
    w[i] = listed[i < rows ? i : rows - 1].factor;
    threshold[i] = i < rows ? (real)dnmf_top_threshold(&listed[i].top) : (real)INFINITY;
  }
  for (int64_t g = groups.begin; g < groups.end; g++) {
    const real *columns = (const real *)packed->data + g * (k + 1) * COLUMNS;
    if (score_tile(w, threshold, k, columns, scores))
      for (int i = 0; i < rows; i++)
        threshold[i] =
            offer_scores(&listed[i], scores + (ptrdiff_t)i * COLUMNS, packed->first + g * COLUMNS, threshold[i]);
  }
}

static void offer(const dnmf_packed *packed, int64_t rows, dnmf_listed *listed) {
  int64_t group_bytes = (packed->components + 1) * (int64_t)(COLUMNS * sizeof(real));
  int64_t step = CACHED_BYTES / group_bytes + 1;
  for (int64_t begin = 0; begin < packed->groups; begin += step) {
    dnmf_range groups = {begin, begin + step < packed->groups ? begin + step : packed->groups};
    for (int64_t row = 0; row < rows; row += ROWS)
      offer_groups(packed, groups, rows - row < ROWS ? (int)(rows - row) : ROWS, listed + row);
  }
}

const dnmf_score_kernel VARIANT(dnmf_score_kernel) = {COLUMNS, pack_factors, offer};
