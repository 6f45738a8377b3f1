#include "store/text/text_number.h"

#include "base/random.h"
#include "mpi_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse(const char *text, double *value) {
  return dnmf_parse_real(text, text + strlen(text), value);
}

static uint64_t bits_of(double value) {
  uint64_t pattern = 0;
  memcpy(&pattern, &value, sizeof pattern);
  return pattern;
}

/* The same bits as strtod, which rounds correctly. */
static void check(const char *text) {
  double value = -1;
  double wanted = strtod(text, NULL);
  if (!parse(text, &value) || bits_of(value) != bits_of(wanted))
    fail_msg("%s: %a instead of %a", text, value, wanted);
}

static uint64_t bits(int i, int j) {
  return dnmf_random_bits(3, DNMF_STREAM_VALUES, (uint64_t)i, (uint64_t)j);
}

static void short_decimals_equal_strtod(void **state) {
  (void)state;
  char text[64];
  for (int i = 0; i < 50000; i++) {
    int digits = (int)(bits(i, 0) % 20);
    snprintf(text, sizeof text, "%s%.*f", bits(i, 1) % 2 ? "-" : "", digits,
             (double)(bits(i, 2) % 10000000) / (double)(1 + bits(i, 3) % 1000));
    check(text);
  }
}

static void numbers_with_exponents_equal_strtod(void **state) {
  (void)state;
  char text[96];
  for (int i = 0; i < 50000; i++) {
    snprintf(text, sizeof text, "%llu.%0*llue%d", (unsigned long long)(bits(i, 0) >> bits(i, 1) % 60),
             1 + (int)(bits(i, 2) % 19), (unsigned long long)(bits(i, 3) >> bits(i, 4) % 60),
             (int)(bits(i, 5) % 700) - 350);
    check(text);
  }
}

static void every_double_survives_printing(void **state) {
  (void)state;
  char text[64];
  for (int i = 0; i < 50000; i++) {
    uint64_t pattern = bits(i, 7);
    double number = 0;
    memcpy(&number, &pattern, sizeof number);
    if (!isfinite(number))
      continue;
    snprintf(text, sizeof text, "%.17g", number);
    check(text);
  }
}

static void edges_equal_strtod(void **state) {
  (void)state;
  static const char *const texts[] = {"0",
                                      "-0",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "1e22",
                                      "1e23",
                                      "1e-5",
                                      "1E+5",
                                      "000001",
                                      "9007199254740993",
                                      "0.000000000000000000001",
                                      "1e-400",
                                      "1e400",
                                      "4.9e-324",
                                      "2.2250738585072011e-308"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    check(texts[i]);
}

static void what_is_no_number_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"",    ".",   "-",     "+",  "e5",     "1e",   "1e+", "0x10", "1 2",
                                      "1,5", "--1", "1.2.3", "NA", "nan(1)", "infi", "1f",  "five"};
  double value = 0;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (parse(texts[i], &value))
      fail_msg("\"%s\" was taken for %g", texts[i], value);
}

static void special_values_are_read(void **state) {
  (void)state;
  double value = 0;
  assert_true(parse("NaN", &value) && isnan(value));
  assert_true(parse("-inf", &value) && isinf(value) && value < 0);
  assert_true(parse("Infinity", &value) && isinf(value) && value > 0);
}

static bool integer(const char *text, int64_t *value) {
  return dnmf_parse_integer(text, text + strlen(text), value);
}

static void integers_of_64_bits_are_read(void **state) {
  (void)state;
  int64_t value = 0;
  assert_true(integer("9223372036854775807", &value) && value == INT64_MAX);
  assert_true(integer("-9223372036854775808", &value) && value == INT64_MIN);
  assert_true(integer("+007", &value) && value == 7);
  assert_false(integer("9223372036854775808", &value));
  assert_false(integer("-9223372036854775809", &value));
  assert_false(integer("1.0", &value));
  assert_false(integer("", &value));
  assert_false(integer("-", &value));
}

static void only_printed_forms_are_canonical(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool canonical;
  } cases[] = {{"0", true},    {"-1", true},  {"10", true},  {"-9223372036854775808", true},
               {"007", false}, {"-0", false}, {"+1", false}, {"00", false},
               {"1 ", false},  {"", false},   {"-", false},  {"9223372036854775808", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t value = 0;
    const char *text = cases[i].text;
    assert_int_equal(dnmf_parse_canonical_integer(text, text + strlen(text), &value), cases[i].canonical);
  }
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(short_decimals_equal_strtod),    mpi_test(numbers_with_exponents_equal_strtod),
      mpi_test(every_double_survives_printing), mpi_test(edges_equal_strtod),
      mpi_test(what_is_no_number_is_refused),   mpi_test(special_values_are_read),
      mpi_test(integers_of_64_bits_are_read),   mpi_test(only_printed_forms_are_canonical),
  };
  return cmocka_run_group_tests_name("text_number", tests, NULL, NULL);
}
