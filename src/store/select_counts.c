/*
 * Rows with at least r entries in columns with at least c entries in those rows: the largest such part is the same in
 * whatever order the others are dropped (the (r, c)-core of a bipartite graph; Seidman 1983 for graphs).
 */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/select.h"

#include <stdlib.h>

typedef struct pruning {
  dnmf_context *context;
  const dnmf_matrix *matrix;
  int64_t least[2]; /* of rows, of columns */
  bool *row;        /* still in, of this process's rows */
  bool *col;        /* of all columns */
  int64_t *in_row;  /* entries in what is still in */
  int64_t *in_col;  /* over all processes */
} pruning;

static bool is_entry(const dnmf_matrix *matrix, int64_t at) {
  return matrix->sparse || dnmf_number_at(dnmf_matrix_number(matrix), matrix->dense, at) != 0;
}

static void count_row(pruning *p, int64_t row) {
  const dnmf_matrix *matrix = p->matrix;
  int64_t begin = matrix->sparse ? matrix->by_rows.start[row] : row * matrix->cols;
  int64_t end = matrix->sparse ? matrix->by_rows.start[row + 1] : begin + matrix->cols;
  for (int64_t at = begin; at < end; at++) {
    int64_t col = matrix->sparse ? matrix->by_rows.index[at] : at - begin;
    if (p->col[col] && is_entry(matrix, at)) {
      p->in_row[row]++;
      p->in_col[col]++;
    }
  }
}

/* Leaves out what has fewer than `least`; true when there was any. */
static bool drop(bool *in, const int64_t *counts, int64_t count, int64_t least) {
  bool any = false;
  for (int64_t i = 0; i < count; i++) {
    any = any || (in[i] && counts[i] < least);
    in[i] = in[i] && counts[i] >= least;
  }
  return any;
}

/* One count of all entries, and what it drops. */
static dnmf_status pass(pruning *p, int64_t *dropped) {
  int64_t rows = dnmf_range_size(p->matrix->row_range);
  for (int64_t col = 0; col < p->matrix->cols; col++)
    p->in_col[col] = 0;
  for (int64_t row = 0; row < rows; row++) {
    p->in_row[row] = 0;
    if (p->row[row])
      count_row(p, row);
  }
  DNMF_TRY(dnmf_sum_int64(p->context, p->context->comm, p->in_col, p->matrix->cols));
  bool in_rows = drop(p->row, p->in_row, rows, p->least[0]);
  bool in_cols = drop(p->col, p->in_col, p->matrix->cols, p->least[1]);
  *dropped = in_rows || in_cols;
  return dnmf_max_int64(p->context, p->context->comm, dropped, 1);
}

static dnmf_status begin(pruning *p, const dnmf_selection *selection) {
  dnmf_error *error = &p->context->error;
  dnmf_range range = p->matrix->row_range;
  int64_t rows = dnmf_range_size(range);
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "marks of rows", rows, sizeof(bool), &memory));
  p->row = memory;
  DNMF_TRY(dnmf_allocate(error, "marks of columns", p->matrix->cols, sizeof(bool), &memory));
  p->col = memory;
  DNMF_TRY(dnmf_allocate(error, "counts of rows", rows, sizeof(int64_t), &memory));
  p->in_row = memory;
  DNMF_TRY(dnmf_allocate(error, "counts of columns", p->matrix->cols, sizeof(int64_t), &memory));
  p->in_col = memory;
  for (int64_t row = 0; row < rows; row++)
    p->row[row] = dnmf_subset_has(&selection->rows, range.begin + row);
  for (int64_t col = 0; col < p->matrix->cols; col++)
    p->col[col] = dnmf_subset_has(&selection->cols, col);
  return DNMF_OK;
}

/* subset = the marked indices of all processes, each with those from `first` on. */
static dnmf_status mark(dnmf_context *context, int64_t of, int64_t first, int64_t count, const bool *in,
                        dnmf_subset *subset) {
  void *memory = NULL;
  int64_t words = dnmf_subset_words(of);
  dnmf_status status = dnmf_allocate_zero(&context->error, "a subset", words, sizeof(uint64_t), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  uint64_t *bits = memory;
  for (int64_t i = 0; i < count; i++)
    bits[(first + i) / 64] |= (uint64_t)in[i] << ((first + i) % 64);
  status = dnmf_or_words(context, context->comm, bits, words);
  dnmf_subset_free(subset);
  if (status != DNMF_OK) {
    free(memory);
    return status;
  }
  return dnmf_agree(context, dnmf_subset_of_bits(&context->error, of, bits, subset));
}

dnmf_status dnmf_select_counts(dnmf_context *context, const dnmf_matrix *matrix, int64_t min_row_count,
                               int64_t min_col_count, dnmf_selection *selection) {
  pruning p = {.context = context, .matrix = matrix, .least = {min_row_count, min_col_count}};
  dnmf_range rows = matrix->row_range;
  int64_t dropped = 1;
  dnmf_status status = dnmf_agree(context, begin(&p, selection));
  while (status == DNMF_OK && dropped)
    status = pass(&p, &dropped);
  if (status == DNMF_OK)
    status = mark(context, matrix->rows, rows.begin, dnmf_range_size(rows), p.row, &selection->rows);
  if (status == DNMF_OK)
    status = mark(context, matrix->cols, 0, context->rank == 0 ? matrix->cols : 0, p.col, &selection->cols);
  free(p.row);
  free(p.col);
  free(p.in_row);
  free(p.in_col);
  return status;
}
