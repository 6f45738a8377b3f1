/*
 * The squared error 1/2 |A - WH|^2: products of A with the fixed factor, and Gram matrices.
 */
#include "loop.h"
#include "result.h"

#include "dnmf/product.h"

static int64_t sum_count(const loop *l) {
  return (int64_t)l->options->components * l->options->components;
}

/* B_i = A_ij F_j */
static dnmf_status contribute(loop *l, side *y) {
  if (y->transposed)
    return dnmf_multiply_transposed(l->context, l->a, &l->w.x->gathered, &y->x->partial);
  return dnmf_multiply(l->context, l->a, &l->h.x->gathered, &y->x->partial);
}

static dnmf_status update(loop *l, side *x, const side *f) {
  dnmf_update rows = {.rows = x->x->mine.rows,
                      .components = l->options->components,
                      .x = x->x->mine.data,
                      .products = x->x->products.data,
                      .gram = f->sums,
                      .l1 = x->l1,
                      .l2 = x->l2,
                      .want_violation = l->options->stop == DNMF_STOP_GRADIENT};
  dnmf_status status = dnmf_solver_update(l->options->solver, l->a->precision, l->context->isa, l->context->threads,
                                          &rows, &l->context->error);
  x->control[CONTROL_VIOLATION] = rows.violation;
  return status;
}

/* X'X, and <B, Y> */
static dnmf_status sum(loop *l, side *x, const side *y) {
  x->control[CONTROL_LOSS] = dnmf_panel_dot(l->context, &y->x->products, &y->x->mine);
  return dnmf_panel_gram(l->context, &x->x->mine, x->sums);
}

/* 1/2 (|A|^2 - 2 <A H', W> + <W'W, H H'>) */
static void evaluate(loop *l, dnmf_fit_result *result) {
  double crossed = 0;
  for (int64_t i = 0; i < sum_count(l); i++)
    crossed += l->w.sums[i] * l->h.sums[i];
  dnmf_fit_set_residual(result, l->a, l->last->control[CONTROL_LOSS], crossed);
  l->loss = 0.5 * result->residual_squares;
}

const loss_arithmetic dnmf_squared_error = {
    .sum_count = sum_count, .contribute = contribute, .update = update, .sum = sum, .evaluate = evaluate};
