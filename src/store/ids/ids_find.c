/*
 * Looking ids up, wherever they are held: every id held and every id wanted goes to the process that its hash names,
 * which keeps a table of those held.
 */
#include "store/ids/ids_find.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/interner.h"
#include "store/ids/meeting.h"
#include "store/text/text_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DIGITS = 24 /* more than any int64 has */ };

/* Integers are keys of eight bytes; an empty key, which stands for a text that is none, equals none of them. */
static void add_integer(dnmf_keys *keys, int64_t at, bool good, int64_t value) {
  if (good)
    memcpy(keys->text + keys->starts[at], &value, sizeof value);
  keys->starts[at + 1] = keys->starts[at] + (good ? (int64_t)sizeof value : 0);
}

static dnmf_status copy_keys(dnmf_error *error, int64_t count, const int64_t *starts, const char *text,
                             dnmf_keys *keys) {
  int64_t bytes = count > 0 ? starts[count] : 0;
  DNMF_TRY(dnmf_keys_allocate(error, count, bytes, keys));
  if (count > 0)
    memcpy(keys->starts, starts, (size_t)(count + 1) * sizeof *starts);
  if (bytes > 0)
    memcpy(keys->text, text, (size_t)bytes);
  return DNMF_OK;
}

static dnmf_status keys_of_ids(dnmf_error *error, const dnmf_ids *ids, dnmf_keys *keys) {
  int64_t count = dnmf_range_size(ids->range);
  if (ids->kind == DNMF_IDS_STRING)
    return copy_keys(error, count, ids->starts, ids->text, keys);
  DNMF_TRY(dnmf_keys_allocate(error, count, count * (int64_t)sizeof(int64_t), keys));
  for (int64_t i = 0; i < count; i++)
    add_integer(keys, i, true, ids->numbers[i]);
  return DNMF_OK;
}

/* Texts as keys that ids of `kind` can equal. */
static dnmf_status keys_of_texts(dnmf_error *error, dnmf_id_kind kind, int64_t count, const int64_t *starts,
                                 const char *text, dnmf_keys *keys) {
  if (kind == DNMF_IDS_STRING)
    return copy_keys(error, count, starts, text, keys);
  DNMF_TRY(dnmf_keys_allocate(error, count, count * (int64_t)sizeof(int64_t), keys));
  for (int64_t i = 0; i < count; i++) {
    int64_t value = 0;
    bool good = dnmf_parse_integer(text + starts[i], text + starts[i + 1], &value);
    add_integer(keys, i, good, value);
  }
  return DNMF_OK;
}

/* The keys of all processes to where their hashes say. */
static dnmf_status meet_by_hash(dnmf_context *context, const dnmf_keys *keys, dnmf_meeting *meeting) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "homes of ids", keys->count, sizeof(int), &memory);
  int *home = memory;
  for (int64_t i = 0; i < keys->count && status == DNMF_OK; i++) {
    size_t length = (size_t)dnmf_key_length(keys, i);
    home[i] = (int)(XXH3_64bits(length ? keys->text + keys->starts[i] : "", length) % (uint64_t)context->size);
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_meeting_send(context, keys, home, meeting);
  free(home);
  return status;
}

/* A home's table: names, and the indices of the ids that have each, ascending. */
typedef struct id_table {
  dnmf_interner names;
  int64_t known;    /* names that ids have */
  int64_t *index;   /* of each id that arrived */
  int64_t *next;    /* the next id of the same name, counted as they arrived; -1: there is none */
  int64_t *current; /* of each name: the id to be found next */
  int64_t repeated; /* ids that are not the first of their name */
} id_table;

static void free_table(id_table *table) {
  dnmf_interner_free(&table->names);
  free(table->index);
  free(table->next);
  free(table->current);
}

static dnmf_status fill_table(dnmf_error *error, const dnmf_keys *arrived, id_table *table) {
  void *memory = NULL;
  void *last = NULL; /* of each name, the latest id */
  DNMF_TRY(dnmf_allocate(error, "the table of ids", arrived->count, sizeof(int64_t), &memory));
  table->next = memory;
  DNMF_TRY(dnmf_allocate(error, "the table of ids", arrived->count, sizeof(int64_t), &memory));
  table->current = memory;
  dnmf_status status = dnmf_allocate(error, "the table of ids", arrived->count, sizeof(int64_t), &last);
  for (int64_t i = 0; i < arrived->count && status == DNMF_OK; i++) {
    int64_t name = 0;
    status = dnmf_intern(error, &table->names, arrived->text + arrived->starts[i], dnmf_key_length(arrived, i), &name);
    if (status != DNMF_OK)
      break;
    table->next[i] = -1;
    if (name == table->known) {
      table->current[table->known++] = i;
    } else {
      table->next[((int64_t *)last)[name]] = i;
      table->repeated++;
    }
    ((int64_t *)last)[name] = i;
  }
  free(last);
  return status;
}

/* Ids arrive in the order of processes, which is that of their indices. */
static dnmf_status build_table(dnmf_context *context, const dnmf_ids *ids, id_table *table) {
  dnmf_keys held = {0};
  dnmf_meeting meeting = {0};
  void *indices = NULL;
  int64_t count = dnmf_range_size(ids->range);
  dnmf_status status = keys_of_ids(&context->error, ids, &held);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, "indices of ids", count, sizeof(int64_t), &indices);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    ((int64_t *)indices)[i] = ids->range.begin + i;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = meet_by_hash(context, &held, &meeting);
  if (status == DNMF_OK)
    status = dnmf_meeting_bring(context, &meeting, indices, count, &table->index);
  if (status == DNMF_OK)
    status = dnmf_agree(context, fill_table(&context->error, &meeting.arrived, table));
  free(indices);
  dnmf_meeting_free(&meeting);
  dnmf_keys_free(&held);
  return status;
}

/* The index of each key that arrived: always the first of its name, or one after the other. */
static dnmf_status look_up(dnmf_error *error, const dnmf_keys *wanted, bool in_turn, id_table *table,
                           int64_t *answers) {
  for (int64_t i = 0; i < wanted->count; i++) {
    int64_t name = 0;
    DNMF_TRY(dnmf_intern(error, &table->names, wanted->text + wanted->starts[i], dnmf_key_length(wanted, i), &name));
    int64_t id = name < table->known ? table->current[name] : -1;
    answers[i] = id < 0 ? -1 : table->index[id];
    if (id >= 0 && in_turn)
      table->current[name] = table->next[id];
  }
  return DNMF_OK;
}

/* Wanted keys that are not the first of their name, as far as they arrived here. */
static dnmf_status count_repeated(dnmf_error *error, const dnmf_keys *wanted, int64_t *repeated) {
  dnmf_interner names = {0};
  dnmf_status status = DNMF_OK;
  for (int64_t i = 0; i < wanted->count && status == DNMF_OK; i++) {
    int64_t name = 0;
    int64_t before = names.count;
    status = dnmf_intern(error, &names, wanted->text + wanted->starts[i], dnmf_key_length(wanted, i), &name);
    *repeated += names.count == before;
  }
  dnmf_interner_free(&names);
  return status;
}

static dnmf_status ask(dnmf_context *context, const dnmf_keys *wanted, int64_t *repeated, id_table *table,
                       int64_t *index) {
  dnmf_meeting meeting = {0};
  void *answers = NULL;
  dnmf_status status = meet_by_hash(context, wanted, &meeting);
  if (status == DNMF_OK) {
    status = dnmf_allocate(&context->error, "indices of ids", meeting.arrived.count, sizeof(int64_t), &answers);
    if (status == DNMF_OK)
      status = look_up(&context->error, &meeting.arrived, repeated != NULL, table, answers);
    if (status == DNMF_OK && repeated)
      status = count_repeated(&context->error, &meeting.arrived, repeated);
    status = dnmf_agree(context, status);
  }
  if (status == DNMF_OK)
    status = dnmf_meeting_answer(context, &meeting, answers, wanted->count, index);
  free(answers);
  dnmf_meeting_free(&meeting);
  return status;
}

/* Where there are no ids, the text says the index. */
static void read_indices(int64_t rows, int64_t count, const int64_t *starts, const char *text, int64_t *index) {
  for (int64_t i = 0; i < count; i++)
    if (!dnmf_parse_integer(text + starts[i], text + starts[i + 1], &index[i]) || index[i] < 0 || index[i] >= rows)
      index[i] = -1;
}

/* In turn where `repeated` is asked for. */
static dnmf_status find_ids(dnmf_context *context, const dnmf_ids *ids, int64_t rows, int64_t count,
                            const int64_t *starts, const char *text, int64_t *index, int64_t *repeated) {
  if (ids->kind == DNMF_IDS_NONE) {
    read_indices(rows, count, starts, text, index);
    return DNMF_OK;
  }
  dnmf_keys wanted = {0};
  id_table table = {0};
  dnmf_status status = dnmf_agree(context, keys_of_texts(&context->error, ids->kind, count, starts, text, &wanted));
  if (status == DNMF_OK)
    status = build_table(context, ids, &table);
  if (status == DNMF_OK)
    status = ask(context, &wanted, repeated, &table, index);
  if (status == DNMF_OK && repeated) {
    *repeated += table.repeated;
    status = dnmf_sum_int64(context, context->comm, repeated, 1);
  }
  free_table(&table);
  dnmf_keys_free(&wanted);
  return status;
}

dnmf_status dnmf_ids_find(dnmf_context *context, const dnmf_ids *ids, int64_t rows, int64_t count,
                          const int64_t *starts, const char *text, int64_t *index) {
  return find_ids(context, ids, rows, count, starts, text, index, NULL);
}

dnmf_status dnmf_ids_match(dnmf_context *context, const dnmf_ids *ids, int64_t rows, const dnmf_ids *others,
                           int64_t *index, int64_t *repeated) {
  dnmf_ids texts = {0};
  int64_t count = dnmf_range_size(others->range);
  *repeated = 0;
  if (others->kind == DNMF_IDS_NONE) {
    for (int64_t i = 0; i < count; i++)
      index[i] = others->range.begin + i < rows ? others->range.begin + i : -1;
    return DNMF_OK;
  }
  dnmf_status status = dnmf_agree(context, dnmf_ids_to_text(&context->error, others, &texts));
  if (status == DNMF_OK)
    status = find_ids(context, ids, rows, count, texts.starts, texts.text, index, repeated);
  dnmf_ids_free(&texts);
  return status;
}

/* The text of id `at` of the range. */
static int64_t write_text(const dnmf_ids *ids, int64_t at, char digits[DIGITS]) {
  int64_t number = ids->kind == DNMF_IDS_INTEGER ? ids->numbers[at] : ids->range.begin + at;
  return snprintf(digits, DIGITS, "%" PRId64, number);
}

dnmf_status dnmf_ids_to_text(dnmf_error *error, const dnmf_ids *ids, dnmf_ids *texts) {
  dnmf_keys keys = {0};
  int64_t count = dnmf_range_size(ids->range);
  char digits[DIGITS];
  *texts = (dnmf_ids){.kind = DNMF_IDS_STRING, .count = ids->count, .range = ids->range};
  dnmf_status status = DNMF_OK;
  if (ids->kind == DNMF_IDS_STRING)
    status = copy_keys(error, count, ids->starts, ids->text, &keys);
  else
    status = dnmf_keys_allocate(error, count, count * DIGITS, &keys);
  for (int64_t i = 0; i < count && status == DNMF_OK && ids->kind != DNMF_IDS_STRING; i++) {
    int64_t length = write_text(ids, i, digits);
    memcpy(keys.text + keys.starts[i], digits, (size_t)length);
    keys.starts[i + 1] = keys.starts[i] + length;
  }
  texts->starts = keys.starts;
  texts->text = keys.text;
  return status;
}
