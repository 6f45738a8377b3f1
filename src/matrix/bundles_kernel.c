/*
 * A bundle of rows, held by columns, times a panel, and its transpose times one; see bundles.h.
 *
 * A row of the panel that belongs to a column is held in registers while the column's entries are walked once. The rows
 * after it come next: they are prefetched.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "matrix/csr_value.h"

enum {
  WIDEST = 8, /* vectors of a row in registers */
  COLUMNS_AHEAD = 4
};

/* One walk over columns of a bundle. */
typedef struct bundle_walk {
  const uint32_t *end;
  const uint16_t *row;
  const void *value;
  dnmf_range cols;
  int64_t last;  /* column of the panel that may be prefetched */
  int64_t begin; /* the first entry */
  const real *of_byte;
  real *by_col; /* a row for each column, `padded` apart */
  int64_t padded;
  real *by_row; /* a row for each row of the bundle, */
  int64_t stride;
} bundle_walk;

TEMPLATE void prefetch_column(int vectors, const bundle_walk *w, int64_t col, int written) {
  const real *next = w->by_col + (col + COLUMNS_AHEAD < w->last ? col + COLUMNS_AHEAD : w->last) * w->padded;
#pragma GCC unroll 8
  for (int v = 0; v < vectors * VECTOR; v += CACHE_LINE)
    if (written)
      __builtin_prefetch(next + v, 1);
    else
      __builtin_prefetch(next + v);
}

/* by_row += bundle * by_col */
TEMPLATE void add_columns(int vectors, dnmf_number narrow, const bundle_walk *w) {
  int64_t e = w->begin;
  for (int64_t col = w->cols.begin; col < w->cols.end; col++) {
    const real *from = w->by_col + col * w->padded;
    vec kept[WIDEST];
    prefetch_column(vectors, w, col, 0);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      kept[v] = vec_load(from + (int64_t)v * VECTOR);
    for (const int64_t end = w->end[col]; e < end; e++) {
      real *to = w->by_row + w->row[e] * w->stride;
      const real value = value_at(narrow, w->value, w->of_byte, e);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++)
        vec_store(to + (int64_t)v * VECTOR, vec_load(to + (int64_t)v * VECTOR) + value * kept[v]);
    }
  }
}

/* by_col += transpose(bundle) * by_row */
TEMPLATE void sum_columns(int vectors, dnmf_number narrow, const bundle_walk *w) {
  int64_t e = w->begin;
  for (int64_t col = w->cols.begin; col < w->cols.end; col++) {
    real *to = w->by_col + col * w->padded;
    vec sum[WIDEST];
    prefetch_column(vectors, w, col, 1);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      sum[v] = vec_load(to + (int64_t)v * VECTOR);
    for (const int64_t end = w->end[col]; e < end; e++) {
      const real *from = w->by_row + w->row[e] * w->stride;
      const real value = value_at(narrow, w->value, w->of_byte, e);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++)
        sum[v] += value * vec_load(from + (int64_t)v * VECTOR);
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      vec_store(to + (int64_t)v * VECTOR, sum[v]);
  }
}

TEMPLATE void walk_of_width(int vectors, dnmf_number narrow, bool transposed, const bundle_walk *w) {
  if (transposed)
    sum_columns(vectors, narrow, w);
  else
    add_columns(vectors, narrow, w);
}

TEMPLATE void walk_of_type(dnmf_number narrow, bool transposed, int64_t vectors, const bundle_walk *w) {
  switch (vectors) {
  case 1:
    walk_of_width(1, narrow, transposed, w);
    break;
  case 2:
    walk_of_width(2, narrow, transposed, w);
    break;
  case 3:
    walk_of_width(3, narrow, transposed, w);
    break;
  case 4:
    walk_of_width(4, narrow, transposed, w);
    break;
  case 5:
    walk_of_width(5, narrow, transposed, w);
    break;
  case 6:
    walk_of_width(6, narrow, transposed, w);
    break;
  case 7:
    walk_of_width(7, narrow, transposed, w);
    break;
  default:
    walk_of_width(8, narrow, transposed, w);
  }
}

TEMPLATE void walk_bundle(bool transposed, const dnmf_bundles *a, const dnmf_bundle_part *part,
                          const dnmf_bundle_operands *o) {
  const uint32_t *end = a->end + part->bundle * a->cols;
  const int64_t first = a->first[part->bundle];
  real of_byte[BYTES] = {0};
  if (dnmf_range_size(part->cols) == 0)
    return;
  look_up_bytes(a->narrow, of_byte);
  const bundle_walk w = {.end = end,
                         .row = a->row + first,
                         .value = (const char *)a->value +
                                  (size_t)first * (a->narrow ? dnmf_number_size(a->narrow) : sizeof(real)),
                         .cols = part->cols,
                         .last = part->cols.end - 1,
                         .begin = part->cols.begin > 0 ? end[part->cols.begin - 1] : 0,
                         .of_byte = of_byte,
                         .by_col = o->by_col,
                         .padded = o->padded,
                         .by_row = o->by_row,
                         .stride = o->stride};
  switch (a->narrow) {
  case DNMF_NUMBER_UINT8:
  case DNMF_NUMBER_HALVES:
    walk_of_type(DNMF_NUMBER_UINT8, transposed, o->width / VECTOR, &w);
    break;
  case DNMF_NUMBER_UINT16:
    walk_of_type(DNMF_NUMBER_UINT16, transposed, o->width / VECTOR, &w);
    break;
  case DNMF_NUMBER_SINGLE:
    walk_of_type(DNMF_NUMBER_SINGLE, transposed, o->width / VECTOR, &w);
    break;
  default:
    walk_of_type((dnmf_number)0, transposed, o->width / VECTOR, &w);
  }
}

static void bundle_add(const dnmf_bundles *a, const dnmf_bundle_part *part, const dnmf_bundle_operands *operands) {
  walk_bundle(false, a, part, operands);
}

static void bundle_add_transposed(const dnmf_bundles *a, const dnmf_bundle_part *part,
                                  const dnmf_bundle_operands *operands) {
  walk_bundle(true, a, part, operands);
}

const dnmf_bundles_kernel VARIANT(dnmf_bundles_kernel) = {WIDEST * VECTOR, bundle_add, bundle_add_transposed};
