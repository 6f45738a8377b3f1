/* Recommending: rows are listed by the processes that hold them, and the lists sent to those that asked. */
#include "model/recommend.h"
#include "api/data.h"
#include "api/library.h"
#include "api/model.h"
#include "api/requests.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/fetch.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void dnmf_recommend_settings_init(dnmf_recommend_settings *listing) {
  *listing = (dnmf_recommend_settings){.top = 10, .clip = "auto"};
}

/* A place of a list. */
typedef struct listed_item {
  int64_t col;
  double score;
} listed_item;

typedef struct listing_work {
  dnmf_placed seen; /* entries to leave out, in the model's numbering, by its owned rows */
  bool *wanted;     /* of the owned rows */
  int64_t *bounds;  /* size + 1: who owns which rows */
  int64_t *place;   /* of each row asked for in the list of distinct ones */
  int64_t *distinct;
  int64_t distinct_count;
  dnmf_requests requests;
  dnmf_ranking ranking;
  int64_t *first_line; /* of each owned row in the ranking */
  listed_item *sent;   /* a list of `top` places for each row that is sent */
  listed_item *lists;  /* of the distinct rows */
} listing_work;

static void listing_free(listing_work *w) {
  dnmf_placed_free(&w->seen);
  free(w->wanted);
  free(w->bounds);
  free(w->place);
  free(w->distinct);
  dnmf_requests_free(&w->requests);
  dnmf_ranking_free(&w->ranking);
  free(w->first_line);
  free(w->sent);
  free(w->lists);
}

/* The entries to leave out where the model's rows are. */
static dnmf_status load_seen(dnmf_context *context, const dnmf_model *model, const dnmf_data *data, dnmf_placed *seen) {
  const dnmf_target target = {"the model", model->rows, model->cols, &model->row_ids, &model->col_ids};
  dnmf_source source = {0};
  dnmf_placed loaded = {0};
  dnmf_matched matched = {0};
  dnmf_entries entries = {0};
  dnmf_status status = dnmf_data_load_rows(context, data, DNMF_AS_UNOBSERVED, &source, &loaded);
  if (status == DNMF_OK)
    status = dnmf_match(context, &source, &loaded.matrix, &target, &matched);
  if (status == DNMF_OK && matched.unknown_entries > 0)
    dnmf_warn(context, "%s: %" PRId64 " entries are in rows or columns that the model does not have", source.name,
              matched.unknown_entries);
  dnmf_placed_free(&loaded);
  dnmf_source_close(&source);
  dnmf_matched_take(&matched, &entries);
  dnmf_matched_free(&matched);
  if (status == DNMF_OK)
    status = dnmf_place(context, context->size, 1, model->rows, model->cols, seen);
  if (status == DNMF_OK)
    status = dnmf_matrix_from_entries(context, &seen->layout, DNMF_SINGLE, true, DNMF_DUPLICATES_LAST, &entries,
                                      &seen->matrix);
  dnmf_entries_free(&entries);
  return status;
}

static dnmf_status plan_rows(dnmf_context *context, const dnmf_model *model, int64_t count, const int64_t *rows,
                             listing_work *w) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "places of rows", count, sizeof(int64_t), &memory));
  w->place = memory;
  DNMF_TRY(dnmf_fetch_list(error, count, rows, &w->distinct, &w->distinct_count, w->place));
  DNMF_TRY(dnmf_allocate(error, "ranges of rows", context->size + 1, sizeof(int64_t), &memory));
  w->bounds = memory;
  for (int p = 0; p <= context->size; p++)
    w->bounds[p] =
        p < context->size ? dnmf_range_split((dnmf_range){0, model->rows}, context->size, p).begin : model->rows;
  DNMF_TRY(dnmf_allocate_zero(error, "chosen rows", dnmf_range_size(model->owned_rows), sizeof(bool), &memory));
  w->wanted = memory;
  return DNMF_OK;
}

static dnmf_status allocate_lists(dnmf_error *error, const dnmf_model *model, int64_t top, listing_work *w) {
  void *memory = NULL;
  DNMF_TRY(
      dnmf_allocate_zero(error, "places of lists", dnmf_range_size(model->owned_rows) + 1, sizeof(int64_t), &memory));
  w->first_line = memory;
  DNMF_TRY(dnmf_allocate(error, "lists to send", w->requests.asked_total * top, sizeof(listed_item), &memory));
  w->sent = memory;
  DNMF_TRY(dnmf_allocate(error, "lists", w->distinct_count * top, sizeof(listed_item), &memory));
  w->lists = memory;
  return DNMF_OK;
}

/* The lists in the order in which rows were asked for. */
static void pack_lists(const dnmf_model *model, int64_t top, listing_work *w) {
  const dnmf_ranking *r = &w->ranking;
  const int64_t owned = dnmf_range_size(model->owned_rows);
  for (int64_t line = 0; line < r->count; line++)
    w->first_line[r->row[line] - model->owned_rows.begin + 1]++;
  for (int64_t row = 0; row < owned; row++)
    w->first_line[row + 1] += w->first_line[row];
  for (int64_t i = 0; i < w->requests.asked_total; i++) {
    const int64_t row = w->requests.asked[i] - model->owned_rows.begin;
    const int64_t count = w->first_line[row + 1] - w->first_line[row];
    for (int64_t t = 0; t < top; t++) {
      const int64_t line = w->first_line[row] + t;
      w->sent[i * top + t] = t < count ? (listed_item){r->col[line], r->score[line]} : (listed_item){-1, NAN};
    }
  }
}

static dnmf_status list_rows(dnmf_context *context, const dnmf_model *model, dnmf_recommend_options *how, int64_t count,
                             const int64_t *rows, int64_t *cols, double *scores, listing_work *w) {
  dnmf_recommend_work effort;
  const size_t item_bytes = sizeof(listed_item) * (size_t)how->top;
  DNMF_TRY(dnmf_agree(context, plan_rows(context, model, count, rows, w)));
  DNMF_TRY(dnmf_requests_send(context, w->bounds, w->distinct, w->distinct_count, &w->requests));
  for (int64_t i = 0; i < w->requests.asked_total; i++)
    w->wanted[w->requests.asked[i] - model->owned_rows.begin] = true;
  how->wanted = w->wanted;
  DNMF_TRY(dnmf_recommend(context, model, how, &w->ranking, &effort));
  DNMF_TRY(dnmf_agree(context, allocate_lists(&context->error, model, how->top, w)));
  pack_lists(model, how->top, w);
  DNMF_TRY(
      dnmf_exchange_known(context, w->sent, w->requests.asked_counts, item_bytes, w->lists, w->requests.wanted_counts));
  for (int64_t i = 0; i < count; i++)
    for (int64_t t = 0; t < how->top; t++) {
      const listed_item *item = &w->lists[w->place[i] * how->top + t];
      cols[i * how->top + t] = item->col;
      scores[i * how->top + t] = item->score;
    }
  return DNMF_OK;
}

static dnmf_status check_rows(dnmf_context *context, const dnmf_model *model, int64_t count, const int64_t *rows,
                              const dnmf_recommend_settings *listing, const int64_t *cols, const double *scores) {
  static const char function[] = "dnmf_model_recommend";
  enum { MOST_LISTED = 1000000 };
  if (count < 0 || listing->top < 1 || listing->top > MOST_LISTED)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: %" PRId64 " rows, top %" PRId64 "; top is 1 to %d",
                     function, count, listing->top, MOST_LISTED);
  if (count == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_require(context, function, "rows", rows));
  DNMF_TRY(dnmf_require(context, function, "place for the columns", cols));
  DNMF_TRY(dnmf_require(context, function, "place for the scores", scores));
  for (int64_t i = 0; i < count; i++)
    if (rows[i] < 0 || rows[i] >= model->rows)
      return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                       "%s: rows[%" PRId64 "] is %" PRId64 ", and the model has rows 0 to %" PRId64, function, i,
                       rows[i], model->rows - 1);
  return DNMF_OK;
}

/* The scale and mean of the fitted values, where the model has them. */
static dnmf_status choose_scale(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_settings *listing,
                                dnmf_recommend_options *how) {
  static const char *const clips[] = {"auto", "yes", "no", NULL};
  int clip = 0;
  DNMF_TRY(dnmf_choose(&context->error, "clip", listing->clip, clips, &clip));
  const bool has_scale =
      dnmf_model_number(model, "smallest", &how->smallest) && dnmf_model_number(model, "largest", &how->largest);
  how->clip = has_scale && clip != 2;
  how->mean = model->bias.fitted ? model->bias.mean : 0;
  if (dnmf_model_is_observed(model))
    dnmf_model_number(model, "mean", &how->mean);
  if (clip == 1 && !has_scale)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "clip \"yes\": the model has no scale to clip to; models of ratings do");
  return DNMF_OK;
}

int dnmf_model_recommend(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *rows,
                         const dnmf_recommend_settings *listing, int64_t *cols, double *scores) {
  dnmf_context *context = dnmf_library_enter(library);
  listing_work w = {.wanted = NULL};
  dnmf_recommend_settings defaults;
  dnmf_recommend_settings_init(&defaults);
  listing = listing ? listing : &defaults;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_recommend_options how = {.top = listing->top, .include_empty = listing->include_empty};
  dnmf_status status = dnmf_model_check(context, "dnmf_model_recommend", model);
  if (status == DNMF_OK) {
    status = check_rows(context, model, count, rows, listing, cols, scores);
    if (status == DNMF_OK)
      status = choose_scale(context, model, listing, &how);
    status = dnmf_agree(context, status);
  }
  if (status == DNMF_OK && listing->seen) {
    status = load_seen(context, model, listing->seen, &w.seen);
    how.seen = &w.seen.matrix.by_rows;
  }
  if (status == DNMF_OK)
    status = list_rows(context, model, &how, count, rows, cols, scores, &w);
  listing_free(&w);
  return dnmf_library_leave(library, status);
}
