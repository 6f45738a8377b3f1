/*
 * Compressed sparse rows times a panel.
 *
 * A row of the result is held in registers, up to WIDEST vectors of components at a time, while the row's
 * entries are walked once; each entry adds its value times the panel's row at its column. Those rows lie
 * anywhere, so the ones of entries further on are prefetched.
 */
#include "matrix/kernels.h"

#include "base/vector.h"

#include <string.h>

enum { WIDEST = 8, ENTRIES_AHEAD = 32 /* prefetch distance */ };

/* One walk over the entries, for some of the components. */
typedef struct csr_walk {
  const dnmf_csr *a;
  const real *panel; /* at the first component of this walk */
  int64_t padded;
  real *out; /* likewise */
  int components;
  int wanted; /* components of this walk that exist; the rest is padding */
} csr_walk;

TEMPLATE void row_sums(int vectors, const csr_walk *walk, int64_t begin, int64_t end, int64_t last, vec *sum) {
  const real *value = walk->a->value;
  const int32_t *index = walk->a->index;
#pragma GCC unroll 8
  for (int v = 0; v < vectors; v++)
    sum[v] = (vec){0};
  for (int64_t e = begin; e < end; e++) {
    const real *p = walk->panel + index[e] * walk->padded;
    const real *next = walk->panel + index[e + ENTRIES_AHEAD < last ? e + ENTRIES_AHEAD : e] * walk->padded;
    for (int v = 0; v < vectors * VECTOR; v += CACHE_LINE)
      __builtin_prefetch(next + v);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      const int at = v * VECTOR;
      sum[v] += value[e] * vec_load(p + at);
    }
  }
}

TEMPLATE void rows(int vectors, const csr_walk *walk, int64_t begin, int64_t end) {
  const int64_t *start = walk->a->start;
  const int64_t last = start[walk->a->rows];
  for (int64_t row = begin; row < end; row++) {
    vec sum[WIDEST];
    row_sums(vectors, walk, start[row], start[row + 1], last, sum);
    real *to = walk->out + row * walk->components;
    if (walk->wanted == vectors * VECTOR)
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++)
        vec_store(to + (int64_t)v * VECTOR, sum[v]);
    else
      memcpy(to, sum, (size_t)walk->wanted * sizeof(real));
  }
}

static void rows_of_width(int vectors, const csr_walk *walk, int64_t begin, int64_t end) {
  switch (vectors) {
  case 1:
    rows(1, walk, begin, end);
    break;
  case 2:
    rows(2, walk, begin, end);
    break;
  case 3:
    rows(3, walk, begin, end);
    break;
  case 4:
    rows(4, walk, begin, end);
    break;
  case 5:
    rows(5, walk, begin, end);
    break;
  case 6:
    rows(6, walk, begin, end);
    break;
  case 7:
    rows(7, walk, begin, end);
    break;
  default:
    rows(8, walk, begin, end);
  }
}

static void multiply(const dnmf_csr *a, int64_t begin, int64_t end, const void *panel, int64_t padded, void *out,
                     int components) {
  for (int64_t done = 0; done < padded; done += (int64_t)WIDEST * VECTOR) {
    const int64_t vectors = (padded - done) / VECTOR;
    const int width = (int)(vectors < WIDEST ? vectors : WIDEST);
    const int left = components - (int)done;
    const csr_walk walk = {.a = a,
                           .panel = (const real *)panel + done,
                           .padded = padded,
                           .out = (real *)out + done,
                           .components = components,
                           .wanted = left < width * VECTOR ? left : width * VECTOR};
    rows_of_width(width, &walk, begin, end);
  }
}

const dnmf_csr_kernel VARIANT(dnmf_csr_kernel) = {.multiply = multiply};
