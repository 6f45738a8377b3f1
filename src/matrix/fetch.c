/* Fetching rows by number: requests once, rows as often as wanted. */
#include "matrix/fetch.h"

#include "base/memory.h"
#include "base/range.h"
#include "base/team.h"
#include "comm/collective.h"
#include "comm/exchange.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct dnmf_fetch_buffers {
  dnmf_exchange_plan plan;
  void *packed;      /* the rows to send, side by side */
  size_t item_bytes; /* `packed` has room for items of this size; the same on every process */
};

void dnmf_fetch_free(dnmf_fetch *fetch) {
  if (fetch->buffers) {
    dnmf_exchange_plan_free(&fetch->buffers->plan);
    free(fetch->buffers->packed);
  }
  free(fetch->buffers);
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

/* Turns the requests that arrived, in the order of the processes that want rows, into the lists of what to send and
 * what to copy. The counts, one a process, are left without the rows that stay here. */
static dnmf_status list_requested_rows(dnmf_context *context, int64_t first_row, const int64_t *requests,
                                       int64_t *send_counts, int64_t *receive_counts, dnmf_fetch *fetch) {
  void *memory = NULL;
  int64_t before = 0; /* requests of the processes before this one */
  int64_t total = 0;
  for (int r = 0; r < context->size; r++) {
    before += r < context->rank ? send_counts[r] : 0;
    fetch->own_first += r < context->rank ? receive_counts[r] : 0;
    total += send_counts[r];
  }
  fetch->own_count = send_counts[context->rank];
  fetch->send_total = total - fetch->own_count;
  DNMF_TRY(dnmf_allocate(&context->error, "rows to send", total, sizeof(int64_t), &memory));
  fetch->send_rows = memory;
  fetch->own_rows = fetch->send_rows ? fetch->send_rows + fetch->send_total : NULL;
  for (int64_t i = 0; i < total; i++) {
    const bool own = i >= before && i < before + fetch->own_count;
    const int64_t place = i < before ? i : i - fetch->own_count;
    *(own ? &fetch->own_rows[i - before] : &fetch->send_rows[place]) = requests[i] - first_row;
  }
  send_counts[context->rank] = 0;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "a fetch", 1, sizeof *fetch->buffers, &memory));
  fetch->buffers = memory;
  return dnmf_exchange_plan_create(context, send_counts, receive_counts, &fetch->buffers->plan);
}

dnmf_status dnmf_fetch_plan(dnmf_context *context, const int64_t *bounds, const int64_t *wanted, int64_t count,
                            dnmf_fetch *fetch) {
  void *memory = NULL;
  memset(fetch, 0, sizeof *fetch);
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "exchange counts", 2 * (int64_t)context->size, sizeof(int64_t), &memory);
  int64_t *receive_counts = memory;
  if (status == DNMF_OK)
    status = count_by_owner(context, bounds, wanted, count, receive_counts);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    int64_t *send_counts = receive_counts + context->size;
    void *requests = NULL;
    fetch->wanted_count = count;
    status = dnmf_exchange(context, wanted, receive_counts, sizeof(int64_t), &requests, send_counts);
    if (status == DNMF_OK)
      status = dnmf_agree(
          context, list_requested_rows(context, bounds[context->rank], requests, send_counts, receive_counts, fetch));
    free(requests);
  }
  free(receive_counts);
  return status;
}

/* Room for items larger than those fetched so far. */
static dnmf_status grow_buffers(dnmf_context *context, const dnmf_fetch *fetch, size_t item_bytes) {
  struct dnmf_fetch_buffers *buffers = fetch->buffers;
  free(buffers->packed);
  buffers->item_bytes = 0;
  dnmf_status status = dnmf_allocate(&context->error, "rows to send", fetch->send_total, item_bytes, &buffers->packed);
  DNMF_TRY(dnmf_agree(context, status));
  buffers->item_bytes = item_bytes;
  return DNMF_OK;
}

typedef struct copy_call {
  const int64_t *rows;
  const char *from;
  size_t item_bytes;
  char *to;
} copy_call;

static void copy_some_items(void *of_call, int64_t begin, int64_t end) {
  const copy_call *call = of_call;
  for (int64_t i = begin; i < end; i++)
    memcpy(call->to + (size_t)i * call->item_bytes, call->from + (size_t)call->rows[i] * call->item_bytes,
           call->item_bytes);
}

/* to[i] = item rows[i] of `from`, i = 0 ... count - 1. */
static void copy_items(const dnmf_context *context, int64_t count, const int64_t *rows, const char *from,
                       size_t item_bytes, char *to) {
  const double numbers = (double)count * (double)item_bytes / sizeof(double);
  copy_call call = {rows, from, item_bytes, to};
  dnmf_team_run(dnmf_team(context->threads, numbers), count, copy_some_items, &call);
}

dnmf_status dnmf_fetch_items(dnmf_context *context, const dnmf_fetch *fetch, const void *mine, size_t item_bytes,
                             void *fetched) {
  struct dnmf_fetch_buffers *buffers = fetch->buffers;
  if (item_bytes > buffers->item_bytes)
    DNMF_TRY(grow_buffers(context, fetch, item_bytes));
  DNMF_TRY(dnmf_exchange_expect(context, &buffers->plan, item_bytes, fetched));
  copy_items(context, fetch->send_total, fetch->send_rows, mine, item_bytes, buffers->packed);
  copy_items(context, fetch->own_count, fetch->own_rows, mine, item_bytes,
             (char *)fetched + (size_t)fetch->own_first * item_bytes);
  return dnmf_exchange_deliver(context, &buffers->plan, buffers->packed);
}

dnmf_status dnmf_fetch_rows(dnmf_context *context, const dnmf_fetch *fetch, const dnmf_panel *mine,
                            dnmf_panel *fetched) {
  size_t row_bytes = (size_t)mine->components * dnmf_precision_size(mine->precision);
  DNMF_TRY(dnmf_fetch_items(context, fetch, mine->data, row_bytes, fetched->data));
  context->traffic.gather_words += (double)fetch->send_total * mine->components;
  context->traffic.messages += fetch->buffers->plan.destinations;
  return DNMF_OK;
}
