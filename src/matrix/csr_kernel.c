/*
 * Compressed sparse rows times a panel.
 *
 * A row of the result is held in registers, up to WIDEST vectors of components at a time, while the row's
 * entries are walked once; each entry adds its value times the panel's row at its column. Those rows lie
 * anywhere, so the ones of entries further on are prefetched. Of a panel that no cache holds, a band of rows at a time
 * is worked on, sums waiting in the result meanwhile.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "matrix/csr_value.h"

#include <string.h>

enum {
  WIDEST = 8,
  ENTRIES_AHEAD = 32, /* prefetch distance */
  BAND_AHEAD = 8      /* the same within a band, where rows have few entries and what comes after is not wanted yet */
};

/* One walk over the entries, for some of the components. */
typedef struct csr_walk {
  const dnmf_csr *a;
  const real *panel; /* at the first component of this walk */
  int64_t padded;
  real *out; /* likewise, that of the first row */
  int components;
  int wanted;                /* components of this walk that exist; the rest is padding */
  const dnmf_csr_band *band; /* NULL: whole rows */
  bool last;                 /* of the walks, which moves the cursors on */
  const real *of_byte;       /* the number that each byte stands for, if values are bytes */
} csr_walk;

/* The sums of a row so far: none, or those that the bands before left. */
TEMPLATE void load_sums(int vectors, const csr_walk *walk, const real *from, bool first, vec *sum) {
#pragma GCC unroll 8
  for (int v = 0; v < vectors; v++)
    sum[v] = (vec){0};
  if (first)
    return;
  if (walk->wanted == vectors * VECTOR)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      sum[v] = vec_load(from + (int64_t)v * VECTOR);
  else
    memcpy(sum, from, (size_t)walk->wanted * sizeof(real));
}

TEMPLATE void store_sums(int vectors, const csr_walk *walk, real *to, const vec *sum) {
  if (walk->wanted == vectors * VECTOR)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      vec_store(to + (int64_t)v * VECTOR, sum[v]);
  else
    memcpy(to, sum, (size_t)walk->wanted * sizeof(real));
}

/* Adds the entries from `e` to `end`, those of whole rows, or up to the end of the band; returns the next. */
TEMPLATE int64_t add_entries(int vectors, dnmf_number narrow, bool banded, const csr_walk *walk, int64_t e, int64_t end,
                             vec *sum) {
  const int32_t *index = walk->a->index;
  const int64_t last = walk->a->start[walk->a->rows];
  const int64_t ahead = banded ? BAND_AHEAD : ENTRIES_AHEAD;
  for (; e < end && (!banded || index[e] < walk->band->end); e++) {
    const real *p = walk->panel + index[e] * walk->padded;
    const real *next = walk->panel + index[e + ahead < last ? e + ahead : e] * walk->padded;
    for (int v = 0; v < vectors * VECTOR; v += CACHE_LINE)
      __builtin_prefetch(next + v);
    const real value = value_at(narrow, walk->a->value, walk->of_byte, e);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      const int at = v * VECTOR;
      sum[v] += value * vec_load(p + at);
    }
  }
  return e;
}

TEMPLATE void rows(int vectors, dnmf_number narrow, const csr_walk *walk, int64_t begin, int64_t end) {
  const int64_t *start = walk->a->start;
  for (int64_t row = begin; row < end; row++) {
    vec sum[WIDEST];
    real *to = walk->out + (row - begin) * walk->components;
    if (!walk->band) {
      load_sums(vectors, walk, to, true, sum);
      add_entries(vectors, narrow, false, walk, start[row], start[row + 1], sum);
      store_sums(vectors, walk, to, sum);
      continue;
    }
    const int64_t from = walk->band->cursor[row];
    load_sums(vectors, walk, to, from == start[row], sum);
    const int64_t next = add_entries(vectors, narrow, true, walk, from, start[row + 1], sum);
    if (walk->last)
      walk->band->cursor[row] = next;
    store_sums(vectors, walk, to, sum);
  }
}

TEMPLATE void rows_of_width(int vectors, dnmf_number narrow, const csr_walk *walk, int64_t begin, int64_t end) {
  switch (vectors) {
  case 1:
    rows(1, narrow, walk, begin, end);
    break;
  case 2:
    rows(2, narrow, walk, begin, end);
    break;
  case 3:
    rows(3, narrow, walk, begin, end);
    break;
  case 4:
    rows(4, narrow, walk, begin, end);
    break;
  case 5:
    rows(5, narrow, walk, begin, end);
    break;
  case 6:
    rows(6, narrow, walk, begin, end);
    break;
  case 7:
    rows(7, narrow, walk, begin, end);
    break;
  default:
    rows(8, narrow, walk, begin, end);
  }
}

static void rows_of_type(int vectors, const csr_walk *walk, int64_t begin, int64_t end) {
  switch (walk->a->narrow) {
  case DNMF_NUMBER_UINT8:
  case DNMF_NUMBER_HALVES:
    rows_of_width(vectors, DNMF_NUMBER_UINT8, walk, begin, end);
    break;
  case DNMF_NUMBER_UINT16:
    rows_of_width(vectors, DNMF_NUMBER_UINT16, walk, begin, end);
    break;
  case DNMF_NUMBER_SINGLE:
    rows_of_width(vectors, DNMF_NUMBER_SINGLE, walk, begin, end);
    break;
  default:
    rows_of_width(vectors, (dnmf_number)0, walk, begin, end);
  }
}

static void csr_multiply_rows(const dnmf_csr *a, int64_t begin, int64_t end, const void *panel, int64_t padded,
                              void *out, int components, const dnmf_csr_band *band) {
  real of_byte[BYTES] = {0};
  look_up_bytes(a->narrow, of_byte);
  for (int64_t done = 0; done < padded; done += (int64_t)WIDEST * VECTOR) {
    const int64_t vectors = (padded - done) / VECTOR;
    const int width = (int)(vectors < WIDEST ? vectors : WIDEST);
    const int left = components - (int)done;
    const csr_walk walk = {.a = a,
                           .panel = (const real *)panel + done,
                           .padded = padded,
                           .out = (real *)out + done,
                           .components = components,
                           .wanted = left < width * VECTOR ? left : width * VECTOR,
                           .band = band,
                           .last = done + (int64_t)width * VECTOR >= padded,
                           .of_byte = of_byte};
    rows_of_type(width, &walk, begin, end);
  }
}

const dnmf_csr_kernel VARIANT(dnmf_csr_kernel) = {.multiply = csr_multiply_rows};
