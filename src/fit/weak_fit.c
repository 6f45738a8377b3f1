#include "fit/weak_fit.h"

#include "base/memory.h"
#include "comm/clock.h"
#include "comm/collective.h"

#include <math.h>
#include <stdlib.h>

dnmf_implicit_defaults dnmf_implicit_default_settings(void) {
  return (dnmf_implicit_defaults){.weak = {.on = true,
                                           .weight = 1,
                                           .confidence = DNMF_CONFIDENCE_LOG,
                                           .alpha = -1,
                                           .epsilon = -1,
                                           .target_one = true,
                                           .like = -1},
                                  .count_power = 0.5,
                                  .max_iterations = 100};
}

void dnmf_weak_settle(const dnmf_ratings *ratings, dnmf_weak_settings *settings) {
  const double mean = ratings->mean > 0 ? ratings->mean : 1;
  const bool crowds_above = ratings->mean > (ratings->smallest + ratings->largest) / 2 * (1 + 1e-9);
  if (!settings->target_one)
    return;
  if (settings->like < 0)
    settings->like = crowds_above ? ratings->mean : 0;
  if (ratings->precision == DNMF_SINGLE) /* as the values are: 0.7 is not less than a `like` of 0.7 */
    settings->like = (double)(float)settings->like;
  if (settings->epsilon < 0)
    settings->epsilon = 2 * mean;
  if (settings->alpha < 0)
    settings->alpha = settings->confidence == DNMF_CONFIDENCE_LOG ? 16 : 6.5 / mean;
}

double dnmf_weak_default_l2(const dnmf_ratings *ratings, const dnmf_weak_settings *settings, double count_power) {
  const double rows = (double)ratings->rows;
  const double cols = (double)ratings->cols;
  const double stored = (double)ratings->stored;
  const double counts = stored + settings->weight * (rows * cols - stored);
  return 1.1 * pow(counts / sqrt(rows * cols), 0.5 - count_power);
}

double dnmf_weak_target(const dnmf_weak_settings *settings, double value) {
  return settings->target_one ? dnmf_weak_likes(value, settings->like) : value;
}

double dnmf_weak_confidence(const dnmf_weak_settings *settings, double value) {
  if (settings->target_one && value < settings->like)
    return settings->weight;
  switch (settings->confidence) {
  case DNMF_CONFIDENCE_LINEAR:
    return 1 + settings->alpha * value;
  case DNMF_CONFIDENCE_LOG:
    return 1 + settings->alpha * log1p(value / settings->epsilon);
  default:
    return 1;
  }
}

dnmf_status dnmf_weak_measure(dnmf_context *context, const dnmf_weak_settings *settings, const dnmf_ratings_view *view,
                              dnmf_precision precision, double cells, dnmf_weak_figures *figures) {
  const dnmf_csr *entries = &view->entries;
  const int64_t stored = entries->start[entries->rows];
  const dnmf_number number = dnmf_number_of(precision, entries->narrow);
  double sums[5] = {(double)stored, 0, 0, 0, 0};
  for (int64_t e = 0; e < stored; e++) {
    const double value = dnmf_number_at(number, entries->value, e);
    const double target = dnmf_weak_target(settings, value);
    const double confidence = dnmf_weak_confidence(settings, value);
    sums[1] += confidence;
    sums[2] += confidence * target;
    sums[3] += confidence * target * target;
    sums[4] += target;
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 5));
  *figures = (dnmf_weak_figures){sums[1] + settings->weight * (cells - sums[0]), sums[2], sums[3], sums[4]};
  return DNMF_OK;
}

/* Confidences that differ, as the kernels need them. */
static dnmf_status weak_side_create_roots(dnmf_error *error, const dnmf_weak_settings *settings,
                                          const dnmf_ratings_view *view, dnmf_precision precision, weak_side *side) {
  const dnmf_csr *entries = &view->entries;
  const int64_t stored = entries->start[entries->rows];
  const dnmf_number number = dnmf_number_of(precision, entries->narrow);
  DNMF_TRY(dnmf_allocate(error, "confidences", stored, dnmf_precision_size(precision), &side->roots));
  for (int64_t e = 0; e < stored; e++) {
    const double confidence = dnmf_weak_confidence(settings, dnmf_number_at(number, entries->value, e));
    const double root = sqrt(confidence - settings->weight);
    if (precision == DNMF_DOUBLE)
      ((double *)side->roots)[e] = root;
    else
      ((float *)side->roots)[e] = (float)root;
  }
  return DNMF_OK;
}

dnmf_status weak_side_create(dnmf_error *error, const dnmf_weak_settings *settings, const dnmf_ratings_view *view,
                             dnmf_precision precision, int components, int64_t fixed_rows, weak_side *side) {
  void *memory = NULL;
  *side = (weak_side){.gram = NULL};
  DNMF_TRY(dnmf_allocate_zero(error, "a Gram matrix", (int64_t)components * components, sizeof(double), &memory));
  side->gram = memory;
  if (settings->confidence != DNMF_CONFIDENCE_ONE || settings->like > 0)
    DNMF_TRY(weak_side_create_roots(error, settings, view, precision, side));
  side->terms = (dnmf_weak){.weight = settings->weight,
                            .target_one = settings->target_one,
                            .like = settings->like,
                            .fixed_rows = fixed_rows,
                            .gram = side->gram,
                            .root = sqrt(1 - settings->weight),
                            .roots = side->roots};
  return DNMF_OK;
}

void weak_side_free(weak_side *side) {
  free(side->gram);
  free(side->roots);
  *side = (weak_side){.gram = NULL};
}

dnmf_status weak_side_take(dnmf_loop *loop, const dnmf_panel *fixed, weak_side *side) {
  double clock = MPI_Wtime();
  if (side->terms.weight == 0)
    return DNMF_OK;
  dnmf_loop_keep_failure(loop, dnmf_panel_gram(loop->context, fixed, side->gram));
  loop->seconds.gram += dnmf_lap(&clock);
  DNMF_TRY(dnmf_sum_gram(loop->context, side->gram, (int64_t)fixed->components * fixed->components, 0));
  loop->seconds.exchange += dnmf_lap(&clock);
  return DNMF_OK;
}
