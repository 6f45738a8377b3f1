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

static dnmf_status popularity_create(dnmf_error *error, int64_t cols, dnmf_popularity *p) {
  void *memory = NULL;
  memset(p, 0, sizeof *p);
  p->cols = cols;
  DNMF_TRY(dnmf_allocate_zero(error, "counts of columns", cols, sizeof(int64_t), &memory));
  p->counts = memory;
  DNMF_TRY(dnmf_allocate(error, "columns by popularity", cols, sizeof(int64_t), &memory));
  p->order = memory;
  return DNMF_OK;
}

/* Orders the columns with an observation, or all, of those that may be listed (`may_be`; NULL: all). */
static dnmf_status popularity_order(dnmf_error *error, const uint8_t *may_be, bool all, dnmf_popularity *p) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "columns by popularity", p->cols, sizeof(counted), &memory));
  counted *columns = memory;
  p->listed = 0;
  for (int64_t j = 0; j < p->cols; j++)
    if ((p->counts[j] > 0 || all) && (!may_be || may_be[j]))
      columns[p->listed++] = (counted){p->counts[j], j};
  qsort(columns, (size_t)p->listed, sizeof *columns, by_count);
  for (int64_t i = 0; i < p->listed; i++)
    p->order[i] = columns[i].col;
  free(columns);
  return DNMF_OK;
}

static dnmf_status popularity_finish(dnmf_context *context, dnmf_popularity *p) {
  DNMF_TRY(dnmf_sum_int64(context, context->comm, p->counts, p->cols));
  return dnmf_agree(context, popularity_order(&context->error, NULL, false, p));
}

dnmf_status dnmf_popularity_of_entries(dnmf_context *context, int64_t cols, const dnmf_csr *entries,
                                       dnmf_popularity *popularity) {
  DNMF_TRY(dnmf_agree(context, popularity_create(&context->error, cols, popularity)));
  for (int64_t e = 0; entries->rows > 0 && e < entries->start[entries->rows]; e++)
    popularity->counts[entries->index[e]]++;
  return popularity_finish(context, popularity);
}

dnmf_status dnmf_popularity_of_fit(dnmf_context *context, const dnmf_model *model, bool *known,
                                   dnmf_popularity *popularity) {
  DNMF_TRY(dnmf_agree(context, popularity_create(&context->error, model->cols, popularity)));
  for (int64_t j = 0; model->col_counts && j < model->h.rows; j++)
    popularity->counts[model->owned_cols.begin + j] = model->col_counts[j];
  *known = model->col_counts != NULL;
  return popularity_finish(context, popularity);
}

dnmf_status dnmf_popularity_restrict(dnmf_context *context, const dnmf_model *model, const bool *listable, bool all,
                                     dnmf_popularity *popularity) {
  void *memory = NULL;
  dnmf_status status =
      dnmf_agree(context, dnmf_allocate_zero(&context->error, "columns that may be listed", model->cols, 1, &memory));
  uint8_t *may_be = memory;
  for (int64_t j = 0; j < model->h.rows && status == DNMF_OK; j++)
    may_be[model->owned_cols.begin + j] = !listable || listable[j];
  if (status == DNMF_OK)
    status = dnmf_or_bytes(context, context->comm, may_be, model->cols);
  if (status == DNMF_OK)
    status = dnmf_agree(context, popularity_order(&context->error, may_be, all, popularity));
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
