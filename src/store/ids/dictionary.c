/*
 * The dictionary of ids, by a sample sort.
 *
 *   1. Each process sends some of its keys, evenly spaced, to process 0,
 *   2. which sorts them and broadcasts p - 1 splitters.
 *   3. Keys go to the process between whose splitters they lie, so equal keys meet there;
 *   4. it sorts them, drops repetitions and numbers what is left, on from the processes before.
 *   5. The numbers travel back the same way.
 *
 * Integers become keys of eight bytes, highest first and with the sign turned, whose order as bytes is their order as
 * numbers: one path serves both kinds.
 */
#include "store/ids/dictionary.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/id_list.h"
#include "store/ids/meeting.h"
#include "store/text/text_number.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 64 /* a process, on average */, INTEGER_BYTES = 8 };

/* A key among others, for sorting. */
typedef struct sort_key {
  uint64_t prefix; /* the first eight bytes as a number, zeros behind a shorter key */
  const char *bytes;
  int64_t length;
  int64_t place; /* where it stood before sorting */
} sort_key;

static uint64_t prefix_of(const char *bytes, int64_t length) {
  uint64_t prefix = 0;
  for (int64_t i = 0; i < INTEGER_BYTES; i++)
    prefix = prefix << 8 | (i < length ? (unsigned char)bytes[i] : 0);
  return prefix;
}

static sort_key sort_key_at(const dnmf_keys *keys, int64_t at) {
  const char *bytes = keys->text + keys->starts[at];
  const int64_t length = dnmf_key_length(keys, at);
  return (sort_key){prefix_of(bytes, length), bytes, length, at};
}

static int compare_keys(const void *left, const void *right) {
  const sort_key *a = left;
  const sort_key *b = right;
  if (a->prefix != b->prefix)
    return a->prefix < b->prefix ? -1 : 1;
  int64_t common = a->length < b->length ? a->length : b->length;
  int order = common > 0 ? memcmp(a->bytes, b->bytes, (size_t)common) : 0;
  return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* The caller frees *sorted, which point into `keys`. */
static dnmf_status sort_keys(dnmf_error *error, const dnmf_keys *keys, sort_key **sorted) {
  void *memory = NULL;
  *sorted = NULL;
  DNMF_TRY(dnmf_allocate(error, "ids to sort", keys->count, sizeof(sort_key), &memory));
  *sorted = memory;
  for (int64_t i = 0; i < keys->count; i++)
    (*sorted)[i] = sort_key_at(keys, i);
  if (keys->count > 1)
    qsort(*sorted, (size_t)keys->count, sizeof(sort_key), compare_keys);
  return DNMF_OK;
}

/* Copies keys first, first + step, ..., `count` of them, counted in the order `sorted` or, where that is NULL, as they
 * are. */
static dnmf_status pick_keys(dnmf_error *error, const dnmf_keys *keys, const sort_key *sorted, int64_t count,
                             double first, double step, dnmf_keys *picked) {
  dnmf_status status = DNMF_OK;
  for (int pass = 0; pass < 2 && status == DNMF_OK; pass++) { /* their lengths, then their bytes */
    int64_t bytes = 0;
    for (int64_t i = 0; i < count; i++) {
      const int64_t at = (int64_t)(first + step * (double)i);
      const int64_t from = sorted ? sorted[at].place : at;
      const int64_t length = dnmf_key_length(keys, from);
      if (pass > 0 && length > 0)
        memcpy(picked->text + bytes, keys->text + keys->starts[from], (size_t)length);
      bytes += length;
      if (pass > 0)
        picked->starts[i + 1] = bytes;
    }
    if (pass == 0)
      status = dnmf_keys_allocate(error, count, bytes, picked);
  }
  return status;
}

static void put_integer(int64_t value, char *to) {
  uint64_t bits = (uint64_t)value ^ (UINT64_C(1) << 63);
  for (int i = 0; i < INTEGER_BYTES; i++)
    to[i] = (char)(unsigned char)(bits >> (56 - 8 * i));
}

static int64_t get_integer(const sort_key *from) {
  return (int64_t)(from->prefix ^ (UINT64_C(1) << 63));
}

/* The local strings as keys. */
static dnmf_status keys_of_strings(dnmf_error *error, const dnmf_interner *strings, dnmf_id_kind kind,
                                   dnmf_keys *keys) {
  const int64_t count = strings->count;
  const bool integer = kind == DNMF_IDS_INTEGER;
  const int64_t bytes = count == 0 ? 0 : integer ? INTEGER_BYTES * count : strings->starts[count];
  DNMF_TRY(dnmf_keys_allocate(error, count, bytes, keys));
  if (!integer && bytes > 0)
    memcpy(keys->text, strings->text, (size_t)bytes);
  for (int64_t i = 0; i < count; i++) {
    int64_t value = 0;
    keys->starts[i + 1] = integer ? INTEGER_BYTES * (i + 1) : strings->starts[i + 1];
    if (integer && dnmf_parse_canonical_integer(strings->text + strings->starts[i],
                                                strings->text + strings->starts[i + 1], &value))
      put_integer(value, keys->text + keys->starts[i]);
  }
  return DNMF_OK;
}

/* Step 1: samples of every process, in proportion to how many keys it has, on process 0. */
static dnmf_status gather_samples(dnmf_context *context, const dnmf_keys *keys, dnmf_meeting *gathered) {
  int64_t total = keys->count; /* of all processes, below */
  int64_t wanted = total;
  const int64_t most = (int64_t)SAMPLES * context->size;
  dnmf_keys samples = {0};
  void *first = NULL; /* the home of each sample */
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &total, 1));
  if (total > most)
    wanted = (int64_t)((double)keys->count / (double)total * (double)most + 0.5);
  const double step = wanted > 0 ? (double)keys->count / (double)wanted : 0;
  dnmf_status status = pick_keys(&context->error, keys, NULL, wanted, 0.5 * step, step, &samples);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "samples of ids", wanted, sizeof(int), &first);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_meeting_send(context, &samples, first, gathered);
  dnmf_keys_free(&samples);
  free(first);
  return status;
}

/* Step 2: at most p - 1 keys that part the samples evenly, the same on every process. */
static dnmf_status choose_splitters(dnmf_context *context, const dnmf_keys *samples, dnmf_keys *splitters) {
  sort_key *sorted = NULL;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    status = sort_keys(&context->error, samples, &sorted);
    const int64_t count = samples->count > 0 ? context->size - 1 : 0;
    const double step = (double)samples->count / context->size;
    if (status == DNMF_OK)
      status = pick_keys(&context->error, samples, sorted, count, step, step, splitters);
    free(sorted);
  }
  DNMF_TRY(dnmf_agree(context, status));
  int64_t sizes[2] = {splitters->count, context->rank == 0 ? splitters->starts[splitters->count] : 0};
  DNMF_TRY(dnmf_broadcast(context, sizes, sizeof sizes, 0));
  if (context->rank != 0)
    status = dnmf_keys_allocate(&context->error, sizes[0], sizes[1], splitters);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, splitters->starts, (sizes[0] + 1) * (int64_t)sizeof(int64_t), 0));
  return dnmf_broadcast(context, splitters->text, sizes[1], 0);
}

/* The process of each key: process r has those from splitter r - 1 on. */
static dnmf_status find_homes(dnmf_error *error, const dnmf_keys *keys, const dnmf_keys *splitters, int **home) {
  void *memory = NULL;
  sort_key *bounds = NULL;
  *home = NULL;
  DNMF_TRY(dnmf_allocate(error, "homes of ids", keys->count, sizeof(int), &memory));
  *home = memory;
  DNMF_TRY(sort_keys(error, splitters, &bounds));
  for (int64_t i = 0; i < keys->count; i++) {
    const sort_key key = sort_key_at(keys, i);
    int64_t low = 0;
    for (int64_t high = splitters->count; low < high;) {
      const int64_t middle = low + (high - low) / 2;
      if (compare_keys(&key, &bounds[middle]) >= 0)
        low = middle + 1;
      else
        high = middle;
    }
    (*home)[i] = (int)low;
  }
  free(bounds);
  return DNMF_OK;
}

/* Steps 1 to 3. */
static dnmf_status meet_in_order(dnmf_context *context, const dnmf_keys *keys, dnmf_meeting *meeting) {
  dnmf_meeting samples = {0};
  dnmf_keys splitters = {0};
  int *home = NULL;
  dnmf_status status = gather_samples(context, keys, &samples);
  if (status == DNMF_OK)
    status = choose_splitters(context, &samples.arrived, &splitters);
  dnmf_meeting_free(&samples);
  if (status == DNMF_OK)
    status = dnmf_agree(context, find_homes(&context->error, keys, &splitters, &home));
  dnmf_keys_free(&splitters);
  if (status == DNMF_OK)
    status = dnmf_meeting_send(context, keys, home, meeting);
  free(home);
  return status;
}

/* Numbers sorted keys from 0 on without repetitions, by place; moves one of each to the front, and returns how many
 * there are. */
static int64_t number_keys(sort_key *sorted, int64_t count, int64_t *numbers) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; i++) {
    if (found == 0 || compare_keys(&sorted[found - 1], &sorted[i]) != 0)
      sorted[found++] = sorted[i];
    numbers[sorted[i].place] = found - 1;
  }
  return found;
}

static dnmf_status store_ids(dnmf_error *error, const sort_key *unique, int64_t count, dnmf_ids *ids) {
  void *memory = NULL;
  if (ids->kind == DNMF_IDS_INTEGER) {
    DNMF_TRY(dnmf_allocate(error, "ids", count, sizeof(int64_t), &memory));
    ids->numbers = memory;
    for (int64_t i = 0; i < count; i++)
      ids->numbers[i] = get_integer(&unique[i]);
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_allocate(error, "ids", count + 1, sizeof(int64_t), &memory));
  ids->starts = memory;
  ids->starts[0] = 0;
  for (int64_t i = 0; i < count; i++)
    ids->starts[i + 1] = ids->starts[i] + unique[i].length;
  DNMF_TRY(dnmf_allocate(error, "the text of ids", ids->starts[count], 1, &memory));
  ids->text = memory;
  for (int64_t i = 0; i < count; i++)
    if (unique[i].length > 0)
      memcpy(ids->text + ids->starts[i], unique[i].bytes, (size_t)unique[i].length);
  return DNMF_OK;
}

/* Step 4: fills ids from the keys that arrived; *numbers gives the global index of each. */
static dnmf_status number_arrived(dnmf_context *context, const dnmf_keys *arrived, dnmf_ids *ids, int64_t **numbers) {
  sort_key *sorted = NULL;
  void *memory = NULL;
  int64_t found = 0;
  dnmf_status status = sort_keys(&context->error, arrived, &sorted);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "numbers of ids", arrived->count, sizeof(int64_t), &memory);
  *numbers = memory;
  if (status == DNMF_OK) {
    found = number_keys(sorted, arrived->count, *numbers);
    status = store_ids(&context->error, sorted, found, ids);
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_exscan_int64(context, found, &ids->range.begin, &ids->count);
  ids->range.end = ids->range.begin + found;
  for (int64_t i = 0; i < arrived->count && status == DNMF_OK; i++)
    (*numbers)[i] += ids->range.begin;
  free(sorted);
  return status;
}

dnmf_status dnmf_dictionary_build(dnmf_context *context, const dnmf_interner *strings, dnmf_ids *ids,
                                  int64_t **numbers) {
  dnmf_keys keys = {0};
  dnmf_meeting meeting = {0};
  int64_t *answers = NULL;
  void *mine = NULL;
  memset(ids, 0, sizeof *ids);
  DNMF_TRY(dnmf_ids_agree_kind(context, strings->count, strings->starts, strings->text, &ids->kind));
  dnmf_status status = keys_of_strings(&context->error, strings, ids->kind, &keys);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "numbers of ids", keys.count, sizeof(int64_t), &mine);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = meet_in_order(context, &keys, &meeting);
  if (status == DNMF_OK)
    status = number_arrived(context, &meeting.arrived, ids, &answers);
  if (status == DNMF_OK)
    status = dnmf_meeting_answer(context, &meeting, answers, keys.count, mine);
  *numbers = mine;
  free(answers);
  dnmf_meeting_free(&meeting);
  dnmf_keys_free(&keys);
  return status;
}
