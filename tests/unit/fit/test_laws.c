#include "problem.h"

/* More rows and columns than processes, and fewer. */
static const int64_t shapes[][2] = {{19, 13}, {4, 17}, {15, 2}};
enum { SHAPES = 3 };

typedef void (*law)(const whole *a, problem *p, const dnmf_settings *options);

static law checked;

/* Every solver, dense and sparse, in both precisions. */
static void check_all_on_grid(const dnmf_grid *grid) {
  for (int shape = 0; shape < SHAPES; shape++)
    for (int solver = 0; solver < DNMF_SOLVERS; solver++)
      for (int sparse = 0; sparse < 2; sparse++)
        for (int precision = 0; precision < DNMF_PRECISIONS; precision++) {
          const dnmf_settings options = fit_options((dnmf_solver)solver, 3, 6);
          whole a = whole_matrix(shapes[shape][0], shapes[shape][1]);
          problem p;
          problem_create(grid, &a, sparse, (dnmf_precision)precision, options.components, &p);
          checked(&a, &p, &options);
          problem_free(&p);
        }
}

static void check_all(law of_every_fit) {
  checked = of_every_fit;
  on_every_grid(check_all_on_grid);
}

static void never_increases(const whole *a, problem *p, const dnmf_settings *options) {
  problem_fit(p, options);
  assert_int_equal(p->result.history_count, options->max_iterations + 1);
  const double rounding = 64 * dnmf_precision_epsilon(p->a.precision) * p->a.sum_squares;
  for (int64_t i = 1; i < p->result.history_count; i++)
    assert_true(p->result.objective_history[i] <= p->result.objective_history[i - 1] + rounding);
  assert_true(p->result.objective < p->result.objective_history[0]);
  assert_true(a->rows == p->a.rows);
}

static void the_objective_never_increases(void **state) {
  (void)state;
  check_all(never_increases);
}

static void is_the_dense_one(const whole *a, problem *p, const dnmf_settings *options) {
  dnmf_settings penalized = *options;
  penalized.penalties = (dnmf_penalties){.l1_w = 0.3, .l1_h = 0.2, .l2_w = 0.5, .l2_h = 0.7};
  problem_fit(p, &penalized);
  factors f;
  whole_factors(p, &f);
  for (int64_t i = 0; i < a->rows * f.k; i++)
    assert_true(f.w[i] >= 0 && isfinite(f.w[i]));
  for (int64_t j = 0; j < a->cols * f.k; j++)
    assert_true(f.h[j] >= 0 && isfinite(f.h[j]));
  const double tolerance = 64 * dnmf_precision_epsilon(p->a.precision) * p->a.sum_squares;
  assert_true(fabs(p->result.objective - dense_objective(a, &f, 0.3, 0.2, 0.5, 0.7)) <= tolerance);
  assert_true(fabs(0.5 * p->result.residual_squares - dense_objective(a, &f, 0, 0, 0, 0)) <= tolerance);
}

static void the_objective_is_that_of_the_factors(void **state) {
  (void)state;
  check_all(is_the_dense_one);
}

/* Objectives of the first grid of one process count, to which the other grids are compared. */
static double first_objectives[SHAPES * DNMF_SOLVERS * 4];
static int objective_count;
static bool have_first;

static void is_the_same(const whole *a, problem *p, const dnmf_settings *options) {
  (void)a;
  problem_fit(p, options);
  double *first = &first_objectives[objective_count++ % (SHAPES * DNMF_SOLVERS * 4)];
  const double relative = p->a.precision == DNMF_DOUBLE ? 1e-9 : 1e-3;
  const double rounding = 64 * dnmf_precision_epsilon(p->a.precision) * p->a.sum_squares; /* near an exact fit */
  if (have_first)
    assert_true(fabs(*first - p->result.objective) <= relative * *first + rounding);
  else
    *first = p->result.objective;
  have_first = have_first || objective_count == SHAPES * DNMF_SOLVERS * 4;
}

static void every_grid_ends_at_the_same_objective(void **state) {
  (void)state;
  objective_count = 0;
  have_first = false;
  check_all(is_the_same);
}

static void check_repeats(const whole *a, problem *p, const dnmf_settings *options) {
  problem_fit(p, options);
  factors first;
  factors second;
  whole_factors(p, &first);
  double objective = p->result.objective;
  dnmf_start_random(&p->a, START_SEED, &p->w, &p->h);
  problem_fit(p, options);
  whole_factors(p, &second);
  assert_memory_equal(&objective, &p->result.objective, sizeof objective);
  assert_memory_equal(first.w, second.w, (size_t)(a->rows * first.k) * sizeof(double));
  assert_memory_equal(first.h, second.h, (size_t)(a->cols * first.k) * sizeof(double));
}

static void the_same_fit_twice_gives_the_same_bytes(void **state) {
  (void)state;
  check_all(check_repeats);
}

/* Words sent by all processes in `iterations` iterations: architecture.md, times the processes. */
static void check_traffic(const dnmf_grid *grid) {
  dnmf_context *context = test_context();
  for (int shape = 0; shape < SHAPES; shape++) {
    const dnmf_settings options = fit_options(DNMF_SOLVER_HALS, 3, 5);
    whole a = whole_matrix(shapes[shape][0], shapes[shape][1]);
    problem p;
    problem_create(grid, &a, false, DNMF_DOUBLE, options.components, &p);
    problem_fit(&p, &options);
    const dnmf_traffic *t = &p.result.traffic;
    const double k = options.components;
    const double factor_words = (double)((grid->rows - 1) * a.cols + (grid->cols - 1) * a.rows) * k;
    assert_true(t->gather_words == 5 * factor_words);
    assert_true(t->scatter_words == 5 * factor_words);
    assert_true(fabs(t->gram_words - 5 * 4 * k * k * (context->size - 1)) < 1e-9);
    assert_true(t->control_words < 5 * 2 * 2 * 8 * (context->size - 1) + 1e-9);
    problem_free(&p);
  }
}

static void the_words_sent_are_those_of_the_formula(void **state) {
  (void)state;
  on_every_grid(check_traffic);
}

int run_tests(void) {
  const struct CMUnitTest tests[] = {
      mpi_test(the_objective_never_increases),           mpi_test(the_objective_is_that_of_the_factors),
      mpi_test(every_grid_ends_at_the_same_objective),   mpi_test(the_same_fit_twice_gives_the_same_bytes),
      mpi_test(the_words_sent_are_those_of_the_formula),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
