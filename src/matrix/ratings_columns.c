/*
 * Entries go to the owners of their columns in batches, row by row; there they wait by the process they came from, and
 * since processes own rows in rank order, placing one process's after the other's leaves the rows of each column in
 * order. Entries of own columns are placed straight from the rows.
 */
#include "matrix/ratings_columns.h"

#include "base/memory.h"
#include "base/queue.h"
#include "comm/collective.h"
#include "matrix/balance.h"
#include "matrix/csr.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_ENTRIES = 1 << 17 };

/* Where an entry goes; its value follows. */
typedef struct column_place {
  int32_t col; /* counted in the columns of its owner */
  int32_t row; /* global */
} column_place;

typedef struct column_route {
  dnmf_context *context;
  const dnmf_csr *rows;
  int64_t first_row;
  const int64_t *bounds;
  int halved;          /* the columns of each process are sent in 1 << halved rounds, */
  int round;           /* of which this one is on its way */
  int32_t *part;       /* of each column: its owner << halved, and its round */
  size_t value_bytes;  /* of the type that values are kept in */
  size_t item_bytes;   /* of column_place and value */
  int64_t batch;       /* most entries of a batch */
  char *items;         /* a batch by owner */
  int64_t *send;       /* entries of it for each process, */
  int64_t *next;       /* where they begin, */
  int64_t *receive;    /* and entries that come from each */
  dnmf_queue *waiting; /* what has come, by process */
  dnmf_csr *columns;
} column_route;

/* A place in the rows. */
typedef struct row_cursor {
  int64_t row;
  int64_t at;
} row_cursor;

static dnmf_status allocate_columns(dnmf_error *error, int64_t cols, int64_t rows, int64_t entries, size_t value_bytes,
                                    dnmf_csr *columns) {
  void *memory = NULL;
  columns->rows = cols;
  columns->cols = rows;
  DNMF_TRY(dnmf_allocate_zero(error, "ratings by column", cols + 1, sizeof(int64_t), &memory));
  columns->start = memory;
  DNMF_TRY(dnmf_allocate(error, "ratings by column", entries, sizeof(int32_t), &memory));
  columns->index = memory;
  return dnmf_allocate(error, "ratings by column", entries, value_bytes, &columns->value);
}

/* Where each column goes: the parts of a process have about the same number of entries. */
static void part_columns(const int64_t *counts, column_route *r) {
  for (int owner = 0; owner < r->context->size; owner++) {
    int64_t total = 0;
    int64_t before = 0;
    for (int64_t col = r->bounds[owner]; col < r->bounds[owner + 1]; col++)
      total += counts[col];
    for (int64_t col = r->bounds[owner]; col < r->bounds[owner + 1]; col++) {
      const int round = r->halved && 2 * before > total;
      r->part[col] = (owner << r->halved) + round;
      before += counts[col];
    }
  }
}

/* Everything that sending takes, and the columns' own arrays. local */
static dnmf_status prepare_route(const int64_t *counts, column_route *r) {
  dnmf_context *context = r->context;
  dnmf_error *error = &context->error;
  const int size = context->size;
  void *memory = NULL;
  int64_t entries = 0;
  const dnmf_range owned = {r->bounds[context->rank], r->bounds[context->rank + 1]};
  for (int64_t col = owned.begin; col < owned.end; col++)
    entries += counts[col];
  DNMF_TRY(allocate_columns(error, dnmf_range_size(owned), r->columns->cols, entries, r->value_bytes, r->columns));
  for (int64_t col = owned.begin; col < owned.end; col++)
    r->columns->start[col - owned.begin + 1] = counts[col];
  dnmf_csr_counts_to_places(r->columns->start, r->columns->rows);
  DNMF_TRY(dnmf_allocate(error, "owners of columns", r->rows->cols, sizeof(int32_t), &memory));
  r->part = memory;
  part_columns(counts, r);
  r->batch = context->message_limit < BATCH_ENTRIES ? context->message_limit : BATCH_ENTRIES;
  DNMF_TRY(dnmf_allocate(error, "ratings to send", r->batch, r->item_bytes, &memory));
  r->items = memory;
  DNMF_TRY(dnmf_allocate(error, "rating counts", 3 * (int64_t)size, sizeof(int64_t), &memory));
  r->send = memory;
  r->next = r->send + size;
  r->receive = r->next + size;
  DNMF_TRY(dnmf_allocate(error, "rating queues", size, sizeof(dnmf_queue), &memory));
  r->waiting = memory;
  for (int p = 0; p < size; p++)
    r->waiting[p] = dnmf_queue_of(r->item_bytes, &context->chunks);
  return DNMF_OK;
}

static void free_route(column_route *r) {
  for (int p = 0; r->waiting && p < r->context->size; p++)
    dnmf_queue_free(&r->waiting[p]);
  dnmf_queue_pool_free(&r->context->chunks);
  free(r->part);
  free(r->items);
  free(r->send);
  free(r->waiting);
}

/* The process that an entry of this column is sent to in this round; -1: none. */
static inline int destination(const column_route *r, int32_t col) {
  const int owner = r->part[col] >> r->halved;
  return (r->part[col] & r->halved) == r->round && owner != r->context->rank ? owner : -1;
}

/* Entries of the next batch for each process; *end is where the batch after it begins. Returns their number. */
static int64_t count_batch(const column_route *r, row_cursor from, row_cursor *end) {
  const dnmf_csr *rows = r->rows;
  int64_t count = 0;
  memset(r->send, 0, (size_t)r->context->size * sizeof *r->send);
  for (; from.row < rows->rows; from.row++)
    for (; from.at < rows->start[from.row + 1]; from.at++) {
      const int to = destination(r, rows->index[from.at]);
      if (to < 0)
        continue;
      if (count == r->batch) {
        *end = from;
        return count;
      }
      r->send[to]++;
      count++;
    }
  *end = from;
  return count;
}

/* The items of a batch. `size`, of a value, is a constant where this is called. */
static inline void pack_batch(const column_route *r, row_cursor from, row_cursor end, size_t size) {
  const dnmf_csr *rows = r->rows;
  for (; from.row < rows->rows && from.at < end.at; from.row++) {
    const int64_t row_end = rows->start[from.row + 1] < end.at ? rows->start[from.row + 1] : end.at;
    for (; from.at < row_end; from.at++) {
      const int32_t col = rows->index[from.at];
      const int to = destination(r, col);
      if (to < 0)
        continue;
      char *item = r->items + (size_t)r->next[to]++ * (sizeof(column_place) + size);
      const column_place place = {(int32_t)(col - r->bounds[to]), (int32_t)(r->first_row + from.row)};
      memcpy(item, &place, sizeof place);
      memcpy(item + sizeof place, (const char *)rows->value + (size_t)from.at * size, size);
    }
  }
}

static void pack_columns(const column_route *r, row_cursor from, row_cursor end) {
  r->next[0] = 0;
  for (int p = 1; p < r->context->size; p++)
    r->next[p] = r->next[p - 1] + r->send[p - 1];
  if (r->value_bytes == sizeof(uint8_t))
    pack_batch(r, from, end, sizeof(uint8_t));
  else if (r->value_bytes == sizeof(uint16_t))
    pack_batch(r, from, end, sizeof(uint16_t));
  else if (r->value_bytes == sizeof(float))
    pack_batch(r, from, end, sizeof(float));
  else
    pack_batch(r, from, end, sizeof(double));
}

/* What has arrived waits by the process it came from. */
static dnmf_status hold_received(column_route *r, const char *items) {
  for (int p = 0; p < r->context->size; p++) {
    DNMF_TRY(dnmf_queue_put(&r->context->error, "ratings by column", &r->waiting[p], items, r->receive[p]));
    items += (size_t)r->receive[p] * r->item_bytes;
  }
  return DNMF_OK;
}

/* The entries of this round to their owners, where they wait. */
static dnmf_status send_round(column_route *r) {
  dnmf_context *context = r->context;
  row_cursor from = {0, 0};
  dnmf_status status = DNMF_OK;
  for (;;) {
    row_cursor end = from;
    void *received = NULL;
    int64_t most[2] = {count_batch(r, from, &end), status != DNMF_OK};
    DNMF_TRY(dnmf_max_int64(context, context->comm, most, 2));
    if (most[1])
      return dnmf_agree(context, status);
    if (most[0] == 0)
      return DNMF_OK;
    pack_columns(r, from, end);
    from = end;
    DNMF_TRY(dnmf_exchange(context, r->items, r->send, r->item_bytes, &received, r->receive));
    status = hold_received(r, received);
    free(received);
  }
}

/* `size`, of a value, is a constant where this is called. */
static inline void place_entry(dnmf_csr *columns, int32_t col, int32_t row, const void *value, size_t size) {
  const int64_t at = columns->start[col + 1]++;
  columns->index[at] = row;
  memcpy((char *)columns->value + (size_t)at * size, value, size);
}

static inline void place_waiting(const column_route *r, dnmf_queue *queue, size_t size) {
  const void *items = NULL;
  int64_t count = 0;
  while ((count = dnmf_queue_front(queue, INT64_MAX, &items)) > 0) {
    for (int64_t i = 0; i < count; i++) {
      const char *item = (const char *)items + (size_t)i * (sizeof(column_place) + size);
      column_place place;
      memcpy(&place, item, sizeof place);
      place_entry(r->columns, place.col, place.row, item + sizeof place, size);
    }
    dnmf_queue_drop(queue, count);
  }
}

static inline void place_own(const column_route *r, size_t size) {
  const dnmf_csr *rows = r->rows;
  const int32_t part = (r->context->rank << r->halved) + r->round;
  const int64_t first = r->bounds[r->context->rank];
  for (int64_t row = 0; row < rows->rows; row++)
    for (int64_t e = rows->start[row]; e < rows->start[row + 1]; e++)
      if (r->part[rows->index[e]] == part)
        place_entry(r->columns, (int32_t)(rows->index[e] - first), (int32_t)(r->first_row + row),
                    (const char *)rows->value + (size_t)e * size, size);
}

static inline void place_round(const column_route *r, size_t size) {
  for (int p = 0; p < r->context->size; p++)
    if (p == r->context->rank)
      place_own(r, size);
    else
      place_waiting(r, &r->waiting[p], size);
}

static void place(const column_route *r) {
  if (r->value_bytes == sizeof(uint8_t))
    place_round(r, sizeof(uint8_t));
  else if (r->value_bytes == sizeof(uint16_t))
    place_round(r, sizeof(uint16_t));
  else if (r->value_bytes == sizeof(float))
    place_round(r, sizeof(float));
  else
    place_round(r, sizeof(double));
}

static dnmf_status route_columns(column_route *r, int64_t *counts, int64_t *bounds) {
  dnmf_context *context = r->context;
  for (int64_t e = 0; e < r->rows->start[r->rows->rows]; e++)
    counts[r->rows->index[e]]++;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, r->rows->cols));
  dnmf_balance_bounds(counts, r->rows->cols, context->size, bounds);
  dnmf_status status = dnmf_agree(context, prepare_route(counts, r));
  for (r->round = 0; r->round <= r->halved && status == DNMF_OK; r->round++) {
    status = send_round(r);
    if (status == DNMF_OK)
      place(r);
  }
  return status;
}

/* One process owns all columns. */
static dnmf_status transpose_rows(dnmf_context *context, dnmf_precision precision, const dnmf_csr *rows,
                                  size_t value_bytes, int64_t *bounds, dnmf_csr *columns) {
  bounds[0] = 0;
  bounds[1] = rows->cols;
  DNMF_TRY(allocate_columns(&context->error, rows->cols, rows->rows, rows->start[rows->rows], value_bytes, columns));
  dnmf_csr_transpose(rows, precision, context->threads, columns);
  return DNMF_OK;
}

dnmf_status dnmf_ratings_columns(dnmf_context *context, dnmf_precision precision, int64_t all_rows, int64_t first_row,
                                 const dnmf_csr *rows, int64_t *bounds, dnmf_csr *columns) {
  const size_t value_bytes = dnmf_number_size(dnmf_number_of(precision, rows->narrow));
  void *counts = NULL;
  *columns = (dnmf_csr){.cols = all_rows, .narrow = rows->narrow};
  if (context->size == 1)
    return transpose_rows(context, precision, rows, value_bytes, bounds, columns);
  column_route r = {.context = context,
                    .rows = rows,
                    .first_row = first_row,
                    .bounds = bounds,
                    .halved = value_bytes > sizeof(float),
                    .value_bytes = value_bytes,
                    .item_bytes = sizeof(column_place) + value_bytes,
                    .columns = columns};
  dnmf_status status = dnmf_agree(
      context, dnmf_allocate_zero(&context->error, "entries of each column", rows->cols, sizeof(int64_t), &counts));
  if (status == DNMF_OK)
    status = route_columns(&r, counts, bounds);
  free(counts);
  free_route(&r);
  return status;
}
