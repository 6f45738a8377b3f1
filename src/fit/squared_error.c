/*
 * The squared error 1/2 |A - WH|^2: products of A with the fixed factor, and Gram matrices.
 */
#include "fit/zeros_state.h"

#include "comm/clock.h"
#include "matrix/product.h"
#include "matrix/sweep.h"

#include <string.h>

static int64_t squared_error_sum_count(const zeros_fit *z) {
  return (int64_t)z->settings->components * z->settings->components;
}

/* B_i = A_ij F_j */
static dnmf_status squared_error_contribute(zeros_fit *z, zeros_factor *y) {
  if (y->transposed)
    return dnmf_multiply_transposed(z->context, z->a, &z->w.x->gathered, &y->x->partial);
  return dnmf_multiply(z->context, z->a, &z->h.x->gathered, &y->x->partial);
}

/* Some of the owned rows in one start. */
static dnmf_status squared_error_update_rows(zeros_fit *z, zeros_factor *x, const zeros_factor *f, int start,
                                             dnmf_range rows) {
  const dnmf_panel mine = dnmf_panel_rows(zeros_sent(&x->rows[start]), rows);
  const dnmf_panel products = dnmf_panel_rows(&x->rows[start].products, rows);
  double *control = zeros_control(z, x, start);
  dnmf_update update = {.rows = mine.rows,
                        .components = z->settings->components,
                        .x = mine.data,
                        .products = products.data,
                        .gram = zeros_sums(z, f, start),
                        .l1 = x->l1,
                        .l2 = x->l2,
                        .sweeps = zeros_ahead_sweeps(z, x, start),
                        .want_violation = z->settings->stop == DNMF_STOP_GRADIENT,
                        .violation = control[CONTROL_VIOLATION],
                        .want_decrease = z->settings->solver == DNMF_SOLVER_AHALS};
  dnmf_status status = dnmf_solver_update(zeros_ahead_solver(z, x, start), z->a->precision, z->context->isa,
                                          z->context->threads, &update, &z->context->error);
  control[CONTROL_VIOLATION] = update.violation;
  if (update.want_decrease) {
    double *ahead = zeros_ahead(z, x, start);
    ahead[AHEAD_FIRST] += update.decrease.first;
    ahead[AHEAD_LAST] += update.decrease.last;
    ahead[AHEAD_ALL] += update.decrease.all;
  }
  return status;
}

/* Before the rows of X are updated, whose sums its control values take up. */
static void squared_error_begin_rows(zeros_fit *z, zeros_factor *x) {
  for (int s = 0; s < z->starts; s++) {
    zeros_control(z, x, s)[CONTROL_VIOLATION] = 0;
    if (z->settings->solver == DNMF_SOLVER_AHALS)
      memset(zeros_ahead(z, x, s), 0, AHEAD_SUMS * sizeof(double));
  }
}

static dnmf_status squared_error_update(zeros_fit *z, zeros_factor *x, const zeros_factor *f) {
  squared_error_begin_rows(z, x);
  for (int s = 0; s < z->starts; s++) {
    DNMF_TRY(squared_error_update_rows(z, x, f, s, (dnmf_range){0, x->x->mine.rows}));
    if (x == &z->h)
      zeros_ahead_extrapolate(z, s);
  }
  return DNMF_OK;
}

/* A tile of rows: B_i = A_i H', W_i <- update(W_i; B_i, H H'), A'W += A_i' W_i */
static dnmf_status squared_error_sweep_tile(zeros_fit *z, dnmf_sweep *sweep, dnmf_range rows, double *clock) {
  dnmf_context *context = z->context;
  dnmf_sweep_multiply(context, sweep, rows, dnmf_panel_rows(&z->w.x->products, rows).data);
  dnmf_zeros_split_products(z, &z->w, rows);
  z->loop->seconds.product += dnmf_lap(clock);
  for (int s = 0; s < z->starts; s++)
    DNMF_TRY(squared_error_update_rows(z, &z->w, &z->h, s, rows));
  z->loop->seconds.update += dnmf_lap(clock);
  dnmf_zeros_join_rows(z, &z->w, rows);
  dnmf_sweep_accumulate(context, sweep, rows, dnmf_panel_rows(&z->w.x->mine, rows).data);
  z->loop->seconds.product += dnmf_lap(clock);
  return DNMF_OK;
}

static dnmf_status squared_error_sweep(zeros_fit *z) {
  const int64_t rows = z->w.x->mine.rows;
  const int64_t step = dnmf_sweep_tile_rows(z->context, dnmf_matrix_number(z->a), z->a->cols);
  double clock = MPI_Wtime();
  dnmf_sweep sweep;
  squared_error_begin_rows(z, &z->w);
  DNMF_TRY(dnmf_sweep_begin(z->context, z->a, &z->h.x->gathered, &sweep));
  dnmf_status status = DNMF_OK;
  for (int64_t row = 0; row < rows && status == DNMF_OK; row += step)
    status = squared_error_sweep_tile(z, &sweep, (dnmf_range){row, row + step < rows ? row + step : rows}, &clock);
  dnmf_sweep_finish(&sweep, &z->h.x->partial);
  z->loop->seconds.product += dnmf_lap(&clock);
  return status;
}

/* X'X, and <B, X>; by ahals of X as it goes into the products, and the objective after H's half-step follows from what
 * its sweeps lower */
static dnmf_status squared_error_sum(zeros_fit *z, zeros_factor *x, const zeros_factor *paired) {
  for (int s = 0; s < z->starts; s++) {
    if (paired == &z->w || z->settings->solver != DNMF_SOLVER_AHALS)
      zeros_control(z, x, s)[CONTROL_LOSS] =
          dnmf_panel_dot(z->context, &paired->rows[s].products, &paired->rows[s].mine);
    DNMF_TRY(dnmf_panel_gram(z->context, zeros_sent(&x->rows[s]), zeros_sums(z, x, s)));
  }
  return DNMF_OK;
}

/* 1/2 (|A|^2 - 2 <A'W, H> + <W'W, H H'>), A with the predictions of cells taken out */
static void squared_error_evaluate(const zeros_fit *z, int start, dnmf_reached *reached) {
  const double inner = zeros_control(z, z->last, start)[CONTROL_LOSS];
  if (z->settings->solver == DNMF_SOLVER_AHALS) {
    zeros_ahead_evaluate(z, start, reached);
    return;
  }
  dnmf_reached_from_terms(reached, z->a->precision, z->a->sum_squares + zeros_filled(z, start), inner,
                          zeros_crossed(z, start));
}

const loss_arithmetic dnmf_squared_error = {.sum_count = squared_error_sum_count,
                                            .contribute = squared_error_contribute,
                                            .update = squared_error_update,
                                            .sweep = squared_error_sweep,
                                            .sum = squared_error_sum,
                                            .evaluate = squared_error_evaluate};
