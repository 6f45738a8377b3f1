#include "store/text/text_repeats.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char WAITING[] = "the times of entries";

enum { BATCH = 4096 /* entries at a time */, SHOWN = 60 /* characters of an id in a message */ };

/* What is noted of an entry. */
typedef struct note {
  double time;
  int64_t line; /* in this process's share, counted from 1 */
} note;

/* An entry on its way to the process of its place. */
typedef struct timed_entry {
  dnmf_entry entry;
  double time;
  int64_t line; /* in the file */
} timed_entry;

dnmf_status dnmf_repeats_begin(dnmf_error *error, const dnmf_source_options *options, bool counted,
                               dnmf_context *context, dnmf_repeats *repeats) {
  bool refused = options->duplicates_given && options->duplicates == DNMF_DUPLICATES_ERROR;
  bool merged = (options->duplicates_given && options->duplicates != DNMF_DUPLICATES_LAST && !refused) ||
                (counted && !options->duplicates_given);
  memset(repeats, 0, sizeof *repeats);
  if (options->time_column && (merged || refused))
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--time-column says which of repeated entries counts: the latest; it goes with --duplicates last");
  repeats->kind = refused ? DNMF_REPEATS_REFUSED : options->time_column ? DNMF_REPEATS_LATEST : DNMF_REPEATS_ALLOWED;
  repeats->time_column = options->time_column;
  repeats->notes = dnmf_queue_of(sizeof(note), &context->chunks);
  return DNMF_OK;
}

dnmf_status dnmf_repeats_note(dnmf_error *error, dnmf_repeats *repeats, double time, int64_t line) {
  const note made = {time, line};
  return dnmf_queue_put(error, WAITING, &repeats->notes, &made, 1);
}

void dnmf_repeats_free(dnmf_repeats *repeats) {
  dnmf_queue_free(&repeats->notes);
}

static int process_of(const dnmf_context *context, const dnmf_entry *entry) {
  uint64_t place = (uint64_t)entry->row * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)entry->col;
  place = (place ^ place >> 32) * UINT64_C(0xd6e8feb86659fd93);
  return (int)((place >> 33) % (uint64_t)context->size);
}

/* *list = this process's entries with what is noted of them; the queues are emptied. */
static dnmf_status list_entries(dnmf_error *error, dnmf_repeats *repeats, int64_t lines_before, dnmf_text_state *state,
                                timed_entry **list, int64_t *count) {
  void *memory = NULL;
  const void *item = NULL;
  dnmf_entry batch[BATCH];
  int64_t held = 0;
  *count = 0;
  DNMF_TRY(dnmf_allocate(error, "entries with their times", dnmf_text_count(state), sizeof(timed_entry), &memory));
  *list = memory;
  for (;;) {
    DNMF_TRY(dnmf_text_next_entries(error, state, batch, BATCH, &held));
    if (held == 0)
      return DNMF_OK;
    for (int64_t e = 0; e < held; e++) {
      dnmf_queue_front(&repeats->notes, 1, &item);
      const note *noted = item;
      (*list)[(*count)++] = (timed_entry){batch[e], noted->time, noted->line + lines_before};
      dnmf_queue_drop(&repeats->notes, 1);
    }
  }
}

/* Replaces the list by the entries of the places that are this process's. */
static dnmf_status exchange_entries(dnmf_context *context, timed_entry **list, int64_t *count) {
  void *memory = NULL;
  timed_entry *sorted = NULL;
  int64_t *counts = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "entries with their times", *count, sizeof **list, &memory);
  sorted = memory;
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "counts of entries", 3 * (int64_t)context->size + 1, sizeof(int64_t),
                                &memory);
  counts = status == DNMF_OK ? memory : NULL;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && counts && sorted) {
    int64_t *place = counts + context->size;
    for (int64_t e = 0; e < *count; e++)
      counts[process_of(context, &(*list)[e].entry)]++;
    for (int process = 0; process < context->size; process++)
      place[process + 1] = place[process] + counts[process];
    for (int64_t e = 0; e < *count; e++)
      sorted[place[process_of(context, &(*list)[e].entry)]++] = (*list)[e];
    free(*list);
    *list = NULL;
    int64_t *received = counts + 2 * (int64_t)context->size;
    status = dnmf_exchange(context, sorted, counts, sizeof **list, &memory, received);
    *list = memory;
    *count = 0;
    for (int process = 0; process < context->size; process++)
      *count += received[process];
  }
  free(sorted);
  free(counts);
  return status;
}

static int compare_entries(const void *left, const void *right) {
  const timed_entry *a = left;
  const timed_entry *b = right;
  if (a->entry.row != b->entry.row)
    return a->entry.row < b->entry.row ? -1 : 1;
  if (a->entry.col != b->entry.col)
    return a->entry.col < b->entry.col ? -1 : 1;
  if (a->time != b->time)
    return a->time < b->time ? -1 : 1;
  return a->line < b->line ? -1 : a->line > b->line;
}

static bool is_same_place(const timed_entry *a, const timed_entry *b) {
  return a->entry.row == b->entry.row && a->entry.col == b->entry.col;
}

/* The first line of the file whose entry was there before; all processes fail with its message. */
static dnmf_status refuse_repeated(dnmf_context *context, const char *path, const timed_entry *list, int64_t count,
                                   const dnmf_source *source) {
  int64_t found[4] = {INT64_MAX, 0, 0, 0}; /* its line, that of the entry before, row, column */
  for (int64_t e = 1; e < count; e++)
    if (is_same_place(&list[e - 1], &list[e]) && list[e].line < found[0]) {
      found[0] = list[e].line;
      found[1] = list[e - 1].line;
      found[2] = list[e].entry.row;
      found[3] = list[e].entry.col;
    }
  int64_t first = -found[0];
  DNMF_TRY(dnmf_max_int64(context, context->comm, &first, 1));
  if (first == -INT64_MAX)
    return DNMF_OK;
  for (int i = 0; i < 4 && found[0] != -first; i++)
    found[i] = -1;
  DNMF_TRY(dnmf_max_int64(context, context->comm, found, 4));
  dnmf_ids row = {0};
  dnmf_ids col = {0};
  dnmf_status status = dnmf_ids_name(context, &source->row_ids, 1, &found[2], &row);
  if (status == DNMF_OK)
    status = dnmf_ids_name(context, &source->col_ids, 1, &found[3], &col);
  if (status == DNMF_OK && context->rank == 0) {
    int row_length = (int)(row.starts[1] < SHOWN ? row.starts[1] : SHOWN);
    int col_length = (int)(col.starts[1] < SHOWN ? col.starts[1] : SHOWN);
    dnmf_fail(&context->error, DNMF_ERROR_INPUT,
              "row %.*s and column %.*s have an entry in line %" PRId64 " already; --duplicates last, sum or mean says "
              "what becomes of both",
              row_length, row.text, col_length, col.text, found[1]);
    status = dnmf_text_locate(&context->error, path, found[0], DNMF_ERROR_INPUT);
  }
  dnmf_ids_free(&row);
  dnmf_ids_free(&col);
  return dnmf_agree(context, status);
}

/* The latest of each place, the last of equal ones, become the source's entries; without a time there is one each. */
static dnmf_status keep_latest(dnmf_context *context, const char *time_column, const timed_entry *list, int64_t count,
                               dnmf_source *source) {
  dnmf_text_state *state = source->state;
  dnmf_status status = DNMF_OK;
  int64_t dropped = 0;
  dnmf_text_items *items = state->items; /* the only ones */
  free(items->row_index);
  free(items->col_index);
  items->row_index = items->col_index = NULL;
  for (int64_t e = 0; e < count && status == DNMF_OK; e++) {
    if (e + 1 < count && is_same_place(&list[e], &list[e + 1]))
      dropped++;
    else
      status = dnmf_text_append(&context->error, items, list[e].entry.row, list[e].entry.col, list[e].entry.value);
  }
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &dropped, 1));
  source->stored -= dropped;
  if (!time_column)
    return DNMF_OK;
  size_t used = strlen(source->note);
  snprintf(source->note + used, sizeof source->note - used,
           "; of repeated entries the latest by %.40s counts, %" PRId64 " left out", time_column, dropped);
  return DNMF_OK;
}

dnmf_status dnmf_repeats_settle(dnmf_context *context, const char *path, dnmf_repeats *repeats,
                                const dnmf_text_reader *reader, dnmf_source *source) {
  timed_entry *list = NULL;
  int64_t count = 0;
  int64_t before = 0;
  if (repeats->kind == DNMF_REPEATS_ALLOWED)
    return DNMF_OK;
  DNMF_TRY(dnmf_exscan_int64(context, reader->lines, &before, NULL));
  before += reader->first.lines;
  dnmf_status status = list_entries(&context->error, repeats, before, source->state, &list, &count);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = exchange_entries(context, &list, &count);
  if (status == DNMF_OK && count > 0)
    qsort(list, (size_t)count, sizeof *list, compare_entries);
  if (status == DNMF_OK)
    status = repeats->kind == DNMF_REPEATS_REFUSED ? refuse_repeated(context, path, list, count, source) : DNMF_OK;
  if (status == DNMF_OK)
    status = keep_latest(context, repeats->time_column, list, count, source);
  free(list);
  return status;
}
