/* JSON that is valid whatever a text or a number is, and that is whole or not there. */
#include "base/random.h"
#include "cli/json.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The text that jansson reads back from what it prints of `value`, taken over; a new reference. */
static json_t *printed_and_read(json_t *value) {
  char *printed = json_dumps(value, JSON_ENCODE_ANY);
  assert_non_null(printed);
  json_t *read = json_loads(printed, JSON_DECODE_ANY, NULL);
  assert_non_null(read);
  free(printed);
  json_decref(value);
  return read;
}

static void check_round_trip(const char *bytes, size_t length, const char *escaped) {
  json_t *read = printed_and_read(cli_json_bytes(bytes, length));
  if (escaped)
    assert_string_equal(json_string_value(read), escaped);
  const char *found = cli_json_unescape(read);
  assert_non_null(found);
  assert_int_equal(json_string_length(read), length);
  assert_memory_equal(found, bytes, length);
  json_decref(read);
}

static void bytes_that_are_no_utf8_are_escaped(void **state) {
  (void)state;
  static const char *const texts[][2] = {
      {"plain", "plain"},
      {"\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"caf\xe9", "caf\\xe9"},
      {"\xff\xfe", "\\xff\\xfe"},
      {"\xc0\x80", "\\xc0\\x80"},                   /* overlong */
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond the last code */
      {"\xe2\x82", "\\xe2\\x82"},                   /* cut off */
      {"C:\\new\\xylophone", "C:\\new\\xylophone"},
      {"\\xff", "\\x5cxff"},
      {"\\x5cxff", "\\x5cx5cxff"},
      {"\\x\xff", "\\x\\xff"},
      {"\\x4\xff", "\\x4\\xff"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    check_round_trip(texts[i][0], strlen(texts[i][0]), texts[i][1]);
}

/* Few different bytes, so that escapes occur by chance. */
static void any_bytes_come_back(void **state) {
  (void)state;
  static const char alphabet[] = "\\x5c0f\xff\xc3\xa9\xe2\x82z";
  for (int round = 0; round < 20000; round++) {
    char bytes[24];
    size_t length = (size_t)(dnmf_random_uniform(1, 0, (uint64_t)round, 0) * sizeof bytes);
    for (size_t i = 0; i < length; i++)
      bytes[i] = alphabet[(size_t)(dnmf_random_uniform(2, 0, (uint64_t)round, i) * (sizeof alphabet - 1))];
    check_round_trip(bytes, length, NULL);
  }
}

static json_t *everything(void) {
  json_t *list = json_array();
  cli_json_append(&list, cli_json_pack("{s:s%}", "id",
                                       "a\xff"
                                       "b",
                                       (size_t)3));
  json_t *object = cli_json_pack("{s:s, s:s?, s:i, s:I, s:f, s:f, s:b, s:[I, I], s:{s:f}, s:o, s:o*}", "text", "x\xff",
                                 "none", (const char *)NULL, "int", -3, "wide", (json_int_t)1 << 40, "real", 0.5, "nan",
                                 NAN, "flag", true, "pair", (json_int_t)1, (json_int_t)2, "inner", "infinite", INFINITY,
                                 "list", list, "absent", (json_t *)NULL);
  cli_json_set(&object, "ke\xffy", json_null());
  cli_json_merge(&object, cli_json_pack("{s:i}", "more", 7));
  return object;
}

static void a_whole_is_as_its_format_says(void **state) {
  (void)state;
  json_t *object = everything();
  char *printed = json_dumps(object, JSON_COMPACT);
  json_decref(object);
  assert_string_equal(printed, "{\"text\":\"x\\\\xff\",\"none\":null,\"int\":-3,\"wide\":1099511627776,\"real\":0.5,"
                               "\"nan\":null,\"flag\":true,\"pair\":[1,2],\"inner\":{\"infinite\":null},"
                               "\"list\":[{\"id\":\"a\\\\xffb\"}],\"ke\\\\xffy\":null,\"more\":7}");
  free(printed);
}

/* jansson's allocations: the one numbered `failing` fails. */
static int allocations;
static int failing;
static int living;

static void *allocate(size_t size) {
  if (++allocations == failing)
    return NULL;
  living++;
  return malloc(size);
}

static void release(void *memory) {
  living -= memory != NULL;
  free(memory);
}

/* Never a part of it, and nothing is lost. */
static void without_memory_there_is_nothing(void **state) {
  (void)state;
  json_malloc_t usual_malloc;
  json_free_t usual_free;
  json_get_alloc_funcs(&usual_malloc, &usual_free);
  json_set_alloc_funcs(allocate, release);
  allocations = failing = living = 0;
  json_decref(everything());
  const int needed = allocations;
  assert_int_equal(living, 0);
  assert_true(needed > 20);
  for (int f = 1; f <= needed; f++) {
    allocations = 0;
    failing = f;
    json_t *object = everything();
    failing = 0;
    assert_null(object);
    assert_int_equal(living, 0);
  }
  json_set_alloc_funcs(usual_malloc, usual_free);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(bytes_that_are_no_utf8_are_escaped),
      mpi_test(any_bytes_come_back),
      mpi_test(a_whole_is_as_its_format_says),
      mpi_test(without_memory_there_is_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
