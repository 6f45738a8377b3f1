/*
 * The beta-divergences other than the squared error, by multiplicative updates (Févotte & Idier 2011).
 *
 * What the next update needs depends on both factors, P = WH, at every entry that counts; from the same P comes the
 * loss. The factor just updated is all that must be gathered again, and for Kullback-Leibler the denominators are sums
 * of columns: an iteration sends what one of the squared error sends with k numbers in a Gram matrix's place, and for
 * any other beta, whose denominators are summed and scattered like the numerators, half as much again of factor rows.
 * Words of an iteration, all p processes together: c ((pr-1) n + (pc-1) m) k + 4 s (p-1), where c = 2 and s = k for
 * beta = 1, c = 3 and s = 0 for beta = 0, c = 3 and s = 1 otherwise; beside the control values.
 */
#include "loop.h"

#include "matrix/divergence.h"

#include <float.h>
#include <math.h>

static double beta_of(const loop *l) {
  return l->options->loss.beta;
}

/* Kullback-Leibler: the columns of a factor, which are its denominators and make the sum of P. Itakura-Saito: nothing.
 * Otherwise the sum of P^beta. */
static int64_t sum_count(const loop *l) {
  if (beta_of(l) == 1)
    return l->options->components;
  return beta_of(l) == 0 ? 0 : 1;
}

/* The numerators (A * P^(beta-2)) F and the denominators P^(beta-1) F of this block. */
static dnmf_status contribute(loop *l, side *y) {
  dnmf_divergence d = {.beta = beta_of(l),
                       .transposed = y->transposed,
                       .w = &l->w.x->gathered,
                       .h = &l->h.x->gathered,
                       .numerators = &y->x->partial,
                       .denominators = &y->x->partial_denominators,
                       .want_loss = y == l->first};
  dnmf_status status = dnmf_diverge(l->context, l->a, &d);
  l->stored = d.stored;
  l->powers = d.powers;
  return status;
}

/* Makes every step descend. */
static double exponent(double beta) {
  if (beta < 1)
    return 1 / (2 - beta);
  return beta > 2 ? 1 / (beta - 1) : 1;
}

/* Where scikit-learn takes a number for 0, so that it does not linger as a denominator: 2^-52, but never above 2^-45 of
 * the size that the factors of a matrix of small values have. */
static double smallest(const loop *l, const side *x) {
  const double size = sqrt(l->a->sum / ((double)l->a->rows * (double)l->a->cols) / l->options->components);
  const bool wanted = x->transposed ? beta_of(l) <= 1 : beta_of(l) < 1;
  return wanted ? DBL_EPSILON * fmin(1, 128 * size) : 0;
}

static dnmf_status update(loop *l, side *x, const side *f) {
  dnmf_ratio ratio = {.rows = x->x->mine.rows,
                      .components = l->options->components,
                      .x = x->x->mine.data,
                      .numerators = x->x->products.data,
                      .denominators = beta_of(l) == 1 ? NULL : x->x->denominators.data,
                      .sums = f->sums,
                      .l1 = x->l1,
                      .l2 = x->l2,
                      .exponent = exponent(beta_of(l)),
                      .smallest = smallest(l, x),
                      .want_violation = l->options->stop == DNMF_STOP_GRADIENT};
  dnmf_status status =
      dnmf_solver_multiply(l->a->precision, l->context->isa, l->context->threads, &ratio, &l->context->error);
  x->control[CONTROL_VIOLATION] = ratio.violation;
  return status;
}

static dnmf_status sum(loop *l, side *x, const side *paired) {
  (void)paired;
  x->control[CONTROL_LOSS] = l->stored;
  if (beta_of(l) == 1)
    dnmf_panel_sum_columns(&x->x->mine, x->sums);
  else if (beta_of(l) != 0)
    x->sums[0] = l->powers;
  return DNMF_OK;
}

/* The sum of P^beta over all entries; with beta = 1 it is <sum of W's rows, sum of H's columns>. */
static double sum_of_powers(const loop *l) {
  if (beta_of(l) == 0)
    return (double)l->a->rows * (double)l->a->cols;
  if (beta_of(l) != 1)
    return l->last->sums[0];
  double powers = 0;
  for (int t = 0; t < l->options->components; t++)
    powers += l->w.sums[t] * l->h.sums[t];
  return powers;
}

/* D(A | WH) */
static void evaluate(loop *l, dnmf_fit_result *result) {
  const double beta = beta_of(l);
  const double powers = sum_of_powers(l);
  const double loss = dnmf_divergence_total(beta, l->last->control[CONTROL_LOSS], powers);
  const double terms = beta == 0 || beta == 1 ? powers : powers / fabs(beta * (beta - 1));
  result->below_rounding = loss < 8 * dnmf_precision_epsilon(l->a->precision) * terms;
  result->residual_squares = NAN;
  l->loss = loss < 0 ? 0 : loss;
}

const loss_arithmetic dnmf_divergence_loss = {.needs_both = true,
                                              .sum_count = sum_count,
                                              .contribute = contribute,
                                              .update = update,
                                              .sum = sum,
                                              .evaluate = evaluate};
