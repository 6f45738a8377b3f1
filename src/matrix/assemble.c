/*
 * From entries, wherever they were read, to the blocks of the process grid.
 *
 * Entries are sorted by owner and exchanged once; the owner sorts its own by column and then by row, both by
 * counting, which keeps entries at the same place in file order, as the duplicates' policy needs.
 */
#include "dnmf/matrix.h"

#include "dnmf/collective.h"
#include "dnmf/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An entry on its way to its block, with the indices it has there: a third smaller than dnmf_entry. */
typedef struct local_entry {
  int32_t row;
  int32_t col;
  double value;
} local_entry;

typedef struct local_entries {
  int64_t count;
  local_entry *items;
} local_entries;

static dnmf_status check_blocks(dnmf_error *error, const dnmf_layout *layout) {
  int64_t rows = dnmf_range_size(dnmf_layout_rows(layout, 0));
  int64_t cols = dnmf_range_size(dnmf_layout_cols(layout, 0));
  for (int r = 1; r < layout->grid->rows; r++)
    rows = dnmf_range_size(dnmf_layout_rows(layout, r)) > rows ? dnmf_range_size(dnmf_layout_rows(layout, r)) : rows;
  for (int c = 1; c < layout->grid->cols; c++)
    cols = dnmf_range_size(dnmf_layout_cols(layout, c)) > cols ? dnmf_range_size(dnmf_layout_cols(layout, c)) : cols;
  if (rows <= INT32_MAX && cols <= INT32_MAX)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "a block of %" PRId64 " x %" PRId64 " is too large for one process; use more processes", rows, cols);
}

/* The owner of an entry, and the entry as it is there. */
static int owner_of(const dnmf_layout *layout, const dnmf_entry *entry, local_entry *local) {
  int row = dnmf_layout_find_row(layout, entry->row);
  int col = dnmf_layout_find_col(layout, entry->col);
  local->row = (int32_t)(entry->row - layout->row_begin[row]);
  local->col = (int32_t)(entry->col - layout->col_begin[col]);
  local->value = entry->value;
  return row * layout->grid->cols + col;
}

/* Groups the entries by owner, in order; `entries` is freed. */
static dnmf_status sort_by_owner(dnmf_context *context, const dnmf_layout *layout, dnmf_entries *entries,
                                 int64_t *counts, int64_t *next, local_entries *sorted) {
  void *memory = NULL;
  local_entry local;
  DNMF_TRY(dnmf_allocate(&context->error, "entries to send", entries->count, sizeof(local_entry), &memory));
  sorted->items = memory;
  sorted->count = entries->count;
  for (int64_t e = 0; e < entries->count; e++)
    counts[owner_of(layout, &entries->items[e], &local)]++;
  for (int r = 1; r < context->size; r++)
    next[r] = next[r - 1] + counts[r - 1];
  for (int64_t e = 0; e < entries->count; e++) {
    int owner = owner_of(layout, &entries->items[e], &local);
    sorted->items[next[owner]++] = local;
  }
  dnmf_entries_free(entries);
  return DNMF_OK;
}

/* Alone, every entry is where it belongs: it only shrinks, in place, and the rest of the memory is given back. */
static void shrink(const dnmf_layout *layout, dnmf_entries *entries, local_entries *mine) {
  char *memory = (char *)entries->items;
  for (int64_t e = 0; e < entries->count; e++) {
    dnmf_entry entry;
    local_entry local;
    memcpy(&entry, memory + (size_t)e * sizeof entry, sizeof entry);
    owner_of(layout, &entry, &local);
    memcpy(memory + (size_t)e * sizeof local, &local, sizeof local);
  }
  void *smaller = realloc(memory, (size_t)entries->count * sizeof(local_entry));
  mine->items = (local_entry *)(smaller ? smaller : memory);
  mine->count = entries->count;
  entries->items = NULL;
  entries->count = 0;
}

/* `mine` becomes what belongs to this process's block, sources in rank order; `entries` is consumed. */
static dnmf_status route(dnmf_context *context, const dnmf_layout *layout, dnmf_entries *entries, local_entries *mine) {
  if (context->size == 1 && entries->count > 0)
    shrink(layout, entries, mine);
  if (context->size == 1)
    return DNMF_OK;
  local_entries sorted = {0, NULL};
  void *counts = NULL;
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "entry counts", 3 * (int64_t)context->size, sizeof(int64_t), &counts);
  int64_t *send_counts = counts;
  if (status == DNMF_OK)
    status = sort_by_owner(context, layout, entries, send_counts, send_counts + context->size, &sorted);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    int64_t *receive_counts = send_counts + 2 * (int64_t)context->size;
    void *received = NULL;
    status = dnmf_exchange(context, sorted.items, send_counts, sizeof(local_entry), &received, receive_counts);
    mine->items = received;
    for (int r = 0; r < context->size && status == DNMF_OK; r++)
      mine->count += receive_counts[r];
  }
  free(sorted.items);
  free(counts);
  return status;
}

/* Sorting scratch: local indices and values in double, before duplicates are merged. */
typedef struct sorted_entries {
  int64_t *start;
  int32_t *index;
  double *value;
} sorted_entries;

static void sorted_free(sorted_entries *sorted) {
  free(sorted->start);
  free(sorted->index);
  free(sorted->value);
  memset(sorted, 0, sizeof *sorted);
}

static dnmf_status sorted_allocate(dnmf_error *error, int64_t groups, int64_t count, sorted_entries *sorted) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "sparse block starts", groups + 1, sizeof(int64_t), &memory));
  sorted->start = memory;
  DNMF_TRY(dnmf_allocate(error, "sparse block indices", count, sizeof(int32_t), &memory));
  sorted->index = memory;
  DNMF_TRY(dnmf_allocate(error, "sparse block values", count, sizeof(double), &memory));
  sorted->value = memory;
  return DNMF_OK;
}

/* Counts in start[g + 1] become the first place of each group, kept one to the left while placing: after
 * placing with start[g + 1]++ in this form, start[g] .. start[g + 1] is group g. */
static void counts_to_places(int64_t *start, int64_t groups) {
  int64_t before = 0;
  for (int64_t g = 0; g < groups; g++) {
    int64_t count = start[g + 1];
    start[g + 1] = before;
    before += count;
  }
}

static void sort_by_col(const local_entries *entries, int64_t cols, sorted_entries *by_col) {
  for (int64_t e = 0; e < entries->count; e++)
    by_col->start[entries->items[e].col + 1]++;
  counts_to_places(by_col->start, cols);
  for (int64_t e = 0; e < entries->count; e++) {
    const local_entry *entry = &entries->items[e];
    int64_t place = by_col->start[entry->col + 1]++;
    by_col->index[place] = entry->row;
    by_col->value[place] = entry->value;
  }
}

/* Rows of the transpose of `from`, which has `groups` groups. */
static void transpose_sorted(const sorted_entries *from, int64_t groups, int64_t to_groups, sorted_entries *to) {
  for (int64_t e = 0; e < from->start[groups]; e++)
    to->start[from->index[e] + 1]++;
  counts_to_places(to->start, to_groups);
  for (int64_t g = 0; g < groups; g++)
    for (int64_t e = from->start[g]; e < from->start[g + 1]; e++) {
      int64_t place = to->start[from->index[e] + 1]++;
      to->index[place] = (int32_t)g;
      to->value[place] = from->value[e];
    }
}

/* The one value of `count` entries at the same place. */
static double merge_values(const double *values, int64_t count, dnmf_duplicates policy) {
  if (policy == DNMF_DUPLICATES_LAST)
    return values[count - 1];
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += values[i];
  return policy == DNMF_DUPLICATES_MEAN ? sum / (double)count : sum;
}

/* Merges equal columns of each row in place. */
static dnmf_status merge_duplicates(dnmf_context *context, const dnmf_matrix *matrix, dnmf_duplicates policy,
                                    sorted_entries *rows, int64_t *merged) {
  int64_t kept = 0;
  int64_t begin = 0;
  for (int64_t row = 0; row < dnmf_range_size(matrix->row_range); row++) {
    int64_t end = rows->start[row + 1];
    for (int64_t e = begin; e < end;) {
      int64_t next = e + 1;
      while (next < end && rows->index[next] == rows->index[e])
        next++;
      if (next - e > 1 && policy == DNMF_DUPLICATES_ERROR)
        return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                         "row %" PRId64 ", column %" PRId64 " (counted from 0) is given %" PRId64
                         " times; choose --duplicates last, sum or mean to accept that",
                         matrix->row_range.begin + row, matrix->col_range.begin + rows->index[e], next - e);
      rows->index[kept] = rows->index[e];
      rows->value[kept++] = merge_values(rows->value + e, next - e, policy);
      *merged += next - e - 1;
      e = next;
    }
    begin = end;
    rows->start[row + 1] = kept;
  }
  return DNMF_OK;
}

/* Takes over start and index; the values are converted to the matrix's precision. */
static dnmf_status to_csr(dnmf_context *context, sorted_entries *sorted, dnmf_precision precision, int64_t rows,
                          int64_t cols, dnmf_csr *csr) {
  csr->rows = rows;
  csr->cols = cols;
  csr->start = sorted->start;
  csr->index = sorted->index;
  sorted->start = NULL;
  sorted->index = NULL;
  if (precision == DNMF_DOUBLE) {
    csr->value = sorted->value;
    sorted->value = NULL;
    return DNMF_OK;
  }
  int64_t count = csr->start[rows];
  DNMF_TRY(dnmf_allocate(&context->error, "sparse block values", count, sizeof(float), &csr->value));
  for (int64_t e = 0; e < count; e++)
    ((float *)csr->value)[e] = (float)sorted->value[e];
  return DNMF_OK;
}

static void fill_dense(const sorted_entries *rows, dnmf_matrix *matrix) {
  int64_t cols = dnmf_range_size(matrix->col_range);
  for (int64_t row = 0; row < dnmf_range_size(matrix->row_range); row++)
    for (int64_t e = rows->start[row]; e < rows->start[row + 1]; e++) {
      int64_t at = row * cols + rows->index[e];
      if (matrix->precision == DNMF_DOUBLE)
        ((double *)matrix->dense)[at] = rows->value[e];
      else
        ((float *)matrix->dense)[at] = (float)rows->value[e];
    }
}

/* Both orders of a sparse block from its merged rows. */
static dnmf_status build_sparse(dnmf_context *context, sorted_entries *sorted, dnmf_matrix *matrix) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  sorted_entries transposed = {0};
  dnmf_status status = sorted_allocate(&context->error, cols, sorted->start[rows], &transposed);
  if (status == DNMF_OK) {
    transpose_sorted(sorted, rows, cols, &transposed);
    status = to_csr(context, &transposed, matrix->precision, cols, rows, &matrix->by_cols);
  }
  if (status == DNMF_OK)
    status = to_csr(context, sorted, matrix->precision, rows, cols, &matrix->by_rows);
  sorted_free(&transposed);
  return status;
}

/* Frees the entries as soon as they are sorted. */
static dnmf_status build_block(dnmf_context *context, dnmf_duplicates policy, local_entries *entries,
                               dnmf_matrix *matrix) {
  int64_t rows = dnmf_range_size(matrix->row_range);
  int64_t cols = dnmf_range_size(matrix->col_range);
  int64_t count = entries->count;
  sorted_entries by_col = {0};
  sorted_entries by_row = {0};
  dnmf_status status = sorted_allocate(&context->error, cols, count, &by_col);
  if (status == DNMF_OK) {
    sort_by_col(entries, cols, &by_col);
    free(entries->items);
    entries->items = NULL;
    status = sorted_allocate(&context->error, rows, count, &by_row);
  }
  if (status == DNMF_OK) {
    transpose_sorted(&by_col, cols, rows, &by_row);
    sorted_free(&by_col);
    status = merge_duplicates(context, matrix, policy, &by_row, &matrix->duplicates);
  }
  if (status == DNMF_OK && matrix->sparse)
    status = build_sparse(context, &by_row, matrix);
  else if (status == DNMF_OK)
    fill_dense(&by_row, matrix);
  sorted_free(&by_col);
  sorted_free(&by_row);
  return status;
}

static void describe_block(const dnmf_layout *layout, dnmf_precision precision, dnmf_matrix *matrix) {
  memset(matrix, 0, sizeof *matrix);
  matrix->rows = layout->rows;
  matrix->cols = layout->cols;
  matrix->sparse = true;
  matrix->precision = precision;
  matrix->row_range = dnmf_layout_rows(layout, layout->grid->row);
  matrix->col_range = dnmf_layout_cols(layout, layout->grid->col);
}

dnmf_status dnmf_matrix_from_entries(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                     bool sparse, dnmf_duplicates duplicates, dnmf_entries *entries,
                                     dnmf_matrix *matrix) {
  describe_block(layout, precision, matrix);
  local_entries mine = {0, NULL};
  dnmf_status status = check_blocks(&context->error, layout);
  if (status == DNMF_OK)
    status = route(context, layout, entries, &mine);
  if (status == DNMF_OK && !sparse)
    status = dnmf_matrix_allocate_dense(context, layout, precision, matrix);
  if (status == DNMF_OK)
    status = build_block(context, duplicates, &mine, matrix);
  dnmf_entries_free(entries);
  free(mine.items);
  return dnmf_agree(context, status);
}
