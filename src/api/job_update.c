#include "api/job_update.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "comm/fetch_range.h"
#include "matrix/fetch.h"
#include "store/file.h"
#include "store/ids/ids_find.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* One side: of the model, and of the start. */
typedef struct update_side {
  const char *what; /* "rows" */
  const dnmf_ids *old_ids;
  int64_t old_count;
  const dnmf_panel *factor;
  const double *bias; /* NULL: none */
  const double *mean; /* of the model's; NULL: the mean of all rows */
  double new_bias;
  const dnmf_ids *new_ids;
  dnmf_range wanted;
  dnmf_panel *start;
  double *start_bias; /* NULL: not wanted */
  double largest;
  int64_t found; /* of the wanted */
} update_side;

/* Both have ids, or none has: then the numbers of rows are the ids. */
static dnmf_status check_ids(dnmf_error *error, const dnmf_fitting *f, const update_side *s) {
  const bool old = s->old_ids->kind != DNMF_IDS_NONE;
  const bool new = s->new_ids->kind != DNMF_IDS_NONE;
  if (old == new)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "--update: the %s of %s have %s, those of %s %s; give both names, or none",
                   s->what, f->source.name, new ? "ids" : "no ids", f->start_file, old ? "have" : "have none");
}

/* index = of each wanted row its number in the model, -1 where it is new. collective */
static dnmf_status find_old_rows(dnmf_context *context, const update_side *s, int64_t *index) {
  const int64_t held = dnmf_range_size(s->new_ids->range);
  int64_t repeated = 0;
  void *memory = NULL;
  if (s->new_ids->kind == DNMF_IDS_NONE) {
    for (int64_t row = s->wanted.begin; row < s->wanted.end; row++)
      index[row - s->wanted.begin] = row < s->old_count ? row : -1;
    return DNMF_OK;
  }
  DNMF_TRY(dnmf_agree(context, dnmf_allocate(&context->error, "places of rows", held, sizeof(int64_t), &memory)));
  dnmf_status status = dnmf_ids_match(context, s->old_ids, s->old_count, s->new_ids, memory, &repeated);
  if (status == DNMF_OK)
    status = dnmf_fetch_range(context, s->new_ids->range, memory, sizeof(int64_t), s->wanted, index);
  free(memory);
  return status;
}

/* What a new row starts from. collective */
static dnmf_status set_mean_row(dnmf_context *context, const update_side *s, double *mean) {
  const int k = s->factor->components;
  for (int t = 0; t < k; t++)
    mean[t] = s->mean ? s->mean[t] : 0;
  if (s->mean)
    return DNMF_OK;
  for (int64_t row = 0; row < s->factor->rows; row++)
    for (int t = 0; t < k; t++)
      mean[t] += dnmf_panel_get(s->factor, row, t) / (double)s->old_count;
  return dnmf_sum_doubles(context, context->comm, mean, k);
}

/* The wanted rows: those that `fetched` has, at `place`, and the mean. local */
static void place_rows(const dnmf_panel *fetched, const double *biases, const int64_t *place, const double *mean,
                       update_side *s) {
  for (int64_t row = 0; row < s->start->rows; row++) {
    const int64_t from = place[row];
    for (int t = 0; t < s->start->components; t++) {
      const double value = from < 0 ? mean[t] : dnmf_panel_get(fetched, from, t);
      dnmf_panel_set(s->start, row, t, value);
      s->largest = fmax(s->largest, value);
    }
    if (s->start_bias)
      s->start_bias[row] = from < 0 ? s->new_bias : biases[from];
    s->found += from >= 0;
  }
}

/* Room for one side. */
typedef struct update_room {
  int64_t *index; /* of the wanted rows, then their places among those that come */
  int64_t *bounds;
  int64_t *distinct;
  int64_t distinct_count;
  double *mean;
  double *biases;
  dnmf_panel fetched;
  dnmf_fetch fetch;
} update_room;

static dnmf_status open_room(dnmf_context *context, const update_side *s, update_room *room) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "places of rows", 2 * dnmf_range_size(s->wanted), sizeof(int64_t), &memory));
  room->index = memory;
  DNMF_TRY(dnmf_allocate_zero(error, "range bounds", context->size + 1, sizeof(int64_t), &memory));
  room->bounds = memory;
  DNMF_TRY(dnmf_allocate(error, "a mean row", s->factor->components, sizeof(double), &memory));
  room->mean = memory;
  return DNMF_OK;
}

static void close_room(update_room *room) {
  free(room->index);
  free(room->bounds);
  free(room->distinct);
  free(room->mean);
  free(room->biases);
  dnmf_panel_free(&room->fetched);
  dnmf_fetch_free(&room->fetch);
}

/* The model's rows that are wanted here. collective */
static dnmf_status fetch_old_rows(dnmf_context *context, const update_side *s, update_room *room) {
  dnmf_error *error = &context->error;
  void *memory = NULL;
  for (int r = 0; r < context->size; r++)
    room->bounds[r + 1] = dnmf_range_split((dnmf_range){0, s->old_count}, context->size, r).end;
  DNMF_TRY(dnmf_fetch_plan(context, room->bounds, room->distinct, room->distinct_count, &room->fetch));
  dnmf_status status = dnmf_panel_create(error, "factor rows of the model", room->distinct_count, s->factor->components,
                                         s->factor->precision, &room->fetched);
  if (status == DNMF_OK && s->bias)
    status = dnmf_allocate(error, "biases of the model", room->distinct_count, sizeof(double), &memory);
  room->biases = memory;
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_fetch_rows(context, &room->fetch, s->factor, &room->fetched));
  return s->bias ? dnmf_fetch_items(context, &room->fetch, s->bias, sizeof(double), room->biases) : DNMF_OK;
}

/* collective */
static dnmf_status start_side(dnmf_context *context, update_side *s) {
  update_room room = {.index = NULL};
  const int64_t rows = dnmf_range_size(s->wanted);
  dnmf_status status = dnmf_agree(context, open_room(context, s, &room));
  if (status == DNMF_OK)
    status = find_old_rows(context, s, room.index);
  if (status == DNMF_OK)
    status = dnmf_agree(context, dnmf_fetch_list(&context->error, rows, room.index, &room.distinct,
                                                 &room.distinct_count, room.index + rows));
  if (status == DNMF_OK)
    status = fetch_old_rows(context, s, &room);
  if (status == DNMF_OK)
    status = set_mean_row(context, s, room.mean);
  if (status == DNMF_OK)
    place_rows(&room.fetched, room.biases, room.index + rows, room.mean, s);
  close_room(&room);
  return status;
}

/* A bias of a row without data: what the model says, or none, as a fit around a level stores it. */
static double bias_of_unknown(const dnmf_model *model, const char *name, const double *mean, double level) {
  double bias = 0;
  for (int t = 0; mean && t < model->components; t++)
    bias -= level * mean[t];
  dnmf_model_number(model, name, &bias);
  return bias;
}

static dnmf_status check_model(dnmf_error *error, const dnmf_fitting *f, const dnmf_model *model) {
  const bool observed = f->missing == DNMF_MISSING_UNOBSERVED || f->partial;
  if (model->samples > 0)
    return dnmf_fail(error, DNMF_ERROR_INPUT,
                     "--update: %s holds the draws of a chain, from which no fit goes on; update the model of a fit "
                     "without --samples, or with --keep mean",
                     f->start_file);
  if (model->components != f->components)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--update: %s has %d components, not %d; give -k %d, or leave it out",
                     f->start_file, model->components, f->components, model->components);
  if (dnmf_model_is_observed(model) != observed)
    return dnmf_fail(error, DNMF_ERROR_USAGE, "--update: %s is a model of %s, and this fit is one of %s; see --missing",
                     f->start_file, observed ? "zeros" : "observed entries", observed ? "observed entries" : "zeros");
  return DNMF_OK;
}

/* Both sides, from the model. collective */
static dnmf_status start_sides(dnmf_context *context, const dnmf_fitting *f, const dnmf_model *model,
                               dnmf_start_file *start) {
  dnmf_model_number(model, "level", &start->level);
  update_side rows = {.what = "rows",
                      .old_ids = &model->row_ids,
                      .old_count = model->rows,
                      .factor = &model->w,
                      .bias = model->bias.row,
                      .mean = model->mean_row,
                      .new_bias = bias_of_unknown(model, "unknown_row_bias", model->mean_row, start->level),
                      .new_ids = &f->source.row_ids,
                      .wanted = start->rows,
                      .start = start->w,
                      .start_bias = model->bias.row ? start->row_bias : NULL};
  update_side cols = {.what = "columns",
                      .old_ids = &model->col_ids,
                      .old_count = model->cols,
                      .factor = &model->h,
                      .bias = model->bias.col,
                      .mean = model->mean_col,
                      .new_bias = bias_of_unknown(model, "unknown_col_bias", model->mean_col, start->level),
                      .new_ids = &f->source.col_ids,
                      .wanted = start->cols,
                      .start = start->h,
                      .start_bias = model->bias.col ? start->col_bias : NULL};
  dnmf_status status = check_ids(&context->error, f, &rows);
  if (status == DNMF_OK)
    status = check_ids(&context->error, f, &cols);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(start_side(context, &rows));
  DNMF_TRY(start_side(context, &cols));
  int64_t found[] = {rows.found, cols.found};
  double largest[] = {rows.largest, cols.largest};
  DNMF_TRY(dnmf_sum_int64(context, context->comm, found, 2));
  DNMF_TRY(dnmf_max_doubles(context, context->comm, largest, 2));
  start->largest_w = largest[0];
  start->largest_h = largest[1];
  if (found[0] == 0 || found[1] == 0)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "--update: none of the %s of %s is in %s: it is no later state of the model's table",
                     found[0] == 0 ? "rows" : "columns", f->source.name, f->start_file);
  if (found[0] < model->rows || found[1] < model->cols)
    dnmf_warn(context,
              "%s lacks %" PRId64 " of the %" PRId64 " rows and %" PRId64 " of the %" PRId64
              " columns of %s; the new model is without them (--update takes the whole table, not what is new alone)",
              f->source.name, model->rows - found[0], model->rows, model->cols - found[1], model->cols, f->start_file);
  return DNMF_OK;
}

dnmf_status dnmf_fitting_update(dnmf_context *context, const dnmf_fitting *f, dnmf_start_file *start) {
  dnmf_model model = {.file = NULL};
  dnmf_status status = dnmf_model_read(context, f->start_file, f->precision, &model);
  if (status == DNMF_OK)
    status = dnmf_agree(context, check_model(&context->error, f, &model));
  if (status == DNMF_OK) {
    start->has_w = start->has_h = true;
    start->has_biases = model.bias.fitted;
    start->mean = model.bias.fitted ? model.bias.mean : 0;
    status = start_sides(context, f, &model, start);
  }
  dnmf_model_free(&model);
  return status;
}
