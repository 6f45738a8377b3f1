/* Starts side by side: each comes to what the fit of its seed alone comes to. */
#include "problem.h"

#include "fit/restarts.h"

#include <string.h>

enum { RESTARTS = 5 };

/* How a family of restarts is fitted. */
typedef struct family {
  dnmf_settings settings;
  bool sparse;
  dnmf_precision precision;
  int count;
  int side_by_side;
  double tolerance; /* of the comparison */
} family;

static family family_of(dnmf_solver solver, int components, int iterations) {
  return (family){.settings = fit_options(solver, components, iterations),
                  .precision = DNMF_DOUBLE,
                  .count = RESTARTS,
                  .side_by_side = RESTARTS,
                  .tolerance = 1e-9};
}

static void assert_near(double expected, double actual, double scale, double tolerance) {
  assert_true(fabs(expected - actual) <= tolerance * scale);
}

static void assert_same_rows(const dnmf_panel *expected, const dnmf_panel *actual, double tolerance) {
  double largest = 0;
  assert_int_equal(expected->rows, actual->rows);
  assert_int_equal(expected->components, actual->components);
  for (int64_t row = 0; row < expected->rows; row++)
    for (int c = 0; c < expected->components; c++)
      largest = fmax(largest, dnmf_panel_get(expected, row, c));
  for (int64_t row = 0; row < expected->rows; row++)
    for (int c = 0; c < expected->components; c++)
      assert_near(dnmf_panel_get(expected, row, c), dnmf_panel_get(actual, row, c), largest, tolerance);
}

/* `restart` is the fit that dnmf_fit_zeros makes of its seed. */
static void assert_is_fit(const dnmf_grid *grid, const whole *a, const family *f, const dnmf_restart *restart) {
  const dnmf_fit_result *result = &restart->result;
  problem p;
  problem_create(grid, a, f->sparse, f->precision, f->settings.components, &p);
  dnmf_start_random(&p.a, restart->seed, &p.w, &p.h);
  problem_fit(&p, &f->settings);
  const double scale = p.a.sum_squares;
  assert_int_equal(restart->stage, DNMF_RESTART_DONE);
  assert_int_equal(p.result.iterations, result->iterations);
  assert_string_equal(p.result.stop_reason, result->stop_reason);
  assert_true(p.result.converged == result->converged);
  assert_near(p.result.objective, result->objective, scale, f->tolerance);
  assert_int_equal(p.result.history_count, result->history_count);
  for (int64_t i = 0; i < result->history_count; i++)
    assert_near(p.result.objective_history[i], result->objective_history[i], scale, f->tolerance);
  assert_same_rows(&p.w.mine, &restart->w, f->tolerance);
  assert_same_rows(&p.h.mine, &restart->h, f->tolerance);
  problem_free(&p);
}

/* Fits them; the caller frees. */
static void fit_family(const dnmf_grid *grid, const whole *a, const family *f, dnmf_restarts *restarts) {
  problem p;
  problem_create(grid, a, f->sparse, f->precision, f->settings.components, &p);
  assert_ok(dnmf_restarts_create(&test_context()->error, f->count, 100, restarts));
  restarts->side_by_side = f->side_by_side;
  assert_ok(dnmf_fit_restarts(test_context(), &f->settings, &p.a, &p.layout, restarts));
  problem_free(&p);
}

static void check_family(const dnmf_grid *grid, const whole *a, const family *f) {
  dnmf_restarts restarts;
  fit_family(grid, a, f, &restarts);
  for (int r = 0; r < f->count; r++) {
    assert_int_equal(restarts.items[r].seed, 100 + r);
    assert_is_fit(grid, a, f, &restarts.items[r]);
  }
  dnmf_restarts_free(&restarts);
}

static void check_solvers(const dnmf_grid *grid) {
  const whole a = whole_matrix(13, 11);
  for (int solver = 0; solver < DNMF_SOLVERS; solver++)
    for (int sparse = 0; sparse < 2; sparse++) {
      family f = family_of((dnmf_solver)solver, 3, 6);
      f.sparse = sparse;
      check_family(grid, &a, &f);
    }
}

static void each_is_the_fit_of_its_seed(void **state) {
  (void)state;
  on_every_grid(check_solvers);
}

static void check_shapes(const dnmf_grid *grid) {
  const whole small = whole_matrix(7, 5);
  family one = family_of(DNMF_SOLVER_HALS, 1, 5);
  check_family(grid, &small, &one);
  one.count = one.side_by_side = 1;
  check_family(grid, &small, &one);
  whole empty = whole_matrix(9, 8);
  memset(empty.value + 4 * empty.cols, 0, (size_t)empty.cols * sizeof(double));
  family f = family_of(DNMF_SOLVER_HALS, 2, 8);
  check_family(grid, &empty, &f);
  f.precision = DNMF_SINGLE;
  f.tolerance = 2e-4;
  check_family(grid, &empty, &f);
}

static void one_component_one_restart_and_a_row_of_zeros(void **state) {
  (void)state;
  on_every_grid(check_shapes);
}

static void check_penalties(const dnmf_grid *grid) {
  const whole a = whole_matrix(10, 12);
  family f = family_of(DNMF_SOLVER_HALS, 3, 7);
  f.settings.penalties = (dnmf_penalties){.l1_w = 0.2, .l1_h = 0.1, .l2_w = 0.3, .l2_h = 0.5};
  f.settings.sweeps = 2;
  check_family(grid, &a, &f);
}

static void penalties_and_sweeps_are_those_of_a_fit(void **state) {
  (void)state;
  on_every_grid(check_penalties);
}

static void check_losses(const dnmf_grid *grid) {
  const whole a = whole_matrix(11, 9);
  family f = family_of(DNMF_SOLVER_MU, 2, 5);
  f.count = 3;
  f.settings.loss = (dnmf_loss){.divergence = true, .beta = 1};
  check_family(grid, &a, &f);
  f.settings.loss.beta = 1.5;
  f.sparse = true;
  check_family(grid, &a, &f);
}

static void other_losses_are_fitted_one_after_the_other(void **state) {
  (void)state;
  on_every_grid(check_losses);
}

/* Those that have converged leave, which must change nothing for the others. */
static void check_leaving(const dnmf_grid *grid) {
  const whole a = whole_matrix(14, 10);
  for (int rule = 0; rule < 2; rule++) {
    family f = family_of(rule == 0 ? DNMF_SOLVER_HALS : DNMF_SOLVER_MU, 2, 10000);
    f.settings.stop = rule == 0 ? DNMF_STOP_GRADIENT : DNMF_STOP_OBJECTIVE;
    f.settings.tolerance = 1e-3;
    f.tolerance = 1e-8;
    dnmf_restarts restarts;
    fit_family(grid, &a, &f, &restarts);
    int alike = 0;
    for (int r = 0; r < f.count; r++) {
      assert_is_fit(grid, &a, &f, &restarts.items[r]);
      alike += restarts.items[r].result.iterations == restarts.items[0].result.iterations;
    }
    assert_true(alike < f.count);
    dnmf_restarts_free(&restarts);
    f.side_by_side = 2; /* in rounds */
    check_family(grid, &a, &f);
  }
}

static void those_that_stop_leave_the_others_as_they_are(void **state) {
  (void)state;
  on_every_grid(check_leaving);
}

static void the_best_is_the_least_and_the_first_of_equals(void **state) {
  (void)state;
  dnmf_restarts restarts;
  assert_ok(dnmf_restarts_create(&test_context()->error, 4, 7, &restarts));
  assert_int_equal(dnmf_restarts_best(&restarts), -1);
  assert_true(dnmf_restarts_unfinished(&restarts));
  const double objectives[] = {3, 2, 2, 1};
  for (int r = 0; r < 3; r++) {
    restarts.items[r].stage = DNMF_RESTART_DONE;
    restarts.items[r].result.objective = objectives[r];
  }
  assert_int_equal(dnmf_restarts_best(&restarts), 1);
  restarts.items[3].stage = DNMF_RESTART_DONE;
  restarts.items[3].result.objective = objectives[3];
  assert_int_equal(dnmf_restarts_best(&restarts), 3);
  assert_false(dnmf_restarts_unfinished(&restarts));
  dnmf_restarts_free(&restarts);
}

/* --- Stopping and going on --------------------------------------------------------------------------------- */

/* Restarts as they were saved, and who stops them. */
typedef struct keeper {
  dnmf_restarts saved;
  int saves;
  int stop_after; /* saves */
} keeper;

static dnmf_panel copy_of_panel(const dnmf_panel *from) {
  dnmf_panel to;
  assert_ok(dnmf_panel_create(&test_context()->error, "a copy", from->rows, from->components, from->precision, &to));
  memcpy(to.data, from->data, (size_t)(from->rows * from->components) * dnmf_precision_size(from->precision));
  return to;
}

static double *copy_of_values(const double *values, int64_t count) {
  double *copy = malloc((size_t)count * sizeof *copy);
  assert_non_null(copy);
  memcpy(copy, values, (size_t)count * sizeof *copy);
  return copy;
}

static dnmf_status keep(void *state, const dnmf_restarts *now, bool last) {
  keeper *k = state;
  (void)last;
  dnmf_restarts_free(&k->saved);
  assert_ok(dnmf_restarts_create(&test_context()->error, now->count, now->items[0].seed, &k->saved));
  for (int r = 0; r < now->count; r++) {
    const dnmf_restart *from = &now->items[r];
    dnmf_restart *to = &k->saved.items[r];
    if (from->stage == DNMF_RESTART_WAITING)
      continue;
    *to = *from;
    to->w = copy_of_panel(&from->w);
    to->h = copy_of_panel(&from->h);
    to->result.objective_history = copy_of_values(from->result.objective_history, from->result.history_count);
    to->result.seconds_history = copy_of_values(from->result.seconds_history, from->result.history_count);
    to->result.error_history = copy_of_values(from->result.error_history, from->result.history_count);
    to->result.validation_history = NULL;
  }
  k->saves++;
  return DNMF_OK;
}

static bool told_after_saves(void *state) {
  const keeper *k = state;
  return k->stop_after > 0 && k->saves >= k->stop_after && test_context()->rank == test_context()->size - 1;
}

/* Stopped in every round, after some iterations of it, and gone on with until nothing is left. */
static void check_breaks(const dnmf_grid *grid) {
  const whole a = whole_matrix(12, 9);
  family f = family_of(DNMF_SOLVER_HALS, 2, 10000);
  f.settings.tolerance = 1e-2;
  f.side_by_side = 3;
  f.tolerance = 1e-8;
  keeper k = {.stop_after = 3};
  dnmf_fit_host host = {
      .state = &k, .told_to_stop = told_after_saves, .every_iterations = 1, .every_seconds = INFINITY};
  problem p;
  problem_create(grid, &a, false, DNMF_DOUBLE, 2, &p);
  dnmf_restarts restarts;
  assert_ok(dnmf_restarts_create(&test_context()->error, f.count, 100, &restarts));
  dnmf_settings settings = f.settings;
  settings.host = &host;
  int jobs = 0;
  do {
    restarts.side_by_side = f.side_by_side;
    restarts.state = &k;
    restarts.save = keep;
    assert_ok(dnmf_fit_restarts(test_context(), &settings, &p.a, &p.layout, &restarts));
    jobs++;
    if (!dnmf_restarts_unfinished(&restarts))
      break;
    dnmf_restarts_free(&restarts);
    restarts = k.saved;
    k = (keeper){.stop_after = 3};
  } while (jobs < 1000);
  assert_true(jobs > 2);
  for (int r = 0; r < f.count; r++)
    assert_is_fit(grid, &a, &f, &restarts.items[r]);
  dnmf_restarts_free(&restarts);
  dnmf_restarts_free(&k.saved);
  problem_free(&p);
}

static void a_search_that_is_stopped_goes_on_where_it_was(void **state) {
  (void)state;
  on_every_grid(check_breaks);
}

static void a_time_limit_ends_all_with_what_was_reached(void **state) {
  (void)state;
  dnmf_context *context = test_context();
  const whole a = whole_matrix(12, 9);
  family f = family_of(DNMF_SOLVER_HALS, 2, 1000000000);
  f.settings.time_limit = 0.1;
  f.side_by_side = 3;
  dnmf_grid grid;
  dnmf_restarts restarts;
  assert_ok(dnmf_grid_create(context, context->size, 1, &grid));
  fit_family(&grid, &a, &f, &restarts);
  for (int r = 0; r < f.count; r++) {
    assert_int_equal(restarts.items[r].stage, r < 3 ? DNMF_RESTART_DONE : DNMF_RESTART_WAITING);
    if (r < 3)
      assert_string_equal(restarts.items[r].result.stop_reason, "time-limit");
  }
  assert_true(dnmf_restarts_best(&restarts) >= 0 && dnmf_restarts_best(&restarts) < 3);
  dnmf_restarts_free(&restarts);
  dnmf_grid_free(&grid);
}

/* --- Memory and messages ----------------------------------------------------------------------------------- */

static void more_memory_takes_more_restarts(void **state) {
  (void)state;
  const dnmf_job job = {.rows = 1000, .cols = 800, .stored = 800000, .components = 4, .precision = DNMF_DOUBLE};
  dnmf_context *context = test_context();
  dnmf_cost cost;
  dnmf_job three = job;
  three.starts = 3;
  three.restarts = 20;
  dnmf_cost_of(context, &three, NULL, 1, 1, &cost);
  assert_int_equal(dnmf_restarts_at_once(context, &job, 1, 1, 20, cost.memory.peak), 3);
  assert_int_equal(dnmf_restarts_at_once(context, &job, 1, 1, 2, cost.memory.peak), 2);
  assert_int_equal(dnmf_restarts_at_once(context, &job, 1, 1, 20, 1), 1);
  assert_int_equal(dnmf_restarts_at_once(context, &job, 1, 1, 20, INFINITY), 20);
  dnmf_job divergence = job;
  divergence.loss = (dnmf_loss){.divergence = true, .beta = 1};
  assert_int_equal(dnmf_restarts_at_once(context, &divergence, 1, 1, 20, INFINITY), 1);
}

/* One gather, one sum-and-scatter and one all-reduce for all: the messages of a single fit, the words of all. */
static void check_messages(const dnmf_grid *grid) {
  const whole a = whole_matrix(14, 12);
  family f = family_of(DNMF_SOLVER_BPP, 2, 4);
  dnmf_context *context = test_context();
  dnmf_restarts restarts;
  fit_family(grid, &a, &f, &restarts);
  const dnmf_job job = {.rows = a.rows,
                        .cols = a.cols,
                        .stored = (double)(a.rows * a.cols),
                        .components = 2,
                        .starts = f.count,
                        .solver = DNMF_SOLVER_BPP,
                        .precision = DNMF_DOUBLE};
  dnmf_cost cost;
  dnmf_cost_of(context, &job, NULL, grid->rows, grid->cols, &cost);
  for (int r = 0; r < f.count; r++) {
    const dnmf_traffic *sent = &restarts.items[r].result.traffic;
    assert_near(4 * cost.traffic.gather_words, sent->gather_words, 1, 1e-6);
    assert_near(4 * cost.traffic.scatter_words, sent->scatter_words, 1, 1e-6);
    assert_near(4 * cost.traffic.gram_words, sent->gram_words, 1, 1e-6);
    assert_near(4 * cost.traffic.control_words, sent->control_words, 1, 1e-6);
    assert_near(4 * cost.traffic.messages, sent->messages, 1, 1e-6);
  }
  dnmf_restarts_free(&restarts);
}

static void they_share_their_messages(void **state) {
  (void)state;
  on_every_grid(check_messages);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(each_is_the_fit_of_its_seed),
      mpi_test(one_component_one_restart_and_a_row_of_zeros),
      mpi_test(penalties_and_sweeps_are_those_of_a_fit),
      mpi_test(other_losses_are_fitted_one_after_the_other),
      mpi_test(those_that_stop_leave_the_others_as_they_are),
      mpi_test(the_best_is_the_least_and_the_first_of_equals),
      mpi_test(a_search_that_is_stopped_goes_on_where_it_was),
      mpi_test(a_time_limit_ends_all_with_what_was_reached),
      mpi_test(more_memory_takes_more_restarts),
      mpi_test(they_share_their_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
