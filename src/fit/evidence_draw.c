/* Implicit terms in a chain: conjugate gradients over all processes. */
#include "evidence_draw.h"

#include "posterior_prior.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_ITERATIONS = 40 };

static const double ENOUGH = 1e-3; /* of the first r^2: some hundredths of what is to be found are left */

/* --- Memory ------------------------------------------------------------------------------------------------ */

dnmf_status evidence_draw_create(dnmf_error *error, evidence_draw *draw) {
  static const char what[] = "draws of implicit terms";
  void *memory = NULL;
  if (!draw->side.view)
    return DNMF_OK;
  const dnmf_panel *brought = draw->side.brought;
  const int64_t stride = brought->components;
  const int64_t rows = draw->side.terms->rows > brought->rows ? draw->side.terms->rows : brought->rows;
  DNMF_TRY(evidence_side_create(error, &draw->side));
  DNMF_TRY(dnmf_panel_create(error, what, brought->rows, brought->components, brought->precision, &draw->rest));
  DNMF_TRY(dnmf_allocate_zero(error, what, (6 + 2 * DNMF_EXACT_PARTS) * stride + dnmf_terms_draw_room(rows, stride),
                              sizeof(double), &memory));
  draw->tau = memory;
  draw->lambda_ratio = draw->tau + stride;
  draw->unit = draw->lambda_ratio + stride;
  draw->step = draw->unit + stride;
  draw->slope = draw->step + stride;
  draw->enough = draw->slope + stride;
  draw->parts = draw->enough + stride;
  draw->partial = draw->parts + (int64_t)2 * DNMF_EXACT_PARTS * stride;
  return DNMF_OK;
}

void evidence_draw_free(evidence_draw *draw) {
  evidence_side_free(&draw->side);
  dnmf_panel_free(&draw->rest);
  free(draw->tau);
  *draw = (evidence_draw){.tau = NULL};
}

dnmf_status evidence_draw_begin(dnmf_context *context, const dnmf_observed_update *update, evidence_draw *draw) {
  return evidence_side_begin(context, update, &draw->side);
}

/* --- Noise ------------------------------------------------------------------------------------------------- */

/* row i of x += scale[c] weight(i) times a standard normal number; `room` is for a row of those. */
static void add_noise(const dnmf_csr *entries, const dnmf_draw_key *key, bool by_share, const double *scale,
                      double *room, dnmf_panel *x) {
  for (int64_t row = 0; row < x->rows; row++) {
    const int64_t count = entries->start[row + 1] - entries->start[row];
    dnmf_draw_key own = *key;
    own.i += (uint64_t)row;
    if (count == 0)
      continue;
    const double weight = by_share ? 1 / sqrt((double)count) : 1;
    dnmf_draw_normals(&own, x->components, room);
    for (int c = 0; c < x->components; c++)
      dnmf_panel_set(x, row, c, dnmf_panel_get(x, row, c) + weight * scale[c] * room[c]);
  }
}

static void clear_panel(dnmf_panel *x) {
  for (int64_t row = 0; row < x->rows; row++)
    for (int c = 0; c < x->components; c++)
      dnmf_panel_set(x, row, c, 0);
}

/* side.work = the rows' share times what they differ by and u / sqrt(lambda); rest = sqrt(tau) / lambda v. */
static void start_rests(dnmf_context *context, const dnmf_observed_update *update, const double *lambda,
                        const evidence_sweep *sweep, evidence_draw *draw) {
  evidence_side *side = &draw->side;
  const dnmf_terms terms = {.update = update, .rows = side->work.data};
  const dnmf_draw_key of_rows = {sweep->seed, draw->stream_rows,
                                 dnmf_draw_place(side->view->owned.begin, sweep->sweep)};
  const dnmf_draw_key of_bringers = {sweep->seed, draw->stream_bringers,
                                     dnmf_draw_place(side->bringers->owned.begin, sweep->sweep)};
  double *scale = draw->step;
  dnmf_terms_rests(&terms, side->work.precision, context->isa, context->threads);
  for (int c = 0; c < update->stride; c++)
    scale[c] = c == update->components && !update->fit_bias ? 0 : 1 / sqrt(lambda[c]);
  add_noise(&side->view->entries, &of_rows, true, scale, draw->partial, &side->work);
  for (int c = 0; c < update->stride; c++)
    scale[c] = c == update->components && !update->fit_bias ? 0 : sqrt(draw->tau[c]) / lambda[c];
  clear_panel(&draw->rest);
  add_noise(&side->bringers->entries, &of_bringers, false, scale, draw->partial, &draw->rest);
}

/* --- Conjugate gradients ----------------------------------------------------------------------------------- */

/* The first half of the parts: sums that travel; the second: of ratio p^2, until it joins them. */
static void clear_parts(const evidence_draw *draw, int64_t stride, int halves) {
  for (int64_t i = 0; i < (int64_t)halves * DNMF_EXACT_PARTS * stride; i++)
    draw->parts[i] = 0;
}

static void join_parts(const evidence_draw *draw, int64_t stride) {
  for (int64_t i = 0; i < DNMF_EXACT_PARTS * stride; i++)
    draw->parts[i] += draw->parts[DNMF_EXACT_PARTS * stride + i];
}

/* What travels in one iteration. */
typedef struct draw_exchange {
  dnmf_context *context;
  dnmf_panel *needed;
  dnmf_panel *bringers_needed;
} draw_exchange;

static dnmf_status sum_parts(const draw_exchange *e, const evidence_draw *draw, int64_t stride) {
  return dnmf_sum_gram(e->context, draw->parts, 0, DNMF_EXACT_PARTS * stride);
}

static double part_value(const evidence_draw *draw, int64_t component) {
  return dnmf_exact_value(draw->parts + DNMF_EXACT_PARTS * component);
}

/* step = slope / curvature, of components that are not there yet. */
static void set_steps(evidence_draw *draw, int stride) {
  for (int c = 0; c < stride; c++) {
    const double curvature = part_value(draw, c);
    const bool moves = draw->slope[c] > draw->enough[c] && curvature > 0;
    draw->step[c] = moves ? draw->slope[c] / curvature : 0;
  }
}

/* step = the share of the direction that is kept; false when all are there. */
static bool turn_steps(evidence_draw *draw, int stride) {
  bool any = false;
  for (int c = 0; c < stride; c++) {
    const double slope = part_value(draw, c);
    const bool moves = draw->slope[c] > draw->enough[c];
    draw->step[c] = moves ? slope / draw->slope[c] : 0;
    draw->slope[c] = moves ? slope : draw->slope[c];
    any = any || draw->slope[c] > draw->enough[c];
  }
  return any;
}

/* From r and p to the next ones. */
static dnmf_status iterate_draw(const draw_exchange *e, const dnmf_terms_draw *terms, evidence_draw *draw,
                                bool *goes_on) {
  const int stride = terms->stride;
  evidence_side *side = &draw->side;
  DNMF_TRY(dnmf_ratings_gather(e->context, side->view, &side->direction, e->needed));
  clear_parts(draw, stride, 1);
  dnmf_terms_draw_spread(terms, e->needed->data);
  join_parts(draw, stride);
  DNMF_TRY(sum_parts(e, draw, stride));
  set_steps(draw, stride);
  dnmf_terms_draw_climb(terms);
  DNMF_TRY(dnmf_ratings_gather(e->context, side->bringers, &side->work, e->bringers_needed));
  clear_parts(draw, stride, 2);
  dnmf_terms_draw_advance(terms, e->bringers_needed->data);
  DNMF_TRY(sum_parts(e, draw, stride));
  *goes_on = turn_steps(draw, stride);
  clear_parts(draw, stride, 2);
  dnmf_terms_draw_turn(terms);
  return DNMF_OK;
}

dnmf_status evidence_draw_step(dnmf_context *context, const dnmf_observed_update *update, const double *lambda,
                               const evidence_sweep *sweep, dnmf_panel *needed, dnmf_panel *bringers_needed,
                               evidence_draw *draw) {
  evidence_side *side = &draw->side;
  const int stride = update->stride;
  const draw_exchange exchange = {context, needed, bringers_needed};
  const dnmf_terms_draw terms = {.precision = side->work.precision,
                                 .isa = context->isa,
                                 .threads = context->threads,
                                 .stride = stride,
                                 .rows = update->rows,
                                 .row_start = update->start,
                                 .row_index = update->index,
                                 .terms = side->terms->data,
                                 .spread = side->work.data,
                                 .bringers = side->brought->rows,
                                 .start = side->bringers->entries.start,
                                 .index = side->bringers->entries.index,
                                 .brought = side->brought->data,
                                 .rest = draw->rest.data,
                                 .direction = side->direction.data,
                                 .curvature = side->curvature,
                                 .ratio = draw->lambda_ratio,
                                 .unit = draw->unit,
                                 .step = draw->step,
                                 .parts = draw->parts,
                                 .partial = draw->partial};
  for (int c = 0; c < stride; c++) {
    draw->lambda_ratio[c] = draw->tau[c] / lambda[c];
    draw->unit[c] = lambda[c];
  }
  start_rests(context, update, lambda, sweep, draw);
  DNMF_TRY(dnmf_ratings_gather(context, side->bringers, &side->work, bringers_needed));
  clear_parts(draw, stride, 2);
  dnmf_terms_draw_begin(&terms, bringers_needed->data);
  DNMF_TRY(sum_parts(&exchange, draw, stride));
  for (int c = 0; c < stride; c++) {
    draw->slope[c] = part_value(draw, c);
    draw->enough[c] = ENOUGH * draw->slope[c];
  }
  bool goes_on = true;
  for (int i = 0; i < MOST_ITERATIONS && goes_on; i++)
    DNMF_TRY(iterate_draw(&exchange, &terms, draw, &goes_on));
  return DNMF_OK;
}

/* --- Precisions -------------------------------------------------------------------------------------------- */

int64_t evidence_draw_sums_count(const evidence_draw *draw) {
  return draw->side.view ? (int64_t)DNMF_EXACT_PARTS * (1 + draw->side.brought->components) : 0;
}

void evidence_draw_sums(const evidence_draw *draw, double unit, double *sums) {
  const int64_t count = evidence_draw_sums_count(draw);
  for (int64_t i = 0; i < count; i++)
    sums[i] = 0;
  if (count == 0)
    return;
  const dnmf_panel *y = draw->side.brought;
  const int64_t *start = draw->side.bringers->entries.start;
  for (int64_t row = 0; row < y->rows; row++) {
    if (start[row] == start[row + 1])
      continue;
    dnmf_exact_add(1, sums);
    for (int c = 0; c < y->components; c++) {
      const double number = dnmf_panel_get(y, row, c) / dnmf_prior_unit(c, y->components, unit);
      dnmf_exact_add(number * number, sums + (ptrdiff_t)DNMF_EXACT_PARTS * (1 + c));
    }
  }
}

void evidence_draw_tau(const double *sums, double unit, const dnmf_draw_key *key, int64_t first, evidence_draw *draw) {
  if (!draw->side.view)
    return;
  const int stride = draw->side.brought->components;
  const double count = dnmf_exact_value(sums);
  for (int c = 0; c < stride; c++) {
    const double own = dnmf_prior_unit(c, stride, unit);
    const double squares = dnmf_exact_value(sums + (ptrdiff_t)DNMF_EXACT_PARTS * (1 + c));
    dnmf_draw_key of = *key;
    of.i += (uint64_t)(first + c);
    draw->tau[c] =
        dnmf_draw_gamma(&of, 0, DNMF_PRIOR_SHAPE + 0.5 * count) / ((DNMF_PRIOR_RATE + 0.5 * squares) * own * own);
  }
}
