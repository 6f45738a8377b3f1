/*
 * One batch, by the step of its loss.
 */
#include "batch_state.h"

#include "comm/clock.h"

/* A_b and W_b of the batch whose turn it is. */
static void batch_receive(batch_fit *b, bool read_on) {
  double clock = MPI_Wtime();
  dnmf_range place = dnmf_batch_place(b->context, b->a->rows, b->settings->batches.rows, b->visited % b->batches);
  b->rows = dnmf_panel_rows(b->w, place);
  b->products.rows = b->before.rows = b->denominators.rows = b->rows.rows;
  if (b->loop->failure == DNMF_OK)
    dnmf_loop_keep_failure(b->loop, dnmf_row_blocks_next(b->context, b->blocks, read_on, &b->block));
  b->loop->seconds.read += dnmf_lap(&clock);
}

dnmf_status dnmf_batch_step(batch_fit *b) {
  batch_receive(b, true);
  DNMF_TRY(b->settings->loss.divergence ? dnmf_batch_divergence_step(b) : dnmf_batch_squared_error_step(b));
  DNMF_TRY(dnmf_batch_sum_h(b));
  b->visited++;
  return DNMF_OK;
}

dnmf_status dnmf_batch_last_look(batch_fit *b, bool read_on) {
  batch_receive(b, read_on);
  DNMF_TRY(b->settings->loss.divergence ? dnmf_batch_divergence_last_look(b) : dnmf_batch_squared_error_last_look(b));
  b->visited++;
  return DNMF_OK;
}
