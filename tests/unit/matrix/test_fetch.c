/* Rows fetched by number against rows every process can make for itself. */
#include "base/random.h"
#include "matrix/fetch.h"
#include "mpi_test.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 257, COMPONENTS = 3 };

static double number_at(int64_t row, int component) {
  return (double)(1000 * row + component);
}

/* Uneven ranges: process 1 owns nothing, the last one most. */
static void make_bounds(int64_t rows, int64_t *bounds) {
  int size = test_context()->size;
  for (int r = 0; r <= size; r++)
    bounds[r] = r == size ? rows : rows * r * r / (2 * size * size);
  if (size > 2)
    bounds[2] = bounds[1];
}

static void make_owned(const int64_t *bounds, dnmf_precision precision, dnmf_panel *mine) {
  dnmf_context *context = test_context();
  int64_t begin = bounds[context->rank];
  assert_ok(
      dnmf_panel_create(&context->error, "owned", bounds[context->rank + 1] - begin, COMPONENTS, precision, mine));
  for (int64_t i = 0; i < mine->rows; i++)
    for (int c = 0; c < COMPONENTS; c++)
      dnmf_panel_set(mine, i, c, number_at(begin + i, c));
}

/* Wanted with probability one half, another choice on every process; none at all on the last of several. */
static int64_t make_wanted(int64_t *wanted) {
  const dnmf_context *context = test_context();
  int64_t count = 0;
  if (context->size > 1 && context->rank == context->size - 1)
    return 0;
  for (int64_t row = 0; row < ROWS; row++)
    if (dnmf_random_uniform(3, DNMF_STREAM_PATTERN, (uint64_t)context->rank, (uint64_t)row) < 0.5)
      wanted[count++] = row;
  return count;
}

static void check_fetch(dnmf_precision precision) {
  dnmf_context *context = test_context();
  int64_t *bounds = calloc((size_t)context->size + 1, sizeof *bounds);
  int64_t wanted[ROWS];
  int64_t kept[ROWS];
  dnmf_panel mine;
  dnmf_panel fetched;
  dnmf_fetch plan;
  make_bounds(ROWS, bounds);
  make_owned(bounds, precision, &mine);
  int64_t count = make_wanted(wanted);
  memcpy(kept, wanted, sizeof kept);
  assert_ok(dnmf_fetch_plan(context, bounds, wanted, count, &plan));
  memset(wanted, 0, sizeof wanted);
  assert_ok(dnmf_panel_create(&context->error, "fetched", count, COMPONENTS, precision, &fetched));
  for (int time = 0; time < 2; time++) {
    assert_ok(dnmf_fetch_rows(context, &plan, &mine, &fetched));
    for (int64_t i = 0; i < count; i++)
      for (int c = 0; c < COMPONENTS; c++)
        assert_true(dnmf_panel_get(&fetched, i, c) == (time + 1) * number_at(kept[i], c));
    for (int64_t i = 0; i < mine.rows; i++)
      for (int c = 0; c < COMPONENTS; c++)
        dnmf_panel_set(&mine, i, c, 2 * number_at(bounds[context->rank] + i, c));
  }
  dnmf_fetch_free(&plan);
  dnmf_panel_free(&mine);
  dnmf_panel_free(&fetched);
  free(bounds);
}

static void a_plan_serves_again_and_brings_the_current_rows(void **state) {
  (void)state;
  check_fetch(DNMF_DOUBLE);
  check_fetch(DNMF_SINGLE);
}

static void messages_come_in_pieces(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  int64_t limit = context->message_limit;
  context->message_limit = 5;
  check_fetch(DNMF_DOUBLE);
  context->message_limit = limit;
}

static void only_rows_of_others_are_counted_as_traffic(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  int64_t *bounds = calloc((size_t)context->size + 1, sizeof *bounds);
  make_bounds(ROWS, bounds);
  dnmf_panel mine;
  dnmf_panel fetched;
  dnmf_fetch plan;
  int64_t first = 0;
  make_owned(bounds, DNMF_DOUBLE, &mine);
  assert_ok(dnmf_fetch_plan(context, bounds, &first, 1, &plan));
  assert_ok(dnmf_panel_create(&context->error, "fetched", 1, COMPONENTS, DNMF_DOUBLE, &fetched));
  assert_ok(dnmf_fetch_rows(context, &plan, &mine, &fetched));
  bool owner = bounds[context->rank] == 0 && bounds[context->rank + 1] > 0;
  assert_true(context->traffic.gather_words == (owner ? (context->size - 1) * COMPONENTS : 0));
  dnmf_fetch_free(&plan);
  dnmf_panel_free(&mine);
  dnmf_panel_free(&fetched);
  free(bounds);
}

static void rows_out_of_order_or_range_are_refused_by_all(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  int64_t *bounds = calloc((size_t)context->size + 1, sizeof *bounds);
  static const int64_t wrong[][2] = {{5, 5}, {7, 3}, {-1, 4}, {4, ROWS}};
  dnmf_fetch plan;
  make_bounds(ROWS, bounds);
  for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
    assert_int_not_equal(dnmf_fetch_plan(context, bounds, wrong[w], context->rank == 0 ? 2 : 0, &plan), DNMF_OK);
    dnmf_fetch_free(&plan);
    test_clear(NULL);
  }
  free(bounds);
}

static void a_list_is_distinct_and_ascending(void **state) {
  (void)state;
  const int64_t rows[] = {7, -1, 3, 7, 7, INT64_C(1) << 40, 0, -5, 3};
  const int64_t places[] = {2, -1, 1, 2, 2, 3, 0, -1, 1};
  const int64_t expected[] = {0, 3, 7, INT64_C(1) << 40};
  int64_t place[9];
  int64_t *distinct = NULL;
  int64_t count = 0;
  assert_ok(dnmf_fetch_list(&test_context()->error, 9, rows, &distinct, &count, place));
  assert_int_equal(count, 4);
  assert_memory_equal(distinct, expected, sizeof expected);
  assert_memory_equal(place, places, sizeof places);
  free(distinct);
  assert_ok(dnmf_fetch_list(&test_context()->error, 0, NULL, &distinct, &count, NULL));
  assert_int_equal(count, 0);
  free(distinct);
}

static void a_list_of_close_rows_is_the_same(void **state) {
  (void)state;
  const int64_t rows[] = {12, 9, -1, 9, 12, 10, -7, 9};
  const int64_t places[] = {2, 0, -1, 0, 2, 1, -1, 0};
  const int64_t expected[] = {9, 10, 12};
  int64_t place[8];
  int64_t *distinct = NULL;
  int64_t count = 0;
  assert_ok(dnmf_fetch_list(&test_context()->error, 8, rows, &distinct, &count, place));
  assert_int_equal(count, 3);
  assert_memory_equal(distinct, expected, sizeof expected);
  assert_memory_equal(place, places, sizeof places);
  free(distinct);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(a_plan_serves_again_and_brings_the_current_rows),
      mpi_test(messages_come_in_pieces),
      mpi_test(only_rows_of_others_are_counted_as_traffic),
      mpi_test(rows_out_of_order_or_range_are_refused_by_all),
      mpi_test(a_list_is_distinct_and_ascending),
      mpi_test(a_list_of_close_rows_is_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
