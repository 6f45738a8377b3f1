/* Evaluating on the entries of other data. */
#include "api/evaluate.h"

#include "api/library.h"
#include "api/model_entries.h"
#include "api/scores.h"
#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Evaluating -------------------------------------------------------------------------------------------- */

/* Of strengths what the fit took for a sign of liking is relevant, of ratings those above their mean. A mean says
 * nothing of what is relevant where most entries are zeros. */
static dnmf_status settle_relevant(dnmf_error *error, const dnmf_scorer *scorer, const dnmf_data *test,
                                   double *relevant) {
  if (!isnan(*relevant))
    return DNMF_OK;
  const dnmf_model *model = scorer->model;
  const bool implicit = dnmf_model_is_implicit(model);
  *relevant = implicit ? 0 : scorer->predictor.mean;
  if (implicit)
    dnmf_model_number(model, "like", relevant);
  if (implicit || (dnmf_model_is_observed(model) && !dnmf_model_is_weak(model)))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "%s was fitted to a matrix with zeros, whose mean tells nothing of what is relevant; say from which "
                   "value on an entry of %s is, with --relevant X",
                   dnmf_model_name(scorer->model), test->name);
}

static dnmf_status match_test(dnmf_context *context, const dnmf_scorer *scorer, const dnmf_data *test,
                              dnmf_matched *matched) {
  const dnmf_target target = dnmf_model_target(scorer->model);
  dnmf_source source = {0};
  dnmf_placed placed = {0};
  dnmf_status status = dnmf_data_load_for_model(context, test, scorer->model, DNMF_AS_UNOBSERVED, &source, &placed);
  if (status == DNMF_OK)
    status = dnmf_match(context, &source, &placed.matrix, &target, matched);
  if (status == DNMF_OK && scorer->unknown == DNMF_UNKNOWN_ERROR && matched->unknown_entries > 0)
    status =
        dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                  "%s: the %s is not in %s, nor are those of %" PRId64 " entries in all; give --unknown average, bias, "
                  "mean or drop",
                  test->name, matched->unknown_example, target.name, matched->unknown_entries);
  dnmf_placed_free(&placed);
  dnmf_source_close(&source);
  return status;
}

/* Whole rows are here: each is measured at once. */
static dnmf_status measure_rows(dnmf_error *error, const dnmf_metrics_options *ranking, const dnmf_matched *m,
                                const dnmf_scores *scores, dnmf_metrics *metrics) {
  void *memory = NULL;
  int64_t longest = 0;
  for (int64_t i = 0, begin = 0; i < m->count; i++) {
    begin = m->file_row[i] == m->file_row[begin] ? begin : i;
    longest = i - begin + 1 > longest ? i - begin + 1 : longest;
  }
  DNMF_TRY(dnmf_allocate(error, "the entries of a row", longest, sizeof(dnmf_scored_entry), &memory));
  dnmf_scored_entry *row = memory;
  dnmf_status status = DNMF_OK;
  for (int64_t i = 0; i < m->count && status == DNMF_OK;) {
    int64_t scored = 0;
    const int64_t of = m->file_row[i];
    for (; i < m->count && m->file_row[i] == of; i++)
      if (!isnan(scores->predictions[i].score)) {
        row[scored] = (dnmf_scored_entry){m->items[i].value, scores->predictions[i].score, scores->scores[i], scored};
        scored++;
      }
    status = dnmf_metrics_add_row(error, ranking, scored, row, metrics);
  }
  free(row);
  return status;
}

/* collective */
static dnmf_status calibrate(dnmf_context *context, const dnmf_scorer *scorer, const dnmf_matched *m,
                             const dnmf_scores *scores, dnmf_calibration *calibration) {
  const double noise = scorer->predictor.noise;
  if (!calibration)
    return DNMF_OK;
  for (int64_t i = 0; i < m->count; i++) {
    const double value = m->items[i].value;
    if (isnan(scores->scores[i]))
      continue;
    dnmf_calibration_add(calibration, scores->scores[i], value);
    if (dnmf_scorer_has_deviations(scorer) && !isnan(scores->deviations[i]))
      dnmf_calibration_add_interval(calibration, scores->deviations[i], noise, value - scores->predictions[i].score);
  }
  return dnmf_calibration_share(context, calibration);
}

/* Entries whose value is within intervals of normal distributions around their predictions. collective */
static dnmf_status measure_intervals(dnmf_context *context, const dnmf_scorer *scorer, const dnmf_matched *m,
                                     const dnmf_scores *scores, dnmf_evaluated *e) {
  static const double widths[] = {0.6744897501960817, 1.6448536269514722};
  const double noise = scorer->predictor.noise;
  double sums[4] = {0, 0, 0, 0};
  if (!dnmf_scorer_has_deviations(scorer))
    return DNMF_OK;
  for (int64_t i = 0; i < m->count; i++) {
    const double spread = scores->deviations[i];
    if (isnan(spread))
      continue;
    const double width = sqrt(spread * spread + noise * noise);
    const double away = fabs(m->items[i].value - scores->predictions[i].score);
    sums[0]++;
    sums[1] += away <= widths[0] * width;
    sums[2] += away <= widths[1] * width;
    sums[3] += spread;
  }
  DNMF_TRY(dnmf_sum_doubles(context, context->comm, sums, 4));
  e->interval_entries = sums[0];
  e->covered[0] = sums[1] / sums[0];
  e->covered[1] = sums[2] / sums[0];
  e->deviation = sums[3] / sums[0];
  return DNMF_OK;
}

static dnmf_status score_test(dnmf_context *context, const dnmf_scorer *scorer, const dnmf_metrics_options *ranking,
                              const dnmf_matched *matched, dnmf_calibration *calibration, dnmf_evaluated *evaluated) {
  dnmf_scores scores;
  dnmf_status status = dnmf_agree(context, dnmf_scores_create(&context->error, matched->count, &scores));
  for (int64_t i = 0; i < matched->count && status == DNMF_OK; i++)
    scores.pairs[i] = (dnmf_pair){matched->items[i].row, matched->items[i].col};
  if (status == DNMF_OK)
    status = dnmf_scores_compute(context, scorer, &scores);
  if (status == DNMF_OK)
    status = dnmf_agree(context, measure_rows(&context->error, ranking, matched, &scores, &evaluated->metrics));
  if (status == DNMF_OK)
    status = dnmf_metrics_share(context, &evaluated->metrics);
  if (status == DNMF_OK)
    status = measure_intervals(context, scorer, matched, &scores, evaluated);
  if (status == DNMF_OK)
    status = calibrate(context, scorer, matched, &scores, calibration);
  evaluated->entries = matched->total;
  evaluated->unknown = scores.unknown;
  dnmf_scores_free(&scores);
  return status;
}

/* The relevant entries of the test by the model's rows, those in no column of the model counted in one more. Each is 1;
 * a row's of no column are summed. Rows that the model does not have are counted. collective */
static dnmf_status place_relevant(dnmf_context *context, const dnmf_model *model, double least,
                                  const dnmf_matched *matched, dnmf_placed *relevant, int64_t *strange_rows) {
  dnmf_entries entries = {0};
  void *memory = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "relevant entries", matched->count, sizeof(dnmf_entry), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  entries.items = memory;
  int64_t strange = -1;
  for (int64_t i = 0; i < matched->count; i++) {
    dnmf_entry entry = matched->items[i];
    if (entry.value < least)
      continue;
    if (entry.row >= 0)
      entries.items[entries.count++] = (dnmf_entry){entry.row, entry.col < 0 ? model->cols : entry.col, 1};
    else if (matched->file_row[i] != strange) {
      strange = matched->file_row[i];
      ++*strange_rows;
    }
  }
  DNMF_TRY(dnmf_sum_int64(context, context->comm, strange_rows, 1));
  return dnmf_model_entries_place(context, model, model->cols + 1, DNMF_DUPLICATES_SUM, &entries, relevant);
}

/* Ranks all unseen columns. */
static dnmf_status rank_unseen(dnmf_context *context, const dnmf_model *model, const dnmf_data *test,
                               const dnmf_data *seen, const dnmf_metrics_options *ranking, const dnmf_matched *matched,
                               dnmf_evaluated *evaluated) {
  const dnmf_recommend_options how = {.mean = dnmf_model_expectation(model)};
  dnmf_placed listed = {0};
  dnmf_placed relevant = {0};
  dnmf_status status = dnmf_model_entries_load(context, model, seen, &listed);
  if (status == DNMF_OK)
    status = place_relevant(context, model, ranking->relevant, matched, &relevant, &evaluated->strange_rows);
  const double began = MPI_Wtime();
  if (status == DNMF_OK) {
    const dnmf_held_out_lists held_out = {&relevant.matrix.by_rows, relevant.matrix.precision, &listed.matrix.by_rows};
    status = dnmf_rank_evaluate(context, model, &held_out, &how, ranking, &evaluated->lists);
  }
  evaluated->list_seconds = MPI_Wtime() - began;
  if (status == DNMF_OK && evaluated->lists.seen > 0)
    dnmf_warn(context,
              "%" PRId64 " of %" PRId64 " relevant entries of %s are in %s too; they cannot be listed and "
              "count as missed",
              evaluated->lists.seen, evaluated->lists.relevant, test->name, seen->name);
  dnmf_placed_free(&listed);
  dnmf_placed_free(&relevant);
  return status;
}

dnmf_status dnmf_evaluate_data(dnmf_context *context, const dnmf_model *model, const dnmf_data *test,
                               const dnmf_evaluate_job *job, dnmf_evaluated *evaluated) {
  dnmf_metrics_options ranking = job->ranking;
  dnmf_scorer scorer;
  dnmf_matched matched = {0};
  memset(evaluated, 0, sizeof *evaluated);
  evaluated->covered[0] = evaluated->covered[1] = evaluated->deviation = NAN;
  dnmf_status status = dnmf_scorer_create(context, model, job->unknown, job->clip, &scorer);
  if (status == DNMF_OK && scorer.unknown == DNMF_UNKNOWN_NAN)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                       "--unknown nan: nan has no error; give drop to leave unknown rows and columns out");
  if (status == DNMF_OK)
    status = settle_relevant(&context->error, &scorer, test, &ranking.relevant);
  if (status == DNMF_OK)
    status = match_test(context, &scorer, test, &matched);
  if (status == DNMF_OK)
    status = score_test(context, &scorer, &ranking, &matched, job->calibration, evaluated);
  if (status == DNMF_OK && job->seen)
    status = rank_unseen(context, model, test, job->seen, &ranking, &matched, evaluated);
  const bool values = !dnmf_model_is_implicit(model);
  evaluated->rmse = values ? dnmf_metrics_rmse(&evaluated->metrics) : NAN;
  evaluated->mae = values ? dnmf_metrics_mae(&evaluated->metrics) : NAN;
  evaluated->relevant = ranking.relevant;
  evaluated->clip = scorer.clip;
  dnmf_matched_free(&matched);
  dnmf_scorer_free(&scorer);
  return status;
}

/* --- The door ---------------------------------------------------------------------------------------------- */

void dnmf_evaluate_settings_init(dnmf_evaluate_settings *evaluating) {
  *evaluating = (dnmf_evaluate_settings){.unknown = "average", .clip = "auto", .relevant = NAN, .at = 10};
}

static dnmf_status check_evaluating(dnmf_context *context, const dnmf_data *test, const dnmf_evaluate_settings *how,
                                    const dnmf_evaluation *evaluation) {
  static const char function[] = "dnmf_model_evaluate";
  DNMF_TRY(dnmf_require(context, function, "test data", test));
  DNMF_TRY(dnmf_require(context, function, "place for the evaluation", evaluation));
  if (how->at < 1)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "at is %" PRId64 "; give 1 or more", how->at);
  return DNMF_OK;
}

static dnmf_list_evaluation figures_of_lists(const dnmf_list_figures *figures) {
  return (dnmf_list_evaluation){.precision = figures->value[DNMF_LIST_PRECISION][0],
                                .recall = figures->value[DNMF_LIST_RECALL][0],
                                .hit_rate = figures->value[DNMF_LIST_HIT_RATE][0],
                                .ndcg = figures->value[DNMF_LIST_NDCG][0],
                                .map = figures->value[DNMF_LIST_MAP][0],
                                .mrr = figures->value[DNMF_LIST_MRR][0],
                                .catalogue = figures->value[DNMF_LIST_CATALOGUE][0]};
}

int dnmf_model_evaluate(dnmf_library *library, const dnmf_model *model, const dnmf_data *test,
                        const dnmf_evaluate_settings *evaluating, dnmf_evaluation *evaluation) {
  dnmf_context *context = dnmf_library_enter(library);
  const dnmf_list_evaluation none = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  dnmf_evaluated e;
  dnmf_evaluate_settings how;
  dnmf_evaluate_settings_init(&how);
  how = evaluating ? *evaluating : how;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, "dnmf_model_evaluate", model);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_evaluating(context, test, &how, evaluation));
  if (status == DNMF_OK) {
    const dnmf_evaluate_job job = {how.unknown, how.clip, {how.relevant, 1, {how.at}}, how.seen, NULL};
    status = dnmf_evaluate_data(context, model, test, &job, &e);
  }
  if (status == DNMF_OK)
    *evaluation = (dnmf_evaluation){.entries = e.entries,
                                    .scored = (int64_t)e.metrics.entries,
                                    .unknown = e.unknown,
                                    .rmse = e.rmse,
                                    .covered_50 = e.covered[0],
                                    .covered_90 = e.covered[1],
                                    .mae = e.mae,
                                    .precision = dnmf_metrics_precision(&e.metrics, 0),
                                    .recall = dnmf_metrics_recall(&e.metrics, 0),
                                    .hit_rate = dnmf_metrics_hit_rate(&e.metrics, 0),
                                    .ndcg = dnmf_metrics_ndcg(&e.metrics, 0),
                                    .map = dnmf_metrics_map(&e.metrics),
                                    .fcp = dnmf_metrics_fcp(&e.metrics),
                                    .listed_rows = e.lists.rows,
                                    .lists = none,
                                    .popular = none};
  if (status == DNMF_OK && how.seen) {
    evaluation->lists = figures_of_lists(&e.lists.of_model);
    evaluation->popular = figures_of_lists(&e.lists.of_popular);
  }
  return dnmf_library_leave(library, status);
}
