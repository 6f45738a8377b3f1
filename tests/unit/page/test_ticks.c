/* Ticks: round numbers within the ends of an axis, few of them, at their places, with labels that tell them apart. */
#include "page/ticks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 1, 2 or 5 times a power of ten. */
static bool is_round(double step) {
  const double part = step / pow(10, floor(log10(step) + 1e-9));
  return fabs(part - 1) < 1e-6 || fabs(part - 2) < 1e-6 || fabs(part - 5) < 1e-6;
}

static void check_axis(const dnmf_axis *axis, double low, double high) {
  char before[DNMF_TICK_TEXT] = "";
  char text[DNMF_TICK_TEXT];
  assert_true(axis->low <= low + 1e-9 * fabs(low) && axis->high >= high - 1e-9 * fabs(high) && axis->low < axis->high);
  assert_in_range(axis->count, 2, DNMF_MOST_TICKS);
  assert_true(fabs(dnmf_axis_place(axis, axis->low)) < 1e-12 && fabs(dnmf_axis_place(axis, axis->high) - 1) < 1e-12);
  for (int t = 0; t < axis->count; t++) {
    const double place = dnmf_axis_place(axis, axis->ticks[t]);
    assert_true(place > -1e-6 && place < 1 + 1e-6);
    assert_true(t == 0 || axis->ticks[t] > axis->ticks[t - 1]);
    dnmf_tick_text(axis, axis->ticks[t], text);
    assert_string_not_equal(text, before);
    assert_true(strlen(text) <= 9);
    memcpy(before, text, sizeof text);
  }
}

static void linear_axes_have_even_round_ticks(void **state) {
  static const double starts[] = {-1234, -1, -0.3, 0, 1e-7, 0.01, 1, 99, 5e8};
  static const double widths[] = {1e-6, 0.003, 0.2, 1, 7, 33, 1000, 5e6, 2e12};
  (void)state;
  for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
      const double low = starts[s];
      const double high = low + widths[w];
      if (widths[w] < 1e-5 * fabs(low)) /* labels have four digits */
        continue;
      const dnmf_axis axis = dnmf_axis_of(low, high, false, 5);
      const double step = axis.ticks[1] - axis.ticks[0];
      assert_true(is_round(step));
      for (int t = 1; t < axis.count; t++)
        assert_true(fabs(axis.ticks[t] - axis.ticks[t - 1] - step) < 1e-6 * step);
      assert_true(axis.low == axis.ticks[0] && axis.high == axis.ticks[axis.count - 1]);
    }
}

static void logarithmic_axes_have_labelled_ticks(void **state) {
  (void)state;
  for (int exponent = -9; exponent < 9; exponent++)
    for (double growth = 1.3; growth < 1e12; growth *= 1.7) {
      const double low = 3.3 * pow(10, exponent);
      const dnmf_axis axis = dnmf_axis_of(low, low * growth, true, 5);
      assert_true(axis.log);
      check_axis(&axis, low, low * growth);
    }
}

static void one_value_has_an_axis_too(void **state) {
  static const double values[] = {-5, 0, 1e-300, 3, 1e300};
  (void)state;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    const dnmf_axis axis = dnmf_axis_of(values[i], values[i], values[i] > 0, 5);
    const double place = dnmf_axis_place(&axis, values[i]);
    assert_true(place >= 0 && place <= 1 && axis.count >= 2);
  }
}

static void a_cut_axis_keeps_the_ticks_within(void **state) {
  (void)state;
  dnmf_axis axis = dnmf_axis_of(3, 57, false, 5);
  dnmf_axis_cut(&axis, 3, 57);
  check_axis(&axis, 3, 57);
  assert_int_equal(axis.count, 2);
  assert_true(axis.ticks[0] == 20 && axis.ticks[1] == 40);
}

static void check_label(double low, double high, bool log, double tick, const char *label) {
  char text[DNMF_TICK_TEXT];
  const dnmf_axis axis = dnmf_axis_of(low, high, log, 5);
  assert_string_equal(dnmf_tick_text(&axis, tick, text), label);
}

static void labels_are_short(void **state) {
  (void)state;
  check_label(0, 1, false, 0.2, "0.2");
  check_label(0, 0.1, false, 0.02, "0.02");
  check_label(0, 5000, false, 2000, "2,000");
  check_label(0, 5e6, false, 2e6, "2e6");
  check_label(0, 5e-6, false, 2e-6, "2e-6");
  check_label(0, 5e-6, false, 0, "0");
  check_label(1e-8, 1, true, 1e-4, "0.0001");
  check_label(1e-8, 1, true, 1e-6, "1e-6");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(linear_axes_have_even_round_ticks),
      cmocka_unit_test(logarithmic_axes_have_labelled_ticks),
      cmocka_unit_test(one_value_has_an_axis_too),
      cmocka_unit_test(a_cut_axis_keeps_the_ticks_within),
      cmocka_unit_test(labels_are_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
