#include "local_work.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/padded.h"
#include "matrix/panel.h"
#include "matrix/product.h"
#include "matrix/sweep.h"
#include "solve/observed.h"
#include "solve/solver.h"

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
dnmf_status __wrap_dnmf_observed_rows(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                                      dnmf_observed_update *update, dnmf_error *error);

enum { BUFFERS = 4 /* a factor's panels: no two of them overlap */ };

static core_rates rates;
static void *buffers[BUFFERS];
static int next_buffer;

dnmf_status local_work_prepare(dnmf_error *error, core_rates measured, int64_t numbers) {
  rates = measured;
  for (int b = 0; b < BUFFERS && !buffers[b]; b++)
    DNMF_TRY(dnmf_allocate_zero(error, "a panel", numbers, sizeof(double), &buffers[b]));
  return DNMF_OK;
}

/* Lets the simulated time pass that `operations` take. */
static void work(double operations, double rate) {
  smpi_execute_flops(operations / rate * 1e9);
}

/* So many operations in pieces of `step` of `count` rows or columns. */
static void work_in_pieces(dnmf_context *context, int64_t count, int64_t step, double operations, double rate) {
  for (int64_t at = 0; at < count; at += step) {
    const int64_t some = count - at < step ? count - at : step;
    work(operations * (double)some / (double)count, rate);
    dnmf_progress(context);
  }
}

static void multiply_rows(dnmf_context *context, int64_t rows, int64_t cols, int components) {
  work_in_pieces(context, rows, dnmf_sweep_rows_at_once(context, rows), 2 * (double)rows * (double)cols * components,
                 rates.product);
}

static void accumulate_rows(dnmf_context *context, int64_t rows, int64_t cols, int components) {
  const int64_t cols_at_once =
      dnmf_sweep_columns_at_once(context, DNMF_DOUBLE, cols, dnmf_padded_width(context, DNMF_DOUBLE, components));
  for (int64_t row = 0; row < rows; row += DNMF_SWEEP_TRANSPOSED_ROWS) {
    const int64_t some = rows - row < DNMF_SWEEP_TRANSPOSED_ROWS ? rows - row : DNMF_SWEEP_TRANSPOSED_ROWS;
    work_in_pieces(context, cols, cols_at_once, 2 * (double)some * (double)cols * components, rates.transposed);
  }
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
  (void)a;
  multiply_rows(context, out->rows, panel->rows, panel->components);
  return DNMF_OK;
}

dnmf_status __wrap_dnmf_multiply_transposed(dnmf_context *context, const dnmf_matrix *a, const dnmf_panel *panel,
                                            dnmf_panel *out) {
  (void)a;
  accumulate_rows(context, panel->rows, out->rows, panel->components);
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
  (void)out;
  multiply_rows(context, dnmf_range_size(rows), sweep->a->cols, sweep->components);
}

void __wrap_dnmf_sweep_accumulate(dnmf_context *context, dnmf_sweep *sweep, dnmf_range rows, const void *x) {
  (void)x;
  accumulate_rows(context, dnmf_range_size(rows), sweep->a->cols, sweep->components);
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

dnmf_status __wrap_dnmf_observed_rows(dnmf_solver solver, dnmf_precision precision, dnmf_isa isa, int threads,
                                      dnmf_observed_update *update, dnmf_error *error) {
  const double k = update->components;
  const double entries = (double)(update->start[update->rows] - update->start[0]);
  (void)solver;
  (void)precision;
  (void)isa;
  (void)threads;
  (void)error;
  update->loss = update->violation = 1;
  work(entries * k * (k + 3) + (double)update->rows * k * k, rates.observed);
  return DNMF_OK;
}
