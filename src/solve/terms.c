/*
 * Implicit terms: rows are handed to threads in ranges of a fixed length, whose sums are added in order, so that the
 * result is the same for any number of threads.
 */
#include "solve/terms.h"

#include "terms_kernels.h"

#include "base/exact_sum.h"
#include "base/memory.h"
#include "base/team.h"
#include "base/variant.h"

#include <stddef.h>
#include <stdlib.h>

enum { RANGE = 512 };

DNMF_DECLARE_VARIANTS(terms_kernels, dnmf_terms_kernels);

static const terms_kernels *choose_kernels(dnmf_precision precision, dnmf_isa isa) {
  static const terms_kernels *const kernels[DNMF_PRECISIONS][DNMF_ISAS] = DNMF_VARIANTS(dnmf_terms_kernels);
  return kernels[precision][isa];
}

static int64_t range_count(int64_t rows) {
  return (rows + RANGE - 1) / RANGE;
}

static int64_t range_end(int64_t rows, int64_t range) {
  return range * RANGE + RANGE < rows ? range * RANGE + RANGE : rows;
}

void dnmf_terms_shares(const dnmf_observed_update *update, double *share) {
  for (int64_t row = 0; row < update->rows; row++) {
    const double entries = (double)(update->start[row + 1] - update->start[row]);
    share[2 * row] = share[2 * row + 1] = 0;
    if (entries == 0)
      continue;
    share[2 * row] = update->l2 * pow(entries + update->count_extra, update->count_power) / entries;
    if (update->fit_bias)
      share[2 * row + 1] = update->l2_bias * pow(entries, update->bias_power) / entries;
  }
}

void dnmf_terms_curvatures(const dnmf_terms *terms, const double *arrived) {
  for (int64_t j = 0; j < terms->bringers; j++) {
    terms->curvature[2 * j] = terms->curvature[2 * j + 1] = 0;
    for (int64_t e = terms->start[j]; e < terms->start[j + 1]; e++)
      for (int i = 0; i < 2; i++)
        terms->curvature[2 * j + i] += arrived[2 * (int64_t)terms->index[e] + i];
  }
}

/* A pass over rows in ranges. */
typedef struct ranges_call {
  const terms_kernels *kernels;
  const dnmf_terms *terms;
  const dnmf_observed_update *update;
  const void *arrived;
  int64_t rows;
  double *sums; /* `width` for each range */
  int64_t width;
  int64_t own; /* numbers of them before the room for a row */
  int stride;
  const double *steps;
  const void *direction;
  void *moved;
} ranges_call;

static void rest_ranges(void *of_call, int64_t begin, int64_t end) {
  const ranges_call *call = of_call;
  for (int64_t r = begin; r < end; r++)
    call->kernels->rests(call->terms, r * RANGE, range_end(call->rows, r));
}

void dnmf_terms_rests(const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa, int threads) {
  const dnmf_observed_update *update = terms->update;
  ranges_call call = {.kernels = choose_kernels(precision, isa), .terms = terms, .rows = update->rows};
  const int team = dnmf_team(threads, 2.0 * (double)update->rows * update->stride);
  dnmf_team_run(team, range_count(update->rows), rest_ranges, &call);
}

/* Each range's sums, with room for a row behind. */
static dnmf_status allocate_sums(dnmf_error *error, int64_t ranges, int64_t width, double **sums) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "sums of implicit terms", ranges, (size_t)width * sizeof(double), &memory));
  *sums = memory;
  return DNMF_OK;
}

static void direction_ranges(void *of_call, int64_t begin, int64_t end) {
  const ranges_call *call = of_call;
  for (int64_t r = begin; r < end; r++) {
    double *sums = call->sums + r * call->width;
    call->kernels->directions(call->terms, call->arrived, r * RANGE, range_end(call->rows, r), sums, sums + call->own);
  }
}

dnmf_status dnmf_terms_directions(dnmf_error *error, const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa,
                                  int threads, const void *arrived, double *sums, double *penalty) {
  const int64_t stride = terms->update->stride;
  const int64_t exact = (int64_t)2 * DNMF_EXACT_PARTS * stride;
  const int64_t width = exact + 1 + stride;
  const int64_t ranges = range_count(terms->bringers);
  double *of_ranges = NULL;
  for (int64_t i = 0; i < exact; i++)
    sums[i] = 0;
  *penalty = 0;
  DNMF_TRY(allocate_sums(error, ranges, width, &of_ranges));
  const double operations = (double)terms->start[terms->bringers] * (double)stride;
  ranges_call call = {.kernels = choose_kernels(precision, isa),
                      .terms = terms,
                      .arrived = arrived,
                      .rows = terms->bringers,
                      .sums = of_ranges,
                      .width = width,
                      .own = exact + 1};
  dnmf_team_run(dnmf_team(threads, operations), ranges, direction_ranges, &call);
  for (int64_t r = 0; r < ranges; r++) {
    for (int64_t i = 0; i < exact; i++)
      sums[i] += of_ranges[r * width + i];
    *penalty += of_ranges[r * width + exact];
  }
  free(of_ranges);
  return DNMF_OK;
}

static void spread_ranges(void *of_call, int64_t begin, int64_t end) {
  const ranges_call *call = of_call;
  for (int64_t r = begin; r < end; r++) {
    double *sums = call->sums + r * call->width;
    call->kernels->spread(call->update, call->terms ? call->terms->unit : NULL, call->arrived, r * RANGE,
                          range_end(call->rows, r), call->moved, call->terms ? sums : NULL, sums + call->own);
  }
}

dnmf_status dnmf_terms_spread(dnmf_error *error, const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa,
                              int threads, const void *arrived, double *sums) {
  const dnmf_observed_update *update = terms->update;
  const int64_t stride = update->stride;
  const int64_t exact = DNMF_EXACT_PARTS * stride;
  const int64_t width = exact + stride;
  const int64_t ranges = range_count(update->rows);
  double *of_ranges = NULL;
  DNMF_TRY(allocate_sums(error, ranges, width, &of_ranges));
  const double operations = (double)update->start[update->rows] * (double)stride;
  ranges_call call = {.kernels = choose_kernels(precision, isa),
                      .terms = terms,
                      .update = update,
                      .arrived = arrived,
                      .rows = update->rows,
                      .sums = of_ranges,
                      .width = width,
                      .own = exact,
                      .moved = terms->rows};
  dnmf_team_run(dnmf_team(threads, operations), ranges, spread_ranges, &call);
  for (int64_t r = 0; r < ranges; r++)
    for (int64_t i = 0; i < exact; i++)
      sums[exact + i] += of_ranges[r * width + i];
  free(of_ranges);
  return DNMF_OK;
}

static void move_ranges(void *of_call, int64_t begin, int64_t end) {
  const ranges_call *call = of_call;
  for (int64_t r = begin; r < end; r++)
    call->kernels->move(call->stride, call->steps, call->direction, r * RANGE, range_end(call->rows, r), call->moved);
}

/* moved += steps * direction */
static void move_rows(const terms_kernels *kernels, int threads, int stride, const double *steps, const void *direction,
                      int64_t rows, void *moved) {
  ranges_call call = {
      .kernels = kernels, .rows = rows, .stride = stride, .steps = steps, .direction = direction, .moved = moved};
  dnmf_team_run(dnmf_team(threads, (double)rows * stride), range_count(rows), move_ranges, &call);
}

void dnmf_terms_move(const dnmf_terms *terms, dnmf_precision precision, dnmf_isa isa, int threads, double *sums,
                     void *moved) {
  const terms_kernels *kernels = choose_kernels(precision, isa);
  const int stride = terms->update->stride;
  for (int i = 0; i < stride; i++) {
    const double along = dnmf_exact_value(sums + (ptrdiff_t)DNMF_EXACT_PARTS * i);
    const double curvature = dnmf_exact_value(sums + (ptrdiff_t)DNMF_EXACT_PARTS * (stride + i));
    sums[i] = curvature > 0 ? along / curvature : 0;
  }
  move_rows(kernels, threads, stride, sums, terms->direction, terms->bringers, terms->brought);
  move_rows(kernels, threads, stride, sums, terms->rows, terms->update->rows, moved);
}

dnmf_status dnmf_terms_of_rows(dnmf_error *error, const dnmf_observed_update *update, dnmf_precision precision,
                               dnmf_isa isa, int threads, const void *arrived, void *moved) {
  const int64_t ranges = range_count(update->rows);
  double *of_ranges = NULL;
  DNMF_TRY(allocate_sums(error, ranges, update->stride, &of_ranges));
  const double operations = (double)update->start[update->rows] * update->stride;
  ranges_call call = {.kernels = choose_kernels(precision, isa),
                      .update = update,
                      .arrived = arrived,
                      .rows = update->rows,
                      .sums = of_ranges,
                      .width = update->stride,
                      .moved = moved};
  dnmf_team_run(dnmf_team(threads, operations), ranges, spread_ranges, &call);
  free(of_ranges);
  return DNMF_OK;
}
