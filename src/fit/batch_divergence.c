/*
 * A batch under a beta-divergence other than the squared error, by multiplicative updates: an all-gather of H, a
 * reduce-scatter of the batch's numerators (and but for Kullback-Leibler denominators), and two all-reduces, with which
 * everything else rides along.
 */
#include "batch_state.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"
#include "matrix/divergence.h"

#include <stdlib.h>
#include <string.h>

static double beta_of(const batch_fit *b) {
  return b->settings->loss.beta;
}

dnmf_status dnmf_batch_divergence_open(batch_fit *b) {
  if (beta_of(b) == 1)
    return DNMF_OK;
  const dnmf_panel *w = &b->products;
  DNMF_TRY(dnmf_panel_create(&b->context->error, "denominators of a batch", w->rows, w->components, w->precision,
                             &b->denominators));
  return dnmf_factor_add_denominators(b->context, b->h);
}

void dnmf_batch_divergence_close(batch_fit *b) {
  dnmf_panel_free(&b->denominators);
  dnmf_factor_drop_denominators(b->h);
  dnmf_csr_free(&b->columns);
}

/* --- The block, by columns too ----------------------------------------------------------------------------- */

static dnmf_status allocate_columns(batch_fit *b, int64_t entries) {
  dnmf_error *error = &b->context->error;
  void *memory = NULL;
  dnmf_csr_free(&b->columns);
  b->columns_room = 0;
  DNMF_TRY(dnmf_allocate(error, "a batch by columns", b->a->cols + 1, sizeof(int64_t), &memory));
  b->columns.start = memory;
  DNMF_TRY(dnmf_allocate(error, "a batch by columns", entries, sizeof(int32_t), &memory));
  b->columns.index = memory;
  DNMF_TRY(
      dnmf_allocate(error, "a batch by columns", entries, dnmf_precision_size(b->a->precision), &b->columns.value));
  b->columns_room = entries;
  return DNMF_OK;
}

/* A_b with the figures of all of A, which floors depend on, and a sparse one by columns too. */
static dnmf_status divergence_block(batch_fit *b, dnmf_matrix *block) {
  *block = *b->block;
  block->sum = b->a->sum;
  block->sum_squares = b->a->sum_squares;
  if (!block->sparse)
    return DNMF_OK;
  const int64_t entries = block->by_rows.start[block->by_rows.rows];
  if (!b->columns.start || entries > b->columns_room)
    DNMF_TRY(allocate_columns(b, entries));
  dnmf_csr_transpose(&block->by_rows, block->precision, b->context->threads, &b->columns);
  block->by_cols = b->columns;
  return DNMF_OK;
}

/* --- W ----------------------------------------------------------------------------------------------------- */

/* W_b <- W_b * (N / D)^exponent, once. */
static dnmf_status divergence_update_w(batch_fit *b, const dnmf_matrix *block) {
  dnmf_context *context = b->context;
  const double beta = beta_of(b);
  const int k = b->rows.components;
  dnmf_divergence d = {
      .beta = beta, .w = &b->rows, .h = &b->h->gathered, .numerators = &b->products, .denominators = &b->denominators};
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_diverge(context, block, &d));
  b->loop->seconds.product += dnmf_lap(&clock);
  dnmf_ratio ratio = {.rows = b->rows.rows,
                      .components = k,
                      .x = b->rows.data,
                      .numerators = b->products.data,
                      .denominators = beta == 1 ? NULL : b->denominators.data,
                      .sums = b->gram_h,
                      .l1 = b->l1_w,
                      .l2 = b->l2_w,
                      .exponent = dnmf_divergence_exponent(beta),
                      .smallest = dnmf_divergence_smallest(beta, false, dnmf_matrix_mean(b->a), k)};
  const dnmf_status status =
      dnmf_solver_multiply(b->a->precision, context->isa, context->threads, &ratio, &context->error);
  b->loop->seconds.update += dnmf_lap(&clock);
  return status;
}

/* --- H ----------------------------------------------------------------------------------------------------- */

/* What H's update needs of the batch, into h->partial, and what the loss of the batch does, behind gram_b. */
static dnmf_status divergence_contribute(batch_fit *b, const dnmf_matrix *block) {
  dnmf_divergence d = {.beta = beta_of(b),
                       .transposed = true,
                       .w = &b->rows,
                       .h = &b->h->gathered,
                       .numerators = &b->h->partial,
                       .denominators = &b->h->partial_denominators,
                       .want_loss = true};
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_diverge(b->context, block, &d));
  b->loop->seconds.product += dnmf_lap(&clock);
  memset(b->gram_b, 0, (size_t)dnmf_batch_squares(b) * sizeof *b->gram_b);
  if (d.beta == 1)
    dnmf_panel_sum_columns(&b->rows, b->gram_b);
  else
    b->gram_b[0] = d.powers;
  dnmf_batch_control(b, b->gram_b)[BATCH_INNER] = d.stored;
  return DNMF_OK;
}

/* Adds the loss of the batch, before H changes. */
static void divergence_add_loss(batch_fit *b) {
  double powers = b->gram_b[0];
  if (beta_of(b) == 1) {
    powers = 0;
    for (int c = 0; c < b->h->components; c++)
      powers += b->gram_b[c] * b->gram_h[c];
  }
  b->inner += dnmf_divergence_total(beta_of(b), dnmf_batch_control(b, b->gram_b)[BATCH_INNER], powers);
}

static void divergence_update_h(batch_fit *b) {
  double clock = MPI_Wtime();
  dnmf_batch_update_online(b);
  b->loop->seconds.update += dnmf_lap(&clock);
}

/* --- A batch ----------------------------------------------------------------------------------------------- */

/* W_b, and what is summed of it. */
static dnmf_status divergence_do_rows(batch_fit *b, int updates) {
  dnmf_matrix block;
  DNMF_TRY(b->loop->failure);
  DNMF_TRY(divergence_block(b, &block));
  if (beta_of(b) <= 0 && b->visited < b->batches)
    DNMF_TRY(dnmf_matrix_require_positive(b->context, &block));
  for (int i = 0; i < updates; i++)
    DNMF_TRY(divergence_update_w(b, &block));
  dnmf_batch_sum_penalties_of_w(b);
  return divergence_contribute(b, &block);
}

dnmf_status dnmf_batch_divergence_step(batch_fit *b) {
  DNMF_TRY(dnmf_batch_gather_h(b));
  dnmf_loop_keep_failure(b->loop, divergence_do_rows(b, dnmf_sweeps(b->settings)));
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_sum_scatter(b->context, b->h));
  b->loop->seconds.exchange += dnmf_lap(&clock);
  DNMF_TRY(dnmf_batch_sum(b, b->gram_b));
  divergence_add_loss(b);
  divergence_update_h(b);
  return DNMF_OK;
}

dnmf_status dnmf_batch_divergence_last_look(batch_fit *b) {
  DNMF_TRY(dnmf_batch_gather_h(b));
  dnmf_loop_keep_failure(b->loop, divergence_do_rows(b, BATCH_LAST_UPDATES));
  DNMF_TRY(dnmf_batch_sum(b, b->gram_b));
  divergence_add_loss(b);
  return DNMF_OK;
}
