/* Splitting: an order of the entries, and how many are taken from its beginning, of a row or of all. */
#include "model/split.h"

#include "base/memory.h"
#include "base/random.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is chosen by: the smallest keys first, of equal keys the smallest ties. */
typedef struct split_key {
  uint64_t key;
  uint64_t tie;
  int64_t entry;
} split_key;

static int by_key(const void *left, const void *right) {
  const split_key *a = left;
  const split_key *b = right;
  if (a->key != b->key)
    return a->key < b->key ? -1 : 1;
  if (a->tie != b->tie)
    return a->tie < b->tie ? -1 : 1;
  return (a->entry > b->entry) - (a->entry < b->entry);
}

/* A number that is the smaller the later the time. */
static uint64_t key_of_time(double time) {
  uint64_t bits = 0;
  time += 0.0; /* -0 is 0 */
  memcpy(&bits, &time, sizeof bits);
  const uint64_t sign = UINT64_C(1) << 63;
  return ~(bits & sign ? ~bits : bits | sign);
}

static uint64_t hash_of_entry(uint64_t seed, const dnmf_entry *entry) {
  return dnmf_random_bits(seed, DNMF_STREAM_SPLIT_ENTRIES, (uint64_t)entry->row, (uint64_t)entry->col);
}

static void find_keys(const dnmf_split_options *options, const dnmf_entries *entries, const double *times,
                      split_key *keys) {
  for (int64_t e = 0; e < entries->count; e++) {
    uint64_t hash = hash_of_entry(options->seed, &entries->items[e]);
    keys[e] = (split_key){times ? key_of_time(times[e]) : hash, hash, e};
  }
}

/* Keys of which only those with a given main key count, by their ties; or all, by their main keys. */
typedef struct key_filter {
  bool by_tie;
  uint64_t key;
} key_filter;

/* The smallest number `*last` such that at least `wanted` keys of all processes, but not 0, are not above it; *below
 * counts those that are smaller. Found 16 bits at a time. collective */
static dnmf_status find_last(dnmf_context *context, int64_t count, const split_key *keys, key_filter filter,
                             int64_t wanted, uint64_t *last, int64_t *below) {
  enum { BITS = 16, BINS = 1 << BITS };
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "counts of keys", BINS, sizeof(int64_t), &memory);
  int64_t *bins = memory;
  status = dnmf_agree(context, status);
  *last = 0;
  *below = 0;
  for (int shift = 64 - BITS; shift >= 0 && status == DNMF_OK; shift -= BITS) {
    memset(bins, 0, BINS * sizeof *bins);
    for (int64_t i = 0; i < count; i++) {
      uint64_t number = filter.by_tie ? keys[i].tie : keys[i].key;
      bool taken = !filter.by_tie || keys[i].key == filter.key;
      bool same_begin = shift + BITS == 64 || number >> (shift + BITS) == *last >> (shift + BITS);
      if (taken && same_begin)
        bins[number >> shift & (BINS - 1)]++;
    }
    status = dnmf_sum_int64(context, context->comm, bins, BINS);
    int64_t bin = 0;
    while (status == DNMF_OK && bin < BINS - 1 && *below + bins[bin] < wanted)
      *below += bins[bin++];
    *last |= (uint64_t)bin << shift;
  }
  free(bins);
  return status;
}

/* chosen[keys[i].entry] = true for the first `wanted` keys of all processes. collective */
static dnmf_status choose_of_all(dnmf_context *context, int64_t count, const split_key *keys, int64_t wanted,
                                 bool *chosen) {
  uint64_t last = 0;
  uint64_t last_tie = 0;
  int64_t below = 0;
  int64_t ties_below = 0;
  if (wanted == 0)
    return DNMF_OK;
  DNMF_TRY(find_last(context, count, keys, (key_filter){false, 0}, wanted, &last, &below));
  DNMF_TRY(find_last(context, count, keys, (key_filter){true, last}, wanted - below, &last_tie, &ties_below));
  for (int64_t i = 0; i < count; i++)
    if (keys[i].key < last || (keys[i].key == last && keys[i].tie <= last_tie))
      chosen[keys[i].entry] = true;
  return DNMF_OK;
}

/* The end of the row that begins at entry `begin`. */
static int64_t row_end(const dnmf_entries *entries, int64_t begin) {
  int64_t end = begin + 1;
  while (end < entries->count && entries->items[end].row == entries->items[begin].row)
    end++;
  return end;
}

/* Entries to choose from a row of `count`: it keeps one at least. */
static int64_t share_of_row(const dnmf_split_options *options, int64_t count) {
  int64_t share = options->leave_out > 0 ? options->leave_out : llround(options->fraction * (double)count);
  return share < count ? share : count - 1;
}

/* What a split works with. */
typedef struct split_work {
  split_key *keys; /* of the entries; sorted row by row where they are chosen so */
  split_key *rows; /* of the rows with entries here; `entry` is where the row begins */
  bool *chosen;    /* entries */
  bool *held_out;  /* entries of held-out rows; as rows are chosen: those that begin one */
  int64_t row_count;
} split_work;

static dnmf_status split_allocate(dnmf_error *error, int64_t count, split_work *work) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "keys of entries", count, sizeof(split_key), &memory));
  work->keys = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "chosen entries", count, sizeof(bool), &memory));
  work->chosen = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "entries of held-out rows", count, sizeof(bool), &memory));
  work->held_out = memory;
  return DNMF_OK;
}

/* work->held_out of all entries of the chosen rows. collective */
static dnmf_status choose_rows(dnmf_context *context, const dnmf_split_options *options, const dnmf_entries *entries,
                               split_work *work) {
  void *memory = NULL;
  int64_t total = 0;
  for (int64_t begin = 0; begin < entries->count; begin = row_end(entries, begin))
    work->row_count++;
  DNMF_TRY(
      dnmf_agree(context, dnmf_allocate(&context->error, "keys of rows", work->row_count, sizeof(split_key), &memory)));
  work->rows = memory;
  int64_t next = 0;
  for (int64_t begin = 0; begin < entries->count; begin = row_end(entries, begin)) {
    uint64_t row = (uint64_t)entries->items[begin].row;
    work->rows[next++] = (split_key){dnmf_random_bits(options->seed, DNMF_STREAM_SPLIT_ROWS, row, 0), row, begin};
  }
  total = work->row_count;
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &total, 1));
  int64_t wanted = llround(options->held_out_rows * (double)total);
  DNMF_TRY(choose_of_all(context, work->row_count, work->rows, wanted, work->held_out));
  for (int64_t begin = 0, end = 0; begin < entries->count; begin = end) {
    end = row_end(entries, begin);
    memset(work->held_out + begin, work->held_out[begin], (size_t)(end - begin) * sizeof(bool));
  }
  return DNMF_OK;
}

/* work->chosen row by row. */
static void choose_of_rows(const dnmf_split_options *options, const dnmf_entries *entries, split_work *work) {
  for (int64_t begin = 0, end = 0; begin < entries->count; begin = end) {
    end = row_end(entries, begin);
    qsort(work->keys + begin, (size_t)(end - begin), sizeof *work->keys, by_key);
    int64_t share = share_of_row(options, end - begin);
    for (int64_t i = 0; i < share; i++)
      work->chosen[work->keys[begin + i].entry] = true;
  }
}

static dnmf_status count_parts(dnmf_context *context, const dnmf_entries *entries, const uint8_t *parts,
                               dnmf_split_counts *counts) {
  memset(counts, 0, sizeof *counts);
  for (int64_t begin = 0, end = 0; begin < entries->count; begin = end) {
    bool has[DNMF_PARTS] = {false};
    end = row_end(entries, begin);
    for (int64_t e = begin; e < end; e++) {
      counts->entries[parts[e]]++;
      has[parts[e]] = true;
    }
    for (int p = 0; p < DNMF_PARTS; p++)
      counts->rows[p] += has[p];
  }
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts->entries, DNMF_PARTS));
  return dnmf_sum_int64(context, context->comm, counts->rows, DNMF_PARTS);
}

dnmf_status dnmf_split(dnmf_context *context, const dnmf_split_options *options, const dnmf_entries *entries,
                       const double *times, uint8_t *parts, dnmf_split_counts *counts) {
  split_work work = {0};
  int64_t total = entries->count;
  const bool whole_rows = options->held_out_rows > 0;
  dnmf_status status = dnmf_agree(context, split_allocate(&context->error, entries->count, &work));
  if (status == DNMF_OK)
    status = dnmf_sum_int64(context, context->comm, &total, 1);
  if (status == DNMF_OK)
    find_keys(options, entries, times, work.keys);
  if (status == DNMF_OK && whole_rows)
    status = choose_rows(context, options, entries, &work);
  if (status == DNMF_OK && (whole_rows || options->by_row || options->leave_out > 0))
    choose_of_rows(options, entries, &work);
  else if (status == DNMF_OK)
    status = choose_of_all(context, entries->count, work.keys, llround(options->fraction * (double)total), work.chosen);
  for (int64_t e = 0; e < entries->count && status == DNMF_OK; e++) {
    parts[e] = work.chosen[e] ? DNMF_PART_TEST : DNMF_PART_TRAIN;
    if (whole_rows && !work.held_out[e])
      parts[e] = DNMF_PART_TRAIN;
    else if (whole_rows && !work.chosen[e])
      parts[e] = DNMF_PART_FOLD_IN;
  }
  if (status == DNMF_OK)
    status = count_parts(context, entries, parts, counts);
  free(work.keys);
  free(work.rows);
  free(work.chosen);
  free(work.held_out);
  return status;
}
