#include "factor/factor.h"
#include "grids.h"

#include <limits.h>

enum { COMPONENTS = 3 };

/* Shapes of A: more rows than processes, fewer, and one only. */
static const int64_t shapes[][2] = {{17, 11}, {3, 20}, {2, 2}, {1, 1}};
enum { SHAPES = 4 };

static double number(int64_t row, int component) {
  return (double)(10 * row + component) + 0.25;
}

/* The rows of the group's block after a gather are the owners' numbers. */
static void check_gather(dnmf_factor *x) {
  for (int64_t row = 0; row < x->mine.rows; row++)
    for (int c = 0; c < COMPONENTS; c++)
      dnmf_panel_set(&x->mine, row, c, number(x->owned.begin + row, c));
  assert_ok(dnmf_factor_gather(test_context(), x));
  assert_int_equal(x->gathered.rows, dnmf_range_size(x->block));
  for (int64_t row = 0; row < x->gathered.rows; row++)
    for (int c = 0; c < COMPONENTS; c++)
      assert_true(dnmf_panel_get(&x->gathered, row, c) == number(x->block.begin + row, c));
}

/* Every process of the group contributes (its place + 1) x number. */
static void check_sum_scatter(dnmf_factor *x) {
  int place = 0;
  MPI_Comm_rank(x->group, &place);
  for (int64_t row = 0; row < x->partial.rows; row++)
    for (int c = 0; c < COMPONENTS; c++)
      dnmf_panel_set(&x->partial, row, c, (place + 1) * number(x->block.begin + row, c));
  assert_ok(dnmf_factor_sum_scatter(test_context(), x));
  assert_int_equal(x->products.rows, x->mine.rows);
  const int parts = x->group_size * (x->group_size + 1) / 2;
  for (int64_t row = 0; row < x->products.rows; row++)
    for (int c = 0; c < COMPONENTS; c++)
      assert_true(dnmf_panel_get(&x->products, row, c) == parts * number(x->owned.begin + row, c));
}

/* Every row of the factor is owned once. */
static void check_ownership(const dnmf_factor *x, int64_t rows) {
  dnmf_context *context = test_context();
  int64_t owned = dnmf_range_size(x->owned);
  assert_int_equal(x->rows, rows);
  assert_int_equal(x->mine.rows, owned);
  assert_true(x->owned.begin >= x->block.begin && x->owned.end <= x->block.end);
  MPI_Allreduce(MPI_IN_PLACE, &owned, 1, MPI_INT64_T, MPI_SUM, context->comm);
  assert_int_equal(owned, rows);
}

static void check_factors(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  for (int shape = 0; shape < SHAPES; shape++)
    for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
      dnmf_layout layout;
      dnmf_factor w;
      dnmf_factor h;
      assert_ok(dnmf_layout_even(&context->error, grid, shapes[shape][0], shapes[shape][1], &layout));
      assert_ok(dnmf_factor_create_w(context, &layout, COMPONENTS, (dnmf_precision)precision, &w));
      assert_ok(dnmf_factor_create_h(context, &layout, COMPONENTS, (dnmf_precision)precision, &h));
      check_ownership(&w, shapes[shape][0]);
      check_ownership(&h, shapes[shape][1]);
      check_gather(&w);
      check_gather(&h);
      check_sum_scatter(&w);
      check_sum_scatter(&h);
      dnmf_factor_free(&w);
      dnmf_factor_free(&h);
      dnmf_factor_free(&h);
      dnmf_layout_free(&layout);
    }
}

static void rows_are_gathered_and_contributions_summed_on_every_grid(void **state) {
  (void)state;
  on_every_grid(check_factors);
}

static void so_they_are_in_pieces(void **state) {
  (void)state;
  test_context()->message_limit = 3;
  on_every_grid(check_factors);
  test_context()->message_limit = INT_MAX;
}

/* One gather and one sum of both factors: all processes together send (pc-1) m k and (pr-1) n k words each. */
static void check_words(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  const int64_t m = 17;
  const int64_t n = 11;
  dnmf_layout layout;
  dnmf_factor w;
  dnmf_factor h;
  assert_ok(dnmf_layout_even(&context->error, grid, m, n, &layout));
  assert_ok(dnmf_factor_create_w(context, &layout, COMPONENTS, DNMF_DOUBLE, &w));
  assert_ok(dnmf_factor_create_h(context, &layout, COMPONENTS, DNMF_DOUBLE, &h));
  context->traffic = (dnmf_traffic){0};
  assert_ok(dnmf_factor_gather(context, &w));
  assert_ok(dnmf_factor_gather(context, &h));
  assert_ok(dnmf_factor_sum_scatter(context, &w));
  assert_ok(dnmf_factor_sum_scatter(context, &h));
  double words[2] = {context->traffic.gather_words, context->traffic.scatter_words};
  MPI_Allreduce(MPI_IN_PLACE, words, 2, MPI_DOUBLE, MPI_SUM, context->comm);
  const double expected = (double)(((grid->rows - 1) * n + (grid->cols - 1) * m) * COMPONENTS);
  assert_true(words[0] == expected);
  assert_true(words[1] == expected);
  dnmf_factor_free(&w);
  dnmf_factor_free(&h);
  dnmf_layout_free(&layout);
}

static void the_words_sent_are_counted(void **state) {
  (void)state;
  on_every_grid(check_words);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(rows_are_gathered_and_contributions_summed_on_every_grid),
      mpi_test(so_they_are_in_pieces),
      mpi_test(the_words_sent_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
