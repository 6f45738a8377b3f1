/* Folding rows into a model, or into a copy of one. */
#include "api/transform.h"

#include "api/library.h"
#include "api/model.h"
#include "base/memory.h"
#include "store/ids/match.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- A copy of a model ------------------------------------------------------------------------------------- */

static dnmf_status panel_duplicate(dnmf_error *error, const dnmf_panel *from, dnmf_panel *to) {
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
  DNMF_TRY(dnmf_allocate(error, "a model", count, size, to));
  if (count > 0)
    memcpy(*to, from, (size_t)count * size);
  return DNMF_OK;
}

static dnmf_status copy_attributes(dnmf_error *error, const dnmf_model *from, dnmf_model *to) {
  for (int64_t i = 0; i < from->attribute_count; i++) {
    const dnmf_attribute *a = &from->attributes[i];
    if (a->kind == DNMF_ATTRIBUTE_TEXT)
      DNMF_TRY(dnmf_model_set_text(error, to, a->name, a->text));
    else if (a->kind == DNMF_ATTRIBUTE_INTEGER)
      DNMF_TRY(dnmf_model_set_integer(error, to, a->name, a->integer));
    else
      DNMF_TRY(dnmf_model_set_real(error, to, a->name, a->real));
  }
  return DNMF_OK;
}

/* Everything but the ids of the rows and the history. local */
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
  DNMF_TRY(panel_duplicate(error, &from->w, &to->w));
  DNMF_TRY(panel_duplicate(error, &from->h, &to->h));
  if (from->terms.components > 0)
    DNMF_TRY(panel_duplicate(error, &from->terms, &to->terms));
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
  DNMF_TRY(copy_items(error, from->components, sizeof(double), from->mean_col, &memory));
  to->mean_col = memory;
  to->samples = from->samples;
  DNMF_TRY(panel_duplicate(error, &from->row_samples, &to->row_samples));
  DNMF_TRY(panel_duplicate(error, &from->col_samples, &to->col_samples));
  DNMF_TRY(dnmf_ids_copy(error, &from->col_ids, &to->col_ids));
  return copy_attributes(error, from, to);
}

/* --- Folding in -------------------------------------------------------------------------------------------- */

/* Only where unstored entries are unobserved are zeros data, and only those that a sparse matrix stores. */
static void drop_zeros(dnmf_missing missing, dnmf_entries *entries) {
  int64_t kept = 0;
  if (missing == DNMF_MISSING_UNOBSERVED)
    return;
  for (int64_t e = 0; e < entries->count; e++)
    if (entries->items[e].value > 0)
      entries->items[kept++] = entries->items[e];
  entries->count = kept;
}

/* entries = the data's, in the model's columns. The rows' ids stay in the source. */
static dnmf_status match_columns(dnmf_context *context, const dnmf_data *data, const dnmf_source *source,
                                 const dnmf_matrix *matrix, const dnmf_model *model, dnmf_entries *entries,
                                 dnmf_folding *folding) {
  dnmf_target target = dnmf_model_target(model);
  dnmf_matched matched;
  target.row_ids = NULL;
  dnmf_status status = dnmf_match(context, source, matrix, &target, &matched);
  if (status == DNMF_OK) {
    dnmf_matched_take(&matched, entries);
    drop_zeros(folding->missing, entries);
    folding->unknown_cols = matched.unknown_cols;
    folding->unknown_entries = matched.unknown_entries;
    folding->absent_cols = model->cols - (source->cols - matched.unknown_cols);
  }
  dnmf_matched_free(&matched);
  if (status == DNMF_OK && folding->unknown_cols == source->cols)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "%s: none of its %" PRId64 " columns is in the model",
                     data->name, source->cols);
  return status;
}

static dnmf_status copy_entries(dnmf_error *error, const dnmf_entries *from, dnmf_entries *to) {
  void *memory = NULL;
  DNMF_TRY(copy_items(error, from->count, sizeof *from->items, from->items, &memory));
  *to = (dnmf_entries){from->count, memory};
  return DNMF_OK;
}

static void warn_of_folding(dnmf_context *context, const char *name, const dnmf_source *source,
                            const dnmf_folding *folding) {
  if (folding->unknown_cols > 0)
    dnmf_warn(context,
              "%s: %" PRId64 " of its %" PRId64 " columns are not in the model; their %" PRId64 " entries are left out",
              name, folding->unknown_cols, source->cols, folding->unknown_entries);
  if (folding->result.empty_rows > 0)
    dnmf_warn(context, "%s: %" PRId64 " of its %" PRId64 " rows have no entry in the model's columns; they get zero",
              name, folding->result.empty_rows, source->rows);
}

/* The provenance of the fit stays, but for what is about its rows or its course. */
static dnmf_status describe_rows(dnmf_context *context, const dnmf_data *data, uint64_t checksum,
                                 const dnmf_folding *folding, dnmf_model *model) {
  static const char *const replaced[] = {
      "command_line", "input",      "rows",      "stored",          "checksum",
      "objective",    "iterations", "processes", "threads",         "relative_error",
      "stop_reason",  "grid",       "date",      "validation_rmse", "transformed_from"};
  dnmf_error *error = &context->error;
  char text[32];
  snprintf(text, sizeof text, "%016" PRIx64, checksum);
  for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
    dnmf_model_unset(model, replaced[i]);
  for (int64_t i = 0; i < model->curve_count; i++)
    free(model->curves[i].values);
  model->curve_count = 0;
  DNMF_TRY(dnmf_model_set_text(error, model, "transformed_from", model->file ? model->file : "a model in memory"));
  DNMF_TRY(dnmf_model_set_text(error, model, "input", data->name));
  DNMF_TRY(dnmf_model_set_text(error, model, "checksum", text));
  DNMF_TRY(dnmf_model_set_integer(error, model, "rows", model->rows));
  DNMF_TRY(dnmf_model_set_integer(error, model, "stored", folding->result.entries));
  DNMF_TRY(dnmf_model_set_integer(error, model, "processes", context->size));
  return dnmf_model_set_real(error, model, "objective", folding->result.loss + folding->result.penalty);
}

dnmf_status dnmf_fold_data(dnmf_context *context, const dnmf_data *data, dnmf_model *model, dnmf_entries *known,
                           dnmf_folding *folding) {
  dnmf_source source = {0};
  dnmf_placed placed = {0};
  dnmf_entries entries = {0};
  *folding = (dnmf_folding){.unknown_cols = 0};
  DNMF_TRY(dnmf_agree(context, dnmf_transform_settings(&context->error, model, &folding->missing, &folding->settings)));
  const dnmf_data_missing missing = (dnmf_data_missing)(folding->missing + 1); /* as in the fit */
  dnmf_data as_fitted = *data;                                                 /* borrowed */
  if (dnmf_model_is_implicit(model))
    dnmf_source_add_repeats(&as_fitted.options);
  dnmf_status status = dnmf_data_load_for_model(context, data->kind == DNMF_DATA_FILE ? &as_fitted : data, model,
                                                missing, &source, &placed);
  const uint64_t checksum = placed.matrix.checksum;
  if (status == DNMF_OK)
    status = match_columns(context, data, &source, &placed.matrix, model, &entries, folding);
  dnmf_placed_free(&placed);
  if (status == DNMF_OK && known)
    status = dnmf_agree(context, copy_entries(&context->error, &entries, known));
  if (status == DNMF_OK)
    status =
        dnmf_transform(context, folding->missing, &folding->settings, source.rows, &entries, model, &folding->result);
  if (status == DNMF_OK) {
    warn_of_folding(context, data->name, &source, folding);
    dnmf_ids_free(&model->row_ids);
    model->row_ids = source.row_ids;
    source.row_ids = (dnmf_ids){0};
    status = dnmf_agree(context, describe_rows(context, data, checksum, folding, model));
  }
  dnmf_entries_free(&entries);
  dnmf_source_close(&source);
  return status;
}

int dnmf_model_transform(dnmf_library *library, const dnmf_model *model, const dnmf_data *data,
                         dnmf_model **transformed) {
  static const char function[] = "dnmf_model_transform";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_model *made = NULL;
  dnmf_folding folding;
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
    status = dnmf_fold_data(context, data, made, NULL, &folding);
  return dnmf_model_hand_over(library, status, made, transformed);
}
