/* Stopping a fit and going on with it, on the same grid: nothing but the time shows that there was a break. */
#include "problem.h"

#include "keeper.h"

#include "fit/observed_fit.h"

enum { STOP_AT = 4 };

/* Dies at one iteration, is made anew, and goes on. */
static void check_break(const dnmf_grid *grid, const whole *a, bool sparse, dnmf_precision precision,
                        dnmf_settings options) {
  problem straight;
  problem broken;
  problem second;
  keeper k;
  problem_create(grid, a, sparse, precision, options.components, &straight);
  problem_fit(&straight, &options);
  problem_create(grid, a, sparse, precision, options.components, &broken);
  keeper_begin(&k, &broken.w.mine, &broken.h.mine, STOP_AT);
  options.host = &k.plan;
  problem_fit(&broken, &options);
  assert_true(broken.result.interrupted && !broken.result.converged);
  assert_string_equal(broken.result.stop_reason, "signal");
  assert_int_equal(broken.result.iterations, STOP_AT);
  assert_int_equal(k.saves, STOP_AT);
  assert_int_equal(k.last_saves, 1);
  problem_create(grid, a, sparse, precision, options.components, &second);
  keeper_resume(&k, &second.w.mine, &second.h.mine);
  problem_fit(&second, &options);
  assert_int_equal(second.result.resumed_iterations, STOP_AT);
  assert_true(straight.result.iterations > STOP_AT);
  assert_same_result(&straight.result, &second.result);
  assert_same_panel(&straight.w.mine, &second.w.mine);
  assert_same_panel(&straight.h.mine, &second.h.mine);
  keeper_free(&k);
  problem_free(&straight);
  problem_free(&broken);
  problem_free(&second);
}

static void check_every_solver(const dnmf_grid *grid) {
  const whole a = whole_matrix(13, 9);
  for (int solver = 0; solver < DNMF_SOLVERS; solver++)
    for (int sparse = 0; sparse < 2; sparse++)
      for (int precision = 0; precision < DNMF_PRECISIONS; precision++)
        check_break(grid, &a, sparse, (dnmf_precision)precision, fit_options((dnmf_solver)solver, 3, 9));
}

static void every_solver_goes_on_as_if_nothing_had_happened(void **state) {
  (void)state;
  on_every_grid(check_every_solver);
}

/* The rules compare with the first iteration, the start, and the last check, all before the break. */
static void check_stopping_rules(const dnmf_grid *grid) {
  const whole a = whole_matrix(9, 8);
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 10000);
  options.tolerance = 1e-3;
  check_break(grid, &a, false, DNMF_DOUBLE, options);
  options = fit_options(DNMF_SOLVER_MU, 2, 10000);
  options.stop = DNMF_STOP_OBJECTIVE;
  options.tolerance = 1e-3;
  check_break(grid, &a, false, DNMF_DOUBLE, options);
}

static void stopping_rules_remember_what_was_before(void **state) {
  (void)state;
  on_every_grid(check_stopping_rules);
}

static void check_fixed(const dnmf_grid *grid) {
  const whole a = whole_matrix(11, 10);
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 3, 9);
  options.fixed = DNMF_FIXED_W;
  check_break(grid, &a, false, DNMF_DOUBLE, options);
  options.fixed = DNMF_FIXED_H;
  check_break(grid, &a, true, DNMF_DOUBLE, options);
}

static void a_fixed_factor_stays_fixed(void **state) {
  (void)state;
  on_every_grid(check_fixed);
}

/* One fit on a column of processes, saving as the keeper's plan has it. */
static void fit_saving(keeper *k, dnmf_settings options, double every_seconds, int every_iterations,
                       dnmf_fit_result *result) {
  const whole a = whole_matrix(9, 8);
  dnmf_context *context = test_context();
  dnmf_grid grid;
  problem p;
  assert_ok(dnmf_grid_create(context, context->size, 1, &grid));
  problem_create(&grid, &a, false, DNMF_DOUBLE, options.components, &p);
  keeper_begin(k, &p.w.mine, &p.h.mine, k->stop_at);
  k->plan.every_seconds = every_seconds;
  k->plan.every_iterations = every_iterations;
  options.host = &k->plan;
  problem_fit(&p, &options);
  *result = p.result;
  problem_free(&p);
  keeper_free(k);
  dnmf_grid_free(&grid);
}

static void saves_come_every_so_many_iterations(void **state) {
  (void)state;
  dnmf_fit_result result;
  keeper k = {.stop_at = 0};
  fit_saving(&k, fit_options(DNMF_SOLVER_HALS, 2, 17), INFINITY, 5, &result);
  assert_int_equal(k.saves, 3);
  assert_int_equal(k.iterations, 15);
  assert_int_equal(k.last_saves, 0);
}

static void saves_come_every_so_many_seconds(void **state) {
  (void)state;
  dnmf_fit_result result;
  keeper k = {.stop_at = 0};
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 1000000);
  options.time_limit = 0.2;
  fit_saving(&k, options, 0.05, 0, &result);
  assert_true(k.saves >= 2 && k.saves <= 5 && k.saves < result.iterations);
  assert_int_equal(k.last_saves, 1);
}

static void a_time_limit_interrupts(void **state) {
  (void)state;
  dnmf_fit_result result;
  keeper k = {.stop_at = 0};
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 2, 1000000);
  options.time_limit = 0.02;
  fit_saving(&k, options, INFINITY, 0, &result);
  assert_true(result.interrupted);
  assert_string_equal(result.stop_reason, "time-limit");
  assert_int_equal(k.saves, 1);
  assert_int_equal(k.iterations, result.iterations);
}

/* The fit is done: there is nothing to go on with. */
static void told_at_the_last_iteration_is_too_late(void **state) {
  (void)state;
  dnmf_fit_result result;
  keeper k = {.stop_at = 6};
  fit_saving(&k, fit_options(DNMF_SOLVER_HALS, 2, 6), INFINITY, 1, &result);
  assert_false(result.interrupted);
  assert_string_equal(result.stop_reason, "max-iter");
  assert_int_equal(k.saves, 5);
}

/* Ratings of 14 x 9, a fifth of them held out. */
typedef struct rated {
  dnmf_ratings ratings;
  dnmf_ratings_view held_out;
} rated;

static void rated_create(dnmf_precision precision, rated *r) {
  dnmf_context *context = test_context();
  const whole a = whole_matrix(14, 9);
  dnmf_entries kept = {.items = malloc((size_t)(a.rows * a.cols) * sizeof(dnmf_entry))};
  dnmf_entries held_out = {.items = malloc((size_t)(a.rows * a.cols) * sizeof(dnmf_entry))};
  assert_non_null(kept.items);
  assert_non_null(held_out.items);
  for (int64_t place = 0; place < a.rows * a.cols; place++) {
    dnmf_entries *to = place % 5 == 2 ? &held_out : &kept;
    if (place % context->size == context->rank && a.value[place] > 0)
      to->items[to->count++] = (dnmf_entry){place / a.cols, place % a.cols, a.value[place]};
  }
  assert_ok(dnmf_ratings_create(context, a.rows, a.cols, precision, &kept, &r->ratings));
  assert_ok(dnmf_ratings_attach(context, &r->ratings, &held_out, &r->held_out));
  dnmf_entries_free(&kept);
  dnmf_entries_free(&held_out);
}

typedef struct observed_fit {
  dnmf_panel w;
  dnmf_panel h;
  dnmf_fit_result result;
} observed_fit;

static void observed_start(const dnmf_settings *options, const rated *r, observed_fit *fit) {
  *fit = (observed_fit){0};
  assert_ok(dnmf_start_observed(&test_context()->error, options, &r->ratings, &fit->w, &fit->h));
}

static void observed_run(const dnmf_settings *options, const rated *r, observed_fit *fit) {
  const dnmf_ratings_view *held_out = options->stop == DNMF_STOP_VALIDATION ? &r->held_out : NULL;
  assert_ok(dnmf_fit_observed(test_context(), options, &r->ratings, held_out, &fit->w, &fit->h, NULL, &fit->result));
}

static void observed_free(observed_fit *fit) {
  dnmf_panel_free(&fit->w);
  dnmf_panel_free(&fit->h);
  dnmf_fit_result_free(&fit->result);
}

static void check_observed_break(const rated *r, dnmf_settings options, int stop_at) {
  observed_fit straight;
  observed_fit broken;
  observed_fit second;
  keeper k;
  observed_start(&options, r, &straight);
  observed_run(&options, r, &straight);
  observed_start(&options, r, &broken);
  keeper_begin(&k, &broken.w, &broken.h, stop_at);
  options.host = &k.plan;
  observed_run(&options, r, &broken);
  assert_true(broken.result.interrupted);
  assert_int_equal(broken.result.iterations, stop_at);
  observed_start(&options, r, &second);
  keeper_resume(&k, &second.w, &second.h);
  observed_run(&options, r, &second);
  assert_true(straight.result.iterations > stop_at);
  assert_same_result(&straight.result, &second.result);
  assert_same_panel(&straight.w, &second.w);
  assert_same_panel(&straight.h, &second.h);
  keeper_free(&k);
  observed_free(&straight);
  observed_free(&broken);
  observed_free(&second);
}

static dnmf_settings observed_options(dnmf_solver solver, int iterations) {
  bool biases = solver != DNMF_SOLVER_MU;
  return (dnmf_settings){
      .components = 3,
      .solver = solver,
      .seed = START_SEED,
      .sweeps = 1,
      .penalties = {.l2_w = 0.1, .l2_h = 0.1, .scale = DNMF_PENALTY_COUNT, .count_power = 1},
      .stop = DNMF_STOP_OBJECTIVE,
      .max_iterations = iterations,
      .time_limit = INFINITY,
      .observed = {.bias_rows = biases, .bias_cols = biases, .start_scale = 0.5, .l2_bias = 5, .patience = 3}};
}

static void fits_of_observed_entries_go_on(void **state) {
  (void)state;
  for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
    rated r;
    rated_create((dnmf_precision)precision, &r);
    for (int solver = 0; solver < DNMF_SOLVERS; solver++)
      check_observed_break(&r, observed_options((dnmf_solver)solver, 9), STOP_AT);
    dnmf_settings rule = observed_options(DNMF_SOLVER_HALS, 10000);
    rule.tolerance = 1e-4;
    check_observed_break(&r, rule, STOP_AT);
    dnmf_ratings_view_free(&r.held_out);
    dnmf_ratings_free(&r.ratings);
  }
}

/* The best model is from before the break, the patience runs out after it. */
static void the_best_model_on_held_out_entries_survives(void **state) {
  (void)state;
  rated r;
  rated_create(DNMF_DOUBLE, &r);
  dnmf_settings options = observed_options(DNMF_SOLVER_HALS, 10000);
  options.penalties.l2_w = options.penalties.l2_h = 0;
  options.stop = DNMF_STOP_VALIDATION;
  observed_fit probe;
  observed_start(&options, &r, &probe);
  observed_run(&options, &r, &probe);
  assert_string_equal(probe.result.stop_reason, "validation");
  const int best = probe.result.best_iteration;
  observed_free(&probe);
  check_observed_break(&r, options, best + 1);
  check_observed_break(&r, options, best + options.observed.patience - 1);
  dnmf_ratings_view_free(&r.held_out);
  dnmf_ratings_free(&r.ratings);
}

int run_tests(void);
int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(every_solver_goes_on_as_if_nothing_had_happened),
      mpi_test(stopping_rules_remember_what_was_before),
      mpi_test(a_fixed_factor_stays_fixed),
      mpi_test(saves_come_every_so_many_iterations),
      mpi_test(saves_come_every_so_many_seconds),
      mpi_test(a_time_limit_interrupts),
      mpi_test(told_at_the_last_iteration_is_too_late),
      mpi_test(fits_of_observed_entries_go_on),
      mpi_test(the_best_model_on_held_out_entries_survives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
