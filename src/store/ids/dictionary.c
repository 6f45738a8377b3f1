/*
 * The dictionary of ids, by a sample sort.
 *
 *   1. Each process sorts its own keys and sends some, evenly spaced, to process 0,
 *   2. which sorts them and broadcasts p - 1 splitters.
 *   3. Keys go to the process between whose splitters they lie, so equal keys meet there;
 *   4. it sorts them, drops repetitions and numbers what is left, on from the processes before.
 *   5. The numbers travel back the same way.
 *
 * Keys are byte strings. Integers become eight bytes, highest first and with the sign turned, whose order as
 * bytes is their order as numbers: one path serves both kinds.
 */
#include "store/ids/dictionary.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/text/text_number.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 32 /* a process, on average */, INTEGER_BYTES = 8 };

typedef struct key {
  uint64_t prefix; /* the first eight bytes as a number, zeros behind a shorter key */
  const char *bytes;
  int64_t length;
  int64_t place; /* where it stood before sorting */
} key;

/* Keys one after another, as they travel. */
typedef struct packed {
  int64_t count;
  int64_t *lengths;
  char *bytes;
} packed;

/* What travels between a process and all others. */
typedef struct routing {
  int64_t *sent;           /* keys for each process */
  int64_t *sent_bytes;     /* their bytes */
  int64_t *received;       /* keys from each process */
  int64_t *received_bytes; /* their bytes */
} routing;

static void free_packed(packed *keys) {
  free(keys->lengths);
  free(keys->bytes);
  memset(keys, 0, sizeof *keys);
}

static uint64_t prefix_of(const char *bytes, int64_t length) {
  uint64_t prefix = 0;
  for (int64_t i = 0; i < INTEGER_BYTES; i++)
    prefix = prefix << 8 | (i < length ? (unsigned char)bytes[i] : 0);
  return prefix;
}

static int compare_keys(const void *left, const void *right) {
  const key *a = left;
  const key *b = right;
  if (a->prefix != b->prefix)
    return a->prefix < b->prefix ? -1 : 1;
  int64_t common = a->length < b->length ? a->length : b->length;
  int order = common > 0 ? memcmp(a->bytes, b->bytes, (size_t)common) : 0;
  return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* The keys of packed bytes, sorted. The caller frees *keys; they point into `from`. */
static dnmf_status sort_packed(dnmf_error *error, const packed *from, key **keys) {
  void *memory = NULL;
  *keys = NULL;
  DNMF_TRY(dnmf_allocate(error, "ids to sort", from->count, sizeof(key), &memory));
  *keys = memory;
  const char *at = from->bytes;
  for (int64_t i = 0; i < from->count; i++) {
    (*keys)[i] = (key){prefix_of(at, from->lengths[i]), at, from->lengths[i], i};
    at += from->lengths[i];
  }
  if (from->count > 1)
    qsort(*keys, (size_t)from->count, sizeof(key), compare_keys);
  return DNMF_OK;
}

static dnmf_status allocate_packed(dnmf_error *error, int64_t count, int64_t bytes, packed *to) {
  void *lengths = NULL;
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(error, "ids to exchange", count, sizeof(int64_t), &lengths);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "ids to exchange", bytes, 1, &memory);
  *to = (packed){count, lengths, memory};
  return status;
}

/* Packs keys first, first + step, ... , `count` of them. */
static dnmf_status pack_keys(dnmf_error *error, const key *keys, int64_t count, double first, double step, packed *to) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < count; i++)
    bytes += keys[(int64_t)(first + step * (double)i)].length;
  DNMF_TRY(allocate_packed(error, count, bytes, to));
  char *at = to->bytes;
  for (int64_t i = 0; i < count; i++) {
    const key *from = &keys[(int64_t)(first + step * (double)i)];
    to->lengths[i] = from->length;
    if (from->length > 0)
      memcpy(at, from->bytes, (size_t)from->length);
    at += from->length;
  }
  return DNMF_OK;
}

static void put_integer(int64_t value, char *to) {
  uint64_t bits = (uint64_t)value ^ (UINT64_C(1) << 63);
  for (int i = 0; i < INTEGER_BYTES; i++)
    to[i] = (char)(unsigned char)(bits >> (56 - 8 * i));
}

static int64_t get_integer(const key *from) {
  return (int64_t)(from->prefix ^ (UINT64_C(1) << 63));
}

/* The local strings as keys. */
static dnmf_status pack_strings(dnmf_error *error, const dnmf_interner *strings, dnmf_id_kind kind, packed *to) {
  int64_t count = strings->count;
  bool integer = kind == DNMF_IDS_INTEGER;
  int64_t bytes = integer ? INTEGER_BYTES * count : count > 0 ? strings->starts[count] : 0;
  DNMF_TRY(allocate_packed(error, count, bytes, to));
  for (int64_t i = 0; i < count; i++) {
    int64_t value = 0;
    to->lengths[i] = integer ? INTEGER_BYTES : strings->starts[i + 1] - strings->starts[i];
    if (integer && dnmf_parse_canonical_integer(strings->text + strings->starts[i],
                                                strings->text + strings->starts[i + 1], &value))
      put_integer(value, to->bytes + INTEGER_BYTES * i);
  }
  if (!integer && bytes > 0)
    memcpy(to->bytes, strings->text, (size_t)bytes);
  return DNMF_OK;
}

static dnmf_status exchange_packed(dnmf_context *context, const packed *send, const routing *route, packed *received) {
  void *lengths = NULL;
  void *bytes = NULL;
  memset(received, 0, sizeof *received);
  DNMF_TRY(dnmf_exchange(context, send->lengths, route->sent, sizeof(int64_t), &lengths, route->received));
  received->lengths = lengths;
  for (int r = 0; r < context->size; r++)
    received->count += route->received[r];
  dnmf_status status = dnmf_exchange(context, send->bytes, route->sent_bytes, 1, &bytes, route->received_bytes);
  received->bytes = bytes;
  return status;
}

static int64_t bytes_of(const packed *keys) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < keys->count; i++)
    bytes += keys->lengths[i];
  return bytes;
}

/* Sends samples of the local keys, in proportion to how many there are, to process 0. */
static dnmf_status gather_samples(dnmf_context *context, const key *keys, int64_t count, const routing *route,
                                  packed *gathered) {
  int64_t total = count;
  packed samples = {0};
  DNMF_TRY(dnmf_sum_int64(context, context->comm, &total, 1));
  int64_t wanted = count;
  if (total > (int64_t)SAMPLES * context->size)
    wanted = (int64_t)((double)count / (double)total * SAMPLES * context->size + 0.5);
  double step = wanted > 0 ? (double)count / (double)wanted : 0;
  dnmf_status status = pack_keys(&context->error, keys, wanted, 0.5 * (step - 1), step, &samples);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    memset(route->sent, 0, (size_t)context->size * sizeof(int64_t));
    memset(route->sent_bytes, 0, (size_t)context->size * sizeof(int64_t));
    route->sent[0] = samples.count;
    route->sent_bytes[0] = bytes_of(&samples);
    status = exchange_packed(context, &samples, route, gathered);
  }
  free_packed(&samples);
  return status;
}

/* At most p - 1 keys that part the samples evenly, the same on every process. */
static dnmf_status choose_splitters(dnmf_context *context, const packed *samples, packed *splitters) {
  key *sorted = NULL;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    status = sort_packed(&context->error, samples, &sorted);
    int64_t count = samples->count > 0 ? context->size - 1 : 0;
    double step = (double)samples->count / context->size;
    if (status == DNMF_OK)
      status = pack_keys(&context->error, sorted, count, step, step, splitters);
    free(sorted);
  }
  DNMF_TRY(dnmf_agree(context, status));
  int64_t sizes[2] = {splitters->count, context->rank == 0 ? bytes_of(splitters) : 0};
  DNMF_TRY(dnmf_broadcast(context, sizes, sizeof sizes, 0));
  if (context->rank != 0)
    status = allocate_packed(&context->error, sizes[0], sizes[1], splitters);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_broadcast(context, splitters->lengths, sizes[0] * (int64_t)sizeof(int64_t), 0));
  return dnmf_broadcast(context, splitters->bytes, sizes[1], 0);
}

/* How many of the sorted keys go to each process: process r takes those from splitter r - 1 on. */
static dnmf_status count_sent(dnmf_error *error, const key *keys, int64_t count, const packed *splitters, int processes,
                              const routing *route) {
  key *bounds = NULL;
  DNMF_TRY(sort_packed(error, splitters, &bounds));
  memset(route->sent, 0, (size_t)processes * sizeof(int64_t));
  memset(route->sent_bytes, 0, (size_t)processes * sizeof(int64_t));
  int64_t owner = 0;
  for (int64_t i = 0; i < count; i++) {
    while (owner < splitters->count && compare_keys(&keys[i], &bounds[owner]) >= 0)
      owner++;
    route->sent[owner]++;
    route->sent_bytes[owner] += keys[i].length;
  }
  free(bounds);
  return DNMF_OK;
}

/* Numbers received keys from 0 on without repetitions, by place; `unique` (capacity count) lists each once. */
static int64_t number_keys(const key *sorted, int64_t count, const key **unique, int64_t *numbers) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; i++) {
    if (i == 0 || compare_keys(&sorted[i - 1], &sorted[i]) != 0)
      unique[found++] = &sorted[i];
    numbers[sorted[i].place] = found - 1;
  }
  return found;
}

static dnmf_status store_ids(dnmf_error *error, const key *const *unique, int64_t count, dnmf_ids *ids) {
  void *memory = NULL;
  if (ids->kind == DNMF_IDS_INTEGER) {
    DNMF_TRY(dnmf_allocate(error, "ids", count, sizeof(int64_t), &memory));
    ids->numbers = memory;
    for (int64_t i = 0; i < count; i++)
      ids->numbers[i] = get_integer(unique[i]);
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_allocate(error, "ids", count + 1, sizeof(int64_t), &memory));
  ids->starts = memory;
  ids->starts[0] = 0;
  for (int64_t i = 0; i < count; i++)
    ids->starts[i + 1] = ids->starts[i] + unique[i]->length;
  DNMF_TRY(dnmf_allocate(error, "the text of ids", ids->starts[count], 1, &memory));
  ids->text = memory;
  for (int64_t i = 0; i < count; i++)
    if (unique[i]->length > 0)
      memcpy(ids->text + ids->starts[i], unique[i]->bytes, (size_t)unique[i]->length);
  return DNMF_OK;
}

/* Step 4: fills ids from the received keys; *numbers gives the global index of each, as received. */
static dnmf_status number_received(dnmf_context *context, const packed *received, dnmf_ids *ids, void **numbers) {
  key *sorted = NULL;
  void *unique = NULL;
  int64_t found = 0;
  dnmf_status status = sort_packed(&context->error, received, &sorted);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "ids to sort", received->count, sizeof(key *), &unique);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "numbers of ids", received->count, sizeof(int64_t), numbers);
  if (status == DNMF_OK) {
    found = number_keys(sorted, received->count, unique, *numbers);
    status = store_ids(&context->error, unique, found, ids);
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_exscan_int64(context, found, &ids->range.begin, &ids->count);
  ids->range.end = ids->range.begin + found;
  int64_t *index = *numbers;
  for (int64_t i = 0; i < received->count && index && status == DNMF_OK; i++)
    index[i] += ids->range.begin;
  free(unique);
  free(sorted);
  return status;
}

/* Steps 3 to 5. `route` says how many of the sorted keys go where. */
static dnmf_status number_over_all(dnmf_context *context, const key *sorted, int64_t count, const routing *route,
                                   dnmf_ids *ids, int64_t *numbers) {
  packed send = {0};
  packed received = {0};
  void *replies = NULL;
  void *mine = NULL;
  dnmf_status status = pack_keys(&context->error, sorted, count, 0, 1, &send);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = exchange_packed(context, &send, route, &received);
  free_packed(&send);
  if (status == DNMF_OK)
    status = number_received(context, &received, ids, &replies);
  if (status == DNMF_OK)
    status = dnmf_exchange(context, replies, route->received, sizeof(int64_t), &mine, route->sent);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    numbers[sorted[i].place] = ((const int64_t *)mine)[i];
  free_packed(&received);
  free(replies);
  free(mine);
  return status;
}

/* Steps 1 to 5 on sorted local keys. */
static dnmf_status sample_sort(dnmf_context *context, const key *sorted, int64_t count, const routing *route,
                               dnmf_ids *ids, int64_t *numbers) {
  packed samples = {0};
  packed splitters = {0};
  dnmf_status status = gather_samples(context, sorted, count, route, &samples);
  if (status == DNMF_OK)
    status = choose_splitters(context, &samples, &splitters);
  free_packed(&samples);
  if (status == DNMF_OK) {
    status = count_sent(&context->error, sorted, count, &splitters, context->size, route);
    status = dnmf_agree(context, status);
  }
  free_packed(&splitters);
  return status == DNMF_OK ? number_over_all(context, sorted, count, route, ids, numbers) : status;
}

dnmf_status dnmf_dictionary_build(dnmf_context *context, const dnmf_interner *strings, dnmf_ids *ids,
                                  int64_t **numbers) {
  packed local = {0};
  key *sorted = NULL;
  void *counts = NULL;
  void *indices = NULL;
  memset(ids, 0, sizeof *ids);
  DNMF_TRY(dnmf_ids_agree_kind(context, strings, &ids->kind));
  dnmf_status status = pack_strings(&context->error, strings, ids->kind, &local);
  if (status == DNMF_OK)
    status = sort_packed(&context->error, &local, &sorted);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "numbers of ids", local.count, sizeof(int64_t), &indices);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "message counts", 4 * (int64_t)context->size, sizeof(int64_t), &counts);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && counts) {
    int64_t *at = counts;
    routing route = {at, at + context->size, at + 2 * (int64_t)context->size, at + 3 * (int64_t)context->size};
    status = sample_sort(context, sorted, local.count, &route, ids, indices);
  }
  *numbers = indices;
  free(counts);
  free(sorted);
  free_packed(&local);
  return status;
}
