/* Sparse groups: equal shares of the stored entries, whatever rows they lie in. */
#include "store/hdf5/hdf5_sparse.h"

#include "base/memory.h"
#include "store/hdf5/hdf5_slab.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PIECE_ITEMS = 1 << 17 };

static dnmf_range piece_at(dnmf_range range, int64_t begin) {
  dnmf_range piece = {begin, begin + PIECE_ITEMS < range.end ? begin + PIECE_ITEMS : range.end};
  return piece;
}

static dnmf_status read_integers(dnmf_hdf5_entries *reader, const char *dataset, dnmf_range range, int64_t *items) {
  dnmf_slab slab = dnmf_slab_of(range);
  return dnmf_hdf5_read(reader->context, reader->file, dataset, H5T_NATIVE_INT64, &slab, items);
}

static dnmf_status bad_indptr(const dnmf_hdf5_entries *reader, int64_t position, int64_t value, const char *rule) {
  return dnmf_fail(&reader->context->error, DNMF_ERROR_INPUT,
                   "%s of %s is damaged: item %" PRId64 " is %" PRId64 "; %s", reader->place->indptr, reader->path,
                   position, value, rule);
}

/* This process's even share of the lines' indptr, with one item of overlap. */
static dnmf_status check_indptr(dnmf_hdf5_entries *reader) {
  dnmf_range mine = dnmf_range_split(reader->lines, reader->context->size, reader->context->rank);
  int64_t all = reader->place->by_columns ? reader->place->cols : reader->place->rows;
  const int64_t *items = reader->end;
  for (int64_t at = mine.begin; at < mine.end; at += PIECE_ITEMS) {
    dnmf_range piece = piece_at(mine, at);
    piece.end++;
    DNMF_TRY(read_integers(reader, reader->place->indptr, piece, reader->end));
    int64_t count = dnmf_range_size(piece);
    if (piece.begin == 0 && items[0] != 0)
      return bad_indptr(reader, 0, items[0], "the first must be 0");
    if (items[0] < 0)
      return bad_indptr(reader, piece.begin, items[0], "no item may be negative");
    for (int64_t i = 1; i < count; i++)
      if (items[i] < items[i - 1])
        return bad_indptr(reader, piece.begin + i, items[i], "no item may be smaller than the one before");
    if (piece.end == all + 1 && items[count - 1] != reader->place->stored)
      return bad_indptr(reader, all, items[count - 1], "the last must be the number of stored entries");
    if (items[count - 1] > reader->place->stored)
      return bad_indptr(reader, piece.end - 1, items[count - 1], "no item may be beyond the number of stored entries");
  }
  return DNMF_OK;
}

/* Item `at` of indptr. */
static dnmf_status read_start(dnmf_hdf5_entries *reader, int64_t at, int64_t *start) {
  dnmf_range one = {at, at + 1};
  DNMF_TRY(read_integers(reader, reader->place->indptr, one, reader->end));
  *start = reader->end[0];
  return DNMF_OK;
}

/* The line that holds stored entry `entry`: the last whose indptr is not beyond it, found in the file. */
static dnmf_status find_line(dnmf_hdf5_entries *reader, int64_t entry, int64_t *line) {
  int64_t low = reader->lines.begin;
  int64_t high = reader->lines.end;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    int64_t start = 0;
    DNMF_TRY(read_start(reader, middle, &start));
    if (start <= entry)
      low = middle;
    else
      high = middle;
  }
  *line = low;
  return DNMF_OK;
}

/* This process's share of the lines' entries. */
static dnmf_status take_share(dnmf_hdf5_entries *reader) {
  dnmf_range all = {0, 0};
  DNMF_TRY(read_start(reader, reader->lines.begin, &all.begin));
  DNMF_TRY(read_start(reader, reader->lines.end, &all.end));
  if (all.begin < 0 || all.end < all.begin || all.end > reader->place->stored)
    return DNMF_OK; /* the process that checks this part of indptr says what is wrong */
  reader->share = dnmf_range_split(all, reader->context->size, reader->context->rank);
  return dnmf_range_size(reader->share) > 0 ? find_line(reader, reader->share.begin, &reader->line) : DNMF_OK;
}

static dnmf_status allocate_pieces(dnmf_error *error, dnmf_hdf5_entries *reader) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "a piece of indptr", PIECE_ITEMS + 1, sizeof(int64_t), &memory));
  reader->end = memory;
  DNMF_TRY(dnmf_allocate(error, "a piece of indices", PIECE_ITEMS, sizeof(int64_t), &memory));
  reader->index = memory;
  DNMF_TRY(dnmf_allocate(error, "a piece of values", PIECE_ITEMS, sizeof(double), &memory));
  reader->value = memory;
  return DNMF_OK;
}

dnmf_status dnmf_hdf5_entries_open(dnmf_context *context, const char *path, hid_t file, const dnmf_hdf5_place *place,
                                   dnmf_range lines, dnmf_hdf5_entries *reader) {
  *reader = (dnmf_hdf5_entries){.context = context, .path = path, .file = file, .place = place, .lines = lines};
  DNMF_TRY(allocate_pieces(&context->error, reader));
  DNMF_TRY(check_indptr(reader));
  return take_share(reader);
}

void dnmf_hdf5_entries_free(dnmf_hdf5_entries *reader) {
  free(reader->end);
  free(reader->index);
  free(reader->value);
  *reader = (dnmf_hdf5_entries){.file = -1};
}

/* Moves reader->line to the line of stored entry `entry`, which is not before it. */
static dnmf_status advance_line(dnmf_hdf5_entries *reader, int64_t entry) {
  for (;; reader->line++) {
    if (reader->line >= reader->ends.end || reader->line < reader->ends.begin) {
      if (reader->line >= reader->lines.end)
        return bad_indptr(reader, reader->lines.end, entry, "it changed while it was read");
      reader->ends = piece_at(reader->lines, reader->line);
      dnmf_range items = {reader->ends.begin + 1, reader->ends.end + 1};
      DNMF_TRY(read_integers(reader, reader->place->indptr, items, reader->end));
    }
    if (entry < reader->end[reader->line - reader->ends.begin])
      return DNMF_OK;
  }
}

static dnmf_status bad_index(const dnmf_hdf5_entries *reader, int64_t position, int64_t value, int64_t bound) {
  return dnmf_fail(&reader->context->error, DNMF_ERROR_INPUT,
                   "%s of %s is damaged: item %" PRId64 " is %" PRId64 ", outside 0 to %" PRId64,
                   reader->place->indices, reader->path, position, value, bound - 1);
}

dnmf_status dnmf_hdf5_next_entries(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  (void)error; /* the context's own */
  dnmf_hdf5_entries *reader = state;
  const dnmf_hdf5_place *place = reader->place;
  int64_t bound = place->by_columns ? place->rows : place->cols;
  dnmf_range piece = piece_at(reader->share, reader->share.begin);
  if (dnmf_range_size(piece) > limit)
    piece.end = piece.begin + limit;
  *count = dnmf_range_size(piece);
  if (*count == 0)
    return DNMF_OK;
  dnmf_slab slab = dnmf_slab_of(piece);
  DNMF_TRY(read_integers(reader, reader->place->indices, piece, reader->index));
  DNMF_TRY(dnmf_hdf5_read(reader->context, reader->file, reader->place->data, H5T_NATIVE_DOUBLE, &slab, reader->value));
  for (int64_t i = 0; i < *count; i++) {
    int64_t index = reader->index[i];
    if (index < 0 || index >= bound)
      return bad_index(reader, piece.begin + i, index, bound);
    DNMF_TRY(advance_line(reader, piece.begin + i));
    batch[i] = place->by_columns ? (dnmf_entry){index, reader->line, reader->value[i]}
                                 : (dnmf_entry){reader->line, index, reader->value[i]};
  }
  reader->share.begin = piece.end;
  return DNMF_OK;
}
