/* Plain lines read in one go, beside the general reader. */
#include "mpi_test.h"
#include "store/text/text_delimiter.h"

#include "store/text/text_number.h"
#include "store/text/text_plain_triple.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnmf_dialect delimiter_of(const char *name) {
  dnmf_dialect delimiter;
  dnmf_error error = {0};
  assert_ok(dnmf_dialect_parse(&error, &(dnmf_source_options){0}, &delimiter));
  assert_ok(dnmf_delimiter_parse(&error, name, &delimiter));
  return delimiter;
}

/* Reads exact memory, so that sanitizers see a byte too far. True when the line is plain, and then the general reader
 * makes the same of it. */
static bool check(const dnmf_dialect *delimiter, const char *text) {
  const size_t length = strlen(text);
  char *bytes = malloc(length + 1);
  dnmf_plain_triple triple;
  dnmf_field fields[4];
  double value = -1;
  assert_non_null(bytes);
  memcpy(bytes, text, length + 1);
  char *line = realloc(bytes, length > 0 ? length : 1);
  assert_non_null(line);
  const bool plain = dnmf_plain_triple_read(delimiter, (dnmf_text_line){line, line + length}, &triple);
  if (plain) {
    assert_int_equal(dnmf_text_split(delimiter, (dnmf_text_line){line, line + length}, 4, fields), 3);
    assert_true(triple.row >= 0 && fields[0].whole == triple.row);
    assert_true(triple.col >= 0 && fields[1].whole == triple.col);
    assert_true(dnmf_parse_real(fields[2].begin, fields[2].end, &value));
    assert_memory_equal(&value, &triple.value, sizeof value);
  }
  free(line);
  return plain;
}

static void usual_lines_are_plain(void **state) {
  (void)state;
  static const char *const lines[] = {"1,2,3",
                                      "0,0,0",
                                      "119467,7952,2.5",
                                      "123456789012345678,999999999999999999,0.00000000000001",
                                      "12345678,1234567,123456789012345",
                                      "1,20,3.",
                                      "1,20,007.50",
                                      "1234567,12345678,12345678.1234567"};
  const dnmf_dialect comma = delimiter_of("comma");
  assert_true(dnmf_plain_triple_may_be(&comma));
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    assert_true(check(&comma, lines[i]));
  const dnmf_dialect blank = delimiter_of("blank");
  assert_true(check(&blank, "119467 7952\t2.5"));
}

static void other_lines_are_left_to_the_general_reader(void **state) {
  (void)state;
  static const char *const lines[] = {"",
                                      "1",
                                      "1,",
                                      "1,2",
                                      "1,2,",
                                      ",2,3",
                                      "1,,3",
                                      "01,2,3",
                                      "1,02,3",
                                      "1,2,.5",
                                      "1,2,3 ",
                                      "1,2,3,4",
                                      " 1,2,3",
                                      "1, 2,3",
                                      "1 ,2,3",
                                      "-1,2,3",
                                      "1,2,-3",
                                      "1,2,3e1",
                                      "1,2,nan",
                                      "1,2,3.5.1",
                                      "\"1\",2,3",
                                      "a,2,3",
                                      "1,2,x",
                                      "1234567890123456789,2,3",
                                      "1,2,1234567890123456",
                                      "1,2,1.234567890123456",
                                      "1;2;3",
                                      "1,2,3\r",
                                      "12345678901234567890123,1,1"};
  const dnmf_dialect comma = delimiter_of("comma");
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    assert_false(check(&comma, lines[i]));
  assert_false(dnmf_plain_triple_may_be(&(dnmf_dialect){.delimiter = "::", .length = 2}));
  assert_false(dnmf_plain_triple_may_be(&(dnmf_dialect){.delimiter = ".", .length = 1}));
  assert_false(dnmf_plain_triple_may_be(&(dnmf_dialect){.delimiter = "7", .length = 1}));
}

/* Lines of the characters that such lines are made of, and some that come close to digits. */
static void lines_at_random_are_read_alike(void **state) {
  (void)state;
  static const char characters[] = "0123456789012345678901234567890123456789,,,,,,,,. /:-\"\xb5\xff";
  static const char *const delimiters[] = {"comma", "blank", "/"};
  uint64_t random = 5;
  int plain = 0;
  for (int i = 0; i < 200000; i++) {
    char line[40] = "";
    const dnmf_dialect delimiter = delimiter_of(delimiters[i % 3]);
    const int length = (int)((random >> 40) % 30);
    for (int c = 0; c < length; c++) {
      random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
      line[c] = characters[(random >> 33) % (sizeof characters - 1)];
    }
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    plain += check(&delimiter, line);
  }
  assert_true(plain > 100);
}

/* Many lines at once are what they are one by one, up to one that is not plain, wherever the memory ends. */
static void lines_read_at_once_are_read_alike(void **state) {
  (void)state;
  static const char characters[] = "0123456789012345678901234567890123456789,,,,,,....\r\r -";
  static const char *const values[] = {"1", "3.5", "4.", "12.25", "1234567", "123456.7", "0.0000001", "1\r", "7.5\r"};
  const dnmf_dialect comma = delimiter_of("comma");
  uint64_t random = 11;
  int64_t together = 0;
  for (int trial = 0; trial < 20000; trial++) {
    char text[400] = "";
    size_t length = 0;
    for (int i = 0; i < 8; i++) {
      random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
      const int row = (int)((random >> 20) % 100000000 >> random % 24);
      length += (size_t)sprintf(text + length, "%d,%d,%s\n", row, (int)(random >> 50), values[(random >> 33) % 9]);
    }
    if (trial % 2) /* spoils a character, often */
      text[(random >> 10) % length] = characters[(random >> 40) % (sizeof characters - 1)];
    length -= trial % 3 == 0 ? (size_t)(random >> 45) % 20 : 0;
    char *bytes = malloc(length);
    assert_non_null(bytes);
    memcpy(bytes, text, length);
    const char *limit = bytes + (trial % 5 == 0 ? length / 2 : length);
    const int64_t most = trial % 7 == 0 ? 3 : 100;
    dnmf_plain_triple triples[100];
    char *after = NULL;
    const int64_t count = dnmf_plain_triples_read(&comma, bytes, limit, bytes + length, most, triples, &after);
    char *at = bytes;
    int64_t wanted = 0;
    for (; wanted < most && at < limit; wanted++) {
      dnmf_plain_triple one;
      char *feed = memchr(at, '\n', (size_t)(bytes + length - at));
      char *end = feed && feed > at && feed[-1] == '\r' ? feed - 1 : feed;
      if (!feed || !dnmf_plain_triple_read(&comma, (dnmf_text_line){at, end}, &one))
        break;
      assert_true(wanted < count);
      assert_true(triples[wanted].row == one.row && triples[wanted].col == one.col);
      assert_memory_equal(&triples[wanted].value, &one.value, sizeof one.value);
      at = feed + 1;
    }
    assert_int_equal(count, wanted);
    assert_ptr_equal(after, at);
    together += count;
    free(bytes);
  }
  assert_true(together > 50000);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(usual_lines_are_plain),
      mpi_test(other_lines_are_left_to_the_general_reader),
      mpi_test(lines_at_random_are_read_alike),
      mpi_test(lines_read_at_once_are_read_alike),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
