/* Gram matrices and dot products of panels against loops in long double. */
#include "base/random.h"
#include "matrix/panel.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

static dnmf_panel panel_of(int64_t rows, int components, dnmf_precision precision, dnmf_stream stream) {
  dnmf_panel panel;
  assert_ok(dnmf_panel_create(&test_context()->error, "a test panel", rows, components, precision, &panel));
  for (int64_t i = 0; i < rows; i++)
    for (int c = 0; c < components; c++)
      dnmf_panel_set(&panel, i, c, dnmf_random_uniform(9, stream, (uint64_t)i, (uint64_t)c) - 0.3);
  return panel;
}

static void assert_sum(double computed, long double exact, long double magnitude, int64_t terms, double epsilon) {
  long double allowed = (long double)(terms + 4) * epsilon * magnitude;
  if (!(fabsl((long double)computed - exact) <= allowed))
    fail_msg("computed %.17g, exact %.17g, allowed %.3g", computed, (double)exact, (double)allowed);
}

/* Single precision sums tiles of 256 rows in single and the tiles in double. */
static void assert_gram(const dnmf_panel *x, const double *gram) {
  int k = x->components;
  int64_t terms = x->precision == DNMF_SINGLE && x->rows > 256 ? 256 : x->rows;
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++) {
      long double sum = 0, magnitude = 0;
      for (int64_t r = 0; r < x->rows; r++) {
        long double term = (long double)dnmf_panel_get(x, r, i) * dnmf_panel_get(x, r, j);
        sum += term;
        magnitude += fabsl(term);
      }
      assert_sum(gram[i * k + j], sum, magnitude, terms, dnmf_precision_epsilon(x->precision));
      assert_true(gram[i * k + j] == gram[j * k + i]);
    }
}

static void check_gram(int64_t rows, int components, dnmf_precision precision) {
  dnmf_context *context = test_context();
  size_t bytes = (size_t)(components * components) * sizeof(double);
  double *first = malloc(bytes);
  double *again = malloc(bytes);
  dnmf_panel x = panel_of(rows, components, precision, DNMF_STREAM_START_W);
  context->threads = 1;
  assert_ok(dnmf_panel_gram(context, &x, first));
  assert_gram(&x, first);
  for (context->threads = 2; context->threads <= 3; context->threads++) {
    assert_ok(dnmf_panel_gram(context, &x, again));
    assert_memory_equal(first, again, bytes);
  }
  dnmf_panel_free(&x);
  free(first);
  free(again);
}

static void for_all(const int64_t *rows, int row_counts, const int *components, int component_counts) {
  dnmf_isa best = dnmf_isa_detect();
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int isa = 0; isa <= (int)best; isa++)
      for (int r = 0; r < row_counts; r++)
        for (int c = 0; c < component_counts; c++) {
          test_context()->isa = (dnmf_isa)isa;
          check_gram(rows[r], components[c], (dnmf_precision)precision);
        }
}

static void gram_is_the_sum_over_rows(void **state) {
  (void)state;
  const int64_t rows[] = {0, 1, 5, 300};
  const int components[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 50, 65, 100};
  for_all(rows, 4, components, 14);
}

static void gram_of_many_rows_is_the_same_on_any_threads(void **state) {
  (void)state;
  const int64_t rows[] = {9001};
  const int components[] = {5, 16};
  for_all(rows, 1, components, 2);
}

static void dot_is_the_sum_over_entries(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const int64_t rows[] = {0, 1, 63, 64, 1000};
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
    for (int r = 0; r < 5; r++) {
      dnmf_panel x = panel_of(rows[r], 7, (dnmf_precision)precision, DNMF_STREAM_START_W);
      dnmf_panel y = panel_of(rows[r], 7, (dnmf_precision)precision, DNMF_STREAM_START_H);
      long double sum = 0, magnitude = 0;
      for (int64_t i = 0; i < rows[r]; i++)
        for (int c = 0; c < 7; c++) {
          long double term = (long double)dnmf_panel_get(&x, i, c) * dnmf_panel_get(&y, i, c);
          sum += term;
          magnitude += fabsl(term);
        }
      context->threads = 1;
      double first = dnmf_panel_dot(context, &x, &y);
      assert_sum(first, sum, magnitude, 7 * rows[r], 0x1p-53);
      for (context->threads = 2; context->threads <= 3; context->threads++)
        assert_true(dnmf_panel_dot(context, &x, &y) == first);
      dnmf_panel_free(&x);
      dnmf_panel_free(&y);
    }
}

static void panel_keeps_what_is_set(void **state) {
  (void)state;
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
    dnmf_panel x = {0};
    assert_ok(dnmf_panel_create(&test_context()->error, "a test panel", 3, 2, (dnmf_precision)precision, &x));
    assert_true(dnmf_panel_get(&x, 2, 1) == 0);
    dnmf_panel_set(&x, 2, 1, 0.75);
    dnmf_panel_set(&x, 1, 0, 3);
    assert_true(dnmf_panel_get(&x, 2, 1) == 0.75 && dnmf_panel_get(&x, 1, 0) == 3 && dnmf_panel_get(&x, 1, 1) == 0);
    dnmf_panel_free(&x);
    assert_null(x.data);
    dnmf_panel_free(&x);
  }
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(gram_is_the_sum_over_rows),
      mpi_test(gram_of_many_rows_is_the_same_on_any_threads),
      mpi_test(dot_is_the_sum_over_entries),
      mpi_test(panel_keeps_what_is_set),
  };
  return cmocka_run_group_tests_name("panel", tests, NULL, NULL);
}
