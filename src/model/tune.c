#include "model/tune.h"

#include "fit/weak_fit.h"

#include "base/memory.h"
#include "base/random.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a group of processes works with: its own context over its own communicator, and all entries. */
typedef struct group {
  dnmf_context context;
  int index;
  dnmf_source source;
  dnmf_entries entries; /* distributed over the group */
} group;

/* Held-out sums of every (candidate, fold, iteration): squared errors, then counts; seconds a candidate; and of every
 * (candidate, fold) the ranking metric and the rows it is a mean of. */
typedef struct curves {
  int64_t steps; /* iterations + 1 */
  double *squares;
  double *counts;
  double *seconds;
  double *metrics;
  double *rows;
} curves;

/* Where a fit's results go. */
typedef struct fit_results {
  double *squares; /* a number an iteration */
  double *counts;
  double *seconds;
  double *metric;
  double *rows;
} fit_results;

int dnmf_tune_fold(uint64_t seed, int folds, int64_t row, int64_t col) {
  return (int)(dnmf_random_uniform(seed, DNMF_STREAM_FOLDS, (uint64_t)row, (uint64_t)col) * folds);
}

/* All entries of the input, distributed over the group by even row ranges. */
static dnmf_status load(group *g, const dnmf_tune_plan *plan) {
  dnmf_context *context = &g->context;
  dnmf_grid grid = {0};
  dnmf_layout layout = {0};
  dnmf_matrix matrix = {0};
  dnmf_status status = DNMF_OK;
  if (plan->opened) {
    g->source = *plan->opened;
    *plan->opened = (dnmf_source){.name = NULL};
  } else {
    status = dnmf_source_open(context, plan->input, &plan->source, &g->source);
  }
  g->source.rows_alone = true; /* its entries become ratings */
  if (status == DNMF_OK)
    status = dnmf_grid_create(context, context->size, 1, &grid);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_layout_even(&context->error, &grid, g->source.rows, g->source.cols, &layout));
  if (status == DNMF_OK)
    status = dnmf_source_load(context, &g->source, &layout, plan->precision, &matrix);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_matrix_to_entries(context, &matrix, &g->entries));
  dnmf_matrix_free(&matrix);
  dnmf_layout_free(&layout);
  dnmf_grid_free(&grid);
  return status;
}

/* Every fold needs an entry to be measured on; then none has all of them. collective in the group */
static dnmf_status check_folds(group *g, const dnmf_tune_plan *plan) {
  dnmf_context *context = &g->context;
  void *memory = NULL;
  DNMF_TRY(dnmf_agree(
      context, dnmf_allocate_zero(&context->error, "the sizes of folds", plan->folds, sizeof(int64_t), &memory)));
  int64_t *counts = memory;
  int64_t total = 0;
  int empty = -1;
  for (int64_t e = 0; e < g->entries.count; e++)
    counts[dnmf_tune_fold(plan->seed, plan->folds, g->entries.items[e].row, g->entries.items[e].col)]++;
  dnmf_status status = dnmf_sum_int64(context, context->comm, counts, plan->folds);
  for (int fold = 0; fold < plan->folds; fold++)
    total += counts[fold];
  for (int fold = plan->folds - 1; fold >= 0; fold--)
    empty = counts[fold] == 0 ? fold : empty;
  free(memory);
  if (status == DNMF_OK && empty >= 0)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "%s: of its %" PRId64 " ratings none falls by chance into fold %d of %d; give fewer folds with "
                       "--folds, or another --seed",
                       plan->input, total, empty + 1, plan->folds);
  return status;
}

/* Copies of the entries outside the fold and inside it. */
static dnmf_status split(dnmf_error *error, const dnmf_tune_plan *plan, const dnmf_entries *all, int fold,
                         dnmf_entries *kept, dnmf_entries *held_out) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "training entries", all->count, sizeof(dnmf_entry), &memory));
  kept->items = memory;
  DNMF_TRY(dnmf_allocate(error, "held-out entries", all->count, sizeof(dnmf_entry), &memory));
  held_out->items = memory;
  for (int64_t e = 0; e < all->count; e++) {
    dnmf_entry entry = all->items[e];
    dnmf_entries *to = dnmf_tune_fold(plan->seed, plan->folds, entry.row, entry.col) == fold ? held_out : kept;
    to->items[to->count++] = entry;
  }
  return DNMF_OK;
}

static dnmf_settings settings_of(const dnmf_tune_plan *plan, const dnmf_candidate *candidate,
                                 const dnmf_ratings *ratings) {
  dnmf_settings settings = plan->fit;
  settings.components = candidate->components;
  settings.observed.bias_rows = candidate->bias;
  settings.observed.bias_cols = candidate->bias;
  settings.penalties.count_power = candidate->count_power;
  settings.observed.evidence = candidate->evidence;
  settings.observed.l2_evidence = candidate->l2_evidence >= 0 ? candidate->l2_evidence : DNMF_L2_EVIDENCE;
  const bool weak = settings.observed.weak.on;
  double l2 = candidate->l2;
  if (weak) {
    settings.observed.bias_rows = settings.observed.bias_cols = false;
    settings.observed.weak.weight = candidate->weight;
    settings.observed.weak.alpha = candidate->alpha;
    dnmf_weak_settle(ratings, &settings.observed.weak);
  }
  dnmf_observed_set_shrink(&settings, plan->shrink, plan->l2_bias);
  if (l2 < 0 && weak)
    l2 = settings.observed.weak.target_one
             ? dnmf_weak_default_l2(ratings, &settings.observed.weak, candidate->count_power)
             : 0;
  else if (l2 < 0)
    l2 = dnmf_observed_default_l2(&settings, ratings);
  settings.penalties.l2_w = l2;
  settings.penalties.l2_h = l2;
  settings.stop = weak ? DNMF_STOP_OBJECTIVE : DNMF_STOP_VALIDATION;
  return settings;
}

/* The metric of the lists that the factors make; on the group's first process. */
static dnmf_status rank_fold(dnmf_context *context, const dnmf_tune_plan *plan, const dnmf_settings *settings,
                             const dnmf_ratings *ratings, const dnmf_ratings_view *held_out, const dnmf_panel *w,
                             const dnmf_panel *h, fit_results *results) {
  dnmf_metrics_options cuts = {.cut_count = 1, .cuts = {plan->metric.at}};
  dnmf_rank_metrics metrics;
  cuts.relevant = plan->metric.relevant;
  if (isnan(cuts.relevant))
    cuts.relevant = settings->observed.weak.target_one ? settings->observed.weak.like : ratings->mean;
  DNMF_TRY(dnmf_rank_ratings(context, settings, ratings, held_out, w, h, &cuts, &metrics));
  if (metrics.rows == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "no held-out entry of a fold is %g or more; give a smaller --relevant", cuts.relevant);
  if (context->rank == 0) {
    *results->metric = metrics.of_model.value[plan->metric.figure][0];
    *results->rows = (double)metrics.rows;
  }
  return DNMF_OK;
}

/* One fit; its held-out curve is padded with its last value to the full length. */
static dnmf_status fit_once(group *g, const dnmf_tune_plan *plan, const dnmf_candidate *candidate, int fold,
                            fit_results *results) {
  dnmf_context *context = &g->context;
  dnmf_entries kept = {0};
  dnmf_entries held_out = {0};
  dnmf_ratings ratings = {0};
  dnmf_ratings_view view = {0};
  dnmf_panel w = {0};
  dnmf_panel h = {0};
  dnmf_evidence evidence = {.row_terms = {0}};
  dnmf_fit_result result = {0};
  int64_t count = 0;
  dnmf_status status = dnmf_agree(context, split(&context->error, plan, &g->entries, fold, &kept, &held_out));
  if (status == DNMF_OK) {
    count = held_out.count;
    status = dnmf_sum_int64(context, context->comm, &count, 1);
  }
  if (status == DNMF_OK)
    status = dnmf_ratings_create(context, g->source.rows, g->source.cols, plan->precision, &kept, &ratings);
  if (status == DNMF_OK)
    status = dnmf_ratings_attach(context, &ratings, &held_out, &view);
  const dnmf_settings settings = settings_of(plan, candidate, &ratings);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_start_observed(&context->error, &settings, &ratings, &w, &h));
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_evidence_create(&context->error, &settings, &ratings, &evidence));
  if (status == DNMF_OK)
    status = dnmf_fit_observed(context, &settings, &ratings, settings.observed.weak.on ? NULL : &view, &w, &h,
                               &evidence, &result);
  for (int64_t s = 0; status == DNMF_OK && s <= plan->fit.max_iterations && context->rank == 0; s++) {
    double rmse = result.validation_history[s < result.history_count ? s : result.history_count - 1];
    results->squares[s] = rmse * rmse * (double)count;
    results->counts[s] = (double)count;
  }
  if (status == DNMF_OK && context->rank == 0)
    *results->seconds += result.seconds.total;
  if (status == DNMF_OK && plan->metric.ranks)
    status = rank_fold(context, plan, &settings, &ratings, &view, &w, &h, results);
  dnmf_fit_result_free(&result);
  dnmf_panel_free(&w);
  dnmf_panel_free(&h);
  dnmf_evidence_free(&evidence);
  dnmf_ratings_view_free(&view);
  dnmf_ratings_free(&ratings);
  dnmf_entries_free(&kept);
  dnmf_entries_free(&held_out);
  return status;
}

/* The group's share of all fits: every groups-th. */
static dnmf_status work(group *g, const dnmf_tune_plan *plan, int groups, curves *c,
                        void (*done)(void *, const dnmf_candidate *, int, double), void *state) {
  dnmf_status status = load(g, plan);
  if (status == DNMF_OK)
    status = check_folds(g, plan);
  int64_t tasks = plan->candidate_count * plan->folds;
  for (int64_t task = g->index; task < tasks && status == DNMF_OK; task += groups) {
    const dnmf_candidate *candidate = &plan->candidates[task / plan->folds];
    int fold = (int)(task % plan->folds);
    fit_results results = {c->squares + task * c->steps, c->counts + task * c->steps, &c->seconds[task / plan->folds],
                           &c->metrics[task], &c->rows[task]};
    status = fit_once(g, plan, candidate, fold, &results);
    if (status != DNMF_OK || !done || g->context.rank != 0)
      continue;
    double lowest = INFINITY;
    for (int64_t s = 0; s < c->steps; s++)
      lowest = fmin(lowest, sqrt(results.squares[s] / results.counts[s]));
    done(state, candidate, fold, plan->metric.ranks ? *results.metric : lowest);
  }
  return status;
}

/* The standard deviation of the folds' RMSE at one step; a fold's numbers are `stride` behind those of the last. */
static double spread_of_folds(int folds, int64_t stride, const double *squares, const double *counts) {
  double mean = 0;
  double sum = 0;
  for (int f = 0; f < folds; f++)
    mean += sqrt(squares[f * stride] / counts[f * stride]) / folds;
  for (int f = 0; f < folds; f++) {
    const double difference = sqrt(squares[f * stride] / counts[f * stride]) - mean;
    sum += difference * difference;
  }
  return sqrt(sum / folds);
}

/* The lowest point of the candidate's curve over all folds. */
static void score(const dnmf_tune_plan *plan, const curves *c, int64_t index, dnmf_candidate *candidate) {
  candidate->rmse = INFINITY;
  candidate->seconds = c->seconds[index];
  if (plan->fit.observed.weak.on) {
    candidate->rmse = candidate->spread = NAN;
    candidate->iterations = plan->fit.max_iterations;
    return;
  }
  const double *squares = c->squares + index * plan->folds * c->steps;
  const double *counts = c->counts + index * plan->folds * c->steps;
  for (int64_t s = 0; s < c->steps; s++) {
    double sum = 0;
    double count = 0;
    for (int f = 0; f < plan->folds; f++) {
      sum += squares[f * c->steps + s];
      count += counts[f * c->steps + s];
    }
    if (!(sqrt(sum / count) < candidate->rmse))
      continue;
    candidate->rmse = sqrt(sum / count);
    candidate->spread = spread_of_folds(plan->folds, c->steps, squares + s, counts + s);
    candidate->iterations = (int)s;
  }
}

/* The mean of the metric over the rows of all folds. */
static void score_lists(const dnmf_tune_plan *plan, const curves *c, int64_t index, dnmf_candidate *candidate) {
  const double *metrics = c->metrics + index * plan->folds;
  const double *rows = c->rows + index * plan->folds;
  double sum = 0;
  double count = 0;
  double fold_sum = 0;
  double fold_squares = 0;
  candidate->metric = candidate->metric_spread = NAN;
  if (!plan->metric.ranks)
    return;
  for (int f = 0; f < plan->folds; f++) {
    sum += rows[f] * metrics[f];
    count += rows[f];
    fold_sum += metrics[f];
    fold_squares += metrics[f] * metrics[f];
  }
  double mean = fold_sum / plan->folds;
  candidate->metric = sum / count;
  candidate->metric_spread = sqrt(fmax(0, fold_squares / plan->folds - mean * mean));
}

/* Numbers in the curves' memory. */
static int64_t curve_numbers(const dnmf_tune_plan *plan) {
  int64_t tasks = plan->candidate_count * plan->folds;
  return 2 * tasks * (plan->fit.max_iterations + 1) + plan->candidate_count + 2 * tasks;
}

static dnmf_status allocate_curves(dnmf_context *context, const dnmf_tune_plan *plan, curves *c) {
  int64_t tasks = plan->candidate_count * plan->folds;
  c->steps = plan->fit.max_iterations + 1;
  void *memory = NULL;
  DNMF_TRY(
      dnmf_allocate_zero(&context->error, "cross-validation curves", curve_numbers(plan), sizeof(double), &memory));
  c->squares = memory;
  c->counts = c->squares + tasks * c->steps;
  c->seconds = c->counts + tasks * c->steps;
  c->metrics = c->seconds + plan->candidate_count;
  c->rows = c->metrics + tasks;
  return DNMF_OK;
}

dnmf_status dnmf_tune(dnmf_context *context, dnmf_tune_plan *plan,
                      void (*done)(void *state, const dnmf_candidate *candidate, int fold, double score), void *state) {
  curves c = {0};
  group g = {0};
  int groups = plan->groups < context->size ? plan->groups : context->size;
  DNMF_TRY(dnmf_agree(context, allocate_curves(context, plan, &c)));
  g.index = context->rank % groups;
  dnmf_status status = dnmf_context_split(context, g.index, &g.context);
  if (status == DNMF_OK) {
    status = work(&g, plan, groups, &c, done, state);
    if (status != DNMF_OK)
      context->error = g.context.error;
    status = dnmf_agree(context, status);
  }
  if (status == DNMF_OK)
    status = dnmf_sum_doubles(context, context->comm, c.squares, curve_numbers(plan));
  for (int64_t i = 0; i < plan->candidate_count && status == DNMF_OK; i++) {
    score(plan, &c, i, &plan->candidates[i]);
    score_lists(plan, &c, i, &plan->candidates[i]);
  }
  dnmf_entries_free(&g.entries);
  dnmf_source_close(&g.source);
  dnmf_context_leave(&g.context);
  free(c.squares);
  return status;
}

int dnmf_tune_compare(const dnmf_candidate *a, const dnmf_candidate *b) {
  const bool by_metric = !isnan(a->metric) && !isnan(b->metric);
  const double x = by_metric ? -a->metric : a->rmse;
  const double y = by_metric ? -b->metric : b->rmse;
  if (x != y)
    return x < y ? -1 : 1;
  return (a->components > b->components) - (a->components < b->components);
}

const dnmf_candidate *dnmf_tune_best(const dnmf_tune_plan *plan) {
  const dnmf_candidate *best = &plan->candidates[0];
  for (int64_t i = 1; i < plan->candidate_count; i++)
    if (dnmf_tune_compare(&plan->candidates[i], best) < 0)
      best = &plan->candidates[i];
  return best;
}
