/* Draws of implicit terms: rows are handed to threads in ranges of a fixed length. */
#include "solve/terms_draw.h"

#include "terms_draw_kernels.h"

#include "base/team.h"
#include "base/variant.h"

#include <string.h>

DNMF_DECLARE_VARIANTS(terms_draw_kernels, dnmf_terms_draw_kernels);

static const terms_draw_kernels *kernels_of(const dnmf_terms_draw *draw) {
  static const terms_draw_kernels *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_terms_draw_kernels);
  return kernels[draw->precision][draw->isa];
}

/* A part over rows in ranges. */
typedef struct draw_call {
  const dnmf_terms_draw *draw;
  terms_draw_part *part;
  const void *arrived;
  int64_t rows;
} draw_call;

static int64_t draw_sums_count(const dnmf_terms_draw *draw) {
  return 2 * (int64_t)DNMF_EXACT_PARTS * draw->stride;
}

static void draw_ranges(void *of_call, int64_t begin, int64_t end) {
  const draw_call *call = of_call;
  const int64_t sums = draw_sums_count(call->draw);
  const int64_t range = DNMF_TERMS_DRAW_RANGE;
  for (int64_t r = begin; r < end; r++) {
    double *own = call->draw->partial + r * (sums + call->draw->stride);
    memset(own, 0, (size_t)sums * sizeof *own);
    call->part(call->draw, call->arrived, r * range, r * range + range < call->rows ? r * range + range : call->rows,
               own, own + sums);
  }
}

/* The part over `rows` rows with so many entries; what it sums up is added to the draw's parts. */
static void run_part(const dnmf_terms_draw *draw, terms_draw_part *part, const void *arrived, int64_t rows,
                     int64_t entries) {
  const int64_t sums = draw_sums_count(draw);
  const int64_t width = sums + draw->stride;
  const int64_t range = DNMF_TERMS_DRAW_RANGE;
  const int64_t ranges = (rows + range - 1) / range;
  const double operations = ((double)entries + 4 * (double)rows) * draw->stride;
  draw_call call = {draw, part, arrived, rows};
  dnmf_team_run(dnmf_team(draw->threads, operations), ranges, draw_ranges, &call);
  for (int64_t r = 0; r < ranges; r++)
    for (int64_t i = 0; i < sums; i++)
      draw->parts[i] += draw->partial[r * width + i];
}

void dnmf_terms_draw_begin(const dnmf_terms_draw *draw, const void *arrived) {
  run_part(draw, kernels_of(draw)->begin, arrived, draw->bringers, draw->start[draw->bringers]);
}

void dnmf_terms_draw_spread(const dnmf_terms_draw *draw, const void *arrived) {
  run_part(draw, kernels_of(draw)->spread, arrived, draw->rows, draw->row_start[draw->rows]);
}

void dnmf_terms_draw_climb(const dnmf_terms_draw *draw) {
  run_part(draw, kernels_of(draw)->climb, NULL, draw->rows, 0);
}

void dnmf_terms_draw_advance(const dnmf_terms_draw *draw, const void *arrived) {
  run_part(draw, kernels_of(draw)->advance, arrived, draw->bringers, draw->start[draw->bringers]);
}

void dnmf_terms_draw_turn(const dnmf_terms_draw *draw) {
  run_part(draw, kernels_of(draw)->turn, NULL, draw->bringers, 0);
}
