/* Popularity, counted once and held by every process: a number a column. */
#include "model/popularity.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

void dnmf_popularity_free(dnmf_popularity *popularity) {
  free(popularity->counts);
  free(popularity->order);
  memset(popularity, 0, sizeof *popularity);
}

/* A column with its count; sorted, the most popular first. */
typedef struct counted {
  int64_t count;
  int64_t col;
} counted;

static int by_count(const void *left, const void *right) {
  const counted *a = left;
  const counted *b = right;
  if (a->count != b->count)
    return a->count > b->count ? -1 : 1;
  return (a->col > b->col) - (a->col < b->col);
}

static dnmf_status popularity_allocate(dnmf_error *error, int64_t cols, dnmf_popularity *p, counted **columns,
                                       uint8_t **may_be) {
  void *memory = NULL;
  p->cols = cols;
  DNMF_TRY(dnmf_allocate_zero(error, "counts of columns", cols, sizeof(int64_t), &memory));
  p->counts = memory;
  DNMF_TRY(dnmf_allocate(error, "columns by popularity", cols, sizeof(int64_t), &memory));
  p->order = memory;
  DNMF_TRY(dnmf_allocate(error, "columns by popularity", cols, sizeof(counted), &memory));
  *columns = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "columns that may be listed", cols, 1, &memory));
  *may_be = memory;
  return DNMF_OK;
}

static void count_here(const dnmf_model *model, const dnmf_csr *seen, int64_t *counts) {
  for (int64_t e = 0; seen && seen->rows > 0 && e < seen->start[seen->rows]; e++)
    counts[seen->index[e]]++;
  for (int64_t j = 0; !seen && model->col_counts && j < model->h.rows; j++)
    counts[model->owned_cols.begin + j] = model->col_counts[j];
}

static void order_columns(dnmf_popularity *p, const uint8_t *may_be, counted *columns) {
  for (int64_t j = 0; j < p->cols; j++)
    if (p->counts[j] > 0 && may_be[j])
      columns[p->listed++] = (counted){p->counts[j], j};
  qsort(columns, (size_t)p->listed, sizeof *columns, by_count);
  for (int64_t i = 0; i < p->listed; i++)
    p->order[i] = columns[i].col;
}

dnmf_status dnmf_popularity_count(dnmf_context *context, const dnmf_model *model, const dnmf_csr *seen,
                                  const bool *listable, bool *known, dnmf_popularity *popularity) {
  counted *columns = NULL;
  uint8_t *may_be = NULL;
  int64_t counted_here = seen || model->col_counts;
  memset(popularity, 0, sizeof *popularity);
  dnmf_status status =
      dnmf_agree(context, popularity_allocate(&context->error, model->cols, popularity, &columns, &may_be));
  if (status == DNMF_OK) {
    count_here(model, seen, popularity->counts);
    for (int64_t j = 0; j < model->h.rows; j++)
      may_be[model->owned_cols.begin + j] = !listable || listable[j];
    status = dnmf_sum_int64(context, context->comm, popularity->counts, model->cols);
  }
  if (status == DNMF_OK)
    status = dnmf_max_bytes(context, context->comm, may_be, model->cols);
  if (status == DNMF_OK)
    status = dnmf_max_int64(context, context->comm, &counted_here, 1);
  if (status == DNMF_OK)
    order_columns(popularity, may_be, columns);
  *known = counted_here != 0;
  free(columns);
  free(may_be);
  return status;
}

void dnmf_popularity_list(const dnmf_popularity *popularity, const int32_t *seen, int64_t seen_count, dnmf_top *list) {
  list->count = 0;
  for (int64_t i = 0; i < popularity->listed && list->count < list->capacity; i++) {
    int64_t col = popularity->order[i];
    if (!dnmf_is_among(seen, seen_count, col))
      list->items[list->count++] = (dnmf_scored){(double)popularity->counts[col], col};
  }
}
