/* Sparse groups: equal shares of the stored entries, whatever rows they lie in. */
#include "store/hdf5_sparse.h"

#include "dnmf/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE_ITEMS = 1 << 16 };

/* What reading one share needs. A line is a row, or a column of a csc matrix. */
typedef struct share {
  dnmf_context *context;
  const char *path;
  hid_t file;
  const dnmf_hdf5_place *place;
  int64_t lines;
  char data[DNMF_HDF5_NAME + 16];
  char indices[DNMF_HDF5_NAME + 16];
  char indptr[DNMF_HDF5_NAME + 16];
  int64_t *integers; /* PIECE_ITEMS + 1 */
  double *values;    /* PIECE_ITEMS */
} share;

static dnmf_range piece_at(dnmf_range range, int64_t begin) {
  dnmf_range piece = {begin, begin + PIECE_ITEMS < range.end ? begin + PIECE_ITEMS : range.end};
  return piece;
}

static dnmf_status read_integers(share *s, const char *dataset, dnmf_range range) {
  dnmf_slab slab = dnmf_slab_of(range);
  return dnmf_hdf5_read(s->context, s->file, dataset, H5T_NATIVE_INT64, &slab, s->integers);
}

static dnmf_status bad_indptr(const share *s, int64_t position, int64_t value, const char *rule) {
  return dnmf_fail(&s->context->error, DNMF_ERROR_INPUT, "%s of %s is damaged: item %" PRId64 " is %" PRId64 "; %s",
                   s->indptr, s->path, position, value, rule);
}

/* This process's even share of indptr, with one item of overlap. */
static dnmf_status check_indptr(share *s) {
  dnmf_range all = {0, s->lines};
  dnmf_range mine = dnmf_range_split(all, s->context->size, s->context->rank);
  for (int64_t at = mine.begin; at < mine.end; at += PIECE_ITEMS) {
    dnmf_range piece = piece_at(mine, at);
    piece.end++;
    DNMF_TRY(read_integers(s, s->indptr, piece));
    int64_t count = dnmf_range_size(piece);
    if (piece.begin == 0 && s->integers[0] != 0)
      return bad_indptr(s, 0, s->integers[0], "the first must be 0");
    for (int64_t i = 1; i < count; i++)
      if (s->integers[i] < s->integers[i - 1])
        return bad_indptr(s, piece.begin + i, s->integers[i], "no item may be smaller than the one before");
    if (piece.end == s->lines + 1 && s->integers[count - 1] != s->place->stored)
      return bad_indptr(s, s->lines, s->integers[count - 1], "the last must be the number of stored entries");
  }
  return DNMF_OK;
}

/* The line that holds stored entry `entry`: the last whose indptr is not beyond it, found in the file. */
static dnmf_status find_line(share *s, int64_t entry, int64_t *line) {
  int64_t low = 0;
  int64_t high = s->lines;
  while (high - low > 1) {
    dnmf_range middle = {low + (high - low) / 2, low + (high - low) / 2 + 1};
    DNMF_TRY(read_integers(s, s->indptr, middle));
    if (s->integers[0] <= entry)
      low = middle.begin;
    else
      high = middle.begin;
  }
  *line = low;
  return DNMF_OK;
}

static void set_line(const share *s, dnmf_entry *entry, int64_t line) {
  if (s->place->by_columns)
    entry->col = line;
  else
    entry->row = line;
}

/* Gives the entries `mine` their lines, walking indptr from the line of the first. */
static dnmf_status fill_lines(share *s, dnmf_range mine, dnmf_entry *items) {
  int64_t line = 0;
  int64_t entry = mine.begin;
  dnmf_range all = {0, s->lines + 1};
  DNMF_TRY(find_line(s, entry, &line));
  while (entry < mine.end && line < s->lines) {
    dnmf_range ends = piece_at(all, line + 1);
    DNMF_TRY(read_integers(s, s->indptr, ends));
    for (int64_t i = 0; i < dnmf_range_size(ends); i++, line++)
      for (; entry < mine.end && entry < s->integers[i]; entry++)
        set_line(s, &items[entry - mine.begin], line);
  }
  return DNMF_OK;
}

/* Values and the indices within lines of the entries `mine`. */
static dnmf_status fill_entries(share *s, dnmf_range mine, dnmf_entry *items) {
  int64_t bound = s->place->by_columns ? s->place->rows : s->place->cols;
  for (int64_t at = mine.begin; at < mine.end; at += PIECE_ITEMS) {
    dnmf_range piece = piece_at(mine, at);
    dnmf_slab slab = dnmf_slab_of(piece);
    DNMF_TRY(read_integers(s, s->indices, piece));
    DNMF_TRY(dnmf_hdf5_read(s->context, s->file, s->data, H5T_NATIVE_DOUBLE, &slab, s->values));
    for (int64_t i = 0; i < dnmf_range_size(piece); i++) {
      dnmf_entry *entry = &items[at - mine.begin + i];
      if (s->integers[i] < 0 || s->integers[i] >= bound)
        return dnmf_fail(&s->context->error, DNMF_ERROR_INPUT,
                         "%s of %s is damaged: item %" PRId64 " is %" PRId64 ", outside 0 to %" PRId64, s->indices,
                         s->path, at + i, s->integers[i], bound - 1);
      entry->row = entry->col = s->integers[i];
      entry->value = s->values[i];
    }
  }
  return DNMF_OK;
}

static dnmf_status read_share(share *s, dnmf_entries *entries) {
  void *memory = NULL;
  dnmf_range all = {0, s->place->stored};
  dnmf_range mine = dnmf_range_split(all, s->context->size, s->context->rank);
  DNMF_TRY(check_indptr(s));
  DNMF_TRY(dnmf_allocate(&s->context->error, "stored entries", dnmf_range_size(mine), sizeof(dnmf_entry), &memory));
  entries->items = memory;
  entries->count = dnmf_range_size(mine);
  if (entries->count == 0)
    return DNMF_OK;
  DNMF_TRY(fill_entries(s, mine, entries->items));
  return fill_lines(s, mine, entries->items);
}

dnmf_status dnmf_hdf5_read_entries(dnmf_context *context, const char *path, hid_t file, const dnmf_hdf5_place *place,
                                   dnmf_entries *entries) {
  share s = {.context = context, .path = path, .file = file, .place = place};
  void *integers = NULL;
  void *values = NULL;
  s.lines = place->by_columns ? place->cols : place->rows;
  snprintf(s.data, sizeof s.data, "%s/data", place->name);
  snprintf(s.indices, sizeof s.indices, "%s/indices", place->name);
  snprintf(s.indptr, sizeof s.indptr, "%s/indptr", place->name);
  dnmf_status status =
      dnmf_allocate(&context->error, "a piece of indices", PIECE_ITEMS + 1, sizeof(int64_t), &integers);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "a piece of values", PIECE_ITEMS, sizeof(double), &values);
  s.integers = integers;
  s.values = values;
  if (status == DNMF_OK)
    status = read_share(&s, entries);
  free(integers);
  free(values);
  return status;
}
