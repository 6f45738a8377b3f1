/* Predicting pairs, and evaluating on the entries of other data. */
#include "model/predict.h"
#include "api/data.h"
#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "model/metrics.h"
#include "store/ids/ids_find.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dnmf_predict_settings_init(dnmf_predict_settings *scoring) {
  *scoring = (dnmf_predict_settings){.unknown = "bias", .clip = "auto"};
}

void dnmf_evaluate_settings_init(dnmf_evaluate_settings *evaluating) {
  *evaluating = (dnmf_evaluate_settings){.unknown = "bias", .clip = "auto", .relevant = NAN, .at = 10};
}

/* What becomes of an unknown row or column, and of scores beyond the scale. */
typedef enum unknown_policy { UNKNOWN_BIAS = 0, UNKNOWN_MEAN, UNKNOWN_NAN, UNKNOWN_DROP, UNKNOWN_ERROR } unknown_policy;

typedef struct scorer {
  dnmf_predictor predictor;
  dnmf_fallback fallback;
  unknown_policy unknown;
  bool clip;
} scorer;

/* collective */
static dnmf_status scorer_create(dnmf_context *context, const dnmf_model *model, const char *unknown, const char *clip,
                                 scorer *s) {
  static const char *const policies[] = {"bias", "mean", "nan", "drop", "error", NULL};
  static const char *const clips[] = {"auto", "yes", "no", NULL};
  static const dnmf_fallback fallbacks[] = {DNMF_FALLBACK_BIAS, DNMF_FALLBACK_MEAN, DNMF_FALLBACK_NAN,
                                            DNMF_FALLBACK_NAN, DNMF_FALLBACK_NAN};
  int policy = 0;
  int clipping = 0;
  dnmf_status status = dnmf_choose(&context->error, "unknown", unknown, policies, &policy);
  if (status == DNMF_OK)
    status = dnmf_choose(&context->error, "clip", clip, clips, &clipping);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_predictor_create(context, model, &s->predictor));
  if (clipping == 1 && !s->predictor.has_scale)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "clip \"yes\": the model has no scale to clip to; models of ratings do");
  s->unknown = (unknown_policy)policy;
  s->fallback = fallbacks[policy];
  s->clip = s->predictor.has_scale && clipping != 2;
  return DNMF_OK;
}

/* --- Pairs ------------------------------------------------------------------------------------------------- */

/* One side of pairs as positions of the model, the caller frees *positions. Numbers that are positions are checked.
 * collective */
static dnmf_status pair_positions(dnmf_context *context, const char *what, const dnmf_ids *ids, int64_t all,
                                  int64_t count, const int64_t *numbers, const char *const *texts, bool numbers_are_ids,
                                  int64_t **positions) {
  enum { DIGITS = 24 };
  void *memory = NULL;
  void *starts = NULL;
  char *bytes = NULL;
  int64_t by_ids = texts || numbers_are_ids;
  dnmf_status status = dnmf_allocate(&context->error, "pairs", count, sizeof(int64_t), &memory);
  *positions = memory;
  if (status == DNMF_OK && count > 0 && !numbers == !texts)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                       "pairs name their %s by numbers or by texts: give one of both", what);
  for (int64_t i = 0; i < count && !by_ids && status == DNMF_OK; i++) {
    (*positions)[i] = numbers[i];
    if (numbers[i] < 0 || numbers[i] >= all)
      status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                         "%s[%" PRId64 "] is %" PRId64 ", and the model has %s 0 to %" PRId64, what, i, numbers[i],
                         what, all - 1);
  }
  if (status == DNMF_OK && by_ids)
    status = dnmf_allocate_zero(&context->error, "ids", count + 1, sizeof(int64_t), &starts);
  int64_t *start = starts;
  int64_t room = 1;
  for (int64_t i = 0; i < count && by_ids && status == DNMF_OK; i++) {
    if (texts && !texts[i])
      status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "pair %" PRId64 " has no id of its %s", i, what);
    else
      room += texts ? (int64_t)strlen(texts[i]) : DIGITS;
  }
  memory = NULL;
  if (status == DNMF_OK && by_ids)
    status = dnmf_allocate(&context->error, "ids", room, 1, &memory);
  bytes = memory;
  for (int64_t i = 0; i < count && by_ids && status == DNMF_OK; i++) {
    char digits[DIGITS];
    int length = texts ? 0 : snprintf(digits, sizeof digits, "%" PRId64, numbers[i]);
    start[i + 1] = start[i] + (texts ? (int64_t)strlen(texts[i]) : length);
    memcpy(bytes + start[i], texts ? texts[i] : digits, (size_t)(start[i + 1] - start[i]));
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) /* processes without pairs do not know how the others name theirs */
    status = dnmf_max_int64(context, context->comm, &by_ids, 1);
  if (status == DNMF_OK && by_ids) {
    const int64_t none = 0;
    const bool mine = start != NULL;
    status = dnmf_ids_find(context, ids, all, mine ? count : 0, mine ? start : &none, bytes, *positions);
  }
  free(starts);
  free(bytes);
  return status;
}

static dnmf_status score_pairs(dnmf_context *context, const scorer *s, int64_t count, const dnmf_pair *pairs,
                               dnmf_prediction *predictions, double *scores) {
  DNMF_TRY(dnmf_predict(context, &s->predictor, s->fallback, count, pairs, predictions));
  dnmf_status status = DNMF_OK;
  for (int64_t i = 0; i < count && status == DNMF_OK; i++) {
    if (!predictions[i].known && s->unknown == UNKNOWN_ERROR)
      status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                         "pair %" PRId64 " has a row or column that the model does not know", i);
    scores[i] = s->clip ? dnmf_clip(&s->predictor, predictions[i].score) : predictions[i].score;
  }
  return dnmf_agree(context, status);
}

static dnmf_status check_pairs(dnmf_context *context, const dnmf_triples *pairs, const double *scores) {
  static const char function[] = "dnmf_model_predict";
  DNMF_TRY(dnmf_require(context, function, "pairs", pairs));
  if (pairs->count < 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: %" PRId64 " pairs", function, pairs->count);
  return pairs->count > 0 ? dnmf_require(context, function, "place for the scores", scores) : DNMF_OK;
}

static dnmf_status predict_pairs(dnmf_context *context, const dnmf_model *model, const dnmf_triples *t, const scorer *s,
                                 double *scores) {
  int64_t *rows = NULL;
  int64_t *cols = NULL;
  void *pairs = NULL;
  void *predictions = NULL;
  dnmf_status status = pair_positions(context, "rows", &model->row_ids, model->rows, t->count, t->rows, t->row_ids,
                                      t->numbers_are_ids, &rows);
  if (status == DNMF_OK)
    status = pair_positions(context, "cols", &model->col_ids, model->cols, t->count, t->cols, t->col_ids,
                            t->numbers_are_ids, &cols);
  if (status == DNMF_OK) {
    status = dnmf_allocate(&context->error, "pairs", t->count, sizeof(dnmf_pair), &pairs);
    if (status == DNMF_OK)
      status = dnmf_allocate(&context->error, "predictions", t->count, sizeof(dnmf_prediction), &predictions);
    status = dnmf_agree(context, status);
  }
  for (int64_t i = 0; i < t->count && status == DNMF_OK; i++)
    ((dnmf_pair *)pairs)[i] = (dnmf_pair){rows[i], cols[i]};
  if (status == DNMF_OK)
    status = score_pairs(context, s, t->count, pairs, predictions, scores);
  free(rows);
  free(cols);
  free(pairs);
  free(predictions);
  return status;
}

int dnmf_model_predict(dnmf_library *library, const dnmf_model *model, const dnmf_triples *pairs,
                       const dnmf_predict_settings *scoring, double *scores) {
  dnmf_context *context = dnmf_library_enter(library);
  scorer s = {.clip = false};
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, "dnmf_model_predict", model);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_pairs(context, pairs, scores));
  if (status == DNMF_OK)
    status = scorer_create(context, model, scoring ? scoring->unknown : NULL, scoring ? scoring->clip : NULL, &s);
  if (status == DNMF_OK)
    status = predict_pairs(context, model, pairs, &s, scores);
  dnmf_predictor_free(&s.predictor);
  return dnmf_library_leave(library, status);
}

/* --- Evaluating -------------------------------------------------------------------------------------------- */

typedef struct evaluation_work {
  dnmf_matched matched;
  dnmf_pair *pairs;
  dnmf_prediction *predictions;
  dnmf_scored_entry *row; /* room for the longest */
  dnmf_metrics_options ranking;
  dnmf_metrics metrics;
  int64_t unknown;
} evaluation_work;

static dnmf_status match_test(dnmf_context *context, const dnmf_model *model, const dnmf_data *test, const scorer *s,
                              evaluation_work *e) {
  const dnmf_target target = {"the model", model->rows, model->cols, &model->row_ids, &model->col_ids};
  dnmf_source source = {0};
  dnmf_placed placed = {0};
  dnmf_status status = dnmf_data_load_for_model(context, test, model, DNMF_AS_UNOBSERVED, &source, &placed);
  if (status == DNMF_OK)
    status = dnmf_match(context, &source, &placed.matrix, &target, &e->matched);
  if (status == DNMF_OK && s->unknown == UNKNOWN_ERROR && e->matched.unknown_entries > 0)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "%s: the %s is not in the model, nor are those of %" PRId64 " entries in all", source.name,
                       e->matched.unknown_example, e->matched.unknown_entries);
  dnmf_placed_free(&placed);
  dnmf_source_close(&source);
  return status;
}

static dnmf_status allocate_evaluation(dnmf_error *error, evaluation_work *e) {
  const int64_t count = e->matched.count;
  void *memory = NULL;
  int64_t longest = 0;
  for (int64_t i = 0, begin = 0; i < count; i++) {
    begin = e->matched.file_row[i] == e->matched.file_row[begin] ? begin : i;
    longest = i - begin + 1 > longest ? i - begin + 1 : longest;
  }
  DNMF_TRY(dnmf_allocate(error, "pairs", count, sizeof(dnmf_pair), &memory));
  e->pairs = memory;
  DNMF_TRY(dnmf_allocate(error, "predictions", count, sizeof(dnmf_prediction), &memory));
  e->predictions = memory;
  DNMF_TRY(dnmf_allocate(error, "the entries of a row", longest, sizeof(dnmf_scored_entry), &memory));
  e->row = memory;
  return DNMF_OK;
}

/* Whole rows are here: each is measured at once. */
static dnmf_status measure_rows(dnmf_error *error, const scorer *s, evaluation_work *e) {
  const dnmf_matched *m = &e->matched;
  for (int64_t i = 0; i < m->count;) {
    int64_t scored = 0;
    const int64_t row = m->file_row[i];
    for (; i < m->count && m->file_row[i] == row; i++) {
      double score = e->predictions[i].score;
      e->unknown += !e->predictions[i].known;
      if (isnan(score))
        continue;
      double prediction = s->clip ? dnmf_clip(&s->predictor, score) : score;
      e->row[scored] = (dnmf_scored_entry){m->items[i].value, score, prediction, scored};
      scored++;
    }
    DNMF_TRY(dnmf_metrics_add_row(error, &e->ranking, scored, e->row, &e->metrics));
  }
  return DNMF_OK;
}

static dnmf_status evaluate_test(dnmf_context *context, const scorer *s, evaluation_work *e) {
  DNMF_TRY(dnmf_agree(context, allocate_evaluation(&context->error, e)));
  for (int64_t i = 0; i < e->matched.count; i++)
    e->pairs[i] = (dnmf_pair){e->matched.items[i].row, e->matched.items[i].col};
  DNMF_TRY(dnmf_predict(context, &s->predictor, s->fallback, e->matched.count, e->pairs, e->predictions));
  DNMF_TRY(dnmf_agree(context, measure_rows(&context->error, s, e)));
  DNMF_TRY(dnmf_metrics_share(context, &e->metrics));
  return dnmf_sum_int64(context, context->comm, &e->unknown, 1);
}

static dnmf_status check_evaluating(dnmf_context *context, const dnmf_data *test, const dnmf_evaluate_settings *how,
                                    const dnmf_evaluation *evaluation) {
  static const char function[] = "dnmf_model_evaluate";
  DNMF_TRY(dnmf_require(context, function, "test data", test));
  DNMF_TRY(dnmf_require(context, function, "place for the evaluation", evaluation));
  if (how->at < 1)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "at is %" PRId64 "; give 1 or more", how->at);
  if (how->unknown && strcmp(how->unknown, "nan") == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "unknown \"nan\": nan has no error; give \"drop\"");
  return DNMF_OK;
}

int dnmf_model_evaluate(dnmf_library *library, const dnmf_model *model, const dnmf_data *test,
                        const dnmf_evaluate_settings *evaluating, dnmf_evaluation *evaluation) {
  dnmf_context *context = dnmf_library_enter(library);
  scorer s = {.clip = false};
  evaluation_work e = {.unknown = 0};
  dnmf_evaluate_settings how;
  dnmf_evaluate_settings_init(&how);
  how = evaluating ? *evaluating : how;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, "dnmf_model_evaluate", model);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_evaluating(context, test, &how, evaluation));
  if (status == DNMF_OK)
    status = scorer_create(context, model, how.unknown, how.clip, &s);
  e.ranking = (dnmf_metrics_options){!isnan(how.relevant)            ? how.relevant
                                     : dnmf_model_is_implicit(model) ? 0
                                                                     : s.predictor.mean,
                                     1,
                                     {how.at}};
  if (status == DNMF_OK)
    status = match_test(context, model, test, &s, &e);
  if (status == DNMF_OK)
    status = evaluate_test(context, &s, &e);
  if (status == DNMF_OK)
    *evaluation = (dnmf_evaluation){.entries = e.matched.total,
                                    .scored = (int64_t)e.metrics.entries,
                                    .unknown = e.unknown,
                                    .rmse = dnmf_metrics_rmse(&e.metrics),
                                    .mae = dnmf_metrics_mae(&e.metrics),
                                    .precision = dnmf_metrics_precision(&e.metrics, 0),
                                    .recall = dnmf_metrics_recall(&e.metrics, 0),
                                    .hit_rate = dnmf_metrics_hit_rate(&e.metrics, 0),
                                    .ndcg = dnmf_metrics_ndcg(&e.metrics, 0),
                                    .map = dnmf_metrics_map(&e.metrics),
                                    .fcp = dnmf_metrics_fcp(&e.metrics)};
  dnmf_matched_free(&e.matched);
  free(e.pairs);
  free(e.predictions);
  free(e.row);
  dnmf_predictor_free(&s.predictor);
  return dnmf_library_leave(library, status);
}
