/*
 * A batch under the squared error: an all-gather of H, a reduce-scatter of the batch's share of S, and two all-reduces
 * of Gram matrices, with which everything else rides along.
 */
#include "batch_state.h"

#include "comm/clock.h"
#include "matrix/product.h"

#include <math.h>
#include <string.h>

static bool forgets(const batch_fit *b) {
  return b->settings->batches.forget > 0;
}

/* products = A_b H' */
static dnmf_status batch_multiply(batch_fit *b) {
  DNMF_TRY(dnmf_batch_gather_h(b));
  double clock = MPI_Wtime();
  if (b->loop->failure == DNMF_OK)
    dnmf_loop_keep_failure(b->loop, dnmf_multiply(b->context, b->block, &b->h->gathered, &b->products));
  b->loop->seconds.product += dnmf_lap(&clock);
  return DNMF_OK;
}

/* The update of either factor's rows, from products and the Gram matrix of the other, by a solver. */
static void batch_solve(batch_fit *b, dnmf_solver solver, int sweeps, dnmf_update *update) {
  for (int sweep = 0; sweep < sweeps && b->loop->failure == DNMF_OK; sweep++)
    dnmf_loop_keep_failure(b->loop, dnmf_solver_update(solver, b->a->precision, b->context->isa, b->context->threads,
                                                       update, &b->context->error));
}

/* W_b <- update(W_b; A_b H', H H') */
static void batch_update_w(batch_fit *b, dnmf_solver solver, int sweeps) {
  double clock = MPI_Wtime();
  dnmf_update update = {.rows = b->rows.rows,
                        .components = b->rows.components,
                        .x = b->rows.data,
                        .products = b->products.data,
                        .gram = b->gram_h,
                        .l1 = b->l1_w,
                        .l2 = b->l2_w};
  batch_solve(b, solver, sweeps, &update);
  b->loop->seconds.update += dnmf_lap(&clock);
}

static void batch_keep_w(batch_fit *b) {
  size_t row_bytes = (size_t)b->rows.components * dnmf_precision_size(b->rows.precision);
  if (b->rows.rows > 0)
    memcpy(b->before.data, b->rows.data, (size_t)b->rows.rows * row_bytes);
}

/* gram_b = W_b' W_b, with <A_b, W_b H> and, at the end of a pass, what the penalties need of all W. */
static void batch_sum_w(batch_fit *b) {
  double clock = MPI_Wtime();
  double *control = dnmf_batch_control(b, b->gram_b);
  dnmf_loop_keep_failure(b->loop, dnmf_panel_gram(b->context, &b->rows, b->gram_b));
  control[BATCH_INNER] = dnmf_panel_dot(b->context, &b->products, &b->rows);
  dnmf_batch_sum_penalties_of_w(b);
  b->loop->seconds.gram += dnmf_lap(&clock);
}

/* Adds the batch to the terms of this pass's residual. */
static void batch_add_terms(batch_fit *b) {
  b->inner += dnmf_batch_control(b, b->gram_b)[BATCH_INNER];
  for (int64_t i = 0; i < dnmf_batch_squares(b); i++)
    b->crossed += b->gram_b[i] * b->gram_h[i];
}

/* The share of the new W_b becomes its change, where the old one is in S and G already. */
static void batch_take_out_old_share(batch_fit *b) {
  double clock = MPI_Wtime();
  dnmf_loop_keep_failure(b->loop, dnmf_panel_gram(b->context, &b->before, b->gram_before));
  for (int64_t i = 0; i < dnmf_batch_squares(b); i++)
    b->gram_b[i] -= b->gram_before[i];
  dnmf_panel_combine(b->context, -1, &b->before, 1, &b->rows);
  b->loop->seconds.gram += dnmf_lap(&clock);
}

/* h->products = the batch's share of S, gram_b = its share of G. */
static dnmf_status batch_contribute(batch_fit *b) {
  bool replaces = !forgets(b) && b->visited >= b->batches;
  batch_sum_w(b);
  if (replaces)
    batch_take_out_old_share(b);
  double clock = MPI_Wtime();
  if (b->loop->failure == DNMF_OK)
    dnmf_loop_keep_failure(
        b->loop, dnmf_multiply_transposed(b->context, b->block, replaces ? &b->before : &b->rows, &b->h->partial));
  b->loop->seconds.product += dnmf_lap(&clock);
  DNMF_TRY(dnmf_factor_sum_scatter(b->context, b->h));
  b->loop->seconds.exchange += dnmf_lap(&clock);
  return dnmf_batch_sum(b, b->gram_b);
}

/* S <- keep S + share, G <- keep G + share, H <- update(H; S, G). H's penalties weigh as the rows of A in S do. */
static void batch_update_sums_and_h(batch_fit *b) {
  int k = b->h->components;
  double rows = dnmf_batch_size(b);
  b->seen = forgets(b) ? b->keep * b->seen + rows : fmin(b->seen + rows, (double)b->a->rows);
  for (int64_t i = 0; i < dnmf_batch_squares(b); i++)
    b->gram_w[i] = b->keep * b->gram_w[i] + b->gram_b[i];
  dnmf_panel_combine(b->context, b->keep, &b->sums, 1, &b->h->products);
  double weight = b->seen / (double)b->a->rows;
  dnmf_update update = {.rows = b->h->mine.rows,
                        .components = k,
                        .x = b->h->mine.data,
                        .products = b->sums.data,
                        .gram = b->gram_w,
                        .l1 = b->l1_h * weight,
                        .l2 = b->l2_h * weight};
  batch_solve(b, b->settings->solver, dnmf_sweeps(b->settings), &update);
}

static void batch_update_h(batch_fit *b) {
  double clock = MPI_Wtime();
  if (b->divisors.data)
    dnmf_batch_update_online(b);
  else
    batch_update_sums_and_h(b);
  b->loop->seconds.update += dnmf_lap(&clock);
}

dnmf_status dnmf_batch_squared_error_step(batch_fit *b) {
  DNMF_TRY(batch_multiply(b)); /* A_b H' */
  batch_keep_w(b);
  batch_update_w(b, b->settings->solver, dnmf_sweeps(b->settings)); /* W_b <- update(W_b; A_b H', H H') */
  DNMF_TRY(batch_contribute(b));                                    /* A_b' W_b, W_b' W_b, or by how much they change */
  batch_add_terms(b);
  batch_update_h(b); /* S, G and H <- update(H; S, G) */
  return DNMF_OK;
}

dnmf_status dnmf_batch_squared_error_last_look(batch_fit *b) {
  DNMF_TRY(batch_multiply(b));
  batch_update_w(b, DNMF_SOLVER_BPP, 1); /* W_b <- its minimizer */
  batch_sum_w(b);
  DNMF_TRY(dnmf_batch_sum(b, b->gram_b));
  batch_add_terms(b);
  return DNMF_OK;
}
