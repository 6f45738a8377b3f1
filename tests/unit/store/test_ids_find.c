/* Ids looked up over all processes, against a loop over all of them. */
#include "store/ids/ids_find.h"

#include "base/random.h"
#include "comm/collective.h"
#include "mpi_test.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 400, ASKED = 600, ID_BYTES = 32 };

/* Id `i` in an order that is no order at all; 399 repeats 3. */
static void string_id(int64_t i, char text[ID_BYTES]) {
  int64_t n = i == 399 ? 3 : dnmf_random_permute(8, DNMF_STREAM_PATTERN, COUNT, i);
  if (n == 17)
    text[0] = '\0';
  else
    snprintf(text, ID_BYTES, n % 3 ? "%03" PRId64 : "caf\xc3\xa9 %" PRId64, n);
}

static void number_text(int64_t i, char text[ID_BYTES]) {
  int64_t n = dnmf_random_permute(9, DNMF_STREAM_PATTERN, COUNT, i == 399 ? 3 : i);
  snprintf(text, ID_BYTES, "%" PRId64, (n - 100) * INT64_C(1000000007));
}

typedef void (*id_maker)(int64_t i, char text[ID_BYTES]);

/* All on process 0 but for the last ten, which the last process holds. */
static void hold(dnmf_id_kind kind, id_maker make, dnmf_ids *ids) {
  const dnmf_context *context = test_context();
  int64_t cut = COUNT - 10;
  bool first = context->rank == 0;
  bool last = context->rank == context->size - 1;
  *ids = (dnmf_ids){.kind = kind, .count = COUNT};
  ids->range = (dnmf_range){first ? 0 : cut, last ? COUNT : cut};
  int64_t held = dnmf_range_size(ids->range);
  ids->numbers = calloc((size_t)held + 1, sizeof(int64_t));
  ids->starts = calloc((size_t)held + 1, sizeof(int64_t));
  ids->text = calloc((size_t)held + 1, ID_BYTES);
  for (int64_t i = 0; i < held; i++) {
    char text[ID_BYTES];
    make(ids->range.begin + i, text);
    ids->numbers[i] = strtoll(text, NULL, 10);
    memcpy(ids->text + ids->starts[i], text, strlen(text));
    ids->starts[i + 1] = ids->starts[i] + (int64_t)strlen(text);
  }
}

static int64_t expect(id_maker make, const char *wanted) {
  char text[ID_BYTES];
  for (int64_t i = 0; i < COUNT; i++) {
    make(i, text);
    if (strcmp(text, wanted) == 0)
      return i;
  }
  return -1;
}

/* Known ids and others, another choice on every process; nothing on the second. */
static void check(dnmf_id_kind kind, id_maker make) {
  dnmf_context *context = test_context();
  dnmf_ids ids;
  int64_t starts[ASKED + 1] = {0};
  int64_t index[ASKED];
  char *text = calloc(ASKED, ID_BYTES);
  int64_t count = context->rank == 1 ? 0 : ASKED;
  hold(kind, make, &ids);
  for (int64_t i = 0; i < count; i++) {
    char wanted[ID_BYTES];
    uint64_t bits = dnmf_random_bits(1, DNMF_STREAM_VALUES, (uint64_t)context->rank, (uint64_t)i);
    make((int64_t)(bits % COUNT), wanted);
    if (bits >> 60 == 0)
      snprintf(wanted, sizeof wanted, "nobody %d", (int)i);
    starts[i + 1] = starts[i] + (int64_t)strlen(wanted);
    memcpy(text + starts[i], wanted, (size_t)(starts[i + 1] - starts[i]));
  }
  assert_ok(dnmf_ids_find(context, &ids, COUNT, count, starts, text, index));
  for (int64_t i = 0; i < count; i++) {
    char wanted[ID_BYTES] = "";
    memcpy(wanted, text + starts[i], (size_t)(starts[i + 1] - starts[i]));
    assert_int_equal(index[i], expect(make, wanted));
  }
  free(text);
  dnmf_ids_free(&ids);
}

static void strings_are_found_whoever_asks(void **state) {
  (void)state;
  check(DNMF_IDS_STRING, string_id);
}

static void integers_are_found_whoever_asks(void **state) {
  (void)state;
  check(DNMF_IDS_INTEGER, number_text);
}

/* Names of which most stand for several: squares modulo a number that is not prime. */
static void repeated_id(int64_t i, char text[ID_BYTES]) {
  snprintf(text, ID_BYTES, "%" PRId64, i * i % 90);
}

/* Other names, most of them the same. */
static void other_repeated_id(int64_t i, char text[ID_BYTES]) {
  snprintf(text, ID_BYTES, "%" PRId64, (COUNT - i) * (COUNT - i) % 97);
}

/* How often the name of id `i` stands before it. */
static int64_t count_before(id_maker make, int64_t i) {
  char name[ID_BYTES];
  char text[ID_BYTES];
  int64_t before = 0;
  make(i, name);
  for (int64_t j = 0; j < i; j++) {
    make(j, text);
    before += strcmp(name, text) == 0;
  }
  return before;
}

/* The index of the id that has the name of `other`'s id i, and as often before it. */
static int64_t expect_in_turn(id_maker make, id_maker other, int64_t i) {
  char name[ID_BYTES];
  char text[ID_BYTES];
  other(i, name);
  for (int64_t j = 0; j < COUNT; j++) {
    make(j, text);
    if (strcmp(name, text) == 0 && count_before(make, j) == count_before(other, i))
      return j;
  }
  return -1;
}

static void check_in_turn(dnmf_id_kind kind, id_maker make, dnmf_id_kind other_kind, id_maker other) {
  dnmf_ids ids;
  dnmf_ids others;
  int64_t index[COUNT];
  int64_t repeated = -1;
  int64_t expected = 0;
  hold(kind, make, &ids);
  hold(other_kind, other, &others);
  assert_ok(dnmf_ids_match(test_context(), &ids, COUNT, &others, index, &repeated));
  for (int64_t i = 0; i < dnmf_range_size(others.range); i++)
    assert_int_equal(index[i], expect_in_turn(make, other, others.range.begin + i));
  for (int64_t i = 0; i < COUNT; i++)
    expected += (count_before(make, i) > 0) + (count_before(other, i) > 0);
  assert_int_equal(repeated, expected);
  dnmf_ids_free(&ids);
  dnmf_ids_free(&others);
}

static void the_nth_of_a_name_is_the_nth_of_that_name(void **state) {
  (void)state;
  check_in_turn(DNMF_IDS_STRING, repeated_id, DNMF_IDS_STRING, other_repeated_id);
  check_in_turn(DNMF_IDS_INTEGER, repeated_id, DNMF_IDS_STRING, other_repeated_id);
  check_in_turn(DNMF_IDS_STRING, repeated_id, DNMF_IDS_INTEGER, other_repeated_id);
}

static void equal_lists_match_place_by_place(void **state) {
  (void)state;
  dnmf_ids ids;
  int64_t index[COUNT];
  int64_t repeated = -1;
  hold(DNMF_IDS_STRING, repeated_id, &ids);
  assert_ok(dnmf_ids_match(test_context(), &ids, COUNT, &ids, index, &repeated));
  for (int64_t i = 0; i < dnmf_range_size(ids.range); i++)
    assert_int_equal(index[i], ids.range.begin + i);
  dnmf_ids_free(&ids);
}

static void find_words(const dnmf_ids *ids, int64_t rows, const char *const *words, int64_t count,
                       const int64_t *expected) {
  int64_t starts[16] = {0};
  int64_t index[16];
  char text[256] = "";
  for (int64_t i = 0; i < count; i++) {
    strcat(text, words[i]);
    starts[i + 1] = (int64_t)strlen(text);
  }
  assert_ok(dnmf_ids_find(test_context(), ids, rows, count, starts, text, index));
  for (int64_t i = 0; i < count; i++)
    assert_int_equal(index[i], expected[i]);
}

/* One id, 7, held by process 0. */
static void one_id(dnmf_id_kind kind, dnmf_ids *ids) {
  bool first = test_context()->rank == 0;
  *ids = (dnmf_ids){.kind = kind, .count = 1, .range = {first ? 0 : 1, 1}};
  ids->numbers = calloc(1, sizeof(int64_t));
  ids->starts = calloc(2, sizeof(int64_t));
  ids->text = calloc(2, 1);
  ids->numbers[0] = 7;
  ids->starts[1] = first;
  ids->text[0] = '7';
}

static void an_integer_matches_however_it_is_written_a_string_does_not(void **state) {
  (void)state;
  static const char *const words[] = {"7", "007", "+7", "7.0", "", "x"};
  dnmf_ids ids;
  one_id(DNMF_IDS_INTEGER, &ids);
  find_words(&ids, 1, words, 6, (const int64_t[]){0, 0, 0, -1, -1, -1});
  dnmf_ids_free(&ids);
  one_id(DNMF_IDS_STRING, &ids);
  find_words(&ids, 1, words, 6, (const int64_t[]){0, -1, -1, -1, -1, -1});
  dnmf_ids_free(&ids);
}

static void without_ids_the_text_is_the_index(void **state) {
  (void)state;
  static const char *const words[] = {"0", "4", "5", "-1", "two"};
  dnmf_ids none = {0};
  find_words(&none, 5, words, 5, (const int64_t[]){0, 4, -1, -1, -1});
}

static void ids_as_texts(void **state) {
  (void)state;
  dnmf_ids numbers = {.kind = DNMF_IDS_INTEGER, .count = 2, .range = {0, 2}};
  dnmf_ids none = {.range = {11, 13}};
  dnmf_ids texts;
  int64_t values[] = {-5, 42};
  numbers.numbers = values;
  assert_ok(dnmf_ids_to_text(&test_context()->error, &numbers, &texts));
  assert_int_equal(texts.kind, DNMF_IDS_STRING);
  assert_int_equal(texts.starts[2], 4);
  assert_memory_equal(texts.text, "-542", 4);
  dnmf_ids_free(&texts);
  assert_ok(dnmf_ids_to_text(&test_context()->error, &none, &texts));
  assert_memory_equal(texts.text, "1112", 4);
  dnmf_ids_free(&texts);
}

/* Text and entries beyond 2^31 travel in many messages; here they have room for a few items each. */
static void short_messages_carry_them_too(void **state) {
  test_context()->message_limit = 5;
  strings_are_found_whoever_asks(state);
  integers_are_found_whoever_asks(state);
  test_context()->message_limit = INT_MAX;
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(strings_are_found_whoever_asks),
      mpi_test(integers_are_found_whoever_asks),
      mpi_test(the_nth_of_a_name_is_the_nth_of_that_name),
      mpi_test(equal_lists_match_place_by_place),
      mpi_test(an_integer_matches_however_it_is_written_a_string_does_not),
      mpi_test(without_ids_the_text_is_the_index),
      mpi_test(ids_as_texts),
      mpi_test(short_messages_carry_them_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
