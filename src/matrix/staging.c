#include "staging.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_ENTRIES = 1 << 17 /* 3 MiB as they are read */ };

dnmf_status dnmf_staging_create(dnmf_context *context, const dnmf_layout *layout, dnmf_precision precision,
                                dnmf_staging *staging) {
  void *memory = NULL;
  dnmf_error *error = &context->error;
  *staging = (dnmf_staging){.context = context, .layout = layout, .precision = precision};
  staging->item_bytes = sizeof(dnmf_staged_place) + dnmf_precision_size(precision);
  staging->batch = context->message_limit < BATCH_ENTRIES ? context->message_limit : BATCH_ENTRIES;
  staging->batch = staging->batch < 2 ? 2 : staging->batch; /* as dnmf_next_entries may count on */
  DNMF_TRY(dnmf_allocate(error, "a batch of entries", staging->batch, sizeof(dnmf_entry), &memory));
  staging->read = memory;
  DNMF_TRY(dnmf_allocate(error, "owners of entries", staging->batch, sizeof(int), &memory));
  staging->owners = memory;
  DNMF_TRY(dnmf_allocate(error, "entries to send", staging->batch, staging->item_bytes, &memory));
  staging->sorted = memory;
  DNMF_TRY(dnmf_allocate(error, "entry counts", 3 * (int64_t)context->size, sizeof(int64_t), &memory));
  staging->counts = memory;
  DNMF_TRY(dnmf_allocate(error, "entry queues", context->size, sizeof(dnmf_queue), &memory));
  staging->queues = memory;
  for (int r = 0; r < context->size; r++)
    staging->queues[r] = dnmf_queue_of(staging->item_bytes, &context->chunks);
  return DNMF_OK;
}

void dnmf_staging_free(dnmf_staging *staging) {
  for (int r = 0; staging->queues && r < staging->context->size; r++)
    dnmf_queue_free(&staging->queues[r]);
  if (staging->context)
    dnmf_queue_pool_free(&staging->context->chunks);
  free(staging->read);
  free(staging->owners);
  free(staging->sorted);
  free(staging->counts);
  free(staging->queues);
  memset(staging, 0, sizeof *staging);
}

/* The process that owns an entry, whose place becomes that in the block there. */
static int find_owner(const dnmf_layout *layout, dnmf_entry *entry) {
  int row = dnmf_layout_find_row(layout, entry->row);
  int col = layout->grid->cols > 1 ? dnmf_layout_find_col(layout, entry->col) : 0;
  entry->row -= layout->row_begin[row];
  entry->col -= layout->col_begin[col];
  return row * layout->grid->cols + col;
}

/* The batch by owner, each owner's in order. */
static void sort_by_owner(dnmf_staging *staging, int64_t count) {
  int size = staging->context->size;
  int64_t *send = staging->counts;
  int64_t *next = send + size;
  memset(send, 0, 2 * (size_t)size * sizeof *send);
  for (int64_t e = 0; e < count; e++)
    send[staging->owners[e] = find_owner(staging->layout, &staging->read[e])]++;
  for (int r = 1; r < size; r++)
    next[r] = next[r - 1] + send[r - 1];
  for (int64_t e = 0; e < count; e++) {
    const dnmf_entry *entry = &staging->read[e];
    char *item = staging->sorted + (size_t)next[staging->owners[e]]++ * staging->item_bytes;
    dnmf_staged_put(staging->precision, item, (dnmf_staged_place){(int32_t)entry->row, (int32_t)entry->col},
                    entry->value);
  }
}

/* Sends the sorted batch and takes what arrives. Alone, nothing needs to be sent. */
static dnmf_status exchange_batch(dnmf_staging *staging, int64_t count, dnmf_staging_take take, void *state) {
  dnmf_context *context = staging->context;
  int64_t *receive = staging->counts + 2 * (int64_t)context->size;
  void *received = NULL;
  if (context->size == 1)
    return take(staging, state, 0, staging->sorted, count);
  DNMF_TRY(dnmf_exchange(context, staging->sorted, staging->counts, staging->item_bytes, &received, receive));
  const char *from = received;
  dnmf_status status = DNMF_OK;
  for (int r = 0; r < context->size && status == DNMF_OK; r++) {
    status = take(staging, state, r, from, receive[r]);
    from += (size_t)receive[r] * staging->item_bytes;
  }
  free(received);
  return status;
}

dnmf_status dnmf_staging_route(dnmf_staging *staging, dnmf_next_entries next, void *next_state, dnmf_staging_take take,
                               void *take_state) {
  dnmf_context *context = staging->context;
  dnmf_status status = DNMF_OK;
  bool more = true;
  for (;;) {
    int64_t count = 0;
    if (status == DNMF_OK && more)
      status = next(&context->error, next_state, staging->read, staging->batch, &count);
    more = count > 0;
    int64_t most[2] = {count, status != DNMF_OK};
    DNMF_TRY(dnmf_max_int64(context, context->comm, most, 2));
    if (most[1])
      return dnmf_agree(context, status);
    if (most[0] == 0)
      return DNMF_OK;
    sort_by_owner(staging, count);
    status = exchange_batch(staging, count, take, take_state);
    if (status == DNMF_ERROR_MPI)
      return status;
  }
}

/* `number` and `precision` are constants where this is called, but for rare ones. */
static inline void place_items(const char *items, int64_t count, dnmf_precision precision, dnmf_number number,
                               dnmf_csr *csr) {
  const size_t item_bytes = sizeof(dnmf_staged_place) + dnmf_precision_size(precision);
  for (int64_t i = 0; i < count; i++) {
    const char *item = items + (size_t)i * item_bytes;
    dnmf_staged_place place;
    memcpy(&place, item, sizeof place);
    const int64_t at = csr->start[place.row + 1]++;
    csr->index[at] = place.col;
    dnmf_number_put(number, csr->value, at, dnmf_number_at((dnmf_number)precision, item + sizeof place, 0));
  }
}

void dnmf_staging_place(dnmf_queue *queue, dnmf_precision precision, dnmf_csr *csr) {
  const dnmf_number number = dnmf_number_of(precision, csr->narrow);
  const void *items = NULL;
  int64_t count = 0;
  while ((count = dnmf_queue_front(queue, INT64_MAX, &items)) > 0) {
    if (precision == DNMF_DOUBLE && number == DNMF_NUMBER_DOUBLE)
      place_items(items, count, DNMF_DOUBLE, DNMF_NUMBER_DOUBLE, csr);
    else if (precision == DNMF_SINGLE && number == DNMF_NUMBER_SINGLE)
      place_items(items, count, DNMF_SINGLE, DNMF_NUMBER_SINGLE, csr);
    else
      place_items(items, count, precision, number, csr);
    dnmf_queue_drop(queue, count);
  }
}
