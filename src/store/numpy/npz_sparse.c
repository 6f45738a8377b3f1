#include "store/numpy/npz_sparse.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ITEMS = 1 << 16 };

static int64_t line_count(const dnmf_npz_entries *e) {
  return e->by_columns ? e->cols : e->rows;
}

static dnmf_status disagree(dnmf_error *error, const dnmf_npz_entries *e, const dnmf_array *array, int64_t wanted) {
  char text[160];
  snprintf(text, sizeof text,
           "has %" PRId64 " items, but a matrix of %" PRId64 " x %" PRId64 " with %" PRId64 " entries needs %" PRId64,
           array->header.items, e->rows, e->cols, e->stored, wanted);
  return dnmf_array_fail(error, array, text);
}

static dnmf_status allocate_buffers(dnmf_error *error, dnmf_npz_entries *e) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "starts of lines", BATCH_ITEMS, sizeof(int64_t), &memory));
  e->end = memory;
  DNMF_TRY(dnmf_allocate(error, "indices of entries", BATCH_ITEMS, sizeof(int64_t), &memory));
  e->indices = memory;
  DNMF_TRY(dnmf_allocate(error, "values of entries", BATCH_ITEMS, sizeof(double), &memory));
  e->values = memory;
  return DNMF_OK;
}

dnmf_status dnmf_npz_entries_open(dnmf_error *error, struct zip *archive, const char *format, dnmf_npz_entries *e) {
  e->listed = strcmp(format, "coo") == 0;
  e->by_columns = strcmp(format, "csc") == 0;
  e->line = -1;
  DNMF_TRY(dnmf_array_open_member(error, e->path, archive, "data", &e->data));
  DNMF_TRY(dnmf_array_check(error, &e->data, 1, false));
  DNMF_TRY(dnmf_array_open_member(error, e->path, archive, e->listed ? "row" : "indices", &e->index));
  DNMF_TRY(dnmf_array_check(error, &e->index, 1, true));
  DNMF_TRY(dnmf_array_open_member(error, e->path, archive, e->listed ? "col" : "indptr", &e->pointer));
  DNMF_TRY(dnmf_array_check(error, &e->pointer, 1, true));
  e->stored = e->data.header.items;
  if (e->index.header.items != e->stored)
    return disagree(error, e, &e->index, e->stored);
  if (e->listed && e->pointer.header.items != e->stored)
    return disagree(error, e, &e->pointer, e->stored);
  if (!e->listed && e->pointer.header.items - 1 != line_count(e))
    return disagree(error, e, &e->pointer, line_count(e) + 1);
  return allocate_buffers(error, e);
}

void dnmf_npz_entries_free(dnmf_npz_entries *e) {
  dnmf_array_close(&e->data);
  dnmf_array_close(&e->index);
  dnmf_array_close(&e->pointer);
  free(e->end);
  free(e->indices);
  free(e->values);
  e->end = e->indices = NULL;
  e->values = NULL;
}

bool dnmf_npz_is_sequential(const dnmf_npz_entries *e) {
  return e->data.sequential || e->index.sequential || e->pointer.sequential;
}

static dnmf_status bad_item(dnmf_error *error, const dnmf_array *array, int64_t position, int64_t value,
                            const char *rule) {
  char text[160];
  snprintf(text, sizeof text, "is damaged: item %" PRId64 " is %" PRId64 "; %s", position, value, rule);
  return dnmf_array_fail(error, array, text);
}

dnmf_status dnmf_npz_check_starts(dnmf_error *error, dnmf_npz_entries *e) {
  int64_t before = 0;
  int64_t items = e->pointer.header.items;
  for (int64_t at = 0; at < items && !e->listed; at += BATCH_ITEMS) {
    int64_t count = items - at < BATCH_ITEMS ? items - at : BATCH_ITEMS;
    DNMF_TRY(dnmf_array_read(error, &e->pointer, at, count, H5T_NATIVE_INT64, e->end));
    if (at == 0 && e->end[0] != 0)
      return bad_item(error, &e->pointer, 0, e->end[0], "the first must be 0");
    for (int64_t i = 0; i < count; before = e->end[i++])
      if (e->end[i] < before)
        return bad_item(error, &e->pointer, at + i, e->end[i], "no item may be smaller than the one before");
  }
  if (!e->listed && before != e->stored)
    return bad_item(error, &e->pointer, items - 1, before, "the last must be the number of entries");
  return DNMF_OK;
}

/* Moves to the line of entry `at`, reading starts from the first on: a compressed member can be read no other way. */
static dnmf_status find_line(dnmf_error *error, dnmf_npz_entries *e, int64_t at) {
  while (e->line < 0 || at >= e->line_end) {
    int64_t next = e->line + 1;
    if (next >= line_count(e))
      return bad_item(error, &e->pointer, next, e->line_end, "it changed while it was read");
    if (next >= e->ends.end) {
      int64_t left = line_count(e) - next;
      int64_t count = left < BATCH_ITEMS ? left : BATCH_ITEMS;
      int64_t first = 0;
      if (next == 0) /* the start of the first line is 0 */
        DNMF_TRY(dnmf_array_read(error, &e->pointer, 0, 1, H5T_NATIVE_INT64, &first));
      DNMF_TRY(dnmf_array_read(error, &e->pointer, next + 1, count, H5T_NATIVE_INT64, e->end));
      e->ends = (dnmf_range){next, next + count};
    }
    e->line = next;
    e->line_end = e->end[next - e->ends.begin];
  }
  return DNMF_OK;
}

static dnmf_status check_index(dnmf_error *error, const dnmf_array *array, int64_t position, int64_t index,
                               int64_t bound) {
  char rule[64];
  if (index >= 0 && index < bound)
    return DNMF_OK;
  snprintf(rule, sizeof rule, "it must lie from 0 to %" PRId64, bound - 1);
  return bad_item(error, array, position, index, rule);
}

/* Row and column of a listed entry. */
static dnmf_status place_listed(dnmf_error *error, dnmf_npz_entries *e, int64_t count, dnmf_entry *batch) {
  for (int64_t i = 0; i < count; i++) {
    batch[i].row = e->indices[i];
    DNMF_TRY(check_index(error, &e->index, e->share.begin + i, e->indices[i], e->rows));
  }
  DNMF_TRY(dnmf_array_read(error, &e->pointer, e->share.begin, count, H5T_NATIVE_INT64, e->indices));
  for (int64_t i = 0; i < count; i++) {
    batch[i].col = e->indices[i];
    DNMF_TRY(check_index(error, &e->pointer, e->share.begin + i, e->indices[i], e->cols));
  }
  return DNMF_OK;
}

static dnmf_status place_in_lines(dnmf_error *error, dnmf_npz_entries *e, int64_t count, dnmf_entry *batch) {
  for (int64_t i = 0; i < count; i++) {
    DNMF_TRY(check_index(error, &e->index, e->share.begin + i, e->indices[i], e->by_columns ? e->rows : e->cols));
    DNMF_TRY(find_line(error, e, e->share.begin + i));
    batch[i].row = e->by_columns ? e->indices[i] : e->line;
    batch[i].col = e->by_columns ? e->line : e->indices[i];
  }
  return DNMF_OK;
}

dnmf_status dnmf_npz_next(dnmf_error *error, void *entries, dnmf_entry *batch, int64_t limit, int64_t *count) {
  dnmf_npz_entries *e = entries;
  *count = dnmf_range_size(e->share) < limit ? dnmf_range_size(e->share) : limit;
  *count = *count < BATCH_ITEMS ? *count : BATCH_ITEMS;
  if (*count == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_array_read(error, &e->data, e->share.begin, *count, H5T_NATIVE_DOUBLE, e->values));
  DNMF_TRY(dnmf_array_read(error, &e->index, e->share.begin, *count, H5T_NATIVE_INT64, e->indices));
  for (int64_t i = 0; i < *count; i++)
    batch[i].value = e->values[i];
  DNMF_TRY(e->listed ? place_listed(error, e, *count, batch) : place_in_lines(error, e, *count, batch));
  e->share.begin += *count;
  return DNMF_OK;
}
