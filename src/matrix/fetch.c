/* Fetching rows by number: requests once, rows as often as wanted. */
#include "matrix/fetch.h"

#include "base/memory.h"
#include "base/range.h"
#include "base/team.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void dnmf_fetch_free(dnmf_fetch *fetch) {
  free(fetch->receive_counts);
  free(fetch->send_counts);
  free(fetch->send_rows);
  memset(fetch, 0, sizeof *fetch);
}

static int compare_rows(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left;
  int64_t b = *(const int64_t *)right;
  return (a > b) - (a < b);
}

/* Keeps one of equal neighbours. */
static int64_t drop_repeated(int64_t *rows, int64_t count) {
  int64_t kept = 0;
  for (int64_t i = 0; i < count; i++)
    if (kept == 0 || rows[i] != rows[kept - 1])
      rows[kept++] = rows[i];
  return kept;
}

/* list = the distinct wanted rows, ascending; their number is returned. */
static int64_t list_by_sorting(int64_t count, const int64_t *rows, int64_t *list, int64_t *place) {
  int64_t listed = 0;
  for (int64_t i = 0; i < count; i++)
    if (rows[i] >= 0)
      list[listed++] = rows[i];
  listed = drop_repeated(list, listed);
  if (listed > 1)
    qsort(list, (size_t)listed, sizeof *list, compare_rows);
  listed = drop_repeated(list, listed);
  for (int64_t i = 0; i < count; i++) {
    const int64_t *at = NULL;
    if (i > 0 && rows[i] == rows[i - 1]) {
      place[i] = place[i - 1];
      continue;
    }
    if (rows[i] >= 0)
      at = bsearch(&rows[i], list, (size_t)listed, sizeof *list, compare_rows);
    place[i] = at ? at - list : -1;
  }
  return listed;
}

/* The same with a zeroed table of all rows of `span`, in linear time. */
static int64_t list_by_table(int64_t count, const int64_t *rows, dnmf_range span, int64_t *table, int64_t *list,
                             int64_t *place) {
  int64_t listed = 0;
  for (int64_t i = 0; i < count; i++)
    if (rows[i] >= 0)
      table[rows[i] - span.begin] = 1;
  for (int64_t s = 0; s < dnmf_range_size(span); s++)
    if (table[s]) {
      list[listed] = span.begin + s;
      table[s] = listed++;
    }
  for (int64_t i = 0; i < count; i++)
    place[i] = rows[i] >= 0 ? table[rows[i] - span.begin] : -1;
  return listed;
}

/* From the smallest to the largest wanted row; empty when none is wanted. */
static dnmf_range span_of(int64_t count, const int64_t *rows) {
  dnmf_range span = {INT64_MAX, 0};
  for (int64_t i = 0; i < count; i++) {
    if (rows[i] >= 0 && rows[i] < span.begin)
      span.begin = rows[i];
    if (rows[i] >= span.end)
      span.end = rows[i] + 1;
  }
  return span.begin < span.end ? span : (dnmf_range){0, 0};
}

dnmf_status dnmf_fetch_list(dnmf_error *error, int64_t count, const int64_t *rows, int64_t **distinct,
                            int64_t *distinct_count, int64_t *place) {
  void *memory = NULL;
  void *table = NULL;
  dnmf_range span = span_of(count, rows);
  bool dense = dnmf_range_size(span) <= count; /* the table is no larger than the list */
  *distinct_count = 0;
  dnmf_status status = dnmf_allocate(error, "wanted rows", count, sizeof(int64_t), &memory);
  *distinct = memory;
  if (status == DNMF_OK && dense)
    status = dnmf_allocate_zero(error, "wanted rows", dnmf_range_size(span), sizeof(int64_t), &table);
  if (status == DNMF_OK)
    *distinct_count = dense ? list_by_table(count, rows, span, table, *distinct, place)
                            : list_by_sorting(count, rows, *distinct, place);
  free(table);
  return status;
}

/* How many of the wanted rows come from each process. */
static dnmf_status count_by_owner(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                                  int64_t *counts) {
  int owner = 0;
  for (int64_t i = 0; i < count; i++) {
    if (wanted[i] < 0 || wanted[i] >= bounds[context->size] || (i > 0 && wanted[i] <= wanted[i - 1]))
      return dnmf_fail(&context->error, DNMF_ERROR_LIBRARY,
                       "row %" PRId64 " was asked for out of order or outside 0 to %" PRId64, wanted[i],
                       bounds[context->size] - 1);
    while (wanted[i] >= bounds[owner + 1])
      owner++;
    counts[owner]++;
  }
  return DNMF_OK;
}

dnmf_status dnmf_fetch_plan(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                            dnmf_fetch *fetch) {
  void *memory = NULL;
  memset(fetch, 0, sizeof *fetch);
  dnmf_status status = dnmf_allocate_zero(&context->error, "exchange counts", context->size, sizeof(int64_t), &memory);
  fetch->receive_counts = memory;
  if (status == DNMF_OK) {
    status = dnmf_allocate_zero(&context->error, "exchange counts", context->size, sizeof(int64_t), &memory);
    fetch->send_counts = status == DNMF_OK ? memory : NULL;
  }
  if (status == DNMF_OK)
    status = count_by_owner(context, bounds, wanted, count, fetch->receive_counts);
  DNMF_TRY(dnmf_agree(context, status));
  fetch->wanted_count = count;
  DNMF_TRY(dnmf_exchange(context, wanted, fetch->receive_counts, sizeof(int64_t), &memory, fetch->send_counts));
  fetch->send_rows = memory;
  for (int r = 0; r < context->size; r++)
    fetch->send_total += fetch->send_counts[r];
  for (int64_t i = 0; i < fetch->send_total; i++)
    fetch->send_rows[i] -= bounds[context->rank];
  return DNMF_OK;
}

dnmf_status dnmf_fetch_items(dnmf_context *context, const dnmf_fetch *fetch, const void *mine, size_t item_bytes,
                             void *fetched) {
  void *packed = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "rows to send", fetch->send_total, item_bytes, &packed);
  DNMF_TRY(dnmf_agree(context, status));
  const double numbers = (double)fetch->send_total * (double)item_bytes / sizeof(double);
#pragma omp parallel for num_threads(dnmf_team(context->threads, numbers))
  for (int64_t i = 0; i < fetch->send_total; i++)
    memcpy((char *)packed + (size_t)i * item_bytes, (const char *)mine + (size_t)fetch->send_rows[i] * item_bytes,
           item_bytes);
  status = dnmf_exchange_known(context, packed, fetch->send_counts, item_bytes, fetched, fetch->receive_counts);
  free(packed);
  return status;
}

dnmf_status dnmf_fetch_rows(dnmf_context *context, const dnmf_fetch *fetch, const dnmf_panel *mine,
                            dnmf_panel *fetched) {
  size_t row_bytes = (size_t)mine->components * dnmf_precision_size(mine->precision);
  DNMF_TRY(dnmf_fetch_items(context, fetch, mine->data, row_bytes, fetched->data));
  int64_t kept = fetch->send_counts[context->rank];
  context->traffic.gather_words += (double)(fetch->send_total - kept) * mine->components;
  context->traffic.messages += context->size - 1;
  return DNMF_OK;
}
