/* Folding rows into a copy of a model. */
#include "model/transform.h"

#include "api/data.h"
#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- A copy of a model ------------------------------------------------------------------------------------- */

static dnmf_status copy_panel(dnmf_error *error, const dnmf_panel *from, dnmf_panel *to) {
  DNMF_TRY(dnmf_panel_create(error, "a factor", from->rows, from->components, from->precision, to));
  size_t bytes = (size_t)from->rows * (size_t)from->components * dnmf_precision_size(from->precision);
  if (bytes > 0)
    memcpy(to->data, from->data, bytes);
  return DNMF_OK;
}

/* A copy of `count` items in *to; NULL stays NULL. */
static dnmf_status copy_items(dnmf_error *error, int64_t count, size_t size, const void *from, void **to) {
  *to = NULL;
  if (!from)
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate_zero(error, "a model", count + 1, size, to)); /* not NULL where there are no items */
  if (count > 0)
    memcpy(*to, from, (size_t)count * size);
  return DNMF_OK;
}

/* What the rows of a transformed model have of their own, and the history, which is that of other rows. */
static bool is_of_the_rows(const char *name) {
  static const char *const names[] = {"command_line", "input",      "rows",      "stored",          "checksum",
                                      "objective",    "iterations", "processes", "relative_error",  "stop_reason",
                                      "grid",         "threads",    "date",      "validation_rmse", "transformed_from"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0)
      return true;
  return false;
}

static dnmf_status copy_attributes(dnmf_error *error, const dnmf_model *from, dnmf_model *to) {
  for (int64_t i = 0; i < from->attribute_count; i++) {
    const dnmf_attribute *a = &from->attributes[i];
    if (is_of_the_rows(a->name))
      continue;
    if (a->kind == DNMF_ATTRIBUTE_TEXT)
      DNMF_TRY(dnmf_model_set_text(error, to, a->name, a->text));
    else if (a->kind == DNMF_ATTRIBUTE_INTEGER)
      DNMF_TRY(dnmf_model_set_integer(error, to, a->name, a->integer));
    else
      DNMF_TRY(dnmf_model_set_real(error, to, a->name, a->real));
  }
  return DNMF_OK;
}

/* Everything but the ids of the rows and what is_of_the_rows. local */
static dnmf_status copy_model(dnmf_error *error, const dnmf_model *from, dnmf_model *to) {
  const int64_t rows = dnmf_range_size(from->owned_rows);
  const int64_t cols = dnmf_range_size(from->owned_cols);
  void *memory = NULL;
  to->rows = from->rows;
  to->cols = from->cols;
  to->components = from->components;
  to->owned_rows = from->owned_rows;
  to->owned_cols = from->owned_cols;
  to->bias.fitted = from->bias.fitted;
  to->bias.mean = from->bias.mean;
  DNMF_TRY(copy_panel(error, &from->w, &to->w));
  DNMF_TRY(copy_panel(error, &from->h, &to->h));
  DNMF_TRY(copy_items(error, rows, sizeof(double), from->bias.row, &memory));
  to->bias.row = memory;
  DNMF_TRY(copy_items(error, cols, sizeof(double), from->bias.col, &memory));
  to->bias.col = memory;
  DNMF_TRY(copy_items(error, rows, sizeof(int64_t), from->row_counts, &memory));
  to->row_counts = memory;
  DNMF_TRY(copy_items(error, cols, sizeof(int64_t), from->col_counts, &memory));
  to->col_counts = memory;
  DNMF_TRY(copy_items(error, from->components, sizeof(double), from->mean_row, &memory));
  to->mean_row = memory;
  DNMF_TRY(dnmf_ids_copy(error, &from->col_ids, &to->col_ids));
  return copy_attributes(error, from, to);
}

/* --- Folding in -------------------------------------------------------------------------------------------- */

typedef struct folding_work {
  dnmf_source source;
  dnmf_placed placed;
  dnmf_entries entries;
  dnmf_missing missing;
  dnmf_settings settings; /* how rows are fitted */
  dnmf_transform_result result;
  uint64_t checksum;
} folding_work;

/* Only where unstored entries are unobserved are zeros data, and only those that a sparse matrix stores. */
static void drop_zeros(folding_work *f) {
  int64_t kept = 0;
  if (f->missing == DNMF_MISSING_UNOBSERVED)
    return;
  for (int64_t e = 0; e < f->entries.count; e++)
    if (f->entries.items[e].value > 0)
      f->entries.items[kept++] = f->entries.items[e];
  f->entries.count = kept;
}

/* f->entries = the data's, in the model's columns. */
static dnmf_status match_columns(dnmf_context *context, const dnmf_model *model, folding_work *f) {
  const dnmf_target target = {"the model", model->rows, model->cols, NULL, &model->col_ids};
  dnmf_matched matched;
  dnmf_status status = dnmf_match(context, &f->source, &f->placed.matrix, &target, &matched);
  const int64_t unknown = matched.unknown_cols;
  const int64_t dropped = matched.unknown_entries;
  if (status == DNMF_OK) {
    dnmf_matched_take(&matched, &f->entries);
    drop_zeros(f);
  }
  dnmf_matched_free(&matched);
  DNMF_TRY(status);
  if (unknown == f->source.cols)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s: none of its %" PRId64 " columns is in the model",
                     f->source.name, f->source.cols);
  if (unknown > 0)
    dnmf_warn(context,
              "%s: %" PRId64 " of its %" PRId64 " columns are not in the model; their %" PRId64 " entries are left out",
              f->source.name, unknown, f->source.cols, dropped);
  return DNMF_OK;
}

static dnmf_status describe_rows(dnmf_context *context, const folding_work *f, dnmf_model *model) {
  dnmf_error *error = &context->error;
  char checksum[32];
  snprintf(checksum, sizeof checksum, "%016" PRIx64, f->checksum);
  DNMF_TRY(dnmf_model_set_text(error, model, "transformed_from", "a model in memory"));
  DNMF_TRY(dnmf_model_set_text(error, model, "input", f->source.name));
  DNMF_TRY(dnmf_model_set_text(error, model, "checksum", checksum));
  DNMF_TRY(dnmf_model_set_integer(error, model, "rows", model->rows));
  DNMF_TRY(dnmf_model_set_integer(error, model, "stored", f->result.entries));
  DNMF_TRY(dnmf_model_set_integer(error, model, "processes", context->size));
  return dnmf_model_set_real(error, model, "objective", f->result.loss + f->result.penalty);
}

static dnmf_status fold_rows(dnmf_context *context, const dnmf_data *data, dnmf_model *model, folding_work *f) {
  DNMF_TRY(dnmf_agree(context, dnmf_transform_settings(&context->error, model, &f->missing, &f->settings)));
  dnmf_data as_fitted = *data; /* borrowed */
  if (dnmf_model_is_implicit(model))
    dnmf_source_add_repeats(&as_fitted.options);
  DNMF_TRY(dnmf_data_load_for_model(context, data->kind == DNMF_DATA_FILE ? &as_fitted : data, model,
                                    (dnmf_data_missing)(f->missing + 1), &f->source, &f->placed));
  f->checksum = f->placed.matrix.checksum;
  DNMF_TRY(match_columns(context, model, f));
  dnmf_matrix_free(&f->placed.matrix);
  DNMF_TRY(dnmf_transform(context, f->missing, &f->settings, f->source.rows, &f->entries, model, &f->result));
  if (f->result.empty_rows > 0)
    dnmf_warn(context, "%s: %" PRId64 " of its %" PRId64 " rows have no entry in the model's columns; they get zero",
              f->source.name, f->result.empty_rows, f->source.rows);
  model->row_ids = f->source.row_ids;
  f->source.row_ids = (dnmf_ids){0};
  return dnmf_agree(context, describe_rows(context, f, model));
}

int dnmf_model_transform(dnmf_library *library, const dnmf_model *model, const dnmf_data *data,
                         dnmf_model **transformed) {
  static const char function[] = "dnmf_model_transform";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_model *made = NULL;
  folding_work f = {.checksum = 0};
  if (transformed)
    *transformed = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "model", model);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "data", data);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the model", transformed);
  if (status == DNMF_OK)
    status = dnmf_model_create(&context->error, &made);
  if (status == DNMF_OK)
    status = copy_model(&context->error, model, made);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = fold_rows(context, data, made, &f);
  dnmf_entries_free(&f.entries);
  dnmf_placed_free(&f.placed);
  dnmf_source_close(&f.source);
  return dnmf_model_hand_over(library, status, made, transformed);
}
