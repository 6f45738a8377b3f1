#include "api/model.h"

#include "api/library.h"
#include "base/memory.h"
#include "store/file.h"
#include "store/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

dnmf_status dnmf_model_create(dnmf_error *error, dnmf_model **model) {
  void *memory = NULL;
  dnmf_status status = dnmf_allocate_zero(error, "a model", 1, sizeof **model, &memory);
  *model = memory;
  return status;
}

void dnmf_model_destroy(dnmf_model **model) {
  if (!model || !*model)
    return;
  dnmf_model_free(*model);
  free(*model);
  *model = NULL;
}

int dnmf_model_hand_over(dnmf_library *library, dnmf_status status, dnmf_model *made, dnmf_model **model) {
  if (status == DNMF_OK)
    *model = made;
  else
    dnmf_model_destroy(&made);
  return dnmf_library_leave(library, status);
}

dnmf_status dnmf_model_check(dnmf_context *context, const char *function, const dnmf_model *model) {
  return dnmf_agree(context, dnmf_require(context, function, "model", model));
}

/* --- Files ------------------------------------------------------------------------------------------------- */

/* The same numbers in single precision, in place. */
static dnmf_status narrow_panel(dnmf_error *error, dnmf_panel *panel) {
  dnmf_panel single = {0};
  DNMF_TRY(dnmf_panel_create(error, "a factor", panel->rows, panel->components, DNMF_SINGLE, &single));
  for (int64_t row = 0; row < panel->rows; row++)
    for (int c = 0; c < panel->components; c++)
      dnmf_panel_set(&single, row, c, dnmf_panel_get(panel, row, c));
  dnmf_panel_free(panel);
  *panel = single;
  return DNMF_OK;
}

dnmf_status dnmf_model_open_part(dnmf_context *context, const char *path, int precision, dnmf_range rows,
                                 dnmf_range cols, dnmf_model *model) {
  DNMF_TRY(dnmf_model_read_part(context, path, DNMF_DOUBLE, rows, cols, model));
  const bool fitted_so = precision == DNMF_AS_FITTED && dnmf_model_text_is(model, "precision", "single");
  if (precision != DNMF_IN_SINGLE && !fitted_so)
    return DNMF_OK;
  dnmf_status status = narrow_panel(&context->error, &model->w);
  if (status == DNMF_OK)
    status = narrow_panel(&context->error, &model->h);
  if (status == DNMF_OK && model->terms.components > 0)
    status = narrow_panel(&context->error, &model->terms);
  return dnmf_agree(context, status);
}

dnmf_status dnmf_model_open(dnmf_context *context, const char *path, int precision, dnmf_model *model) {
  const dnmf_range all = {0, INT64_MAX};
  return dnmf_model_open_part(context, path, precision, all, all, model);
}

dnmf_target dnmf_model_target(const dnmf_model *model) {
  return (dnmf_target){dnmf_model_name(model), model->rows, model->cols, &model->row_ids, &model->col_ids};
}

int dnmf_model_load(dnmf_library *library, const char *path, dnmf_model **model) {
  static const char function[] = "dnmf_model_load";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_model *made = NULL;
  if (model)
    *model = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "name of a file", path);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the model", model);
  if (status == DNMF_OK)
    status = dnmf_model_create(&context->error, &made);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_model_open(context, path, DNMF_AS_FITTED, made);
  return dnmf_model_hand_over(library, status, made, model);
}

int dnmf_model_save(dnmf_library *library, const dnmf_model *model, const char *path) {
  static const char function[] = "dnmf_model_save";
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_output output = {.lock = -1};
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "model", model);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "name of a file", path);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_output_begin(context, path, &output);
  if (status == DNMF_OK)
    status = dnmf_output_end(context, &output, dnmf_model_write(context, output.partial, model));
  return dnmf_library_leave(library, status);
}

/* --- What is in a model ------------------------------------------------------------------------------------ */

static void put_size(int64_t *to, int64_t value) {
  if (to)
    *to = value;
}

int dnmf_model_size(dnmf_library *library, const dnmf_model *model, int64_t *rows, int64_t *cols, int64_t *components) {
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, "dnmf_model_size", "model", model);
  put_size(rows, status == DNMF_OK ? model->rows : 0);
  put_size(cols, status == DNMF_OK ? model->cols : 0);
  put_size(components, status == DNMF_OK ? model->components : 0);
  return dnmf_library_leave(library, status);
}

int dnmf_model_share(dnmf_library *library, const dnmf_model *model, int64_t *first_row, int64_t *row_count,
                     int64_t *first_col, int64_t *col_count) {
  const dnmf_range none = {0, 0};
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, "dnmf_model_share", "model", model);
  const dnmf_range rows = status == DNMF_OK ? model->owned_rows : none;
  const dnmf_range cols = status == DNMF_OK ? model->owned_cols : none;
  put_size(first_row, rows.begin);
  put_size(row_count, dnmf_range_size(rows));
  put_size(first_col, cols.begin);
  put_size(col_count, dnmf_range_size(cols));
  return dnmf_library_leave(library, status);
}

/* `count` of `all` rows from `first` on, which must be there. */
static dnmf_status check_range(dnmf_context *context, const char *function, int64_t first, int64_t count, int64_t all,
                               const void *out) {
  if (first < 0 || count < 0 || count > all || first > all - count)
    return dnmf_fail(&context->error, DNMF_ERROR_USAGE,
                     "%s: %" PRId64 " from %" PRId64 " on are not among 0 to %" PRId64, function, count, first,
                     all - 1);
  return count > 0 ? dnmf_require(context, function, "place for the numbers", out) : DNMF_OK;
}

/* Any rows of a factor, row-major, in its own precision; the caller releases them. collective */
static dnmf_status fetch_rows(dnmf_context *context, dnmf_range held, const dnmf_panel *panel, dnmf_range wanted,
                              dnmf_panel *rows) {
  dnmf_status status = dnmf_panel_create(&context->error, "rows of a factor", dnmf_range_size(wanted),
                                         panel->components, panel->precision, rows);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_fetch_range(context, held, panel->data, (size_t)panel->components * dnmf_precision_size(panel->precision),
                          wanted, rows->data);
}

/* One of the factors: numbers `at` of row i and component c are out[i * row_step + c * component_step]. */
static int get_factor(dnmf_library *library, const char *function, const dnmf_model *model, bool of_h, int64_t first,
                      int64_t count, double *out, int64_t leading) {
  dnmf_context *context = dnmf_library_enter(library);
  dnmf_panel rows = {0};
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, function, model);
  if (status != DNMF_OK)
    return dnmf_library_leave(library, status);
  const int64_t least = of_h ? count : model->components;
  status = check_range(context, function, first, count, of_h ? model->cols : model->rows, out);
  if (status == DNMF_OK && leading != 0 && leading < least)
    status = dnmf_fail(&context->error, DNMF_ERROR_USAGE, "%s: leading is %" PRId64 ", less than %" PRId64, function,
                       leading, least);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = fetch_rows(context, of_h ? model->owned_cols : model->owned_rows, of_h ? &model->h : &model->w,
                        (dnmf_range){first, first + count}, &rows);
  leading = leading == 0 ? least : leading;
  for (int64_t i = 0; i < count && status == DNMF_OK; i++)
    for (int c = 0; c < rows.components; c++)
      out[of_h ? c * leading + i : i * leading + c] = dnmf_panel_get(&rows, i, c);
  dnmf_panel_free(&rows);
  return dnmf_library_leave(library, status);
}

int dnmf_model_w(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count, double *w,
                 int64_t leading) {
  return get_factor(library, "dnmf_model_w", model, false, first, count, w, leading);
}

int dnmf_model_h(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count, double *h,
                 int64_t leading) {
  return get_factor(library, "dnmf_model_h", model, true, first, count, h, leading);
}

static int get_bias(dnmf_library *library, const char *function, const dnmf_model *model, bool of_cols, int64_t first,
                    int64_t count, double *out) {
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_model_check(context, function, model);
  if (status == DNMF_OK)
    status =
        dnmf_agree(context, check_range(context, function, first, count, of_cols ? model->cols : model->rows, out));
  if (status != DNMF_OK)
    return dnmf_library_leave(library, status);
  const double *mine = of_cols ? model->bias.col : model->bias.row;
  const dnmf_range held = of_cols ? model->owned_cols : model->owned_rows;
  for (int64_t i = 0; i < count; i++)
    out[i] = 0;
  if (model->bias.fitted) /* maybe of one side only */
    status = dnmf_fetch_range(context, mine ? held : (dnmf_range){held.begin, held.begin}, mine, sizeof(double),
                              (dnmf_range){first, first + count}, out);
  return dnmf_library_leave(library, status);
}

int dnmf_model_row_bias(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count, double *bias) {
  return get_bias(library, "dnmf_model_row_bias", model, false, first, count, bias);
}

int dnmf_model_col_bias(dnmf_library *library, const dnmf_model *model, int64_t first, int64_t count, double *bias) {
  return get_bias(library, "dnmf_model_col_bias", model, true, first, count, bias);
}

int dnmf_model_mean(dnmf_library *library, const dnmf_model *model, double *mean) {
  static const char function[] = "dnmf_model_mean";
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = dnmf_require(context, function, "model", model);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the mean", mean);
  if (status == DNMF_OK)
    *mean = model->bias.fitted ? model->bias.mean : 0;
  return dnmf_library_leave(library, status);
}

/* --- Provenance and history -------------------------------------------------------------------------------- */

static dnmf_status check_names(dnmf_context *context, const char *function, const dnmf_model *model, const char *name,
                               const void *out) {
  DNMF_TRY(dnmf_require(context, function, "model", model));
  DNMF_TRY(dnmf_require(context, function, "name", name));
  return dnmf_require(context, function, "place for the answer", out);
}

static dnmf_status has_none(dnmf_context *context, const char *what, const char *name) {
  return dnmf_fail(&context->error, DNMF_ERROR_USAGE, "the model has no %s \"%s\"", what, name);
}

int dnmf_model_get_number(dnmf_library *library, const dnmf_model *model, const char *name, double *number) {
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = check_names(context, "dnmf_model_get_number", model, name, number);
  if (status == DNMF_OK && !dnmf_model_number(model, name, number))
    status = has_none(context, "number", name);
  return dnmf_library_leave(library, status);
}

int dnmf_model_get_text(dnmf_library *library, const dnmf_model *model, const char *name, const char **text) {
  dnmf_context *context = dnmf_library_enter(library);
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = check_names(context, "dnmf_model_get_text", model, name, text);
  const dnmf_attribute *found = status == DNMF_OK ? dnmf_model_attribute(model, name) : NULL;
  if (status == DNMF_OK && (!found || found->kind != DNMF_ATTRIBUTE_TEXT))
    status = has_none(context, "text", name);
  else if (status == DNMF_OK)
    *text = found->text;
  return dnmf_library_leave(library, status);
}

int dnmf_model_history(dnmf_library *library, const dnmf_model *model, const char *name, int64_t *count,
                       const double **values) {
  static const char function[] = "dnmf_model_history";
  dnmf_context *context = dnmf_library_enter(library);
  const dnmf_curve *found = NULL;
  if (!context)
    return dnmf_library_refusal(library);
  dnmf_status status = check_names(context, function, model, name, values);
  if (status == DNMF_OK)
    status = dnmf_require(context, function, "place for the count", count);
  for (int64_t i = 0; status == DNMF_OK && i < model->curve_count; i++)
    if (strcmp(model->curves[i].name, name) == 0)
      found = &model->curves[i];
  if (status == DNMF_OK && !found)
    status = has_none(context, "history", name);
  if (found) {
    *count = found->count;
    *values = found->values;
  }
  return dnmf_library_leave(library, status);
}
