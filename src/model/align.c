#include "dnmf/align.h"

#include "dnmf/collective.h"
#include "dnmf/memory.h"

#include <inttypes.h>
#include <stdlib.h>

/* Positions are the places. */
static dnmf_status align_by_position(dnmf_error *error, const char *what, int64_t known_count, int64_t count,
                                     int64_t *place) {
  if (count != known_count)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "the %" PRId64 " %s have no ids to be matched by, and the model has %" PRId64
                     "; give a file with ids or of the model's shape",
                     count, what, known_count);
  for (int64_t i = 0; i < count; i++)
    place[i] = i;
  return DNMF_OK;
}

/* Every process looks up the ids it holds; the sum of all findings, counted from 1, is everybody's. */
static dnmf_status align_by_ids(dnmf_context *context, const dnmf_ids *known, int64_t known_count, const dnmf_ids *ids,
                                int64_t count, int64_t *place) {
  dnmf_ids texts = {0};
  void *found = NULL;
  int64_t held = dnmf_range_size(ids->range);
  dnmf_status status = dnmf_ids_to_text(&context->error, ids, &texts);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "places of ids", held, sizeof(int64_t), &found);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_ids_find(context, known, known_count, held, texts.starts, texts.text, found);
  for (int64_t i = 0; i < held && status == DNMF_OK; i++)
    place[ids->range.begin + i] = ((int64_t *)found)[i] + 1;
  dnmf_ids_free(&texts);
  free(found);
  if (status == DNMF_OK)
    status = dnmf_sum_int64(context, context->comm, place, count);
  for (int64_t i = 0; i < count; i++)
    place[i]--;
  return status;
}

dnmf_status dnmf_align(dnmf_context *context, const char *what, const dnmf_ids *known, int64_t known_count,
                       const dnmf_ids *ids, int64_t count, int64_t **place, bool *same) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "places of ids", count, sizeof(int64_t), &memory);
  *place = memory;
  DNMF_TRY(dnmf_agree(context, status));
  if (ids->kind == DNMF_IDS_NONE)
    DNMF_TRY(align_by_position(&context->error, what, known_count, count, *place));
  else
    DNMF_TRY(align_by_ids(context, known, known_count, ids, count, *place));
  *same = count == known_count;
  for (int64_t i = 0; i < count && *same; i++)
    *same = (*place)[i] == i;
  return DNMF_OK;
}

int64_t dnmf_align_entries(dnmf_entries *entries, const int64_t *row_place, const int64_t *col_place) {
  int64_t kept = 0;
  for (int64_t e = 0; e < entries->count; e++) {
    dnmf_entry entry = entries->items[e];
    entry.row = row_place ? row_place[entry.row] : entry.row;
    entry.col = col_place ? col_place[entry.col] : entry.col;
    if (entry.row >= 0 && entry.col >= 0)
      entries->items[kept++] = entry;
  }
  int64_t dropped = entries->count - kept;
  entries->count = kept;
  return dropped;
}
