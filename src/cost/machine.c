/* Measuring a machine: the program's own kernels on a block of the planned kind, and messages between halves. */
#include "cost/machine.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/team.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "matrix/csr.h"
#include "matrix/divergence.h"
#include "matrix/generate.h"
#include "matrix/padded.h"
#include "matrix/product.h"
#include "matrix/sweep.h"
#include "solve/observed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  REPEATS = 7,           /* of each kernel; the fastest counts */
  MOST_DENSE = 8 << 20,  /* entries of a measured block: beyond any cache */
  MOST_SPARSE = 2 << 20, /* entries of a sparse one: its panel rows are what does not fit */
  MOST_PANEL = 8 << 20,  /* numbers in a panel */
  LEAST_ROWS = 64,       /* of a dense block, however wide */
  SHORT_MESSAGES = 200,  /* exchanged, of one word: latency */
  LONG_MESSAGES = 10,    /* exchanged: bandwidth */
  LONG_MESSAGE_BYTES = 1 << 20
};

static const char *const names[DNMF_WORK_KINDS] = {
    "dense", "dense_transposed", "dense_one_pass", "sparse", "sparse_transposed", "gram", "hals", "mu",
    "bpp",   "observed",         "divergence"};

const char *dnmf_work_name(dnmf_work_kind kind) {
  return names[kind];
}

dnmf_machine dnmf_machine_assumed(void) {
  return (dnmf_machine){.flops = 20e9, .bandwidth = 10e9, .latency = 2e-6, .network = 10e9};
}

/* What one process measures with. */
typedef struct bench {
  dnmf_context *context; /* of this process alone */
  const dnmf_machine_work *work;
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_matrix a;
  dnmf_panel w;
  dnmf_panel h;
  dnmf_panel products_w;
  dnmf_panel products_h;
  dnmf_panel denominators; /* divergences: of W */
  double *gram;
} bench;

/* Rows and columns of the measured block: the planned one's columns as far as panels allow, and rows as few as make
 * it large enough; a sparse one keeps the length of its rows. */
static void size_block(const dnmf_machine_work *work, int64_t *rows, int64_t *cols, double *density) {
  const double widest = work->sparse ? MOST_PANEL / work->components : MOST_DENSE / LEAST_ROWS;
  *density = work->stored / ((double)work->rows * (double)work->cols);
  const double row_length = *density * (double)work->cols;
  *cols = (double)work->cols < widest ? work->cols : (int64_t)fmax(widest, 1);
  *density = fmin(row_length / (double)*cols, 1);
  const double most = work->sparse ? MOST_SPARSE : MOST_DENSE;
  const double wanted = fmin(most / (*density * (double)*cols), (double)MOST_PANEL / work->components);
  *rows = (double)work->rows < wanted ? work->rows : (int64_t)fmax(wanted, 1);
}

static dnmf_status create_panel(bench *b, int64_t rows, dnmf_stream stream, dnmf_panel *panel) {
  const int stride = b->work->components + (b->work->observed ? 1 : 0);
  DNMF_TRY(dnmf_panel_create(&b->context->error, "a panel to measure with", rows + DNMF_OBSERVED_SLACK, stride,
                             b->work->precision, panel));
  panel->rows = rows;
  for (int64_t row = 0; row < rows; row++)
    for (int c = 0; c < stride; c++)
      dnmf_panel_set(panel, row, c, dnmf_random_uniform(1, stream, (uint64_t)row, (uint64_t)c));
  return DNMF_OK;
}

/* The block, as the planned one is held. */
static dnmf_status hold_as_planned(bench *b) {
  const dnmf_machine_work *work = b->work;
  const int64_t padded = dnmf_padded_width(b->context, work->precision, work->components);
  if (!work->sparse || work->loss.divergence)
    return DNMF_OK;
  if (!work->observed && dnmf_bundles_pay(work->precision, work->rows, work->cols, work->stored, padded))
    return dnmf_matrix_bundle(b->context, &b->a);
  if (dnmf_product_by_rows_alone(b->context, work->precision, work->rows, work->cols, work->components))
    dnmf_csr_free(&b->a.by_cols);
  return DNMF_OK;
}

static dnmf_status create_bench(bench *b) {
  dnmf_error *error = &b->context->error;
  int64_t rows = 0;
  int64_t cols = 0;
  double density = 1;
  size_block(b->work, &rows, &cols, &density);
  const dnmf_generate_options options = {
      .kind = DNMF_GENERATE_UNIFORM, .sparse = b->work->sparse, .density = density, .components = 1};
  DNMF_TRY(dnmf_grid_create(b->context, 1, 1, &b->grid));
  DNMF_TRY(dnmf_layout_even(error, &b->grid, rows, cols, &b->layout));
  DNMF_TRY(dnmf_generate(b->context, &options, &b->layout, b->work->precision, &b->a));
  DNMF_TRY(hold_as_planned(b));
  DNMF_TRY(create_panel(b, rows, DNMF_STREAM_START_W, &b->w));
  DNMF_TRY(create_panel(b, cols, DNMF_STREAM_START_H, &b->h));
  DNMF_TRY(create_panel(b, rows, DNMF_STREAM_START_W, &b->products_w));
  DNMF_TRY(create_panel(b, cols, DNMF_STREAM_START_H, &b->products_h));
  if (b->work->loss.divergence)
    DNMF_TRY(create_panel(b, rows, DNMF_STREAM_START_W, &b->denominators));
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "a Gram matrix", (int64_t)b->h.components * b->h.components, sizeof(double), &memory));
  b->gram = memory;
  return DNMF_OK;
}

static void free_bench(bench *b) {
  free(b->gram);
  dnmf_panel_free(&b->denominators);
  dnmf_panel_free(&b->products_h);
  dnmf_panel_free(&b->products_w);
  dnmf_panel_free(&b->h);
  dnmf_panel_free(&b->w);
  dnmf_matrix_free(&b->a);
  dnmf_layout_free(&b->layout);
  dnmf_grid_free(&b->grid);
}

/* --- The kernels: one run of each, and its operations as cost.h counts them -------------------------------- */

static dnmf_status run_product(bench *b, double *operations) {
  *operations = 2 * (double)b->a.stored * b->w.components;
  return dnmf_multiply(b->context, &b->a, &b->h, &b->products_w);
}

static dnmf_status run_transposed(bench *b, double *operations) {
  *operations = 2 * (double)b->a.stored * b->w.components;
  return dnmf_multiply_transposed(b->context, &b->a, &b->w, &b->products_h);
}

static dnmf_status run_one_pass(bench *b, double *operations) {
  dnmf_sweep sweep;
  const int64_t step = dnmf_sweep_tile_rows(b->context, dnmf_matrix_number(&b->a), b->a.cols);
  *operations = 4 * (double)b->a.stored * b->w.components;
  DNMF_TRY(dnmf_sweep_begin(b->context, &b->a, &b->h, &sweep));
  for (int64_t row = 0; row < b->a.rows; row += step) {
    const dnmf_range tile = {row, row + step < b->a.rows ? row + step : b->a.rows};
    dnmf_sweep_multiply(b->context, &sweep, tile, dnmf_panel_rows(&b->products_w, tile).data);
    dnmf_sweep_accumulate(b->context, &sweep, tile, dnmf_panel_rows(&b->w, tile).data);
  }
  dnmf_sweep_finish(&sweep, &b->products_h);
  return DNMF_OK;
}

static dnmf_status run_gram(bench *b, double *operations) {
  const double k = b->h.components;
  *operations = 2 * (double)b->h.rows * k * (k + 1);
  const double inner = dnmf_panel_dot(b->context, &b->products_h, &b->h);
  return isfinite(inner) ? dnmf_panel_gram(b->context, &b->h, b->gram) : DNMF_OK;
}

/* Rows of W from A H' and H H', which ran before. */
static dnmf_status run_update(bench *b, double *operations) {
  *operations = (double)b->w.rows * dnmf_solver_operations(b->work->solver, b->w.components, 1);
  dnmf_update update = {.rows = b->w.rows,
                        .components = b->w.components,
                        .x = b->w.data,
                        .products = b->products_w.data,
                        .gram = b->gram,
                        .want_violation = true};
  return dnmf_solver_update(b->work->solver, b->work->precision, b->context->isa, b->context->threads, &update,
                            &b->context->error);
}

/* What an update of W needs. */
static dnmf_status run_divergence(bench *b, double *operations) {
  const bool everywhere = !b->work->sparse || b->work->loss.beta != 1;
  const double entries = everywhere ? (double)b->a.rows * (double)b->a.cols : (double)b->a.stored;
  *operations = 2 * (b->work->loss.beta == 1 ? 2 : 3) * entries * b->w.components;
  dnmf_divergence d = {.beta = b->work->loss.beta,
                       .w = &b->w,
                       .h = &b->h,
                       .numerators = &b->products_w,
                       .denominators = &b->denominators,
                       .want_loss = true};
  return dnmf_diverge(b->context, &b->a, &d);
}

static dnmf_status run_observed(bench *b, double *operations) {
  const double k = b->work->components;
  *operations = (double)b->a.stored * k * (k + 3) + 2 * (double)b->w.rows * k * k;
  dnmf_observed_update update = {.rows = b->w.rows,
                                 .start = b->a.by_rows.start,
                                 .index = b->a.by_rows.index,
                                 .value = b->a.by_rows.value,
                                 .narrow = b->a.by_rows.narrow,
                                 .components = b->work->components,
                                 .stride = b->w.components,
                                 .fixed = b->h.data,
                                 .x = b->w.data,
                                 .bias = true,
                                 .fit_bias = true,
                                 .l2 = 1,
                                 .l2_bias = 1,
                                 .sweeps = 1};
  return dnmf_observed_rows(DNMF_SOLVER_HALS, b->work->precision, b->context->isa, b->context->threads, &update,
                            &b->context->error);
}

/* Operations a second of the fastest of some runs, after one to warm up: what disturbs a run only slows it. */
static dnmf_status rate_of(bench *b, dnmf_status (*run)(bench *, double *), double *rate) {
  double least = INFINITY;
  double operations = 0;
  DNMF_TRY(run(b, &operations));
  for (int i = 0; i < REPEATS; i++) {
    double clock = MPI_Wtime();
    DNMF_TRY(run(b, &operations));
    least = fmin(least, dnmf_lap(&clock));
  }
  *rate = operations / fmax(least, 1e-9);
  return DNMF_OK;
}

static dnmf_status measure_kernels(bench *b, dnmf_machine *machine) {
  if (b->work->observed)
    return rate_of(b, run_observed, &machine->rate[DNMF_WORK_OBSERVED]);
  if (b->work->loss.divergence)
    return rate_of(b, run_divergence, &machine->rate[DNMF_WORK_DIVERGENCE]);
  const dnmf_work_kind product = b->work->sparse ? DNMF_WORK_SPARSE : DNMF_WORK_DENSE;
  DNMF_TRY(rate_of(b, run_transposed, &machine->rate[product + 1]));
  DNMF_TRY(rate_of(b, run_product, &machine->rate[product]));
  if (!b->work->sparse && dnmf_sweep_fits(b->a.precision, dnmf_matrix_number(&b->a), b->a.cols, b->work->components))
    DNMF_TRY(rate_of(b, run_one_pass, &machine->rate[DNMF_WORK_DENSE_ONE_PASS]));
  DNMF_TRY(rate_of(b, run_gram, &machine->rate[DNMF_WORK_GRAM]));
  return rate_of(b, run_update, &machine->rate[DNMF_WORK_HALS + (dnmf_work_kind)dnmf_solver_of_rows(b->work->solver)]);
}

typedef struct sum_call {
  const double *values;
  _Atomic double total;
} sum_call;

static void sum_values(void *of_call, int64_t begin, int64_t end) {
  sum_call *call = of_call;
  const double *values = call->values;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t v = begin; v < end; v++)
    sum += values[v];
  call->total += sum;
}

/* Bytes a second of a sum over an array beyond any cache. */
static dnmf_status measure_bandwidth(dnmf_context *alone, double *bandwidth) {
  void *memory = NULL;
  double best = INFINITY;
  DNMF_TRY(dnmf_allocate_zero(&alone->error, "an array to read", MOST_DENSE, sizeof(double), &memory));
  sum_call call = {memory, 0};
  for (int i = 0; i < REPEATS; i++) {
    double clock = MPI_Wtime();
    dnmf_team_run(alone->threads, MOST_DENSE, sum_values, &call);
    best = fmin(best, dnmf_lap(&clock));
  }
  free(memory);
  *bandwidth = isfinite(call.total) ? MOST_DENSE * (double)sizeof(double) / best : 0;
  return DNMF_OK;
}

/* Seconds in which a message goes to `partner` and one comes back. */
static dnmf_status exchange(dnmf_context *context, int partner, char *buffer, int bytes, int count, double *seconds) {
  double clock = MPI_Wtime();
  for (int i = 0; i < count; i++) {
    int code = MPI_Sendrecv(buffer, bytes, MPI_BYTE, partner, 0, buffer + bytes, bytes, MPI_BYTE, partner, 0,
                            context->comm, MPI_STATUS_IGNORE);
    DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Sendrecv"));
  }
  *seconds = dnmf_lap(&clock) / count;
  return DNMF_OK;
}

/* Every process of the first half talks with one of the second, all at once. One alone keeps what it was given. */
static dnmf_status measure_network(dnmf_context *context, dnmf_machine *machine) {
  const int half = context->size / 2;
  void *buffer = NULL;
  double seconds[2] = {0, 0};
  double unused = 0;
  if (half == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_agree(context, dnmf_allocate_zero(&context->error, "a message", 2, LONG_MESSAGE_BYTES, &buffer)));
  dnmf_status status = DNMF_OK;
  if (context->rank < 2 * half) {
    const int partner = context->rank < half ? context->rank + half : context->rank - half;
    status = exchange(context, partner, buffer, LONG_MESSAGE_BYTES, 1, &unused);
    if (status == DNMF_OK)
      status = exchange(context, partner, buffer, sizeof(double), SHORT_MESSAGES, &seconds[0]);
    if (status == DNMF_OK)
      status = exchange(context, partner, buffer, LONG_MESSAGE_BYTES, LONG_MESSAGES, &seconds[1]);
  }
  free(buffer);
  DNMF_TRY(status);
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, seconds, 2));
  const double pairs = 2.0 * half;
  machine->latency = seconds[0] / pairs;
  machine->network = LONG_MESSAGE_BYTES / fmax(seconds[1] / pairs - machine->latency, 1e-12);
  return DNMF_OK;
}

/* Rates and bandwidth become their means over processes. */
static dnmf_status average(dnmf_context *context, dnmf_machine *machine) {
  double figures[DNMF_WORK_KINDS + 1];
  memcpy(figures, machine->rate, sizeof machine->rate);
  figures[DNMF_WORK_KINDS] = machine->bandwidth;
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, figures, DNMF_WORK_KINDS + 1));
  machine->flops = 0;
  for (int kind = 0; kind < DNMF_WORK_KINDS; kind++) {
    machine->rate[kind] = figures[kind] / context->size;
    machine->flops = fmax(machine->flops, machine->rate[kind]);
  }
  machine->bandwidth = figures[DNMF_WORK_KINDS] / context->size;
  return DNMF_OK;
}

/* Agrees on what a process met alone. */
static dnmf_status agree_on_bench(dnmf_context *context, const dnmf_context *alone, dnmf_status status) {
  if (status != DNMF_OK)
    context->error = alone->error;
  return dnmf_agree(context, status);
}

dnmf_status dnmf_machine_measure(dnmf_context *context, const dnmf_machine_work *work, dnmf_machine *machine) {
  dnmf_context alone = *context;
  alone.comm = MPI_COMM_SELF;
  alone.rank = 0;
  alone.size = 1;
  alone.chunks = (dnmf_queue_pool){0}; /* those of `context` stay its own */
  bench b = {.context = &alone, .work = work};
  memset(machine->rate, 0, sizeof machine->rate);
  machine->components = work->components;
  machine->precision = work->precision;
  machine->threads = context->threads;
  dnmf_status status = agree_on_bench(context, &alone, create_bench(&b));
  if (status == DNMF_OK) /* on all processes at the same time, as in a fit */
    status = agree_on_bench(context, &alone, measure_kernels(&b, machine));
  free_bench(&b);
  if (status == DNMF_OK)
    status = agree_on_bench(context, &alone, measure_bandwidth(&alone, &machine->bandwidth));
  DNMF_TRY(status);
  DNMF_TRY(average(context, machine));
  return measure_network(context, machine);
}
