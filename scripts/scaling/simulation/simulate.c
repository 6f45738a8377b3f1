/*
 * A fit on simulated processes: the loop and the communication layer run as they are, on SimGrid's MPI (SMPI), and
 * their local work lasts as long as the machine's measured rates say, without being done.
 *
 *   smpirun ... simulate ROWS COLS COMPONENTS GRID_ROWS GRID_COLS ITERATIONS PRODUCT TRANSPOSED GRAM UPDATE
 *
 * Rates are in operations a second (src/cost/cost.h counts them); hosts must be of 1 Gflop/s, which makes an
 * operation given to SMPI a nanosecond. Panels have no data: all processes share four buffers of the length of the
 * largest panel, so that thousands of processes fit into the memory of one. Prints one JSON object.
 */
#include "base/memory.h"
#include "factor/factor.h"
#include "fit/zeros_fit.h"
#include "matrix/product.h"
#include "matrix/sweep.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The functions of the program that these stand for are bound to them by the linker (--wrap). */
dnmf_status __wrap_dnmf_panel_create(dnmf_error *error, const char *what, int64_t rows, int components,
                                     dnmf_precision precision, dnmf_panel *panel);
void __wrap_dnmf_panel_free(dnmf_panel *panel);
dnmf_status __wrap_dnmf_panel_gram(dnmf_context *context, const dnmf_panel *x, double *gram);
double __wrap_dnmf_panel_dot(const dnmf_context *context, const dnmf_panel *x, const dnmf_panel *y);
dnmf_status __wrap_dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel, dnmf_panel *out);
dnmf_status __wrap_dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                            dnmf_panel *out);
dnmf_status __wrap_dnmf_sweep_begin(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                    dnmf_sweep *sweep);
void __wrap_dnmf_sweep_multiply(dnmf_context *context, const dnmf_sweep *sweep, dnmf_range rows, void *out);
void __wrap_dnmf_sweep_accumulate(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x);
void __wrap_dnmf_sweep_finish(dnmf_sweep *sweep, dnmf_panel *out);
dnmf_status __wrap_dnmf_solver_update(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                                      dnmf_update *update, dnmf_error *error);
int __wrap_MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *part);
int __wrap_MPI_Iallreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request);

enum {
  BUFFERS = 4,           /* a factor's panels: no two of them overlap */
  MOST_PROCESSES = 65536 /* that a simulation has */
};

/* The same for all processes, which are threads of one here (smpirun -no-privatize). */
typedef struct machine {
  double product;
  double transposed;
  double gram;
  double update;
} machine;

static machine rates;
static void *buffers[BUFFERS];
static int next_buffer;

/* Lets the simulated time pass that `operations` take. */
static void work(double operations, double rate) {
  smpi_execute_flops(operations / rate * 1e9);
}

dnmf_status __wrap_dnmf_panel_create(dnmf_error *error, const char *what, int64_t rows, int components,
                                     dnmf_precision precision, dnmf_panel *panel) {
  (void)error;
  (void)what;
  *panel = (dnmf_panel){rows, components, precision, buffers[next_buffer++ % BUFFERS]};
  return DNMF_OK;
}

void __wrap_dnmf_panel_free(dnmf_panel *panel) {
  *panel = (dnmf_panel){0};
}

dnmf_status __wrap_dnmf_panel_gram(dnmf_context *context, const dnmf_panel *x, double *gram) {
  (void)context;
  memset(gram, 0, (size_t)x->components * (size_t)x->components * sizeof *gram);
  work(2 * (double)x->rows * x->components * x->components, rates.gram);
  return DNMF_OK;
}

double __wrap_dnmf_panel_dot(const dnmf_context *context, const dnmf_panel *x, const dnmf_panel *y) {
  (void)context;
  (void)y;
  work(2 * (double)x->rows * x->components, rates.gram);
  return 0;
}

dnmf_status __wrap_dnmf_multiply(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                 dnmf_panel *out) {
  (void)context;
  (void)a;
  work(2 * (double)out->rows * (double)panel->rows * panel->components, rates.product);
  return DNMF_OK;
}

dnmf_status __wrap_dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                            dnmf_panel *out) {
  (void)context;
  (void)a;
  work(2 * (double)out->rows * (double)panel->rows * panel->components, rates.transposed);
  return DNMF_OK;
}

/* Whole rows of A: its columns are the block's. */
dnmf_status __wrap_dnmf_sweep_begin(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                    dnmf_sweep *sweep) {
  (void)context;
  *sweep = (dnmf_sweep){.a = a, .components = panel->components};
  return DNMF_OK;
}

void __wrap_dnmf_sweep_multiply(dnmf_context *context, const dnmf_sweep *sweep, dnmf_range rows, void *out) {
  (void)context;
  (void)out;
  work(2 * (double)dnmf_range_size(rows) * (double)sweep->a->cols * sweep->components, rates.product);
}

void __wrap_dnmf_sweep_accumulate(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x) {
  (void)context;
  (void)x;
  work(2 * (double)dnmf_range_size(rows) * (double)sweep->a->cols * sweep->components, rates.transposed);
}

void __wrap_dnmf_sweep_finish(dnmf_sweep *sweep, dnmf_panel *out) {
  (void)out;
  *sweep = (dnmf_sweep){0};
}

dnmf_status __wrap_dnmf_solver_update(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                                      dnmf_update *update, dnmf_error *error) {
  (void)solver;
  (void)precision;
  (void)isa;
  (void)threads;
  (void)error;
  update->violation = 1;
  work(2 * (double)update->rows * update->components * update->components, rates.update);
  return DNMF_OK;
}

/* SMPI's own split takes minutes of real time for thousands of processes, before the loop begins. All processes see
 * each other's colour here; keys must rise with the rank. */
int __wrap_MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *part) {
  static int colors[MOST_PROCESSES];
  static int rank_of[MOST_PROCESSES];
  (void)key;
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  if (size > MOST_PROCESSES)
    return MPI_ERR_COMM;
  colors[rank] = color;
  MPI_Barrier(comm);
  int members = 0;
  for (int r = 0; r < size; r++)
    if (colors[r] == color)
      rank_of[members++] = r;
  MPI_Group all;
  MPI_Group mine;
  MPI_Comm_group(comm, &all);
  MPI_Group_incl(all, members, rank_of, &mine);
  MPI_Barrier(comm);
  int code = MPI_Comm_create(comm, mine, part);
  MPI_Group_free(&mine);
  MPI_Group_free(&all);
  return code;
}

/* SMPI's own sends everything to everybody. This one is over when it has begun: it overlaps with nothing, as where an
 * MPI moves data only while it is called. */
int __wrap_MPI_Iallreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request) {
  *request = MPI_REQUEST_NULL;
  return MPI_Allreduce(from, to, count, type, op, comm);
}

/* What the command line asks for. */
typedef struct job {
  int64_t rows;
  int64_t cols;
  int components;
  int grid_rows;
  int grid_cols;
  int iterations;
} job;

static bool parse(int argc, char **argv, job *j) {
  if (argc != 11)
    return false;
  j->rows = strtoll(argv[1], NULL, 10);
  j->cols = strtoll(argv[2], NULL, 10);
  j->components = atoi(argv[3]);
  j->grid_rows = atoi(argv[4]);
  j->grid_cols = atoi(argv[5]);
  j->iterations = atoi(argv[6]);
  rates = (machine){atof(argv[7]), atof(argv[8]), atof(argv[9]), atof(argv[10])};
  return j->rows > 0 && j->cols > 0 && j->components > 0 && j->iterations > 0 && rates.product > 0 &&
         rates.transposed > 0 && rates.gram > 0 && rates.update > 0;
}

static dnmf_status allocate_buffers(dnmf_error *error, const job *j) {
  const int64_t rows = j->rows / j->grid_rows + 1;
  const int64_t cols = j->cols / j->grid_cols + 1;
  for (int b = 0; b < BUFFERS && !buffers[b]; b++)
    DNMF_TRY(
        dnmf_allocate_zero(error, "a panel", (rows > cols ? rows : cols) * j->components, sizeof(double), &buffers[b]));
  return DNMF_OK;
}

static dnmf_status fit(dnmf_context *context, const job *j, dnmf_fit_result *result) {
  dnmf_grid grid;
  dnmf_layout layout;
  dnmf_factor w;
  dnmf_factor h;
  DNMF_TRY(allocate_buffers(&context->error, j));
  DNMF_TRY(dnmf_grid_create(context, j->grid_rows, j->grid_cols, &grid));
  DNMF_TRY(dnmf_layout_even(&context->error, &grid, j->rows, j->cols, &layout));
  DNMF_TRY(dnmf_factor_create_w(context, &layout, j->components, DNMF_DOUBLE, &w));
  DNMF_TRY(dnmf_factor_create_h(context, &layout, j->components, DNMF_DOUBLE, &h));
  const dnmf_matrix a = {.rows = j->rows, .cols = j->cols, .precision = DNMF_DOUBLE, .sum_squares = 1};
  const dnmf_settings options = {
      .components = j->components, .stop = DNMF_STOP_GRADIENT, .max_iterations = j->iterations, .time_limit = INFINITY};
  DNMF_TRY(dnmf_fit_zeros(context, &options, &a, &w, &h, result));
  dnmf_factor_free(&h);
  dnmf_factor_free(&w);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
  return DNMF_OK;
}

static void print(const job *j, int processes, const dnmf_fit_result *result) {
  const double n = result->iterations;
  const dnmf_fit_seconds *s = &result->seconds;
  const dnmf_traffic *t = &result->traffic;
  printf("{\"processes\": %d, \"grid\": \"%dx%d\", \"rows\": %" PRId64 ", \"cols\": %" PRId64
         ", \"components\": %d, \"iterations\": %d, \"seconds\": %.9g, \"product\": %.9g, \"gram\": %.9g, "
         "\"update\": %.9g, \"exchange\": %.9g, \"words\": %.17g, \"messages\": %.17g}\n",
         processes, j->grid_rows, j->grid_cols, j->rows, j->cols, j->components, result->iterations, s->total / n,
         s->product / n, s->gram / n, s->update / n, s->exchange / n,
         (t->gather_words + t->scatter_words + t->gram_words + t->control_words) / n, t->messages / n);
}

int main(int argc, char **argv) {
  job j;
  dnmf_fit_result result = {0};
  dnmf_context context = {.threads = 1, .message_limit = INT_MAX};
  MPI_Init(&argc, &argv);
  context.comm = MPI_COMM_WORLD;
  MPI_Comm_rank(context.comm, &context.rank);
  MPI_Comm_size(context.comm, &context.size);
  bool understood = parse(argc, argv, &j) && (int64_t)j.grid_rows * j.grid_cols == context.size;
  dnmf_status status = understood ? fit(&context, &j, &result) : DNMF_ERROR_USAGE;
  if (context.rank == 0 && status == DNMF_OK)
    print(&j, context.size, &result);
  if (context.rank == 0 && status != DNMF_OK)
    fprintf(stderr, "simulate: %s\n", understood ? context.error.text : "see the head of simulate.c for its arguments");
  dnmf_fit_result_free(&result);
  MPI_Finalize();
  return status != DNMF_OK;
}
