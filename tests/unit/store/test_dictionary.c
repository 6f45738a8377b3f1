/*
 * The distributed dictionary against qsort on all ids, which every process can make for itself here.
 */
#include "store/ids/dictionary.h"

#include "base/random.h"
#include "comm/collective.h"
#include "mpi_test.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = 48, MOST = 3000 };

/* The i-th id that process `rank` meets; false when it has no more. */
typedef bool (*id_maker)(int rank, int i, char id[ID_BYTES]);

static uint64_t bits(int rank, int i) {
  return dnmf_random_bits(5, DNMF_STREAM_PATTERN, (uint64_t)rank, (uint64_t)i);
}

static bool overlapping_integers(int rank, int i, char id[ID_BYTES]) {
  snprintf(id, ID_BYTES, "%d", (int)(bits(rank, i) % 2000) - 700);
  return i < 1000;
}

static bool wide_integers(int rank, int i, char id[ID_BYTES]) {
  snprintf(id, ID_BYTES, "%" PRId64, (int64_t)bits(rank, i));
  return i < 500;
}

static bool skewed_strings(int rank, int i, char id[ID_BYTES]) {
  uint64_t x = bits(rank, i);
  int length = (int)(x >> 40) % 30;
  snprintf(id, ID_BYTES, "%s%.*s%u", x % 3 ? "shared prefix " : "", length, "abcdefghijklmnopqrstuvwxyzabcdef",
           (unsigned)(x % 50 * (x % 7 ? 1 : x % 97)));
  return i < 900;
}

static bool strings_of_the_first_process(int rank, int i, char id[ID_BYTES]) {
  snprintf(id, ID_BYTES, "user%d", (i * 7919) % 1000);
  return rank == 0 && i < 1000;
}

static bool integers_of_the_last_process(int rank, int i, char id[ID_BYTES]) {
  snprintf(id, ID_BYTES, "%d", i / 2);
  return rank == test_context()->size - 1 && i < 300;
}

static bool one_id_for_all(int rank, int i, char id[ID_BYTES]) {
  (void)rank;
  snprintf(id, ID_BYTES, "%s", "42");
  return i < 3;
}

static bool one_string_among_integers(int rank, int i, char id[ID_BYTES]) {
  snprintf(id, ID_BYTES, rank == 0 && i == 5 ? "007" : "%d", (int)(bits(rank, i) % 300));
  return i < 200;
}

static bool nothing(int rank, int i, char id[ID_BYTES]) {
  (void)rank;
  (void)i;
  id[0] = '\0';
  return false;
}

static int by_number(const void *a, const void *b) {
  int64_t x = strtoll(a, NULL, 10);
  int64_t y = strtoll(b, NULL, 10);
  return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(a, b);
}

/* All ids of all processes, sorted, each once. */
static int64_t oracle(id_maker make, bool integer, char (**all)[ID_BYTES]) {
  int processes = test_context()->size;
  *all = calloc((size_t)processes * MOST, ID_BYTES);
  size_t count = 0;
  for (int rank = 0; rank < processes; rank++)
    for (int i = 0; make(rank, i, (*all)[count]); i++)
      count++;
  qsort(*all, count, ID_BYTES, integer ? by_number : by_bytes);
  size_t unique = 0;
  for (size_t i = 0; i < count; i++)
    if (i == 0 || strcmp((*all)[unique - 1], (*all)[i]) != 0)
      memmove((*all)[unique++], (*all)[i], ID_BYTES);
  return (int64_t)unique;
}

static void check_held(const dnmf_ids *ids, char (*all)[ID_BYTES]) {
  for (int64_t i = ids->range.begin; i < ids->range.end; i++) {
    int64_t local = i - ids->range.begin;
    if (ids->kind == DNMF_IDS_INTEGER) {
      assert_int_equal(ids->numbers[local], strtoll(all[i], NULL, 10));
      continue;
    }
    size_t length = (size_t)(ids->starts[local + 1] - ids->starts[local]);
    assert_int_equal(length, strlen(all[i]));
    assert_memory_equal(ids->text + ids->starts[local], all[i], length);
  }
}

static void check(id_maker make, dnmf_id_kind kind) {
  dnmf_context *context = test_context();
  dnmf_interner strings = {0};
  dnmf_ids ids = {0};
  int64_t *numbers = NULL;
  int64_t index = 0;
  char id[ID_BYTES];
  char(*all)[ID_BYTES] = NULL;
  int64_t unique = oracle(make, kind == DNMF_IDS_INTEGER, &all);
  for (int i = 0; make(context->rank, i, id); i++)
    assert_ok(dnmf_intern(&context->error, &strings, id, (int64_t)strlen(id), &index));
  assert_ok(dnmf_dictionary_build(context, &strings, &ids, &numbers));

  assert_int_equal(ids.kind, kind);
  assert_int_equal(ids.count, unique);
  int64_t before = 0;
  int64_t held = dnmf_range_size(ids.range);
  assert_ok(dnmf_exscan_int64(context, held, &before, &held));
  assert_int_equal(before, ids.range.begin);
  assert_int_equal(held, unique);
  check_held(&ids, all);
  for (int i = 0; make(context->rank, i, id); i++) {
    assert_ok(dnmf_intern(&context->error, &strings, id, (int64_t)strlen(id), &index));
    assert_string_equal(all[numbers[index]], id);
  }
  free(all);
  free(numbers);
  dnmf_ids_free(&ids);
  assert_int_equal(ids.kind, DNMF_IDS_NONE);
  dnmf_interner_free(&strings);
}

static void integers_are_sorted_by_value(void **state) {
  (void)state;
  check(overlapping_integers, DNMF_IDS_INTEGER);
  check(wide_integers, DNMF_IDS_INTEGER);
}

static void strings_are_sorted_by_bytes(void **state) {
  (void)state;
  check(skewed_strings, DNMF_IDS_STRING);
}

static void processes_may_be_empty(void **state) {
  (void)state;
  check(strings_of_the_first_process, DNMF_IDS_STRING);
  check(integers_of_the_last_process, DNMF_IDS_INTEGER);
  check(nothing, DNMF_IDS_INTEGER);
}

static void equal_ids_meet(void **state) {
  (void)state;
  check(one_id_for_all, DNMF_IDS_INTEGER);
}

static void one_string_makes_all_strings(void **state) {
  (void)state;
  check(one_string_among_integers, DNMF_IDS_STRING);
}

static void no_process_holds_most_ids(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_interner strings = {0};
  dnmf_ids ids = {0};
  int64_t *numbers = NULL;
  int64_t index = 0;
  char id[ID_BYTES];
  for (int i = 0; overlapping_integers(context->rank, i, id); i++)
    assert_ok(dnmf_intern(&context->error, &strings, id, (int64_t)strlen(id), &index));
  assert_ok(dnmf_dictionary_build(context, &strings, &ids, &numbers));
  assert_true(dnmf_range_size(ids.range) <= 2 * ids.count / context->size);
  free(numbers);
  dnmf_ids_free(&ids);
  dnmf_interner_free(&strings);
}

static void short_strings_of_every_length_are_told_apart(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  dnmf_interner strings = {0};
  char bytes[24];
  int64_t wanted = 0;
  /* Every prefix of every rotation of a text with zeros and repeated letters in it. */
  for (int round = 0; round < 2; round++) {
    for (int shift = 0; shift < 5; shift++)
      for (int length = 0; length <= 20; length++) {
        int64_t number = -1;
        for (int i = 0; i < length; i++)
          bytes[i] = "\0abcd"[(i + shift) % 5];
        assert_ok(dnmf_intern(&context->error, &strings, bytes, length, &number));
        if (round == 0 && (length > 0 || shift == 0))
          assert_int_equal(number, wanted++);
        assert_int_equal(strings.starts[number + 1] - strings.starts[number], length);
      }
    assert_int_equal(strings.count, wanted);
  }
  dnmf_interner_free(&strings);
}

/* Integers of both kinds, recognised by value and not, as the table grows: the numbers are those of the plain path. */
static void integers_have_one_number_however_they_are_looked_up(void **state) {
  (void)state;
  dnmf_error *error = &test_context()->error;
  dnmf_interner fast = {0};
  dnmf_interner plain = {0};
  char text[ID_BYTES];
  for (int i = 0; i < 40000; i++) {
    int64_t number = -1;
    int64_t expected = -1;
    int64_t value = (int64_t)(bits(0, i) >> (i % 3 ? 50 : 8)) % (i % 7 ? 20000 : INT64_MAX);
    int length = snprintf(text, ID_BYTES, "%s%" PRId64, i % 11 ? "" : "0", value);
    assert_ok(dnmf_intern(error, &plain, text, length, &expected));
    if (i % 11 == 0 || i % 5 == 0)
      assert_ok(dnmf_intern(error, &fast, text, length, &number));
    else
      assert_ok(dnmf_intern_integer(error, &fast, value, &number));
    assert_int_equal(number, expected);
  }
  assert_int_equal(fast.count, plain.count);
  assert_true(fast.value_count > 0 && fast.value_count <= 4 * fast.slot_count);
  dnmf_interner_free(&fast);
  dnmf_interner_free(&plain);
}

/* Text and entries beyond 2^31 travel in many messages; here they have room for a few items each. */
static void short_messages_carry_them_too(void **state) {
  test_context()->message_limit = 5;
  strings_are_sorted_by_bytes(state);
  equal_ids_meet(state);
  test_context()->message_limit = INT_MAX;
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(integers_are_sorted_by_value),
      mpi_test(strings_are_sorted_by_bytes),
      mpi_test(processes_may_be_empty),
      mpi_test(equal_ids_meet),
      mpi_test(one_string_makes_all_strings),
      mpi_test(no_process_holds_most_ids),
      mpi_test(short_strings_of_every_length_are_told_apart),
      mpi_test(integers_have_one_number_however_they_are_looked_up),
      mpi_test(short_messages_carry_them_too),
  };
  return cmocka_run_group_tests_name("dictionary", tests, NULL, NULL);
}
