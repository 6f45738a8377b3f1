/*
 * The cost model beside what a fit does: words and messages as the loop counts them, and memory as dnmf_allocate
 * hands it out. The linker sends aligned_alloc and free of the whole program through the functions below.
 */
#include "problem.h"

#include "base/memory.h"
#include "cost/cost.h"
#include "fit/restarts.h"
#include "matrix/bundles_product.h"
#include "matrix/csr.h"
#include "matrix/product.h"

#include <string.h>

enum { MOST_BLOCKS = 4096, ITERATIONS = 3 };

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void __real_free(void *memory);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __wrap_free(void *memory);

static struct {
  void *memory[MOST_BLOCKS];
  size_t bytes[MOST_BLOCKS];
  int count;
  size_t live;
  size_t peak;
} held;

void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  void *memory = __real_aligned_alloc(alignment, bytes);
  assert_true(held.count < MOST_BLOCKS);
  held.memory[held.count] = memory;
  held.bytes[held.count++] = bytes;
  held.live += bytes;
  held.peak = held.live > held.peak ? held.live : held.peak;
  return memory;
}

void __wrap_free(void *memory) {
  for (int i = held.count - 1; i >= 0 && memory; i--)
    if (held.memory[i] == memory) {
      held.live -= held.bytes[i];
      held.count--;
      held.memory[i] = held.memory[held.count];
      held.bytes[i] = held.bytes[held.count];
      break;
    }
  __real_free(memory);
}

static void assert_close(double x, double y, double tolerance) {
  if (!(fabs(x - y) <= tolerance))
    fail_msg("%.17g is not %.17g", x, y);
}

typedef struct form {
  int64_t rows;
  int64_t cols;
  bool sparse;
  dnmf_precision precision;
  int components;
  dnmf_solver solver;
  dnmf_loss loss;
  int threads;
  bool narrow; /* sparse values are kept in the narrowest exact type, here float */
} form;

static dnmf_job job_of(const form *f) {
  return (dnmf_job){.rows = f->rows,
                    .cols = f->cols,
                    .stored = (double)f->rows * (double)f->cols,
                    .sparse = f->sparse,
                    .components = f->components,
                    .solver = f->solver,
                    .loss = f->loss,
                    .precision = f->precision};
}

static double local_stored(const problem *p) {
  return p->a.sparse ? (double)p->a.by_rows.start[p->a.by_rows.rows] : 0;
}

static void check_traffic(const dnmf_traffic *sent, const dnmf_traffic *planned) {
  assert_close(sent->gather_words, ITERATIONS * planned->gather_words, 0);
  assert_close(sent->scatter_words, ITERATIONS * planned->scatter_words, 0);
  assert_close(sent->gram_words, ITERATIONS * planned->gram_words, 1e-6);
  assert_close(sent->control_words, ITERATIONS * planned->control_words, 1e-6);
  assert_close(sent->messages, ITERATIONS * planned->messages, 0);
}

static void check_form(const dnmf_grid *grid, const form *f) {
  dnmf_context *context = test_context();
  const whole a = whole_matrix(f->rows, f->cols);
  dnmf_job job = job_of(f);
  problem p;
  dnmf_cost cost;
  context->threads = f->threads;
  const size_t before = held.live;
  problem_create(grid, &a, f->sparse, f->precision, f->components, &p);
  if (f->narrow)
    assert_ok(dnmf_matrix_narrow(context, &p.a));
  job.narrow = p.a.narrow;
  const dnmf_cost_memory memory =
      dnmf_cost_memory_at(context, &job, grid->rows, grid->cols, grid->row, grid->col, local_stored(&p));
  const double planned = memory.block + memory.factors;
  const double layout = dnmf_allocated_bytes(grid->rows + grid->cols + 2, sizeof(int64_t));
  if (!f->loss.divergence) /* a divergence gets its denominators in the fit */
    assert_close((double)(held.live - before), layout + planned, 0);
  dnmf_settings options = fit_options(f->solver, f->components, ITERATIONS);
  options.loss = f->loss;
  held.peak = held.live;
  problem_fit(&p, &options);
  assert_close((double)(held.peak - before), layout + planned + memory.grams + memory.work, 0);
  dnmf_cost_of(context, &job, NULL, grid->rows, grid->cols, &cost);
  check_traffic(&p.result.traffic, &cost.traffic);
  problem_free(&p);
  assert_int_equal(held.live, before);
  context->threads = 1;
}

static const int64_t sizes[][2] = {{31, 23}, {5, 32}, {32, 3}};

static void check_divergences(const dnmf_grid *grid) {
  static const double betas[] = {1, 0.5, 3};
  for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++)
    for (int kind = 0; kind < 2 * 3; kind++) {
      const form f = {.rows = sizes[size][0],
                      .cols = sizes[size][1],
                      .sparse = kind % 2,
                      .precision = size == 1 ? DNMF_SINGLE : DNMF_DOUBLE,
                      .solver = DNMF_SOLVER_MU,
                      .loss = {true, betas[kind / 2]},
                      .components = size == 0 ? 8 : 5,
                      .threads = 1};
      check_form(grid, &f);
    }
}

static void check_forms(const dnmf_grid *grid) {
  static const int components[] = {1, 5, 16};
  for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++)
    for (int kind = 0; kind < 2 * 2 * DNMF_SOLVERS; kind++) {
      const form f = {.rows = sizes[size][0],
                      .cols = sizes[size][1],
                      .sparse = kind % 2,
                      .precision = kind / 2 % 2 ? DNMF_SINGLE : DNMF_DOUBLE,
                      .solver = (dnmf_solver)(kind / 4),
                      .components = components[(size + (size_t)kind) % 3],
                      .narrow = kind % 2,
                      .threads = test_context()->size > 2 ? 1 : 1 + kind % 3}; /* on few cores */
      check_form(grid, &f);
    }
}

static void memory_and_traffic_are_what_a_fit_takes(void **state) {
  (void)state;
  on_every_grid(check_forms);
}

/* A sparse block without its transposed copy, which a fit has only where that is large. */
static void check_rows_alone(const dnmf_grid *grid) {
  static const int components[] = {1, 5, 16};
  dnmf_context *context = test_context();
  for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++)
    for (int threads = 1; threads <= 3; threads++) {
      const int k = components[threads - 1];
      const whole a = whole_matrix(sizes[size][0], sizes[size][1]);
      problem p;
      problem_create(grid, &a, true, DNMF_DOUBLE, k, &p);
      dnmf_csr_free(&p.a.by_cols);
      context->threads = threads;
      const size_t before = held.peak = held.live;
      assert_ok(dnmf_multiply_transposed(context, &p.a, &p.w.gathered, &p.h.partial));
      assert_close(
          (double)(held.peak - before),
          dnmf_product_bytes(context, true, true, DNMF_DOUBLE, p.a.by_rows.rows, p.a.by_rows.cols, local_stored(&p), k),
          0);
      context->threads = 1;
      problem_free(&p);
    }
}

static void so_is_the_work_of_a_block_by_rows_alone(void **state) {
  (void)state;
  on_every_grid(check_rows_alone);
}

/* A sparse block in bundles, which a fit has only where that is large. */
static void check_bundles(const dnmf_grid *grid) {
  static const int components[] = {1, 5, 16, 70};
  enum { HEIGHT = 4 };
  dnmf_context *context = test_context();
  for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++)
    for (int threads = 1; threads <= 4; threads++) {
      const int k = components[threads - 1];
      const whole a = whole_matrix(sizes[size][0], sizes[size][1]);
      problem p;
      problem_create(grid, &a, true, DNMF_DOUBLE, k, &p);
      const dnmf_csr *rows = &p.a.by_rows;
      context->threads = threads;
      size_t before = held.live;
      assert_ok(dnmf_bundles_create(&context->error, rows, DNMF_DOUBLE, threads, HEIGHT, &p.a.bundles));
      assert_close((double)(held.live - before),
                   dnmf_bundles_bytes(DNMF_NUMBER_DOUBLE, HEIGHT, rows->rows, rows->cols, local_stored(&p)), 0);
      before = held.peak = held.live;
      assert_ok(dnmf_multiply(context, &p.a, &p.h.gathered, &p.w.partial));
      assert_ok(dnmf_multiply_transposed(context, &p.a, &p.w.gathered, &p.h.partial));
      assert_close((double)(held.peak - before),
                   dnmf_bundles_product_bytes(context, DNMF_DOUBLE, HEIGHT, rows->rows, rows->cols, k), 0);
      context->threads = 1;
      problem_free(&p);
    }
}

static void so_are_a_block_in_bundles_and_its_work(void **state) {
  (void)state;
  on_every_grid(check_bundles);
}

static void so_under_divergences(void **state) {
  (void)state;
  on_every_grid(check_divergences);
}

/* Beside the model's own factors, as a job has them. What is noted of each restart comes on top of the plan. */
static void check_restarts(const dnmf_grid *grid) {
  enum { RESTARTS = 12, COMPONENTS = 8, NOTES = 3000 };
  dnmf_context *context = test_context();
  const whole a = whole_matrix(31, 23);
  dnmf_settings options = fit_options(DNMF_SOLVER_HALS, COMPONENTS, ITERATIONS);
  for (int side_by_side = 4; side_by_side <= RESTARTS; side_by_side += 4) {
    const form f = {.rows = a.rows, .cols = a.cols, .components = COMPONENTS, .threads = 1};
    dnmf_job job = job_of(&f);
    dnmf_restarts restarts;
    problem p;
    job.starts = side_by_side;
    job.restarts = RESTARTS;
    const size_t before = held.live;
    problem_create(grid, &a, false, DNMF_DOUBLE, COMPONENTS, &p);
    const dnmf_cost_memory memory = dnmf_cost_memory_at(context, &job, grid->rows, grid->cols, grid->row, grid->col, 0);
    assert_ok(dnmf_restarts_create(&context->error, RESTARTS, 1, &restarts));
    restarts.side_by_side = side_by_side;
    held.peak = held.live;
    assert_ok(dnmf_fit_restarts(context, &options, &p.a, &p.layout, &restarts));
    assert_close((double)(held.peak - before), memory.block + memory.factors + memory.grams + memory.work,
                 RESTARTS * NOTES);
    dnmf_restarts_free(&restarts);
    problem_free(&p);
    assert_int_equal(held.live, before);
  }
}

static void restarts_take_what_is_planned(void **state) {
  (void)state;
  on_every_grid(check_restarts);
}

/* The planned process is the one with most. */
static void the_first_process_holds_most(void **state) {
  (void)state;
  const form f = {.rows = 31, .cols = 23, .components = 5, .threads = 1};
  const dnmf_job job = job_of(&f);
  for (int rows = 1; rows <= 8; rows++)
    for (int cols = 1; cols <= 8; cols++) {
      dnmf_cost cost;
      dnmf_cost_of(test_context(), &job, NULL, rows, cols, &cost);
      for (int process = 0; process < rows * cols; process++) {
        dnmf_cost_memory other =
            dnmf_cost_memory_at(test_context(), &job, rows, cols, process / cols, process % cols, 0);
        assert_true(other.block <= cost.memory.block && other.factors <= cost.memory.factors);
      }
    }
}

/* By hand: 4 x 6, k = 2, 2 x 3 processes. A block of 2 x 2: 16 operations in a product, twice. A process owns one row
 * of W at most and one column of H. */
static void times_are_operations_over_rates(void **state) {
  (void)state;
  const form f = {.rows = 4, .cols = 6, .components = 2, .threads = 1};
  const dnmf_job job = job_of(&f);
  dnmf_machine machine = {.flops = 1, .bandwidth = 1e9, .latency = 1000, .network = 8};
  dnmf_cost cost;
  dnmf_cost_of(test_context(), &job, &machine, 2, 3, &cost);
  assert_close(cost.seconds.product, 32, 1e-9);
  assert_close(cost.seconds.gram, 24, 1e-9);
  assert_close(cost.seconds.update, 16, 1e-9);
  assert_close(cost.traffic.gram_words, 4 * 4 * 5, 1e-9);
  const double words = (2 * (1 * 6 * 2 + 2 * 4 * 2) + 4 * 4 * 5 + cost.traffic.control_words) / 6;
  assert_close(cost.seconds.exchange, 1000 * (2 * (1 + 2) + 4 * 3) + words, 1e-6);
  machine.rate[DNMF_WORK_DENSE] = 4;
  machine.rate[DNMF_WORK_HALS] = 2;
  dnmf_cost_of(test_context(), &job, &machine, 2, 3, &cost);
  assert_close(cost.seconds.product, 4 + 16, 1e-9);
  assert_close(cost.seconds.update, 8, 1e-9);
  machine.bandwidth = 0.5; /* slower than arithmetic: 4 entries and 2 panels of 2 x 2 */
  dnmf_cost_of(test_context(), &job, &machine, 2, 3, &cost);
  assert_close(cost.seconds.product, 4 + (4 + 8) * 8 / 0.5, 1e-9);
}

/* By hand, 4 x 6, k = 2, on 2 x 1 processes, whole rows: 12 entries, read once if that is what the products wait for.
 */
static void one_pass_reads_a_once(void **state) {
  (void)state;
  const form f = {.rows = 4, .cols = 6, .components = 2, .threads = 1};
  dnmf_job job = job_of(&f);
  dnmf_machine machine = {.flops = 1e9, .bandwidth = 1, .latency = 1e-9, .network = 1e9};
  dnmf_cost cost;
  const double panels = (2 + 6) * 2 * 8;
  dnmf_cost_of(test_context(), &job, &machine, 2, 1, &cost);
  assert_close(cost.seconds.product, 12 * 8 + 2 * panels, 1e-6);
  job.solver = DNMF_SOLVER_BPP;
  dnmf_cost_of(test_context(), &job, &machine, 2, 1, &cost);
  assert_close(cost.seconds.product, 2 * (12 * 8 + panels), 1e-6);
  machine.rate[DNMF_WORK_DENSE_ONE_PASS] = 8;
  job.solver = DNMF_SOLVER_MU;
  dnmf_cost_of(test_context(), &job, &machine, 2, 1, &cost);
  assert_close(cost.seconds.product, 4.0 * 12 * 2 / 8, 1e-9);
}

/* No other grid is faster by more than a tenth, and none that is nearly as fast sends less. */
static void check_choice(const dnmf_job *job, const dnmf_machine *machine, int processes) {
  int rows = 0;
  int cols = 0;
  dnmf_cost chosen;
  dnmf_cost_choose_grid(test_context(), job, machine, processes, &rows, &cols);
  assert_int_equal(rows * cols, processes);
  dnmf_cost_of(test_context(), job, machine, rows, cols, &chosen);
  double least = chosen.seconds.total;
  for (int r = 1; r <= processes; r++)
    if (processes % r == 0) {
      dnmf_cost other;
      dnmf_cost_of(test_context(), job, machine, r, processes / r, &other);
      least = fmin(least, other.seconds.total);
    }
  assert_true(chosen.seconds.total <= 1.1 * least);
  for (int r = 1; r <= processes; r++)
    if (processes % r == 0) {
      dnmf_cost other;
      dnmf_cost_of(test_context(), job, machine, r, processes / r, &other);
      if (other.seconds.total <= 1.1 * least)
        assert_true(chosen.traffic.gather_words <= other.traffic.gather_words);
    }
}

static void the_chosen_grid_is_fast_and_sends_little(void **state) {
  (void)state;
  static const int64_t sides[] = {1, 100, 4000, 200000};
  const dnmf_machine slow_network = {.flops = 1e11, .bandwidth = 1e11, .latency = 1e-6, .network = 1e6};
  const dnmf_machine slow_memory = {.flops = 1e11, .bandwidth = 1e8, .latency = 1e-6, .network = 1e11};
  for (int p = 1; p <= 64; p++)
    for (int i = 0; i < 16; i++) {
      const form f = {.rows = sides[i / 4], .cols = sides[i % 4], .components = 7, .threads = 1};
      const dnmf_job job = job_of(&f);
      check_choice(&job, &slow_network, p);
      check_choice(&job, &slow_memory, p);
    }
}

/* 4000 columns fit a tile: where memory is what everything waits for, whole rows win over the squarest blocks. */
static void slow_memory_asks_for_whole_rows(void **state) {
  (void)state;
  const form f = {.rows = 4000, .cols = 4000, .components = 16, .threads = 1};
  const dnmf_job job = job_of(&f);
  const dnmf_machine slow_network = {.flops = 1e11, .bandwidth = 1e11, .latency = 1e-6, .network = 1e6};
  const dnmf_machine slow_memory = {.flops = 1e11, .bandwidth = 1e8, .latency = 1e-6, .network = 1e11};
  int rows = 0;
  int cols = 0;
  dnmf_cost_choose_grid(test_context(), &job, &slow_memory, 16, &rows, &cols);
  assert_int_equal(cols, 1);
  dnmf_cost_choose_grid(test_context(), &job, &slow_network, 16, &rows, &cols);
  assert_int_equal(cols, 4);
}

int run_tests(void) {
  test_context()->threads = 1;
  const struct CMUnitTest tests[] = {
      mpi_test(memory_and_traffic_are_what_a_fit_takes),
      mpi_test(so_is_the_work_of_a_block_by_rows_alone),
      mpi_test(so_are_a_block_in_bundles_and_its_work),
      mpi_test(so_under_divergences),
      mpi_test(restarts_take_what_is_planned),
      mpi_test(the_first_process_holds_most),
      mpi_test(times_are_operations_over_rates),
      mpi_test(one_pass_reads_a_once),
      mpi_test(the_chosen_grid_is_fast_and_sends_little),
      mpi_test(slow_memory_asks_for_whole_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
