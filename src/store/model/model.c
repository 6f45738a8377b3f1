/* The model in memory: provenance, history, release. */
#include "factor/model.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more item; the new one is zeroed. */
static dnmf_status append_item(dnmf_error *error, int64_t *count, size_t size, void **items) {
  void *moved = realloc(*items, (size_t)(*count + 1) * size);
  if (!moved)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the model's provenance");
  memset((char *)moved + (size_t)*count * size, 0, size);
  *items = moved;
  ++*count;
  return DNMF_OK;
}

static dnmf_status add_attribute(dnmf_error *error, dnmf_model *model, const char *name, dnmf_attribute_kind kind,
                                 dnmf_attribute **attribute) {
  void *items = model->attributes;
  dnmf_status status = append_item(error, &model->attribute_count, sizeof *model->attributes, &items);
  model->attributes = items;
  if (status != DNMF_OK)
    return status;
  *attribute = &model->attributes[model->attribute_count - 1];
  snprintf((*attribute)->name, sizeof(*attribute)->name, "%s", name);
  (*attribute)->kind = kind;
  return DNMF_OK;
}

dnmf_status dnmf_model_set_text(dnmf_error *error, dnmf_model *model, const char *name, const char *text) {
  dnmf_attribute *attribute = NULL;
  char *copy = strdup(text);
  if (!copy)
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory for the model's provenance");
  dnmf_status status = add_attribute(error, model, name, DNMF_ATTRIBUTE_TEXT, &attribute);
  if (status == DNMF_OK)
    attribute->text = copy;
  else
    free(copy);
  return status;
}

dnmf_status dnmf_model_set_integer(dnmf_error *error, dnmf_model *model, const char *name, int64_t integer) {
  dnmf_attribute *attribute = NULL;
  DNMF_TRY(add_attribute(error, model, name, DNMF_ATTRIBUTE_INTEGER, &attribute));
  attribute->integer = integer;
  return DNMF_OK;
}

dnmf_status dnmf_model_set_real(dnmf_error *error, dnmf_model *model, const char *name, double real) {
  dnmf_attribute *attribute = NULL;
  DNMF_TRY(add_attribute(error, model, name, DNMF_ATTRIBUTE_REAL, &attribute));
  attribute->real = real;
  return DNMF_OK;
}

const dnmf_attribute *dnmf_model_attribute(const dnmf_model *model, const char *name) {
  for (int64_t i = 0; i < model->attribute_count; i++)
    if (strcmp(model->attributes[i].name, name) == 0)
      return &model->attributes[i];
  return NULL;
}

bool dnmf_model_number(const dnmf_model *model, const char *name, double *value) {
  const dnmf_attribute *attribute = dnmf_model_attribute(model, name);
  if (!attribute || attribute->kind == DNMF_ATTRIBUTE_TEXT)
    return false;
  *value = attribute->kind == DNMF_ATTRIBUTE_REAL ? attribute->real : (double)attribute->integer;
  return true;
}

bool dnmf_model_text_is(const dnmf_model *model, const char *name, const char *text) {
  const dnmf_attribute *attribute = dnmf_model_attribute(model, name);
  return attribute && attribute->kind == DNMF_ATTRIBUTE_TEXT && strcmp(attribute->text, text) == 0;
}

void dnmf_model_unset(dnmf_model *model, const char *name) {
  int64_t kept = 0;
  for (int64_t i = 0; i < model->attribute_count; i++)
    if (strcmp(model->attributes[i].name, name) == 0)
      free(model->attributes[i].text);
    else
      model->attributes[kept++] = model->attributes[i];
  model->attribute_count = kept;
}

const char *dnmf_model_name(const dnmf_model *model) {
  return model->file ? model->file : "the model";
}

bool dnmf_model_scale(const dnmf_model *model, double *smallest, double *largest) {
  return dnmf_model_number(model, "smallest", smallest) && dnmf_model_number(model, "largest", largest);
}

double dnmf_model_expectation(const dnmf_model *model) {
  double mean = model->bias.fitted ? model->bias.mean : 0;
  if (dnmf_model_is_observed(model))
    dnmf_model_number(model, "mean", &mean);
  return mean;
}

bool dnmf_model_is_observed(const dnmf_model *model) {
  const dnmf_attribute *missing = dnmf_model_attribute(model, "missing");
  if (missing && missing->kind == DNMF_ATTRIBUTE_TEXT)
    return strcmp(missing->text, "unobserved") == 0 || strcmp(missing->text, "weak") == 0;
  return model->bias.fitted;
}

bool dnmf_model_is_weak(const dnmf_model *model) {
  return dnmf_model_text_is(model, "missing", "weak");
}

bool dnmf_model_is_implicit(const dnmf_model *model) {
  double implicit = 0;
  return dnmf_model_is_weak(model) && dnmf_model_number(model, "implicit", &implicit) && implicit != 0;
}

static bool is_known(const int64_t *counts, const double *bias, const dnmf_panel *factor, int64_t at) {
  if (counts)
    return counts[at] > 0;
  return (bias && bias[at] != 0) || !dnmf_panel_row_is_zero(factor, at);
}

bool dnmf_model_has_mean_rows(const dnmf_model *model) {
  return model->mean_row && model->mean_col;
}

bool dnmf_model_row_is_known(const dnmf_model *model, int64_t row) {
  return !dnmf_model_is_observed(model) || is_known(model->row_counts, model->bias.row, &model->w, row);
}

bool dnmf_model_col_is_known(const dnmf_model *model, int64_t col) {
  return !dnmf_model_is_observed(model) || is_known(model->col_counts, model->bias.col, &model->h, col);
}

dnmf_status dnmf_model_add_curve(dnmf_error *error, dnmf_model *model, const char *name, int64_t count,
                                 const double *values) {
  void *copy = NULL;
  DNMF_TRY(dnmf_allocate(error, "a history curve", count, sizeof(double), &copy));
  if (count)
    memcpy(copy, values, (size_t)count * sizeof(double));
  void *items = model->curves;
  dnmf_status status = append_item(error, &model->curve_count, sizeof *model->curves, &items);
  model->curves = items;
  if (status != DNMF_OK) {
    free(copy);
    return status;
  }
  dnmf_curve *curve = &model->curves[model->curve_count - 1];
  snprintf(curve->name, sizeof curve->name, "%s", name);
  curve->count = count;
  curve->values = copy;
  return DNMF_OK;
}

void dnmf_model_free(dnmf_model *model) {
  free(model->file);
  dnmf_panel_free(&model->w);
  dnmf_panel_free(&model->h);
  free(model->bias.row);
  free(model->bias.col);
  free(model->row_counts);
  free(model->col_counts);
  dnmf_panel_free(&model->row_samples);
  dnmf_panel_free(&model->col_samples);
  free(model->mean_row);
  dnmf_panel_free(&model->terms);
  free(model->mean_col);
  free(model->stability);
  free(model->stable_runs);
  dnmf_ids_free(&model->row_ids);
  dnmf_ids_free(&model->col_ids);
  for (int64_t i = 0; i < model->attribute_count; i++)
    free(model->attributes[i].text);
  for (int64_t i = 0; i < model->curve_count; i++)
    free(model->curves[i].values);
  free(model->attributes);
  free(model->curves);
  memset(model, 0, sizeof *model);
}
