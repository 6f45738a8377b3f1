/* Predicting pairs. */
#include "api/library.h"
#include "api/scores.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Scores ------------------------------------------------------------------------------------------------ */

dnmf_status dnmf_choose_clipping(dnmf_error *error, const dnmf_model *model, const char *clip, bool *clips) {
  static const char *const words[] = {"auto", "yes", "no", NULL};
  enum { CLIP_AUTO, CLIP_YES, CLIP_NO };
  double scale[2];
  int word = CLIP_AUTO;
  DNMF_TRY(dnmf_choose(error, "clip", clip, words, &word));
  const bool has_scale = dnmf_model_scale(model, &scale[0], &scale[1]);
  *clips = has_scale && word != CLIP_NO;
  if (word == CLIP_YES && !has_scale)
    return dnmf_fail(error, DNMF_ERROR_USAGE,
                     "--clip: %s knows no scale to clip to; models of observed ratings do (fit --missing unobserved)",
                     dnmf_model_name(model));
  return DNMF_OK;
}

dnmf_status dnmf_scorer_create(dnmf_context *context, const dnmf_model *model, const char *unknown, const char *clip,
                               dnmf_scorer *scorer) {
  static const char *const policies[] = {"average", "bias", "mean", "nan", "drop", "error", NULL};
  int policy = 0;
  *scorer = (dnmf_scorer){.model = model};
  dnmf_status status = dnmf_choose(&context->error, "unknown", unknown, policies, &policy);
  if (status == DNMF_OK)
    status = dnmf_choose_clipping(&context->error, model, clip, &scorer->clip);
  scorer->unknown = (dnmf_unknown)policy;
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_predictor_create(context, model, &scorer->predictor);
}

bool dnmf_scorer_has_deviations(const dnmf_scorer *scorer) {
  return scorer->predictor.samples > 1;
}

void dnmf_scorer_free(dnmf_scorer *scorer) {
  dnmf_predictor_free(&scorer->predictor);
}

dnmf_status dnmf_scores_create(dnmf_error *error, int64_t count, dnmf_scores *scores) {
  void *memory = NULL;
  *scores = (dnmf_scores){.count = count, .refused = -1};
  DNMF_TRY(dnmf_allocate(error, "pairs", count, sizeof(dnmf_pair), &memory));
  scores->pairs = memory;
  DNMF_TRY(dnmf_allocate(error, "predictions", count, sizeof(dnmf_prediction), &memory));
  scores->predictions = memory;
  DNMF_TRY(dnmf_allocate(error, "scores", count, sizeof(double), &memory));
  scores->scores = memory;
  DNMF_TRY(dnmf_allocate(error, "deviations", count, sizeof(double), &memory));
  scores->deviations = memory;
  DNMF_TRY(dnmf_allocate(error, "scores", count, sizeof(bool), &memory));
  scores->left_out = memory;
  return DNMF_OK;
}

void dnmf_scores_free(dnmf_scores *scores) {
  free(scores->pairs);
  free(scores->predictions);
  free(scores->scores);
  free(scores->deviations);
  free(scores->left_out);
  memset(scores, 0, sizeof *scores);
}

dnmf_status dnmf_scores_compute(dnmf_context *context, const dnmf_scorer *scorer, dnmf_scores *scores) {
  static const dnmf_fallback fallbacks[] = {DNMF_FALLBACK_AVERAGE, DNMF_FALLBACK_BIAS, DNMF_FALLBACK_MEAN,
                                            DNMF_FALLBACK_NAN,     DNMF_FALLBACK_NAN,  DNMF_FALLBACK_NAN};
  int64_t counts[4] = {scores->count, 0, 0, 0};
  DNMF_TRY(dnmf_predict(context, &scorer->predictor, fallbacks[scorer->unknown], scores->count, scores->pairs,
                        scores->predictions));
  for (int64_t i = 0; i < scores->count; i++) {
    const dnmf_prediction *p = &scores->predictions[i];
    if (!p->known && scorer->unknown == DNMF_UNKNOWN_ERROR && scores->refused < 0)
      scores->refused = i;
    scores->scores[i] = scorer->clip ? dnmf_clip(&scorer->predictor, p->score) : p->score;
    scores->deviations[i] = p->deviation;
    scores->left_out[i] = !p->known && scorer->unknown == DNMF_UNKNOWN_DROP;
    counts[1] += !p->known;
    counts[2] += scores->left_out[i];
    counts[3] += isfinite(p->score) && scores->scores[i] != p->score;
  }
  DNMF_TRY(dnmf_sum_int64(context, context->comm, counts, 4));
  scores->all = counts[0];
  scores->unknown = counts[1];
  scores->all_left_out = counts[2];
  scores->clipped = counts[3];
  return DNMF_OK;
}

/* --- The door ---------------------------------------------------------------------------------------------- */

void dnmf_predict_settings_init(dnmf_predict_settings *scoring) {
  *scoring = (dnmf_predict_settings){.unknown = "average", .clip = "auto"};
}

/* One side of pairs: names of the caller's, and what they come to. */
typedef struct pair_side {
  bool of_cols;
  int64_t count;
  const int64_t *numbers;
  const char *const *texts;
  bool numbers_are_ids;
  dnmf_ids names; /* texts of ids */
  int64_t *positions;
} pair_side;

static void pair_side_free(pair_side *s) {
  dnmf_ids_free(&s->names);
  free(s->positions);
}

/* Numbers that are positions are checked, ids become texts. */
static dnmf_status pair_side_prepare(dnmf_error *error, const dnmf_model *model, pair_side *s) {
  const char *what = s->of_cols ? "cols" : "rows";
  const int64_t all = s->of_cols ? model->cols : model->rows;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "pairs", s->count, sizeof(int64_t), &memory));
  s->positions = memory;
  if (s->count > 0 && !s->numbers == !s->texts)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "pairs name their %s by numbers or by texts: give one of both", what);
  if (s->texts)
    return dnmf_texts_pack(error, "dnmf_model_predict", s->count, s->texts, &s->names);
  const dnmf_ids numbers = {.kind = DNMF_IDS_INTEGER,
                            .count = s->count,
                            .range = {0, s->count},
                            .numbers = (int64_t *)s->numbers}; /* they are only read */
  if (s->numbers_are_ids)
    return dnmf_ids_to_text(error, &numbers, &s->names);
  for (int64_t i = 0; i < s->count; i++) {
    s->positions[i] = s->numbers[i];
    if (s->numbers[i] < 0 || s->numbers[i] >= all)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "%s[%" PRId64 "] is %" PRId64 ", and the model has %s 0 to %" PRId64,
                       what, i, s->numbers[i], what, all - 1);
  }
  return DNMF_OK;
}

/* collective */
static dnmf_status pair_side_find(dnmf_context *context, const dnmf_model *model, pair_side *s) {
  int64_t none[1] = {0};
  const dnmf_ids no_names = {.starts = none};
  int64_t by_ids = s->names.count > 0;
  DNMF_TRY(dnmf_max_int64(context, context->comm, &by_ids, 1)); /* those without pairs do not know how others name */
  if (!by_ids)
    return DNMF_OK;
  return dnmf_find_names(context, model, s->of_cols, s->names.count > 0 ? &s->names : &no_names, NULL, s->positions);
}

/* `deviations` may be NULL. */
static dnmf_status predict_pairs(dnmf_context *context, const dnmf_triples *t, const dnmf_scorer *scorer,
                                 double *values, double *deviations) {
  const dnmf_model *model = scorer->model;
  pair_side rows = {false, t->count, t->rows, t->row_ids, t->numbers_are_ids, {0}, NULL};
  pair_side cols = {true, t->count, t->cols, t->col_ids, t->numbers_are_ids, {0}, NULL};
  dnmf_scores scores = {.count = 0};
  dnmf_status status = pair_side_prepare(&context->error, model, &rows);
  if (status == DNMF_OK)
    status = pair_side_prepare(&context->error, model, &cols);
  if (status == DNMF_OK)
    status = dnmf_scores_create(&context->error, t->count, &scores);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = pair_side_find(context, model, &rows);
  if (status == DNMF_OK)
    status = pair_side_find(context, model, &cols);
  for (int64_t i = 0; i < t->count && status == DNMF_OK; i++)
    scores.pairs[i] = (dnmf_pair){rows.positions[i], cols.positions[i]};
  if (status == DNMF_OK)
    status = dnmf_scores_compute(context, scorer, &scores);
  if (status == DNMF_OK && scores.refused >= 0)
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "pair %" PRId64 " has a row or column that the model does not know", scores.refused);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK && t->count > 0)
    memcpy(values, scores.scores, (size_t)t->count * sizeof *values);
  if (status == DNMF_OK && t->count > 0 && deviations)
    memcpy(deviations, scores.deviations, (size_t)t->count * sizeof *deviations);
  pair_side_free(&rows);
  pair_side_free(&cols);
  dnmf_scores_free(&scores);
  return status;
}

static dnmf_status check_pairs(dnmf_context *context, const dnmf_triples *pairs, const double *scores) {
  static const char function[] = "dnmf_model_predict";
  DNMF_TRY(dnmf_require(context, function, "pairs", pairs));
  if (pairs->count < 0)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: %" PRId64 " pairs", function, pairs->count);
  return pairs->count > 0 ? dnmf_require(context, function, "place for the scores", scores) : DNMF_OK;
}

int dnmf_model_predict(dnmf_library *library, const dnmf_model *model, const dnmf_triples *pairs,
                       const dnmf_predict_settings *scoring, double *scores) {
  return dnmf_model_predict_spread(library, model, pairs, scoring, scores, NULL);
}

int dnmf_model_predict_spread(dnmf_library *library, const dnmf_model *model, const dnmf_triples *pairs,
                              const dnmf_predict_settings *scoring, double *scores, double *deviations) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_scorer scorer = {.clip = false};
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, "dnmf_model_predict", model);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_pairs(context, pairs, scores));
  if (status == DNMF_OK)
    status =
        dnmf_scorer_create(context, model, scoring ? scoring->unknown : NULL, scoring ? scoring->clip : NULL, &scorer);
  if (status == DNMF_OK)
    status = predict_pairs(context, pairs, &scorer, scores, deviations);
  dnmf_scorer_free(&scorer);
  return dnmf_library_leave(library, status);
}
