/* What an iteration over observed entries sends: counted where it is handed to MPI. */
#include "count_mpi.h"
#include "fit/observed_fit.h"
#include "mpi_test.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 40, COLS = 24, HELD_OUT_EVERY = 7, SHORT = 3, LONG = 8 };

/* Row i and column j are rated with (i + j) % 3 == 0 and in blocks on the diagonal alone: beyond two processes, some
 * need nothing of each other. */
static bool is_rated(int64_t row, int64_t col) {
  return (row + col) % 3 == 0 && row * COLS / ROWS / 6 == col / 6;
}

static void create(dnmf_ratings *ratings, dnmf_ratings_view *held_out) {
  dnmf_context *context = test_context();
  dnmf_entries lists[2] = {{.items = malloc(ROWS * COLS * sizeof(dnmf_entry))},
                           {.items = malloc(ROWS * COLS * sizeof(dnmf_entry))}};
  for (int64_t place = 0, seen = 0; place < ROWS * COLS; place++) {
    const int64_t row = place / COLS;
    const int64_t col = place % COLS;
    if (!is_rated(row, col))
      continue;
    dnmf_entries *list = &lists[seen++ % HELD_OUT_EVERY == 0];
    if (place % context->size == context->rank)
      list->items[list->count++] = (dnmf_entry){row, col, 1 + (double)(place % 5)};
  }
  assert_ok(dnmf_ratings_create(context, ROWS, COLS, DNMF_DOUBLE, &lists[0], ratings));
  assert_ok(dnmf_ratings_attach(context, ratings, &lists[1], held_out));
}

/* What a fit of so many iterations asks of MPI, the start left out. */
static mpi_counts count_fit(const dnmf_ratings *ratings, const dnmf_ratings_view *held_out, bool shrink,
                            int iterations) {
  dnmf_settings options = {.components = 3,
                           .solver = DNMF_SOLVER_HALS,
                           .seed = 3,
                           .sweeps = 1,
                           .penalties = {.l2_w = 0.1, .l2_h = 0.1, .scale = DNMF_PENALTY_COUNT},
                           .observed = {.bias_rows = true,
                                        .bias_cols = true,
                                        .start_scale = 0.5,
                                        .l2_bias = 5,
                                        .shrink_to_mean = shrink,
                                        .patience = 100},
                           .stop = held_out ? DNMF_STOP_VALIDATION : DNMF_STOP_OBJECTIVE,
                           .max_iterations = iterations,
                           .time_limit = INFINITY};
  dnmf_panel w = {0};
  dnmf_panel h = {0};
  dnmf_fit_result result = {0};
  assert_ok(dnmf_start_observed(&test_context()->error, &options, ratings, &w, &h));
  mpi_counted = (mpi_counts){0};
  assert_ok(dnmf_fit_observed(test_context(), &options, ratings, held_out, &w, &h, NULL, &result));
  const mpi_counts counted = mpi_counted;
  assert_int_equal(result.iterations, iterations);
  dnmf_fit_result_free(&result);
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
  return counted;
}

/* Processes other than this one that own rows which `view` needs on this or on any process. */
static int count_senders(const dnmf_ratings_view *view, const dnmf_ratings_view *owners) {
  const dnmf_context *context = test_context();
  int senders = 0;
  for (int r = 0; r < context->size; r++) {
    bool needed = false;
    for (int64_t i = 0; i < view->needed_count; i++)
      needed |= view->needed[i] >= owners->bounds[r] && view->needed[i] < owners->bounds[r + 1];
    senders += needed && r != context->rank;
  }
  PMPI_Allreduce(MPI_IN_PLACE, &senders, 1, MPI_INT, MPI_SUM, context->comm);
  return senders;
}

static void check_iterations(bool with_held_out, bool shrink) {
  dnmf_ratings ratings;
  dnmf_ratings_view held_out;
  const int iterations = LONG - SHORT;
  create(&ratings, &held_out);
  count_fit(&ratings, with_held_out ? &held_out : NULL, shrink, 1); /* the first gathers make room for what they send */
  const mpi_counts few = count_fit(&ratings, with_held_out ? &held_out : NULL, shrink, SHORT);
  const mpi_counts many = count_fit(&ratings, with_held_out ? &held_out : NULL, shrink, LONG);
  assert_int_equal(many.reductions - few.reductions, iterations);
  assert_int_equal(many.others - few.others, 0);
  assert_int_equal(many.allocations - few.allocations, 0);
  int sends = many.sends - few.sends;
  PMPI_Allreduce(MPI_IN_PLACE, &sends, 1, MPI_INT, MPI_SUM, test_context()->comm);
  int expected = count_senders(&ratings.by_rows, &ratings.by_cols) + count_senders(&ratings.by_cols, &ratings.by_rows);
  if (with_held_out)
    expected += count_senders(&held_out, &ratings.by_cols);
  assert_int_equal(sends, iterations * expected);
  if (test_context()->size > 3) /* fewer than everybody to everybody */
    assert_true(expected < (with_held_out ? 3 : 2) * test_context()->size * (test_context()->size - 1));
  dnmf_ratings_view_free(&held_out);
  dnmf_ratings_free(&ratings);
}

static void an_iteration_is_two_gathers_and_one_sum(void **state) {
  (void)state;
  check_iterations(false, false);
  check_iterations(false, true);
}

static void held_out_entries_take_one_gather_more(void **state) {
  (void)state;
  check_iterations(true, false);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(an_iteration_is_two_gathers_and_one_sum),
      mpi_test(held_out_entries_take_one_gather_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
