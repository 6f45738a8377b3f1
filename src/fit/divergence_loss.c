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
#include "fit/zeros_state.h"

#include "matrix/divergence.h"

#include <math.h>

static double beta_of(const zeros_fit *z) {
  return z->settings->loss.beta;
}

/* Kullback-Leibler: the columns of a factor, which are its denominators and make the sum of P. Itakura-Saito: nothing.
 * Otherwise the sum of P^beta. */
static int64_t divergence_sum_count(const zeros_fit *z) {
  if (beta_of(z) == 1)
    return z->settings->components;
  return beta_of(z) == 0 ? 0 : 1;
}

/* The numerators (A * P^(beta-2)) F and the denominators P^(beta-1) F of this block. */
static dnmf_status divergence_contribute(zeros_fit *z, zeros_factor *y) {
  dnmf_divergence d = {.beta = beta_of(z),
                       .transposed = y->transposed,
                       .w = &z->w.x->gathered,
                       .h = &z->h.x->gathered,
                       .numerators = &y->x->partial,
                       .denominators = &y->x->partial_denominators,
                       .want_loss = y == z->first};
  dnmf_status status = dnmf_diverge(z->context, z->a, &d);
  z->stored = d.stored;
  z->powers = d.powers;
  return status;
}

static dnmf_status divergence_update(zeros_fit *z, zeros_factor *x, const zeros_factor *f) {
  dnmf_ratio ratio = {
      .rows = x->x->mine.rows,
      .components = z->settings->components,
      .x = x->rows->mine.data,
      .numerators = x->rows->products.data,
      .denominators = beta_of(z) == 1 ? NULL : x->x->denominators.data,
      .sums = zeros_sums(z, f, 0),
      .l1 = x->l1,
      .l2 = x->l2,
      .exponent = dnmf_divergence_exponent(beta_of(z)),
      .smallest = dnmf_divergence_smallest(beta_of(z), x->transposed, dnmf_matrix_mean(z->a), z->settings->components),
      .want_violation = z->settings->stop == DNMF_STOP_GRADIENT};
  dnmf_status status =
      dnmf_solver_multiply(z->a->precision, z->context->isa, z->context->threads, &ratio, &z->context->error);
  zeros_control(z, x, 0)[CONTROL_VIOLATION] = ratio.violation;
  return status;
}

static dnmf_status divergence_sum(zeros_fit *z, zeros_factor *x, const zeros_factor *paired) {
  (void)paired;
  zeros_control(z, x, 0)[CONTROL_LOSS] = z->stored;
  if (beta_of(z) == 1)
    dnmf_panel_sum_columns(&x->rows->mine, zeros_sums(z, x, 0));
  else if (beta_of(z) != 0)
    zeros_sums(z, x, 0)[0] = z->powers;
  return DNMF_OK;
}

/* The sum of P^beta over all entries; with beta = 1 it is <sum of W's rows, sum of H's columns>. */
static double sum_of_powers(const zeros_fit *z) {
  if (beta_of(z) == 0)
    return (double)z->a->rows * (double)z->a->cols;
  if (beta_of(z) != 1)
    return zeros_sums(z, z->last, 0)[0];
  double powers = 0;
  for (int t = 0; t < z->settings->components; t++)
    powers += z->w.sums[t] * z->h.sums[t];
  return powers;
}

/* D(A | WH), without the cells taken out of A */
static void divergence_evaluate(const zeros_fit *z, int start, dnmf_reached *reached) {
  const double beta = beta_of(z);
  const double powers = sum_of_powers(z);
  const double loss =
      dnmf_divergence_total(beta, zeros_control(z, z->last, start)[CONTROL_LOSS], powers) - zeros_filled(z, start);
  const double terms = beta == 0 || beta == 1 ? powers : powers / fabs(beta * (beta - 1));
  reached->has_loss = true;
  reached->loss = loss < 0 ? 0 : loss;
  reached->below_rounding = loss < 8 * dnmf_precision_epsilon(z->a->precision) * terms;
  reached->squares = NAN;
}

const loss_arithmetic dnmf_divergence_loss = {.needs_both = true,
                                              .sum_count = divergence_sum_count,
                                              .contribute = divergence_contribute,
                                              .update = divergence_update,
                                              .sum = divergence_sum,
                                              .evaluate = divergence_evaluate};
