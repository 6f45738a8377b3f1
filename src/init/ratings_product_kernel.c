/*
 * Residuals of ratings times a panel.
 *
 * A row's sums stay in registers, up to WIDEST vectors at a time, while its entries are walked; the panel's rows lie
 * anywhere, so those of entries further on are prefetched.
 */
#include "ratings_product.h"

#include "base/variant.h"
#include "base/vector.h"

#include "base/widen.h"

enum { WIDEST = 8, PREFETCH = 96 /* entries; into the second cache */, TILE = 64 };

/* left = the residuals of the entries from e on. */
static inline void take_residuals(const ratings_product *p, real own, int64_t e, int count, real left[TILE]) {
  const dnmf_csr *a = p->entries;
  const int32_t *index = a->index + e;
  const real *other = p->other;
  widen_numbers(a->narrow, a->value, e, count, left);
  for (int i = 0; i < count; i++)
    left[i] = left[i] - own - other[index[i]];
}

/* The columns from `first` on, `vectors` vectors of them. */
TEMPLATE void multiply_row(int vectors, const ratings_product *p, int first, int64_t row) {
  const dnmf_csr *a = p->entries;
  const int64_t last = a->start[a->rows] - 1;
  const int64_t end = a->start[row + 1];
  const real *x = (const real *)p->x + first;
  const real own = (real)p->mean + ((const real *)p->own)[row];
  real *out = (real *)p->out + row * p->columns + first;
  const real weight = (real)(p->weight_twice ? p->weight[row] * p->weight[row] : p->weight[row]);
  vec sum[WIDEST] = {{0}};
  for (int64_t e = a->start[row]; e < end; e += TILE) {
    real left[TILE];
    const int count = end - e < TILE ? (int)(end - e) : TILE;
    take_residuals(p, own, e, count, left);
    for (int i = 0; i < count; i++) {
      const real *from = x + (int64_t)a->index[e + i] * p->columns;
      const real *soon = x + (int64_t)a->index[e + i + PREFETCH < last ? e + i + PREFETCH : last] * p->columns;
      for (int j = 0; j < vectors * VECTOR; j += CACHE_LINE)
        __builtin_prefetch(soon + j, 0, 2);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++)
        sum[v] += left[i] * vec_load(from + (int64_t)v * VECTOR);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < vectors; v++)
    vec_store(out + (int64_t)v * VECTOR, weight * sum[v]);
}

static void multiply_ratings(const ratings_product *p, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++)
    for (int first = 0; first < p->columns;) {
      const int vectors = (p->columns - first) / VECTOR;
      if (vectors >= 8)
        multiply_row(8, p, first, row);
      else if (vectors >= 4)
        multiply_row(4, p, first, row);
      else if (vectors >= 2)
        multiply_row(2, p, first, row);
      else
        multiply_row(1, p, first, row);
      first += (vectors >= 8 ? 8 : vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1) * VECTOR;
    }
}

static void sum(const ratings_product *p, int64_t begin, int64_t end) {
  const int64_t *start = p->entries->start;
  for (int64_t row = begin; row < end; row++) {
    double total = 0;
    for (int64_t e = start[row]; e < start[row + 1]; e += TILE) {
      real left[TILE];
      const int count = start[row + 1] - e < TILE ? (int)(start[row + 1] - e) : TILE;
      take_residuals(p, (real)p->mean, e, count, left);
      for (int i = 0; i < count; i++)
        total += (double)left[i];
    }
    ((real *)p->out)[row] = (real)(p->weight[row] * p->weight[row] * total);
  }
}

extern const ratings_kernels VARIANT(dnmf_ratings_kernels);
const ratings_kernels VARIANT(dnmf_ratings_kernels) = {multiply_ratings, sum};
