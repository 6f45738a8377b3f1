/* Implicit terms: what travels between the rows and those that bring them terms. */
#include "evidence.h"

#include "observed_start.h"

#include "base/exact_sum.h"
#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <stdlib.h>

static dnmf_evidence_of evidence_of(const dnmf_settings *settings) {
  return dnmf_observed_is_around_level(settings) ? settings->observed.evidence : DNMF_EVIDENCE_NONE;
}

bool dnmf_evidence_has_rows(const dnmf_settings *settings) {
  const dnmf_evidence_of of = evidence_of(settings);
  return of == DNMF_EVIDENCE_ROWS || of == DNMF_EVIDENCE_BOTH;
}

bool dnmf_evidence_has_cols(const dnmf_settings *settings) {
  const dnmf_evidence_of of = evidence_of(settings);
  return of == DNMF_EVIDENCE_COLS || of == DNMF_EVIDENCE_BOTH;
}

const char *dnmf_evidence_name(const dnmf_settings *settings) {
  static const char *const names[] = {"none", "rows", "cols", "both"};
  return names[evidence_of(settings)];
}

/* --- The terms of a fit ------------------------------------------------------------------------------------ */

dnmf_status dnmf_evidence_create(dnmf_error *error, const dnmf_settings *settings, const dnmf_ratings *ratings,
                                 dnmf_evidence *evidence) {
  static const char what[] = "implicit terms";
  const int64_t rows = dnmf_range_size(ratings->by_rows.owned);
  const int64_t cols = dnmf_range_size(ratings->by_cols.owned);
  const int stride = dnmf_observed_stride(settings);
  *evidence = (dnmf_evidence){.row_terms = {0}};
  if (dnmf_evidence_has_rows(settings)) {
    DNMF_TRY(dnmf_panel_create(error, what, rows, stride, ratings->precision, &evidence->row_terms));
    DNMF_TRY(dnmf_panel_create(error, what, cols, stride, ratings->precision, &evidence->of_cols));
  }
  if (dnmf_evidence_has_cols(settings)) {
    DNMF_TRY(dnmf_panel_create(error, what, cols, stride, ratings->precision, &evidence->col_terms));
    DNMF_TRY(dnmf_panel_create(error, what, rows, stride, ratings->precision, &evidence->of_rows));
  }
  return DNMF_OK;
}

void dnmf_evidence_free(dnmf_evidence *evidence) {
  dnmf_panel_free(&evidence->row_terms);
  dnmf_panel_free(&evidence->of_cols);
  dnmf_panel_free(&evidence->col_terms);
  dnmf_panel_free(&evidence->of_rows);
}

/* --- One side at work -------------------------------------------------------------------------------------- */

dnmf_status evidence_side_create(dnmf_error *error, evidence_side *side) {
  static const char what[] = "a step of implicit terms";
  void *memory = NULL;
  if (!side->view)
    return DNMF_OK;
  const dnmf_panel *terms = side->terms;
  DNMF_TRY(dnmf_panel_create(error, what, terms->rows, terms->components, terms->precision, &side->work));
  DNMF_TRY(dnmf_panel_create(error, what, side->brought->rows, terms->components, terms->precision, &side->direction));
  DNMF_TRY(dnmf_allocate(error, what, side->brought->rows, 2 * sizeof(double), &memory));
  side->curvature = memory;
  DNMF_TRY(dnmf_allocate(error, what, terms->components, (size_t)2 * DNMF_EXACT_PARTS * sizeof(double), &memory));
  side->sums = memory;
  return DNMF_OK;
}

void evidence_side_free(evidence_side *side) {
  dnmf_panel_free(&side->work);
  dnmf_panel_free(&side->direction);
  free(side->curvature);
  free(side->sums);
  *side = (evidence_side){.view = NULL};
}

static dnmf_terms terms_of(const dnmf_observed_update *update, const evidence_side *side) {
  const double deviation = update->level > 0 ? 4 * update->level * update->level : 1; /* about that of the ratings */
  const double of_bias = update->l2_bias * deviation * deviation;
  return (dnmf_terms){.update = update,
                      .unit = {update->l2 * deviation, of_bias > 0 ? of_bias : 1},
                      .weight = side->weight,
                      .rows = side->work.data,
                      .bringers = side->brought->rows,
                      .start = side->bringers->entries.start,
                      .index = side->bringers->entries.index,
                      .brought = side->brought->data,
                      .direction = side->direction.data,
                      .curvature = side->curvature};
}

dnmf_status evidence_side_begin(dnmf_context *context, const dnmf_observed_update *update, evidence_side *side) {
  static const char what[] = "weights of implicit terms";
  void *share = NULL;
  void *arrived = NULL;
  if (!side->view)
    return DNMF_OK;
  dnmf_status status = dnmf_allocate(&context->error, what, update->rows, 2 * sizeof(double), &share);
  if (status == DNMF_OK)
    status = dnmf_allocate(&context->error, what, side->bringers->needed_count, 2 * sizeof(double), &arrived);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    const dnmf_terms terms = terms_of(update, side);
    dnmf_terms_shares(update, share);
    status = dnmf_fetch_items(context, &side->bringers->fetch, share, 2 * sizeof(double), arrived);
    if (status == DNMF_OK)
      dnmf_terms_curvatures(&terms, arrived);
  }
  free(share);
  free(arrived);
  return status;
}

dnmf_status evidence_side_step(dnmf_loop *loop, const dnmf_observed_update *update, dnmf_panel *needed,
                               dnmf_panel *bringers_needed, evidence_side *side, double *penalty) {
  dnmf_context *context = loop->context;
  const dnmf_precision precision = side->terms->precision;
  const dnmf_isa isa = context->isa;
  const int threads = context->threads;
  const dnmf_terms terms = terms_of(update, side);
  double own = 0;
  double clock = MPI_Wtime();
  dnmf_terms_rests(&terms, precision, isa, threads);
  loop->seconds.update += dnmf_lap(&clock);
  DNMF_TRY(dnmf_ratings_gather(context, side->bringers, &side->work, bringers_needed));
  loop->seconds.exchange += dnmf_lap(&clock);
  dnmf_loop_keep_failure(loop, dnmf_terms_directions(&context->error, &terms, precision, isa, threads,
                                                     bringers_needed->data, side->sums, &own));
  loop->seconds.update += dnmf_lap(&clock);
  DNMF_TRY(dnmf_ratings_gather(context, side->view, &side->direction, needed));
  loop->seconds.exchange += dnmf_lap(&clock);
  dnmf_loop_keep_failure(loop,
                         dnmf_terms_spread(&context->error, &terms, precision, isa, threads, needed->data, side->sums));
  loop->seconds.update += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram(context, side->sums, 0, (int64_t)2 * DNMF_EXACT_PARTS * update->stride));
  loop->seconds.exchange += dnmf_lap(&clock);
  dnmf_terms_move(&terms, precision, isa, threads, side->sums, side->terms->data);
  loop->seconds.update += dnmf_lap(&clock);
  *penalty += own;
  return DNMF_OK;
}

dnmf_status evidence_side_renew(dnmf_context *context, const dnmf_observed_update *update, dnmf_panel *needed,
                                const evidence_side *side) {
  DNMF_TRY(dnmf_ratings_gather(context, side->view, side->brought, needed));
  return dnmf_agree(context, dnmf_terms_of_rows(&context->error, update, needed->precision, context->isa,
                                                context->threads, needed->data, side->terms->data));
}
