#include "matrix/balance.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/staging.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_ENTRIES = 1 << 14 };

void dnmf_balance_bounds(const int64_t *counts, int64_t rows, int parts, int64_t *bounds) {
  int64_t total = 0;
  int64_t before = 0;
  int part = 1;
  for (int64_t row = 0; row < rows; row++)
    total += counts[row];
  for (int r = 0; r <= parts; r++)
    bounds[r] = r == parts ? rows : 0;
  for (int64_t row = 0; row < rows && total > 0; row++) {
    const int64_t through = before + counts[row];
    for (; part < parts && (double)total * part / parts <= (double)through; part++) {
      const double target = (double)total * part / parts;
      bounds[part] = row + (target - (double)before > (double)through - target ? 1 : 0);
    }
    before = through;
  }
}

void dnmf_held_entries_free(dnmf_held_entries *held) {
  dnmf_queue_free(&held->queue);
  memset(held, 0, sizeof *held);
}

/* Room for a batch as it is read and as it waits. */
typedef struct held_batch {
  dnmf_entry *read;
  char *items;
} held_batch;

static dnmf_status hold_all(dnmf_error *error, dnmf_next_entries next, void *state, const held_batch *batch,
                            int64_t *counts, dnmf_held_entries *held) {
  for (;;) {
    int64_t count = 0;
    DNMF_TRY(next(error, state, batch->read, BATCH_ENTRIES, &count));
    if (count == 0)
      return DNMF_OK;
    for (int64_t e = 0; e < count; e++) {
      const dnmf_entry *entry = &batch->read[e];
      dnmf_staged_put(held->precision, batch->items + (size_t)e * held->item_bytes,
                      (dnmf_staged_place){(int32_t)entry->row, (int32_t)entry->col}, entry->value);
      counts[entry->row]++;
    }
    DNMF_TRY(dnmf_queue_put(error, "entries of A", &held->queue, batch->items, count));
  }
}

dnmf_status dnmf_balance_hold(dnmf_context *context, int64_t rows, dnmf_precision precision, dnmf_next_entries next,
                              void *state, int64_t *bounds, dnmf_held_entries *held) {
  dnmf_error *error = &context->error;
  void *read = NULL;
  void *items = NULL;
  void *counts = NULL;
  *held = (dnmf_held_entries){.precision = precision,
                              .item_bytes = sizeof(dnmf_staged_place) + dnmf_precision_size(precision)};
  held->queue = dnmf_queue_of(held->item_bytes, &context->chunks);
  dnmf_status status = dnmf_allocate(error, "a batch of entries", BATCH_ENTRIES, sizeof(dnmf_entry), &read);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "a batch of entries", BATCH_ENTRIES, held->item_bytes, &items);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(error, "entries of each row", rows, sizeof(int64_t), &counts);
  if (status == DNMF_OK)
    status = hold_all(error, next, state, &(held_batch){read, items}, counts, held);
  status = dnmf_agree(context, status);
  free(read);
  free(items);
  if (status == DNMF_OK)
    status = dnmf_sum_int64(context, context->comm, counts, rows);
  if (status == DNMF_OK)
    dnmf_balance_bounds(counts, rows, context->size, bounds);
  free(counts);
  return status;
}

dnmf_status dnmf_held_entries_next(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  dnmf_held_entries *held = state;
  const void *items = NULL;
  int64_t some = 0;
  for (*count = 0; (some = dnmf_queue_front(&held->queue, limit - *count, &items)) > 0;) {
    for (int64_t i = 0; i < some; i++) {
      const char *item = (const char *)items + (size_t)i * held->item_bytes;
      dnmf_staged_place place;
      memcpy(&place, item, sizeof place);
      const double value = dnmf_number_at((dnmf_number)held->precision, item + sizeof place, 0);
      batch[(*count)++] = (dnmf_entry){place.row, place.col, value};
    }
    dnmf_queue_drop(&held->queue, some);
  }
  return DNMF_OK;
}
