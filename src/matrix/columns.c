#include "matrix/columns.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static dnmf_range columns_of(const dnmf_context *context, int64_t cols, int rank) {
  return dnmf_range_split((dnmf_range){0, cols}, context->size, rank);
}

/* Counts of an exchange: those sent to each process, then those received. */
static dnmf_status create_counts(dnmf_context *context, int64_t **counts) {
  void *memory = NULL;
  DNMF_TRY(dnmf_agree(context, dnmf_allocate_zero(&context->error, "counts of an exchange", 2 * (int64_t)context->size,
                                                  sizeof(int64_t), &memory)));
  *counts = memory;
  return DNMF_OK;
}

/* --- Dense ------------------------------------------------------------------------------------------------- */

/* The block's columns, those of process 0 first, each process's row by row. */
static void pack_columns(const dnmf_context *context, const dnmf_matrix *a, size_t number, char *to) {
  const int64_t rows = dnmf_range_size(a->row_range);
  for (int r = 0; r < context->size; r++) {
    const dnmf_range part = columns_of(context, a->cols, r);
    const size_t bytes = (size_t)dnmf_range_size(part) * number;
    for (int64_t row = 0; row < rows; row++, to += bytes)
      if (bytes > 0)
        memcpy(to, (const char *)a->dense + (size_t)(row * a->cols + part.begin) * number, bytes);
  }
}

static dnmf_status exchange_dense(dnmf_context *context, const dnmf_matrix *a, int64_t *counts, dnmf_columns *columns) {
  const size_t number = dnmf_number_size(dnmf_matrix_number(a));
  const int64_t rows = dnmf_range_size(a->row_range);
  void *packed = NULL;
  for (int r = 0; r < context->size; r++)
    counts[r] = rows * dnmf_range_size(columns_of(context, a->cols, r));
  DNMF_TRY(dnmf_agree(context, dnmf_allocate(&context->error, "columns to send", rows * a->cols, number, &packed)));
  pack_columns(context, a, number, packed);
  dnmf_status status = dnmf_exchange(context, packed, counts, number, &columns->copy, counts + context->size);
  free(packed);
  columns->dense = columns->copy;
  return status;
}

/* --- Sparse ------------------------------------------------------------------------------------------------ */

/* What has arrived: of each process the numbers of entries in the owned columns, then the entries column by column. */
typedef struct arrived {
  int64_t *column_counts;
  int32_t *index; /* rows, counted in the sender's block */
  void *value;
} arrived;

static void arrived_free(arrived *in) {
  free(in->column_counts);
  free(in->index);
  free(in->value);
}

/* A process's columns are neighbours in the block by columns: what is sent lies there already, but for the counts. */
static dnmf_status exchange_entries(dnmf_context *context, const dnmf_matrix *a, int64_t *counts, arrived *in) {
  const dnmf_csr *block = &a->by_cols;
  const size_t number = dnmf_number_size(dnmf_matrix_number(a));
  int64_t *received = counts + context->size;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "counts of columns", a->cols, sizeof(int64_t), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  int64_t *column_counts = memory;
  for (int64_t col = 0; col < a->cols; col++)
    column_counts[col] = block->start[col + 1] - block->start[col];
  for (int r = 0; r < context->size; r++)
    counts[r] = dnmf_range_size(columns_of(context, a->cols, r));
  memory = NULL;
  status = dnmf_exchange(context, column_counts, counts, sizeof(int64_t), &memory, received);
  in->column_counts = memory;
  free(column_counts);
  for (int r = 0; r < context->size; r++) {
    const dnmf_range part = columns_of(context, a->cols, r);
    counts[r] = block->start[part.end] - block->start[part.begin];
  }
  memory = NULL;
  if (status == DNMF_OK)
    status = dnmf_exchange(context, block->index, counts, sizeof(int32_t), &memory, received);
  in->index = memory;
  if (status == DNMF_OK)
    status = dnmf_exchange(context, block->value, counts, number, &in->value, received);
  return status;
}

static dnmf_status allocate_entries(dnmf_error *error, const dnmf_matrix *a, int64_t cols, int64_t stored,
                                    dnmf_csr *to) {
  const size_t number = dnmf_number_size(dnmf_matrix_number(a));
  void *memory = NULL;
  *to = (dnmf_csr){.rows = cols, .cols = a->rows, .narrow = a->narrow};
  DNMF_TRY(dnmf_allocate_zero(error, "columns", cols + 1, sizeof(int64_t), &memory));
  to->start = memory;
  DNMF_TRY(dnmf_allocate(error, "columns", stored, sizeof(int32_t), &memory));
  to->index = memory;
  return dnmf_allocate(error, "columns", stored, number, &to->value);
}

/* What arrived as columns whose indices are rows of A: each column's entries process by process, in their order. */
static void join_entries(const dnmf_context *context, const dnmf_matrix *a, const arrived *in, dnmf_csr *to) {
  const size_t number = dnmf_number_size(dnmf_matrix_number(a));
  int64_t from = 0;
  for (int64_t i = 0; i < context->size * to->rows; i++)
    to->start[i % to->rows + 1] += in->column_counts[i];
  dnmf_csr_counts_to_places(to->start, to->rows);
  for (int r = 0; r < context->size; r++) {
    const int64_t first = dnmf_range_split((dnmf_range){0, a->rows}, context->size, r).begin;
    for (int64_t col = 0; col < to->rows; col++) {
      const int64_t count = in->column_counts[r * to->rows + col];
      const int64_t place = to->start[col + 1];
      for (int64_t e = 0; e < count; e++)
        to->index[place + e] = (int32_t)(first + in->index[from + e]);
      if (count > 0)
        memcpy((char *)to->value + (size_t)place * number, (const char *)in->value + (size_t)from * number,
               (size_t)count * number);
      to->start[col + 1] += count;
      from += count;
    }
  }
}

static dnmf_status exchange_sparse(dnmf_context *context, const dnmf_matrix *a, int64_t *counts,
                                   dnmf_columns *columns) {
  arrived in = {0};
  int64_t stored = 0;
  dnmf_status status = exchange_entries(context, a, counts, &in);
  for (int r = 0; r < context->size; r++)
    stored += counts[context->size + r];
  if (status == DNMF_OK)
    status = dnmf_agree(
        context, allocate_entries(&context->error, a, dnmf_range_size(columns->owned), stored, &columns->entries));
  if (status == DNMF_OK && columns->entries.rows > 0)
    join_entries(context, a, &in, &columns->entries);
  arrived_free(&in);
  return status;
}

/* --- Rows of W --------------------------------------------------------------------------------------------- */

/* The rows with entries here, ascending, and where each stands among them; returns how many there are. */
static int64_t list_needed(const dnmf_columns *columns, int64_t rows, int32_t *place, int64_t *needed) {
  const dnmf_csr *entries = &columns->entries;
  int64_t count = 0;
  memset(place, 0, (size_t)rows * sizeof *place);
  for (int64_t e = 0; !columns->dense && e < entries->start[entries->rows]; e++)
    place[entries->index[e]] = 1;
  for (int64_t row = 0; row < rows; row++)
    if (columns->dense || place[row]) {
      place[row] = (int32_t)count;
      needed[count++] = row;
    }
  return count;
}

static dnmf_status plan_fetch(dnmf_context *context, int64_t rows, dnmf_columns *columns) {
  dnmf_error *error = &context->error;
  const dnmf_csr *entries = &columns->entries;
  void *bounds = NULL;
  void *place = NULL;
  void *needed = NULL;
  dnmf_status status = dnmf_allocate(error, "range bounds", context->size + 1, sizeof(int64_t), &bounds);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "places of rows", rows, sizeof(int32_t), &place);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "rows that are needed", rows, sizeof(int64_t), &needed);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    for (int r = 0; r <= context->size; r++)
      ((int64_t *)bounds)[r] =
          r == context->size ? rows : dnmf_range_split((dnmf_range){0, rows}, context->size, r).begin;
    columns->needed_rows = list_needed(columns, rows, place, needed);
    for (int64_t e = 0; !columns->dense && e < entries->start[entries->rows]; e++)
      entries->index[e] = ((int32_t *)place)[entries->index[e]];
    columns->fetched = true;
    status = dnmf_fetch_plan(context, bounds, needed, columns->needed_rows, &columns->fetch);
  }
  free(bounds);
  free(place);
  free(needed);
  return status;
}

/* --- All of it --------------------------------------------------------------------------------------------- */

dnmf_status dnmf_columns_create(dnmf_context *context, const dnmf_matrix *a, dnmf_columns *columns) {
  int64_t *counts = NULL;
  *columns = (dnmf_columns){.owned = columns_of(context, a->cols, context->rank), .needed_rows = a->rows};
  if (context->size == 1) {
    columns->dense = a->dense;
    columns->entries = a->by_cols;
    columns->shared = true;
    return DNMF_OK;
  }
  if (a->rows > INT32_MAX)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%" PRId64 " rows: --solver newton takes at most %d on several processes; use --solver mu",
                     a->rows, INT32_MAX);
  DNMF_TRY(create_counts(context, &counts));
  dnmf_status status =
      a->sparse ? exchange_sparse(context, a, counts, columns) : exchange_dense(context, a, counts, columns);
  free(counts);
  DNMF_TRY(status);
  return plan_fetch(context, a->rows, columns);
}

void dnmf_columns_free(dnmf_columns *columns) {
  dnmf_fetch_free(&columns->fetch);
  if (!columns->shared)
    dnmf_csr_free(&columns->entries);
  free(columns->copy);
  memset(columns, 0, sizeof *columns);
}

dnmf_status dnmf_columns_gather(dnmf_context *context, const dnmf_columns *columns, const dnmf_panel *mine,
                                dnmf_panel *rows) {
  return columns->fetched ? dnmf_fetch_rows(context, &columns->fetch, mine, rows) : DNMF_OK;
}

double dnmf_columns_bytes(bool sparse, dnmf_number number, int processes, int64_t rows, int64_t cols, double stored) {
  if (processes == 1)
    return 0;
  if (!sparse)
    return dnmf_allocated_bytes((double)rows * (double)cols, dnmf_number_size(number));
  return dnmf_allocated_bytes((double)cols + 1, sizeof(int64_t)) + dnmf_allocated_bytes(stored, sizeof(int32_t)) +
         dnmf_allocated_bytes(stored, dnmf_number_size(number));
}
