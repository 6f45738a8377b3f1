/*
 * Looking ids up, wherever they are held.
 *
 *   1. Every id held travels with its index to its home, the process that its hash names;
 *   2. which keeps a table of them.
 *   3. Every wanted id travels to its home likewise,
 *   4. and its index travels back.
 */
#include "matrix/ids.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/interner.h"
#include "store/text/text_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DIGITS = 24 /* more than any int64 has */ };

/* Byte strings, one after another. Integers are their eight bytes; an empty key equals none of them. */
typedef struct keys {
  int64_t count;
  int64_t *starts;
  char *text;
} keys;

/* The way of some keys to their homes and back. */
typedef struct route {
  int64_t *place;          /* of each key among those sent */
  int64_t *sent;           /* keys for each process */
  int64_t *sent_bytes;     /* their bytes */
  int64_t *received;       /* keys from each process */
  int64_t *received_bytes; /* their bytes */
  int64_t arrived_count;
  int64_t *arrived_lengths;
  char *arrived_text;
} route;

static void free_keys(keys *k) {
  free(k->starts);
  free(k->text);
  memset(k, 0, sizeof *k);
}

static void free_route(route *r) {
  free(r->place);
  free(r->sent);
  free(r->arrived_lengths);
  free(r->arrived_text);
  memset(r, 0, sizeof *r);
}

static dnmf_status allocate_keys(dnmf_error *error, int64_t count, int64_t bytes, keys *k) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "ids to look up", count + 1, sizeof(int64_t), &memory));
  k->starts = memory;
  DNMF_TRY(dnmf_allocate(error, "ids to look up", bytes, 1, &memory));
  k->text = memory;
  k->count = count;
  return DNMF_OK;
}

static void add_integer(keys *k, int64_t at, bool good, int64_t value) {
  if (good)
    memcpy(k->text + k->starts[at], &value, sizeof value);
  k->starts[at + 1] = k->starts[at] + (good ? (int64_t)sizeof value : 0);
}

static dnmf_status copy_keys(dnmf_error *error, int64_t count, const int64_t *starts, const char *text, keys *k) {
  int64_t bytes = count > 0 ? starts[count] : 0;
  DNMF_TRY(allocate_keys(error, count, bytes, k));
  if (count > 0)
    memcpy(k->starts, starts, (size_t)(count + 1) * sizeof *starts);
  if (bytes > 0)
    memcpy(k->text, text, (size_t)bytes);
  return DNMF_OK;
}

static dnmf_status keys_held(dnmf_error *error, const dnmf_ids *ids, keys *k) {
  int64_t count = dnmf_range_size(ids->range);
  if (ids->kind == DNMF_IDS_STRING)
    return copy_keys(error, count, ids->starts, ids->text, k);
  DNMF_TRY(allocate_keys(error, count, count * (int64_t)sizeof(int64_t), k));
  for (int64_t i = 0; i < count; i++)
    add_integer(k, i, true, ids->numbers[i]);
  return DNMF_OK;
}

static dnmf_status keys_wanted(dnmf_error *error, const dnmf_ids *ids, int64_t count, const int64_t *starts,
                               const char *text, keys *k) {
  if (ids->kind == DNMF_IDS_STRING)
    return copy_keys(error, count, starts, text, k);
  DNMF_TRY(allocate_keys(error, count, count * (int64_t)sizeof(int64_t), k));
  for (int64_t i = 0; i < count; i++) {
    int64_t value = 0;
    bool good = dnmf_parse_integer(text + starts[i], text + starts[i + 1], &value);
    add_integer(k, i, good, value);
  }
  return DNMF_OK;
}

static int home_of(const keys *k, int64_t at, int size) {
  size_t length = (size_t)(k->starts[at + 1] - k->starts[at]);
  return (int)(XXH3_64bits(length ? k->text + k->starts[at] : "", length) % (uint64_t)size);
}

/* Keys in the order in which they travel; r->place, sent and sent_bytes. */
static dnmf_status pack(dnmf_context *context, const keys *k, route *r, keys *packed) {
  int size = context->size;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(&context->error, "message counts", 5 * (int64_t)size, sizeof(int64_t), &memory));
  r->sent = memory;
  r->sent_bytes = r->sent + size;
  r->received = r->sent_bytes + size;
  r->received_bytes = r->received + size;
  int64_t *next = r->received_bytes + size;
  DNMF_TRY(dnmf_allocate(&context->error, "ids to look up", k->count, sizeof(int64_t), &memory));
  r->place = memory;
  DNMF_TRY(allocate_keys(&context->error, k->count, k->starts[k->count], packed));
  for (int64_t i = 0; i < k->count; i++)
    r->sent[home_of(k, i, size)]++;
  for (int p = 1; p < size; p++)
    next[p] = next[p - 1] + r->sent[p - 1];
  for (int64_t i = 0; i < k->count; i++) {
    int home = home_of(k, i, size);
    r->place[i] = next[home]++;
    r->sent_bytes[home] += k->starts[i + 1] - k->starts[i];
    packed->starts[r->place[i] + 1] = k->starts[i + 1] - k->starts[i];
  }
  for (int64_t i = 0; i < k->count; i++)
    packed->starts[i + 1] += packed->starts[i];
  for (int64_t i = 0; i < k->count; i++)
    if (k->starts[i + 1] > k->starts[i])
      memcpy(packed->text + packed->starts[r->place[i]], k->text + k->starts[i],
             (size_t)(k->starts[i + 1] - k->starts[i]));
  return DNMF_OK;
}

static int64_t sum_of(const int64_t *counts, int size) {
  int64_t sum = 0;
  for (int p = 0; p < size; p++)
    sum += counts[p];
  return sum;
}

/* Sends keys home. */
static dnmf_status send_home(dnmf_context *context, const keys *k, route *r) {
  keys packed = {0};
  void *arrived = NULL;
  dnmf_status status = dnmf_agree(context, pack(context, k, r, &packed));
  if (status == DNMF_OK)
    status = dnmf_exchange(context, packed.text, r->sent_bytes, 1, &arrived, r->received_bytes);
  r->arrived_text = status == DNMF_OK ? arrived : NULL;
  if (status == DNMF_OK) {
    for (int64_t i = 0; i < k->count; i++)
      packed.starts[i] = packed.starts[i + 1] - packed.starts[i];
    status = dnmf_exchange(context, packed.starts, r->sent, sizeof(int64_t), &arrived, r->received);
    r->arrived_lengths = status == DNMF_OK ? arrived : NULL;
  }
  if (status == DNMF_OK)
    r->arrived_count = sum_of(r->received, context->size);
  free_keys(&packed);
  return status;
}

/* A home's table: ids, and the index of each. */
typedef struct table {
  dnmf_interner names;
  int64_t *index;
  int64_t known;
} table;

static dnmf_status fill_table(dnmf_error *error, const route *r, const int64_t *indices, table *t) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "the table of ids", r->arrived_count, sizeof(int64_t), &memory));
  t->index = memory;
  const char *at = r->arrived_text;
  for (int64_t i = 0; i < r->arrived_count; i++) {
    int64_t number = 0;
    DNMF_TRY(dnmf_intern(error, &t->names, at, r->arrived_lengths[i], &number));
    if (number == t->known)
      t->index[t->known++] = indices[i];
    at += r->arrived_lengths[i];
  }
  return DNMF_OK;
}

/* Steps 1 and 2. Ids arrive in the order of processes, which is that of their indices: the first of equals counts. */
static dnmf_status build_table(dnmf_context *context, const dnmf_ids *ids, table *t) {
  keys held = {0};
  route r = {0};
  void *order = NULL;
  void *indices = NULL;
  dnmf_status status = keys_held(&context->error, ids, &held);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "indices of ids", held.count, sizeof(int64_t), &order);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = send_home(context, &held, &r);
  for (int64_t i = 0; i < held.count && status == DNMF_OK; i++)
    ((int64_t *)order)[r.place[i]] = ids->range.begin + i;
  if (status == DNMF_OK)
    status = dnmf_exchange(context, order, r.sent, sizeof(int64_t), &indices, r.received);
  if (status == DNMF_OK)
    status = dnmf_agree(context, fill_table(&context->error, &r, indices, t));
  free(indices);
  free(order);
  free_route(&r);
  free_keys(&held);
  return status;
}

/* Step 4 at home: the index of each key that arrived. */
static dnmf_status look_up(dnmf_error *error, const route *r, table *t, void **answers) {
  DNMF_TRY(dnmf_allocate(error, "indices of ids", r->arrived_count, sizeof(int64_t), answers));
  const char *at = r->arrived_text;
  for (int64_t i = 0; i < r->arrived_count; i++) {
    int64_t number = 0;
    DNMF_TRY(dnmf_intern(error, &t->names, at, r->arrived_lengths[i], &number));
    ((int64_t *)*answers)[i] = number < t->known ? t->index[number] : -1;
    at += r->arrived_lengths[i];
  }
  return DNMF_OK;
}

/* Steps 3 and 4. */
static dnmf_status ask(dnmf_context *context, const keys *wanted, table *t, int64_t *index) {
  route r = {0};
  void *answers = NULL;
  void *mine = NULL;
  dnmf_status status = send_home(context, wanted, &r);
  if (status == DNMF_OK)
    status = dnmf_agree(context, look_up(&context->error, &r, t, &answers));
  if (status == DNMF_OK)
    status = dnmf_exchange(context, answers, r.received, sizeof(int64_t), &mine, r.sent);
  for (int64_t i = 0; i < wanted->count && status == DNMF_OK; i++)
    index[i] = ((int64_t *)mine)[r.place[i]];
  free(mine);
  free(answers);
  free_route(&r);
  return status;
}

/* Where there are no ids, the text says the index. */
static void read_indices(int64_t rows, int64_t count, const int64_t *starts, const char *text, int64_t *index) {
  for (int64_t i = 0; i < count; i++)
    if (!dnmf_parse_integer(text + starts[i], text + starts[i + 1], &index[i]) || index[i] < 0 || index[i] >= rows)
      index[i] = -1;
}

dnmf_status dnmf_ids_find(dnmf_context *context, const dnmf_ids *ids, int64_t rows, int64_t count,
                          const int64_t *starts, const char *text, int64_t *index) {
  if (ids->kind == DNMF_IDS_NONE) {
    read_indices(rows, count, starts, text, index);
    return DNMF_OK;
  }
  keys wanted = {0};
  table t = {0};
  dnmf_status status = dnmf_agree(context, keys_wanted(&context->error, ids, count, starts, text, &wanted));
  if (status == DNMF_OK)
    status = build_table(context, ids, &t);
  if (status == DNMF_OK)
    status = ask(context, &wanted, &t, index);
  dnmf_interner_free(&t.names);
  free(t.index);
  free_keys(&wanted);
  return status;
}

/* The text of id `at` of the range. */
static int64_t write_text(const dnmf_ids *ids, int64_t at, char digits[DIGITS]) {
  int64_t number = ids->kind == DNMF_IDS_INTEGER ? ids->numbers[at] : ids->range.begin + at;
  return snprintf(digits, DIGITS, "%" PRId64, number);
}

dnmf_status dnmf_ids_to_text(dnmf_error *error, const dnmf_ids *ids, dnmf_ids *texts) {
  keys k = {0};
  int64_t count = dnmf_range_size(ids->range);
  char digits[DIGITS];
  *texts = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = ids->count, .range = ids->range};
  dnmf_status status = DNMF_OK;
  if (ids->kind == DNMF_IDS_STRING)
    status = copy_keys(error, count, ids->starts, ids->text, &k);
  else
    status = allocate_keys(error, count, count * DIGITS, &k);
  for (int64_t i = 0; i < count && status == DNMF_OK && ids->kind != DNMF_IDS_STRING; i++) {
    int64_t length = write_text(ids, i, digits);
    memcpy(k.text + k.starts[i], digits, (size_t)length);
    k.starts[i + 1] = k.starts[i] + length;
  }
  texts->starts = k.starts;
  texts->text = k.text;
  return status;
}
