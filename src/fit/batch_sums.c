/*
 * What the batches of every loss are made of: H on every process, sums over all processes, and mu's update of H.
 */
#include "batch_state.h"

#include "comm/clock.h"
#include "comm/collective.h"
#include "fit/online_update.h"
#include "solve/solver.h"

#include <string.h>

double dnmf_batch_size(const batch_fit *b) {
  return (double)dnmf_range_size(dnmf_batch_rows(b->a->rows, b->settings->batches.rows, b->visited % b->batches));
}

dnmf_status dnmf_batch_gather_h(batch_fit *b) {
  double clock = MPI_Wtime();
  DNMF_TRY(dnmf_factor_gather(b->context, b->h));
  b->loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}

dnmf_status dnmf_batch_sum(batch_fit *b, double *gram) {
  double clock = MPI_Wtime();
  double *control = dnmf_batch_control(b, gram);
  dnmf_loop_ask(b->loop, control + BATCH_ASKS);
  control[BATCH_FAILED] = b->loop->failure != DNMF_OK;
  DNMF_TRY(dnmf_sum_gram(b->context, gram, dnmf_batch_squares(b), BATCH_CONTROLS));
  b->loop->seconds.exchange += dnmf_lap(&clock);
  return control[BATCH_FAILED] > 0 ? dnmf_agree(b->context, b->loop->failure) : DNMF_OK;
}

void dnmf_batch_sum_penalties_of_w(batch_fit *b) {
  double *control = dnmf_batch_control(b, b->gram_b);
  bool last = (b->visited + 1) % b->batches == b->pass_ends;
  control[BATCH_SUM] = last && b->l1_w > 0 ? dnmf_panel_sum(b->w) : 0;
  control[BATCH_SQUARES] = last && b->l2_w > 0 ? dnmf_panel_dot(b->context, b->w, b->w) : 0;
}

dnmf_status dnmf_batch_sum_h(batch_fit *b) {
  double clock = MPI_Wtime();
  double *control = dnmf_batch_control(b, b->gram_h);
  if (b->settings->loss.divergence) {
    memset(b->gram_h, 0, (size_t)dnmf_batch_squares(b) * sizeof *b->gram_h);
    dnmf_panel_sum_columns(&b->h->mine, b->gram_h);
  } else {
    dnmf_loop_keep_failure(b->loop, dnmf_panel_gram(b->context, &b->h->mine, b->gram_h));
  }
  control[BATCH_INNER] = dnmf_panel_dot(b->context, &b->sums, &b->h->mine);
  control[BATCH_SUM] = b->l1_h > 0 ? dnmf_panel_sum(&b->h->mine) : 0;
  control[BATCH_SQUARES] = b->l2_h > 0 ? dnmf_panel_dot(b->context, &b->h->mine, &b->h->mine) : 0;
  b->loop->seconds.gram += dnmf_lap(&clock);
  return dnmf_batch_sum(b, b->gram_h);
}

void dnmf_batch_update_online(batch_fit *b) {
  const double share = dnmf_batch_size(b) / (double)b->a->rows;
  dnmf_online_update update = dnmf_online_update_of(b->h, b->settings->loss, dnmf_matrix_mean(b->a), b->gram_b);
  update.numerators = b->sums.data;
  update.denominators = b->divisors.data;
  update.keep = b->keep;
  update.l1 = b->l1_h * share;
  update.l2 = b->l2_h * share;
  dnmf_solver_update_online(b->a->precision, b->context->isa, b->context->threads, &update);
}
