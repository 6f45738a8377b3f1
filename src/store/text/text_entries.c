#include "store/text/text_entries.h"

#include "base/memory.h"
#include "store/source_load.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An entry as it waits while its indices are small, as they nearly always are. */
typedef struct narrow_entry {
  uint32_t row;
  uint32_t col;
  double value;
} narrow_entry;

static const char WAITING[] = "the entries of a text file";

/* Item i of those at the front of a part as an entry. */
static dnmf_entry entry_of(const dnmf_text_state *state, const dnmf_text_items *part, const void *items, int64_t i) {
  dnmf_entry entry;
  if (part->wide) {
    entry = ((const dnmf_entry *)items)[i];
  } else {
    const narrow_entry *narrow = (const narrow_entry *)items + i;
    entry = (dnmf_entry){narrow->row, narrow->col, narrow->value};
  }
  entry.row += state->row_shift;
  entry.col += state->col_shift;
  if (part->row_index)
    entry.row = part->row_index[entry.row];
  if (part->col_index)
    entry.col = part->col_index[entry.col];
  return entry;
}

/* The part at the front that has items; after the last one, the first again. */
static dnmf_text_items *front_part(dnmf_text_state *state) {
  while (state->front < state->parts - 1 && state->items[state->front].queue.count == 0)
    state->front++;
  if (state->items[state->front].queue.count == 0)
    state->front = 0;
  return &state->items[state->front];
}

dnmf_status dnmf_text_next_entries(dnmf_error *error, void *memory, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  dnmf_text_state *state = memory;
  const void *items = NULL;
  int64_t room = state->mirrored ? 2 : 1; /* for an item */
  int64_t held = 0;
  *count = 0;
  for (;;) {
    dnmf_text_items *part = front_part(state);
    held = dnmf_queue_front(&part->queue, (limit - *count) / room, &items);
    if (held == 0)
      return DNMF_OK;
    for (int64_t i = 0; i < held; i++) {
      dnmf_entry entry = entry_of(state, part, items, i);
      batch[(*count)++] = entry;
      if (state->mirrored && entry.row != entry.col)
        batch[(*count)++] = (dnmf_entry){entry.col, entry.row, entry.value};
    }
    dnmf_queue_drop(&part->queue, held);
  }
}

/* Items at the front of a part, or behind those that were seen, become entries; returns how many. */
static int64_t next_of_part(void *memory, int number, bool takes, dnmf_entry *batch, int64_t limit) {
  dnmf_text_state *state = memory;
  dnmf_text_items *part = &state->items[number];
  const void *items = NULL;
  const int64_t most = state->mirrored ? limit / 2 : limit;
  const int64_t held =
      takes ? dnmf_queue_front(&part->queue, most, &items) : dnmf_queue_look(&part->queue, &part->seen, most, &items);
  int64_t count = 0;
  for (int64_t i = 0; i < held; i++) {
    const dnmf_entry entry = entry_of(state, part, items, i);
    batch[count++] = entry;
    if (state->mirrored && entry.row != entry.col)
      batch[count++] = (dnmf_entry){entry.col, entry.row, entry.value};
  }
  if (takes)
    dnmf_queue_drop(&part->queue, held);
  return count;
}

/* From one cell to the next, in the order of the file. */
static void step(dnmf_text_state *state) {
  if (!state->by_columns) {
    if (++state->col == state->cols) {
      state->col = 0;
      state->row++;
    }
  } else if (++state->row == state->rows) {
    state->col++;
    state->row = state->triangle ? state->col : 0;
  }
}

/* Zeros are what a dense block begins with; where cells are missing, NaN, all others are entries. */
static dnmf_status next_cells(dnmf_error *error, void *memory, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* nothing here fails */
  dnmf_text_state *state = memory;
  const void *item = NULL;
  for (*count = 0; *count < limit - 1 && dnmf_queue_front(&state->items->queue, 1, &item) > 0;) {
    double value = *(const double *)item;
    bool entry = state->zeros ? !isnan(value) : value != 0;
    if (entry)
      batch[(*count)++] = (dnmf_entry){state->row, state->col, value};
    if (entry && state->triangle && state->row != state->col)
      batch[(*count)++] = (dnmf_entry){state->col, state->row, value};
    dnmf_queue_drop(&state->items->queue, 1);
    step(state);
  }
  return DNMF_OK;
}

static dnmf_status load_text_entries(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                                     dnmf_precision precision, dnmf_matrix *matrix) {
  dnmf_text_state *state = source->state;
  const dnmf_entry_parts parts = {state, state->parts, next_of_part};
  for (int p = 0; p < state->parts && state->parts > 1; p++)
    state->items[p].queue.pool = NULL; /* which threads cannot share */
  return dnmf_load_parts(context, source, layout, precision, dnmf_text_next_entries, &parts, matrix);
}

static dnmf_status load_cells(dnmf_context *context, dnmf_source *source, const dnmf_layout *layout,
                              dnmf_precision precision, dnmf_matrix *matrix) {
  dnmf_text_state *state = source->state;
  state->zeros = source->has_missing;
  return dnmf_load_entries(context, source, layout, precision, next_cells, source->state, matrix);
}

static void close_state(dnmf_source *source) {
  dnmf_text_state *state = source->state;
  for (int part = 0; part < state->parts; part++) {
    dnmf_queue_free(&state->items[part].queue);
    free(state->items[part].row_index);
    free(state->items[part].col_index);
  }
  free(state->items);
  free(state);
}

dnmf_status dnmf_text_state_create(dnmf_context *context, dnmf_source *source, bool cells, int parts,
                                   dnmf_text_state **state) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "a text source", 1, sizeof **state, &memory));
  source->state = *state = memory;
  source->close = close_state;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "a text source", parts, sizeof *(*state)->items, &memory));
  (*state)->items = memory;
  (*state)->parts = parts;
  for (int part = 0; part < parts; part++) /* threads cannot share the context's chunks */
    (*state)->items[part].queue =
        dnmf_queue_of(cells ? sizeof(double) : sizeof(narrow_entry), parts > 1 ? NULL : &context->chunks);
  source->load = cells ? load_cells : load_text_entries;
  source->selects = true;
  source->is_text = true;
  strcpy(source->type, "text");
  return DNMF_OK;
}

/* Entries so far in 64 bits, for one that needs them. */
static dnmf_status widen(dnmf_error *error, dnmf_text_items *items) {
  dnmf_queue wide = dnmf_queue_of(sizeof(dnmf_entry), items->queue.pool);
  dnmf_status status = DNMF_OK;
  const void *item = NULL;
  while (status == DNMF_OK && dnmf_queue_front(&items->queue, 1, &item) > 0) {
    const narrow_entry *narrow = item;
    dnmf_entry entry = {narrow->row, narrow->col, narrow->value};
    dnmf_queue_drop(&items->queue, 1);
    status = dnmf_queue_put(error, WAITING, &wide, &entry, 1);
  }
  dnmf_queue_free(&items->queue);
  items->queue = wide;
  items->wide = true;
  return status;
}

int64_t dnmf_text_count(const dnmf_text_state *state) {
  int64_t count = 0;
  for (int part = 0; part < state->parts; part++)
    count += state->items[part].queue.count;
  return count;
}

dnmf_status dnmf_text_append(dnmf_error *error, dnmf_text_items *items, int64_t row, int64_t col, double value) {
  void *item = NULL;
  if (!items->wide && (row > UINT32_MAX || col > UINT32_MAX))
    DNMF_TRY(widen(error, items));
  DNMF_TRY(dnmf_queue_add(error, WAITING, &items->queue, &item));
  if (items->wide)
    *(dnmf_entry *)item = (dnmf_entry){row, col, value};
  else
    *(narrow_entry *)item = (narrow_entry){(uint32_t)row, (uint32_t)col, value};
  return DNMF_OK;
}

dnmf_status dnmf_text_append_all(dnmf_error *error, dnmf_text_items *items, int64_t count, const uint32_t *rows,
                                 const uint32_t *cols, const double *values) {
  int64_t done = 0;
  for (; done < count && items->wide; done++)
    DNMF_TRY(dnmf_text_append(error, items, rows[done], cols[done], values[done]));
  while (done < count) {
    void *memory = NULL;
    int64_t room = 0;
    DNMF_TRY(dnmf_queue_room(error, WAITING, &items->queue, count - done, &memory, &room));
    narrow_entry *to = memory;
    for (int64_t i = 0; i < room; i++)
      to[i] = (narrow_entry){rows[done + i], cols[done + i], values[done + i]};
    dnmf_queue_added(&items->queue, room);
    done += room;
  }
  return DNMF_OK;
}

dnmf_status dnmf_text_append_cell(dnmf_error *error, dnmf_text_items *items, double value) {
  return dnmf_queue_put(error, WAITING, &items->queue, &value, 1);
}

dnmf_status dnmf_text_check_fields(dnmf_error *error, int64_t count, int64_t wanted, const char *hint) {
  if (count == wanted)
    return DNMF_OK;
  if (count < 0)
    return dnmf_text_refuse_quotes(error, count);
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%" PRId64 " field%s where the first line has %" PRId64 "%s", count,
                   count == 1 ? "" : "s", wanted, hint);
}
