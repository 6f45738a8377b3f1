/*
 * The squared error 1/2 |A - WH|^2: products of A with the fixed factor, and Gram matrices.
 */
#include "loop.h"
#include "result.h"

#include "comm/clock.h"
#include "matrix/product.h"
#include "matrix/sweep.h"

static int64_t sum_count(const loop *l) {
  return (int64_t)l->options->components * l->options->components;
}

/* B_i = A_ij F_j */
static dnmf_status contribute(loop *l, side *y) {
  if (y->transposed)
    return dnmf_multiply_transposed(l->context, l->a, &l->w.x->gathered, &y->x->partial);
  return dnmf_multiply(l->context, l->a, &l->h.x->gathered, &y->x->partial);
}

/* Some of the owned rows. */
static dnmf_status update_rows(loop *l, side *x, const side *f, dnmf_range rows) {
  const dnmf_panel mine = dnmf_panel_rows(&x->x->mine, rows);
  const dnmf_panel products = dnmf_panel_rows(&x->x->products, rows);
  dnmf_update update = {.rows = mine.rows,
                        .components = l->options->components,
                        .x = mine.data,
                        .products = products.data,
                        .gram = f->sums,
                        .l1 = x->l1,
                        .l2 = x->l2,
                        .more_sweeps = l->options->more_sweeps,
                        .want_violation = l->options->stop == DNMF_STOP_GRADIENT,
                        .violation = x->control[CONTROL_VIOLATION]};
  dnmf_status status = dnmf_solver_update(l->options->solver, l->a->precision, l->context->isa, l->context->threads,
                                          &update, &l->context->error);
  x->control[CONTROL_VIOLATION] = update.violation;
  return status;
}

static dnmf_status update(loop *l, side *x, const side *f) {
  x->control[CONTROL_VIOLATION] = 0;
  return update_rows(l, x, f, (dnmf_range){0, x->x->mine.rows});
}

/* A tile of rows: B_i = A_i H', W_i <- update(W_i; B_i, H H'), A'W += A_i' W_i */
static dnmf_status sweep_tile(loop *l, dnmf_sweep *sweep, dnmf_range rows, double *clock) {
  dnmf_context *context = l->context;
  dnmf_sweep_multiply(context, sweep, rows, dnmf_panel_rows(&l->w.x->products, rows).data);
  l->seconds.product += dnmf_lap(clock);
  DNMF_TRY(update_rows(l, &l->w, &l->h, rows));
  l->seconds.update += dnmf_lap(clock);
  dnmf_sweep_accumulate(context, sweep, rows, dnmf_panel_rows(&l->w.x->mine, rows).data);
  l->seconds.product += dnmf_lap(clock);
  return DNMF_OK;
}

static dnmf_status sweep(loop *l) {
  const int64_t rows = l->w.x->mine.rows;
  const int64_t step = dnmf_sweep_tile_rows(l->context, dnmf_matrix_number(l->a), l->a->cols);
  double clock = MPI_Wtime();
  dnmf_sweep sweep;
  l->w.control[CONTROL_VIOLATION] = 0;
  DNMF_TRY(dnmf_sweep_begin(l->context, l->a, &l->h.x->gathered, &sweep));
  dnmf_status status = DNMF_OK;
  for (int64_t row = 0; row < rows && status == DNMF_OK; row += step)
    status = sweep_tile(l, &sweep, (dnmf_range){row, row + step < rows ? row + step : rows}, &clock);
  dnmf_sweep_finish(&sweep, &l->h.x->partial);
  l->seconds.product += dnmf_lap(&clock);
  return status;
}

/* X'X, and <B, X> */
static dnmf_status sum(loop *l, side *x, const side *paired) {
  x->control[CONTROL_LOSS] = dnmf_panel_dot(l->context, &paired->x->products, &paired->x->mine);
  return dnmf_panel_gram(l->context, &x->x->mine, x->sums);
}

/* 1/2 (|A|^2 - 2 <A'W, H> + <W'W, H H'>) */
static void evaluate(loop *l, dnmf_fit_result *result) {
  double crossed = 0;
  for (int64_t i = 0; i < sum_count(l); i++)
    crossed += l->w.sums[i] * l->h.sums[i];
  dnmf_fit_set_residual(result, l->a, l->last->control[CONTROL_LOSS], crossed);
  l->loss = 0.5 * result->residual_squares;
}

const loss_arithmetic dnmf_squared_error = {.sum_count = sum_count,
                                            .contribute = contribute,
                                            .update = update,
                                            .sweep = sweep,
                                            .sum = sum,
                                            .evaluate = evaluate};
