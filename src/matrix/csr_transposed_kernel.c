/*
 * The transpose of compressed sparse rows times a panel.
 *
 * A row of the panel is held in registers, as far as they go, while the entries of its row of A are walked once; each
 * adds its value times that row to the result's row at its column. Those lie anywhere, so the ones of entries further
 * on are prefetched. Each is summed in the order of the rows of A, as a transposed copy would have it summed.
 */
#include "matrix/kernels.h"

#include "base/vector.h"
#include "matrix/csr_value.h"

enum {
  WIDEST = 8,        /* vectors of the panel's row in registers; of a wider one it comes from the cache */
  ENTRIES_AHEAD = 16 /* prefetch distance */
};

/* One walk over the entries of some rows in some columns. */
typedef struct transposed_walk {
  const dnmf_csr *a;
  dnmf_range rows;
  dnmf_range cols;
  const real *x; /* of the first row */
  real *out;
  int64_t padded;
  const real *of_byte;
} transposed_walk;

/* The first entry of the ascending ones at `from` to `to` whose column is not before `col`. */
static int64_t first_from(const int32_t *index, int64_t from, int64_t to, int64_t col) {
  int64_t count = to - from;
  while (count > 0) {
    const int64_t half = count / 2;
    const bool before = index[from + half] < col;
    from = before ? from + half + 1 : from;
    count = before ? count - half - 1 : half;
  }
  return from;
}

/* What comes after is prefetched to be written, and never a row that belongs to another thread. */
TEMPLATE void prefetch_sums(int64_t vectors, const transposed_walk *walk, int64_t e) {
  int64_t col = walk->a->index[e];
  col = col < walk->cols.begin ? walk->cols.begin : col;
  col = col < walk->cols.end ? col : walk->cols.end - 1;
  const real *next = walk->out + col * walk->padded;
  for (int64_t v = 0; v < vectors * VECTOR; v += CACHE_LINE)
    __builtin_prefetch(next + v, 1);
}

/* Adds a row's entries from `e` to `end`, as long as the row of the panel stays in registers. */
TEMPLATE void add_row(int vectors, dnmf_number narrow, const transposed_walk *walk, const real *x, int64_t e,
                      int64_t end) {
  const int64_t last = walk->a->start[walk->a->rows];
  vec kept[WIDEST];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; v++)
    kept[v] = vec_load(x + (int64_t)v * VECTOR);
  for (; e < end; e++) {
    real *to = walk->out + walk->a->index[e] * walk->padded;
    prefetch_sums(vectors, walk, e + ENTRIES_AHEAD < last ? e + ENTRIES_AHEAD : e);
    const real value = value_at(narrow, walk->a->value, walk->of_byte, e);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      const int at = v * VECTOR;
      vec_store(to + at, vec_load(to + at) + value * kept[v]);
    }
  }
}

/* The same for a row of any width. */
TEMPLATE void add_wide_row(dnmf_number narrow, const transposed_walk *walk, const real *x, int64_t e, int64_t end) {
  const int64_t last = walk->a->start[walk->a->rows];
  for (; e < end; e++) {
    real *to = walk->out + walk->a->index[e] * walk->padded;
    prefetch_sums(walk->padded / VECTOR, walk, e + ENTRIES_AHEAD < last ? e + ENTRIES_AHEAD : e);
    const real value = value_at(narrow, walk->a->value, walk->of_byte, e);
    for (int64_t at = 0; at < walk->padded; at += VECTOR)
      vec_store(to + at, vec_load(to + at) + value * vec_load(x + at));
  }
}

TEMPLATE void add_rows(int vectors, dnmf_number narrow, const transposed_walk *walk) {
  const dnmf_csr *a = walk->a;
  for (int64_t row = walk->rows.begin; row < walk->rows.end; row++) {
    int64_t begin = a->start[row];
    int64_t end = a->start[row + 1];
    if (walk->cols.begin > 0)
      begin = first_from(a->index, begin, end, walk->cols.begin);
    if (walk->cols.end < a->cols)
      end = first_from(a->index, begin, end, walk->cols.end);
    const real *x = walk->x + (row - walk->rows.begin) * walk->padded;
    if (vectors <= WIDEST)
      add_row(vectors, narrow, walk, x, begin, end);
    else
      add_wide_row(narrow, walk, x, begin, end);
  }
}

TEMPLATE void add_rows_of_type(dnmf_number narrow, const transposed_walk *walk) {
  switch (walk->padded / VECTOR) {
  case 1:
    add_rows(1, narrow, walk);
    break;
  case 2:
    add_rows(2, narrow, walk);
    break;
  case 3:
    add_rows(3, narrow, walk);
    break;
  case 4:
    add_rows(4, narrow, walk);
    break;
  case 5:
    add_rows(5, narrow, walk);
    break;
  case 6:
    add_rows(6, narrow, walk);
    break;
  case 7:
    add_rows(7, narrow, walk);
    break;
  case 8:
    add_rows(8, narrow, walk);
    break;
  default:
    add_rows(WIDEST + 1, narrow, walk);
  }
}

static void add(const dnmf_csr *a, dnmf_range rows, dnmf_range cols, const void *x, void *out, int64_t padded) {
  real of_byte[BYTES] = {0};
  look_up_bytes(a->narrow, of_byte);
  const transposed_walk walk = {a, rows, cols, x, out, padded, of_byte};
  switch (a->narrow) {
  case DNMF_NUMBER_UINT8:
  case DNMF_NUMBER_HALVES:
    add_rows_of_type(DNMF_NUMBER_UINT8, &walk);
    break;
  case DNMF_NUMBER_UINT16:
    add_rows_of_type(DNMF_NUMBER_UINT16, &walk);
    break;
  case DNMF_NUMBER_SINGLE:
    add_rows_of_type(DNMF_NUMBER_SINGLE, &walk);
    break;
  default:
    add_rows_of_type((dnmf_number)0, &walk);
  }
}

const dnmf_csr_transposed_kernel VARIANT(dnmf_csr_transposed_kernel) = {.add = add};
