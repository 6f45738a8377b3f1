/* Writing model files: process 0 lays the file out with everything small, all processes fill in the factors. */
#include "comm/collective.h"
#include "store/file.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_file.h"
#include "store/model/factor_file.h"

#include <stdio.h>
#include <string.h>

typedef struct model_plan {
  const char *path;
  const dnmf_model *model;
  int64_t row_width; /* of the ids */
  int64_t col_width;
} model_plan;

static dnmf_status write_attribute(dnmf_error *error, hid_t root, const dnmf_attribute *attribute) {
  switch (attribute->kind) {
  case DNMF_ATTRIBUTE_INTEGER:
    return dnmf_hdf5_set_integers(error, root, attribute->name, 1, &attribute->integer);
  case DNMF_ATTRIBUTE_REAL:
    return dnmf_hdf5_set_real(error, root, attribute->name, attribute->real);
  case DNMF_ATTRIBUTE_TEXT:
    break;
  }
  return dnmf_hdf5_set_text(error, root, attribute->name, attribute->text);
}

static dnmf_status write_provenance(dnmf_error *error, hid_t file, const dnmf_model *model) {
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  for (int64_t i = 0; i < model->attribute_count && status == DNMF_OK; i++)
    status = write_attribute(error, root, &model->attributes[i]);
  dnmf_hdf5_release(root);
  return status;
}

/* What every process has in full is written while laying out. */
static dnmf_status write_whole(dnmf_error *error, hid_t file, const char *name, int64_t count, const double *values) {
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, name, H5T_IEEE_F64LE, 1, &count));
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  if (dataset < 0 || (count > 0 && H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0))
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write the dataset %s", name);
  return dnmf_hdf5_close_written(error, dataset, name, status);
}

static dnmf_status write_curves(dnmf_error *error, hid_t file, const dnmf_model *model) {
  for (int64_t i = 0; i < model->curve_count; i++) {
    char name[80];
    const dnmf_curve *curve = &model->curves[i];
    snprintf(name, sizeof name, "/history/%s", curve->name);
    DNMF_TRY(write_whole(error, file, name, curve->count, curve->values));
  }
  return DNMF_OK;
}

static dnmf_status create_biases(dnmf_error *error, hid_t file, const dnmf_model *model) {
  if (!model->bias.fitted)
    return DNMF_OK;
  DNMF_TRY(write_whole(error, file, "/bias/mean", 1, &model->bias.mean));
  if (model->bias.row)
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/bias/row", H5T_IEEE_F64LE, 1, &model->rows));
  if (model->bias.col)
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/bias/col", H5T_IEEE_F64LE, 1, &model->cols));
  return DNMF_OK;
}

static dnmf_status create_counts(dnmf_error *error, hid_t file, const dnmf_model *model) {
  if (model->row_counts)
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/observed/row", H5T_STD_I64LE, 1, &model->rows));
  if (model->col_counts)
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/observed/col", H5T_STD_I64LE, 1, &model->cols));
  return DNMF_OK;
}

static int64_t part_rows(const dnmf_model *model, const dnmf_model_part *part) {
  if (part->side == DNMF_SIDE_NEITHER)
    return part->panel->rows;
  return part->side == DNMF_SIDE_ROWS ? model->rows : model->cols;
}

static dnmf_status create_parts(dnmf_error *error, hid_t file, const dnmf_model *model) {
  for (int i = 0; i < model->part_count; i++) {
    const dnmf_model_part *part = &model->parts[i];
    const int64_t shape[2] = {part_rows(model, part), part->panel->components};
    const hid_t type = part->panel->precision == DNMF_DOUBLE ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
    char name[DNMF_PART_NAME];
    dnmf_part_name(part->name, name);
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, name, type, 2, shape));
  }
  return DNMF_OK;
}

/* What the draws of a chain have of their own. */
static dnmf_status create_samples(dnmf_error *error, hid_t file, const dnmf_model *model) {
  const int64_t rows[2] = {model->rows, model->samples};
  const int64_t cols[2] = {model->cols, model->samples};
  if (model->samples == 0)
    return DNMF_OK;
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/samples/row_bias", H5T_IEEE_F64LE, 2, rows));
  return dnmf_hdf5_create_dataset(error, file, "/samples/col_bias", H5T_IEEE_F64LE, 2, cols);
}

static dnmf_status create_all(dnmf_error *error, hid_t file, const model_plan *plan) {
  const dnmf_model *model = plan->model;
  int64_t w_shape[2] = {model->rows, model->components};
  int64_t h_shape[2] = {model->components, model->cols};
  int64_t terms_shape[2] = {model->cols, model->terms.components};
  hid_t type = model->w.precision == DNMF_DOUBLE ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  DNMF_TRY(write_provenance(error, file, model));
  DNMF_TRY(write_curves(error, file, model));
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/W", type, 2, w_shape));
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/H", type, 2, h_shape));
  DNMF_TRY(create_biases(error, file, model));
  DNMF_TRY(create_counts(error, file, model));
  DNMF_TRY(create_samples(error, file, model));
  if (model->mean_row)
    DNMF_TRY(write_whole(error, file, "/mean_row", model->components, model->mean_row));
  if (model->mean_col)
    DNMF_TRY(write_whole(error, file, "/mean_col", model->components, model->mean_col));
  if (model->terms.components > 0)
    DNMF_TRY(dnmf_hdf5_create_dataset(error, file, "/implicit_terms/col", type, 2, terms_shape));
  if (model->stability)
    DNMF_TRY(write_whole(error, file, "/consensus/stability", model->components, model->stability));
  if (model->stable_runs)
    DNMF_TRY(write_whole(error, file, "/consensus/runs", model->components, model->stable_runs));
  DNMF_TRY(create_parts(error, file, model));
  DNMF_TRY(dnmf_ids_create(error, file, "/row_ids", &model->row_ids, plan->row_width));
  return dnmf_ids_create(error, file, "/col_ids", &model->col_ids, plan->col_width);
}

static int64_t bytes_needed(const model_plan *plan) {
  const dnmf_model *model = plan->model;
  const int64_t number = (int64_t)sizeof(double);
  const int64_t object = 1024; /* more than the header of an attribute or a small dataset */
  int64_t bytes =
      (model->rows + model->cols) * (model->components + model->samples + 2) * number; /* with biases and count */
  bytes += 4 * (int64_t)model->components * number;
  bytes += model->cols * model->terms.components * number;
  for (int i = 0; i < model->part_count; i++)
    bytes += part_rows(model, &model->parts[i]) * model->parts[i].panel->components * number + object;
  bytes += dnmf_ids_bytes(&model->row_ids, plan->row_width) + dnmf_ids_bytes(&model->col_ids, plan->col_width);
  for (int64_t i = 0; i < model->curve_count; i++)
    bytes += model->curves[i].count * number + object;
  for (int64_t i = 0; i < model->attribute_count; i++)
    bytes += object + (model->attributes[i].text ? (int64_t)strlen(model->attributes[i].text) : 0);
  return bytes;
}

static dnmf_status model_create_datasets(dnmf_error *error, const model_plan *plan) {
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_create_alone(error, plan->path, bytes_needed(plan), &file));
  return dnmf_hdf5_close_layout(error, plan->path, file, create_all(error, file, plan));
}

/* What is kept of rows and columns one by one, where there is any. */
static dnmf_status fill_lines(dnmf_context *context, hid_t file, const dnmf_model *model) {
  dnmf_slab rows = dnmf_slab_of(model->owned_rows);
  dnmf_slab cols = dnmf_slab_of(model->owned_cols);
  if (model->bias.fitted && model->bias.row)
    DNMF_TRY(dnmf_hdf5_write(context, file, "/bias/row", H5T_NATIVE_DOUBLE, &rows, model->bias.row));
  if (model->bias.fitted && model->bias.col)
    DNMF_TRY(dnmf_hdf5_write(context, file, "/bias/col", H5T_NATIVE_DOUBLE, &cols, model->bias.col));
  if (model->samples > 0) {
    DNMF_TRY(dnmf_panel_write(context, file, "/samples/row_bias", model->owned_rows, &model->row_samples));
    DNMF_TRY(dnmf_panel_write(context, file, "/samples/col_bias", model->owned_cols, &model->col_samples));
  }
  if (model->row_counts)
    DNMF_TRY(dnmf_hdf5_write(context, file, "/observed/row", H5T_NATIVE_INT64, &rows, model->row_counts));
  if (model->col_counts)
    DNMF_TRY(dnmf_hdf5_write(context, file, "/observed/col", H5T_NATIVE_INT64, &cols, model->col_counts));
  return DNMF_OK;
}

/* What every process has the same, process 0 writes. */
static dnmf_status fill_parts(dnmf_context *context, hid_t file, const dnmf_model *model) {
  for (int i = 0; i < model->part_count; i++) {
    const dnmf_model_part *part = &model->parts[i];
    const dnmf_range all = {0, context->rank == 0 ? part->panel->rows : 0};
    const dnmf_range owned = part->side == DNMF_SIDE_ROWS ? model->owned_rows : model->owned_cols;
    const dnmf_range range = part->side == DNMF_SIDE_NEITHER ? all : owned;
    char name[DNMF_PART_NAME];
    dnmf_part_name(part->name, name);
    DNMF_TRY(dnmf_panel_write(context, file, name, range, part->panel));
  }
  return DNMF_OK;
}

static dnmf_status model_write_datasets(dnmf_context *context, hid_t file, const model_plan *plan) {
  const dnmf_model *model = plan->model;
  DNMF_TRY(dnmf_w_write(context, file, model->owned_rows, &model->w));
  DNMF_TRY(dnmf_h_write(context, file, model->owned_cols, &model->h));
  DNMF_TRY(fill_lines(context, file, model));
  if (model->terms.components > 0)
    DNMF_TRY(dnmf_panel_write(context, file, "/implicit_terms/col", model->owned_cols, &model->terms));
  DNMF_TRY(fill_parts(context, file, model));
  DNMF_TRY(dnmf_ids_write(context, file, "/row_ids", &model->row_ids, plan->row_width));
  return dnmf_ids_write(context, file, "/col_ids", &model->col_ids, plan->col_width);
}

dnmf_status dnmf_model_write(dnmf_context *context, const char *path, const dnmf_model *model) {
  model_plan plan = {path, model, 1, 1};
  hid_t file = -1;
  DNMF_TRY(dnmf_ids_width(context, &model->row_ids, &plan.row_width));
  DNMF_TRY(dnmf_ids_width(context, &model->col_ids, &plan.col_width));
  DNMF_TRY(dnmf_agree(context, context->rank == 0 ? model_create_datasets(&context->error, &plan) : DNMF_OK));
  DNMF_TRY(dnmf_hdf5_open(context, path, true, &file));
  return dnmf_hdf5_close(context, path, true, file, model_write_datasets(context, file, &plan));
}
