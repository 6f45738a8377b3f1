/* Recommending: rows are listed by the processes that hold them, and the lists sent to those that asked. */
#include "api/recommend.h"

#include "api/library.h"
#include "api/model.h"
#include "api/model_entries.h"
#include "api/requests.h"
#include "api/scores.h"
#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/fetch.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Listing ----------------------------------------------------------------------------------------------- */

void dnmf_listing_free(dnmf_listing *listing) {
  free(listing->listable);
  dnmf_popularity_free(&listing->popularity);
  dnmf_placed_free(&listing->seen);
}

static dnmf_status find_seen(dnmf_context *context, const dnmf_data *data, dnmf_entries *known, dnmf_listing *l) {
  l->has_seen = known || data;
  if (known)
    return dnmf_model_entries_place(context, l->model, l->model->cols, DNMF_DUPLICATES_LAST, known, &l->seen);
  return data ? dnmf_model_entries_load(context, l->model, data, &l->seen) : DNMF_OK;
}

/* Observations of the fit, else of what rows have seen. */
static dnmf_status count_observations(dnmf_context *context, dnmf_listing *l) {
  DNMF_TRY(dnmf_popularity_of_fit(context, l->model, &l->counted, &l->popularity));
  if (l->counted || !l->has_seen)
    return DNMF_OK;
  dnmf_popularity_free(&l->popularity);
  l->counted = true;
  return dnmf_popularity_of_entries(context, l->model->cols, &l->seen.matrix.by_rows, &l->popularity);
}

/* l->listable: candidates with enough observations. */
static dnmf_status choose_columns(dnmf_context *context, const dnmf_recommend_settings *s, dnmf_listing *l) {
  const dnmf_range owned = l->model->owned_cols;
  void *memory = NULL;
  if (s->min_count > 0 && !l->counted)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "--min-count: %s does not hold how many entries each column had; give --seen INPUT to count them",
                     dnmf_model_name(l->model));
  if (!s->candidates && s->min_count <= 0)
    return DNMF_OK;
  dnmf_status status =
      dnmf_allocate_zero(&context->error, "candidate columns", dnmf_range_size(owned), sizeof(bool), &memory);
  l->listable = memory;
  DNMF_TRY(dnmf_agree(context, status));
  for (int64_t i = 0; i < s->candidate_count; i++)
    if (s->candidates[i] >= owned.begin && s->candidates[i] < owned.end)
      l->listable[s->candidates[i] - owned.begin] = true;
  for (int64_t j = 0; j < dnmf_range_size(owned); j++)
    l->listable[j] = (!s->candidates || l->listable[j]) && l->popularity.counts[owned.begin + j] >= s->min_count;
  return DNMF_OK;
}

static dnmf_status check_optimism(dnmf_error *error, const dnmf_model *model, double optimism) {
  if (optimism == 0 || (isfinite(optimism) && model->samples > 1))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_USAGE,
                   "--optimism %g: it needs a model of several draws, over which predictions deviate, and %s is none; "
                   "fit --samples makes one",
                   optimism, dnmf_model_name(model));
}

dnmf_status dnmf_listing_create(dnmf_context *context, const dnmf_model *model, const dnmf_recommend_settings *settings,
                                dnmf_entries *known, dnmf_listing *listing) {
  dnmf_listing *l = listing;
  *l = (dnmf_listing){.model = model};
  l->how = (dnmf_recommend_options){
      .top = settings->top, .include_empty = settings->include_empty, .mean = dnmf_model_expectation(model)};
  l->how.optimism = settings->optimism;
  dnmf_model_scale(model, &l->how.smallest, &l->how.largest);
  dnmf_status status = dnmf_choose_clipping(&context->error, model, settings->clip, &l->how.clip);
  if (status == DNMF_OK)
    status = check_optimism(&context->error, model, settings->optimism);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = find_seen(context, settings->seen, known, l);
  else if (known)
    dnmf_entries_free(known);
  DNMF_TRY(status);
  DNMF_TRY(count_observations(context, l));
  DNMF_TRY(choose_columns(context, settings, l));
  l->how.listable = l->listable;
  l->how.seen = l->has_seen ? &l->seen.matrix.by_rows : NULL;
  l->how.popularity = l->counted ? &l->popularity : NULL;
  return dnmf_popularity_restrict(context, model, l->listable, settings->include_empty, &l->popularity);
}

dnmf_status dnmf_listing_similar(dnmf_context *context, const dnmf_listing *listing, int64_t count,
                                 const int64_t *columns, dnmf_ranking *ranking) {
  void *memory = NULL;
  DNMF_TRY(dnmf_similar(context, listing->model, count, columns, listing->how.top, listing->listable, ranking));
  if (!listing->counted)
    return DNMF_OK;
  dnmf_status status = dnmf_allocate(&context->error, "counts of columns", ranking->count, sizeof(int64_t), &memory);
  ranking->observations = memory;
  for (int64_t i = 0; i < ranking->count && status == DNMF_OK; i++)
    ranking->observations[i] = listing->popularity.counts[ranking->col[i]];
  return dnmf_agree(context, status);
}

int64_t dnmf_listing_popular(const dnmf_listing *listing, dnmf_scored *items) {
  dnmf_top list = {listing->how.top < listing->model->cols ? listing->how.top : listing->model->cols, 0, items};
  if (listing->counted)
    dnmf_popularity_list(&listing->popularity, NULL, 0, &list);
  return list.count;
}

/* --- The door ---------------------------------------------------------------------------------------------- */

void dnmf_recommend_settings_init(dnmf_recommend_settings *listing) {
  *listing = (dnmf_recommend_settings){.top = 10, .clip = "auto"};
}

/* A place of a list. */
typedef struct listed_item {
  int64_t col;
  double score;
} listed_item;

typedef struct listing_work {
  bool *wanted;    /* of the owned rows */
  int64_t *bounds; /* size + 1: who owns which rows */
  int64_t *place;  /* of each row asked for in the list of distinct ones; -1: not in the model */
  int64_t *distinct;
  int64_t distinct_count;
  dnmf_requests requests;
  dnmf_ranking ranking;
  int64_t *first_line; /* of each owned row in the ranking */
  listed_item *sent;   /* a list of `top` places for each row that is sent */
  listed_item *lists;  /* of the distinct rows */
  dnmf_scored *popular;
} listing_work;

static void listing_work_free(listing_work *w) {
  free(w->wanted);
  free(w->bounds);
  free(w->place);
  free(w->distinct);
  dnmf_requests_free(&w->requests);
  dnmf_ranking_free(&w->ranking);
  free(w->first_line);
  free(w->sent);
  free(w->lists);
  free(w->popular);
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
  DNMF_TRY(dnmf_allocate(error, "a list", top, sizeof(dnmf_scored), &memory));
  w->popular = memory;
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

/* Lists by place for the rows asked for. */
static void unpack_lists(const dnmf_listing *l, const listing_work *w, int64_t count, int64_t *cols, double *scores) {
  const int64_t top = l->how.top;
  const int64_t popular = dnmf_listing_popular(l, w->popular);
  for (int64_t i = 0; i < count; i++)
    for (int64_t t = 0; t < top; t++) {
      listed_item item = {t < popular ? w->popular[t].item : -1, NAN};
      if (w->place[i] >= 0)
        item = w->lists[w->place[i] * top + t];
      cols[i * top + t] = item.col;
      scores[i * top + t] = item.score;
    }
}

static dnmf_status list_rows(dnmf_context *context, dnmf_listing *l, int64_t count, const int64_t *rows, int64_t *cols,
                             double *scores, listing_work *w) {
  const dnmf_model *model = l->model;
  const int64_t top = l->how.top;
  dnmf_recommend_work effort;
  DNMF_TRY(dnmf_agree(context, plan_rows(context, model, count, rows, w)));
  DNMF_TRY(dnmf_requests_send(context, w->bounds, w->distinct, w->distinct_count, &w->requests));
  for (int64_t i = 0; i < w->requests.asked_total; i++)
    w->wanted[w->requests.asked[i] - model->owned_rows.begin] = true;
  l->how.wanted = w->wanted;
  DNMF_TRY(dnmf_recommend(context, model, &l->how, &w->ranking, &effort));
  DNMF_TRY(dnmf_agree(context, allocate_lists(&context->error, model, top, w)));
  pack_lists(model, top, w);
  DNMF_TRY(dnmf_exchange_known(context, w->sent, w->requests.asked_counts, sizeof(listed_item) * (size_t)top, w->lists,
                               w->requests.wanted_counts));
  unpack_lists(l, w, count, cols, scores);
  return DNMF_OK;
}

/* What lists are asked for. */
typedef struct listing_call {
  const char *function;
  const dnmf_model *model;
  const char *what; /* "rows" or "cols": what `positions` are */
  int64_t all;      /* of these in the model */
  bool others;      /* -1 is none of them, and fine */
  int64_t count;
  const int64_t *positions;
  dnmf_recommend_settings how;
} listing_call;

static listing_call listing_call_of(const char *function, const dnmf_model *model, int64_t count,
                                    const int64_t *positions, const dnmf_recommend_settings *listing) {
  listing_call c = {.function = function, .model = model, .count = count, .positions = positions};
  dnmf_recommend_settings_init(&c.how);
  if (listing)
    c.how = *listing;
  return c;
}

static dnmf_status check_listed(dnmf_context *context, const char *function, const char *what, int64_t all, bool others,
                                int64_t count, const int64_t *positions) {
  if (count > 0)
    DNMF_TRY(dnmf_require(context, function, what, positions));
  for (int64_t i = 0; i < count; i++)
    if (positions[i] < (others ? -1 : 0) || positions[i] >= all)
      return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                       "%s: %s[%" PRId64 "] is %" PRId64 ", and the model has %s 0 to %" PRId64, function, what, i,
                       positions[i], what, all - 1);
  return DNMF_OK;
}

static dnmf_status check_listing(dnmf_context *context, const listing_call *c, const int64_t *cols,
                                 const double *scores) {
  enum { MOST_LISTED = 1000000 };
  const dnmf_recommend_settings *s = &c->how;
  if (c->count < 0 || s->top < 1 || s->top > MOST_LISTED)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: %" PRId64 " lists, top %" PRId64 "; top is 1 to %d",
                     c->function, c->count, s->top, MOST_LISTED);
  DNMF_TRY(check_listed(context, c->function, "candidates", c->model->cols, false, s->candidate_count, s->candidates));
  if (c->count == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_require(context, c->function, "place for the columns", cols));
  DNMF_TRY(dnmf_require(context, c->function, "place for the scores", scores));
  return check_listed(context, c->function, c->what, c->all, c->others, c->count, c->positions);
}

/* The listing that both kinds of lists are made with. collective */
static dnmf_status begin_lists(dnmf_context *context, const listing_call *c, const int64_t *cols, const double *scores,
                               dnmf_listing *l) {
  DNMF_TRY(dnmf_agree(context, check_listing(context, c, cols, scores)));
  return dnmf_listing_create(context, c->model, &c->how, NULL, l);
}

int dnmf_model_recommend(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *rows,
                         const dnmf_recommend_settings *listing, int64_t *cols, double *scores) {
  dnmf_context *context = dnmf_library_enter(library);
  listing_work w = {.wanted = NULL};
  dnmf_listing l = {.counted = false};
  listing_call c = listing_call_of("dnmf_model_recommend", model, count, rows, listing);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, c.function, model);
  if (status == DNMF_OK) {
    c.what = "rows";
    c.all = model->rows;
    c.others = true;
    status = begin_lists(context, &c, cols, scores, &l);
  }
  if (status == DNMF_OK)
    status = list_rows(context, &l, count, rows, cols, scores, &w);
  listing_work_free(&w);
  dnmf_listing_free(&l);
  return dnmf_library_leave(library, status);
}

/* The ranking's lines, which are process 0's, as lists on every process. collective */
static dnmf_status share_similar(dnmf_context *context, const dnmf_ranking *ranking, int64_t count, const int64_t *cols,
                                 int64_t top, int64_t *similar, double *cosines) {
  int64_t list = -1;
  for (int64_t i = 0; i < count * top; i++) {
    similar[i] = -1;
    cosines[i] = NAN;
  }
  for (int64_t line = 0; line < ranking->count; line++) {
    if (ranking->place[line] == 1)
      do /* a column without data has no list */
        list++;
      while (cols[list] != ranking->row[line]);
    similar[list * top + ranking->place[line] - 1] = ranking->col[line];
    cosines[list * top + ranking->place[line] - 1] = ranking->score[line];
  }
  DNMF_TRY(dnmf_broadcast(context, similar, count * top * (int64_t)sizeof *similar, 0));
  return dnmf_broadcast(context, cosines, count * top * (int64_t)sizeof *cosines, 0);
}

int dnmf_model_similar(dnmf_library *library, const dnmf_model *model, int64_t count, const int64_t *cols,
                       const dnmf_recommend_settings *listing, int64_t *similar, double *cosines) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_ranking ranking = {.count = 0};
  dnmf_listing l = {.counted = false};
  listing_call c = listing_call_of("dnmf_model_similar", model, count, cols, listing);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, c.function, model);
  if (status == DNMF_OK) {
    c.what = "cols";
    c.all = model->cols;
    status = begin_lists(context, &c, similar, cosines, &l);
  }
  if (status == DNMF_OK)
    status = dnmf_listing_similar(context, &l, count, cols, &ranking);
  if (status == DNMF_OK)
    status = share_similar(context, &ranking, count, cols, c.how.top, similar, cosines);
  dnmf_ranking_free(&ranking);
  dnmf_listing_free(&l);
  return dnmf_library_leave(library, status);
}
