/* Reading model files. */
#include "base/memory.h"
#include "comm/collective.h"
#include "store/file.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_file.h"
#include "store/model/factor_file.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnmf_status read_shape(dnmf_error *error, const char *path, hid_t file, dnmf_model_shape *shape) {
  dnmf_hdf5_shape w, h;
  if (!dnmf_hdf5_exists(file, "/W") || !dnmf_hdf5_exists(file, "/H"))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is not a model: it has no %s", path,
                     dnmf_hdf5_exists(file, "/W") ? "/H" : "/W");
  DNMF_TRY(dnmf_hdf5_describe(error, file, "/W", &w));
  DNMF_TRY(dnmf_hdf5_describe(error, file, "/H", &h));
  if (w.rank != 2 || h.rank != 2 || !w.numeric || !h.numeric || w.extent[1] != h.extent[0] || w.extent[1] < 1 ||
      w.extent[1] > INT_MAX)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is not a model: /W (%s) and /H (%s) do not make a product", path,
                     w.text, h.text);
  shape->rows = w.extent[0];
  shape->cols = h.extent[1];
  shape->components = w.extent[1];
  return DNMF_OK;
}

static const char TERMS[] = "/implicit_terms/col";
static const char ROW_DRAWS[] = "/samples/row_bias";
static const char COL_DRAWS[] = "/samples/col_bias";

/* The biases of the draws of a chain: of rows and of columns, as many draws as the components are of. */
static dnmf_status check_samples(dnmf_error *error, const char *path, hid_t file, const dnmf_model_shape *shape) {
  dnmf_hdf5_shape rows = {.text = "missing"};
  dnmf_hdf5_shape cols = {.text = "missing"};
  const bool has_rows = dnmf_hdf5_exists(file, ROW_DRAWS);
  const bool has_cols = dnmf_hdf5_exists(file, COL_DRAWS);
  if (!has_rows && !has_cols)
    return DNMF_OK;
  if (has_rows)
    DNMF_TRY(dnmf_hdf5_describe(error, file, ROW_DRAWS, &rows));
  if (has_cols)
    DNMF_TRY(dnmf_hdf5_describe(error, file, COL_DRAWS, &cols));
  if (rows.rank == 2 && cols.rank == 2 && rows.numeric && cols.numeric && rows.extent[0] == shape->rows &&
      cols.extent[0] == shape->cols && rows.extent[1] == cols.extent[1] && rows.extent[1] > 0 &&
      shape->components % rows.extent[1] == 0)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s is damaged: %s (%s) and %s (%s) do not belong to its %" PRId64 " rows, %" PRId64
                   " columns and %" PRId64 " components",
                   path, ROW_DRAWS, rows.text, COL_DRAWS, cols.text, shape->rows, shape->cols, shape->components);
}

static dnmf_status check_terms(dnmf_error *error, const char *path, hid_t file, const dnmf_model_shape *shape) {
  dnmf_hdf5_shape terms;
  dnmf_hdf5_shape draws = {.extent = {1, 1}};
  if (!dnmf_hdf5_exists(file, TERMS))
    return DNMF_OK;
  if (dnmf_hdf5_exists(file, ROW_DRAWS))
    DNMF_TRY(dnmf_hdf5_describe(error, file, ROW_DRAWS, &draws));
  DNMF_TRY(dnmf_hdf5_describe(error, file, TERMS, &terms));
  if (terms.rank == 2 && terms.numeric && terms.extent[0] == shape->cols &&
      terms.extent[1] == shape->components + draws.extent[1])
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "%s is no model: %s is %s, but it has %" PRId64 " columns and %" PRId64 " components", path, TERMS,
                   terms.text, shape->cols, shape->components);
}

/* What goes with the rows, the columns and the components has as many numbers. */
static dnmf_status check_parts(dnmf_error *error, const char *path, hid_t file, const dnmf_model_shape *shape) {
  const struct {
    const char *name;
    int64_t count;
  } parts[] = {{"/bias/mean", 1},
               {"/bias/row", shape->rows},
               {"/bias/col", shape->cols},
               {"/observed/row", shape->rows},
               {"/observed/col", shape->cols},
               {"/mean_row", shape->components},
               {"/mean_col", shape->components},
               {"/consensus/stability", shape->components},
               {"/consensus/runs", shape->components}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (dnmf_hdf5_exists(file, parts[i].name))
      DNMF_TRY(dnmf_hdf5_check_length(error, path, file, parts[i].name, parts[i].count));
  DNMF_TRY(check_samples(error, path, file, shape));
  return check_terms(error, path, file, shape);
}

/* Process 0 looks at the file before all open it. */
dnmf_status dnmf_model_inspect(dnmf_context *context, const char *path, dnmf_model_shape *shape) {
  memset(shape, 0, sizeof *shape);
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    hid_t file = -1;
    dnmf_reading_begin(context, path, DNMF_LOOK_SECONDS);
    status = dnmf_hdf5_open_alone(&context->error, path, &file);
    if (status == DNMF_OK)
      status = read_shape(&context->error, path, file, shape);
    if (status == DNMF_OK)
      status = check_parts(&context->error, path, file, shape);
    status = dnmf_hdf5_close_alone(&context->error, path, file, status);
    dnmf_reading_end(context);
  }
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, shape, (int64_t)sizeof *shape, 0);
}

dnmf_status dnmf_is_model(dnmf_context *context, const char *path, bool *model) {
  int64_t found = 0;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    dnmf_error ignored = {0};
    dnmf_model_shape shape;
    hid_t file = -1;
    dnmf_reading_begin(context, path, DNMF_LOOK_SECONDS);
    found =
        dnmf_hdf5_open_alone(&ignored, path, &file) == DNMF_OK && read_shape(&ignored, path, file, &shape) == DNMF_OK;
    status = dnmf_hdf5_close_alone(&context->error, path, file, DNMF_OK);
    dnmf_reading_end(context);
  }
  DNMF_TRY(dnmf_agree(context, status));
  status = dnmf_broadcast(context, &found, (int64_t)sizeof found, 0);
  *model = status == DNMF_OK && found;
  return status;
}

/* What the walks over attributes and curves carry. */
typedef struct walk {
  dnmf_context *context;
  dnmf_model *model;
  dnmf_status status;
} walk;

static dnmf_status read_number(walk *w, hid_t object, const char *name) {
  int64_t integer = 0;
  double real = 0;
  dnmf_error *error = &w->context->error;
  if (dnmf_hdf5_get_integers(object, name, 1, &integer))
    return dnmf_model_set_integer(error, w->model, name, integer);
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  bool read = type >= 0 && H5Tget_class(type) == H5T_FLOAT && H5Sget_simple_extent_npoints(space) == 1 &&
              H5Aread(attribute, H5T_NATIVE_DOUBLE, &real) >= 0;
  dnmf_hdf5_release(space);
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(attribute);
  return read ? dnmf_model_set_real(error, w->model, name, real) : DNMF_OK;
}

/* Attributes that others added in other forms are passed over. */
static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *info, void *state) {
  (void)info;
  walk *w = state;
  char *text = NULL;
  w->status = dnmf_hdf5_get_text(&w->context->error, object, name, &text);
  if (w->status == DNMF_OK)
    w->status = text ? dnmf_model_set_text(&w->context->error, w->model, name, text) : read_number(w, object, name);
  free(text);
  return w->status == DNMF_OK ? 0 : 1;
}

static herr_t visit_curve(hid_t group, const char *name, const H5L_info_t *link, void *state) {
  (void)link;
  walk *w = state;
  dnmf_error *error = &w->context->error;
  dnmf_hdf5_shape shape;
  void *values = NULL;
  w->status = dnmf_hdf5_describe(error, group, name, &shape);
  if (w->status == DNMF_OK && (shape.rank != 1 || !shape.numeric))
    return 0;
  if (w->status == DNMF_OK)
    w->status = dnmf_allocate(error, "a history curve", shape.extent[0], sizeof(double), &values);
  dnmf_slab slab = {{0, 0}, {shape.extent[0], 1}};
  if (w->status == DNMF_OK)
    w->status = dnmf_hdf5_read(w->context, group, name, H5T_NATIVE_DOUBLE, &slab, values);
  if (w->status == DNMF_OK)
    w->status = dnmf_model_add_curve(error, w->model, name, shape.extent[0], values);
  free(values);
  return w->status == DNMF_OK ? 0 : 1;
}

static dnmf_status read_provenance(dnmf_context *context, hid_t file, dnmf_model *model) {
  walk w = {context, model, DNMF_OK};
  hsize_t position = 0;
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  /* In the order they were written, where the file keeps it. */
  if (H5Aiterate2(root, H5_INDEX_CRT_ORDER, H5_ITER_INC, &position, visit_attribute, &w) < 0) {
    position = 0;
    H5Aiterate2(root, H5_INDEX_NAME, H5_ITER_INC, &position, visit_attribute, &w);
  }
  dnmf_hdf5_release(root);
  if (w.status == DNMF_OK && dnmf_hdf5_exists(file, "/history")) {
    hid_t history = H5Gopen2(file, "/history", H5P_DEFAULT);
    H5Literate(history, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_curve, &w);
    dnmf_hdf5_release(history);
  }
  return w.status;
}

static dnmf_status read_bias(dnmf_context *context, const char *path, hid_t file, const char *name, dnmf_range range,
                             double **values) {
  void *memory = NULL;
  dnmf_slab slab = dnmf_slab_of(range);
  DNMF_TRY(dnmf_allocate(&context->error, "biases", dnmf_range_size(range), sizeof(double), &memory));
  *values = memory;
  DNMF_TRY(dnmf_hdf5_read(context, file, name, H5T_NATIVE_DOUBLE, &slab, memory));
  return dnmf_biases_check(&context->error, path, name, range, memory);
}

static dnmf_status read_biases(dnmf_context *context, const char *path, hid_t file, dnmf_model *model) {
  dnmf_slab one = {{0, 0}, {1, 1}};
  model->bias.fitted = dnmf_hdf5_exists(file, "/bias/mean");
  if (!model->bias.fitted)
    return DNMF_OK;
  DNMF_TRY(dnmf_hdf5_read(context, file, "/bias/mean", H5T_NATIVE_DOUBLE, &one, &model->bias.mean));
  DNMF_TRY(dnmf_biases_check(&context->error, path, "/bias/mean", (dnmf_range){0, 1}, &model->bias.mean));
  if (dnmf_hdf5_exists(file, "/bias/row"))
    DNMF_TRY(read_bias(context, path, file, "/bias/row", model->owned_rows, &model->bias.row));
  if (dnmf_hdf5_exists(file, "/bias/col"))
    DNMF_TRY(read_bias(context, path, file, "/bias/col", model->owned_cols, &model->bias.col));
  return DNMF_OK;
}

static dnmf_status read_counts(dnmf_context *context, hid_t file, const char *name, dnmf_range range,
                               int64_t **counts) {
  void *memory = NULL;
  dnmf_slab slab = dnmf_slab_of(range);
  if (!dnmf_hdf5_exists(file, name))
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(&context->error, "observed entries", dnmf_range_size(range), sizeof(int64_t), &memory));
  *counts = memory;
  return dnmf_hdf5_read(context, file, name, H5T_NATIVE_INT64, &slab, memory);
}

static dnmf_status read_component_numbers(dnmf_context *context, hid_t file, const char *name, int components,
                                          double **row) {
  void *memory = NULL;
  dnmf_slab slab = {{0, 0}, {components, 1}};
  if (!dnmf_hdf5_exists(file, name))
    return DNMF_OK;
  DNMF_TRY(dnmf_allocate(&context->error, "numbers of components", components, sizeof(double), &memory));
  *row = memory;
  return dnmf_hdf5_read(context, file, name, H5T_NATIVE_DOUBLE, &slab, memory);
}

/* The biases of the draws of a chain, where there are any. */
static dnmf_status read_samples(dnmf_context *context, hid_t file, dnmf_model *model) {
  dnmf_error *error = &context->error;
  dnmf_hdf5_shape draws;
  if (!dnmf_hdf5_exists(file, ROW_DRAWS))
    return DNMF_OK;
  DNMF_TRY(dnmf_hdf5_describe(error, file, ROW_DRAWS, &draws));
  model->samples = (int)draws.extent[1];
  DNMF_TRY(dnmf_panel_create(error, "biases of draws", dnmf_range_size(model->owned_rows), model->samples, DNMF_DOUBLE,
                             &model->row_samples));
  DNMF_TRY(dnmf_panel_create(error, "biases of draws", dnmf_range_size(model->owned_cols), model->samples, DNMF_DOUBLE,
                             &model->col_samples));
  DNMF_TRY(dnmf_panel_read(context, file, ROW_DRAWS, model->owned_rows, &model->row_samples));
  return dnmf_panel_read(context, file, COL_DRAWS, model->owned_cols, &model->col_samples);
}

/* Of models with draws, each draw's one after another. */
static dnmf_status read_terms(dnmf_context *context, hid_t file, dnmf_precision precision, dnmf_model *model) {
  if (!dnmf_hdf5_exists(file, TERMS))
    return DNMF_OK;
  DNMF_TRY(dnmf_panel_create(&context->error, "implicit terms", dnmf_range_size(model->owned_cols),
                             model->components + (model->samples > 0 ? model->samples : 1), precision, &model->terms));
  return dnmf_panel_read(context, file, TERMS, model->owned_cols, &model->terms);
}

static dnmf_status read_side_ids(dnmf_context *context, const char *path, hid_t file, const char *name, int64_t count,
                                 dnmf_range part, dnmf_ids *ids) {
  return dnmf_hdf5_exists(file, name) ? dnmf_ids_read_part(context, path, file, name, "", count, part, ids) : DNMF_OK;
}

/* Rows and columns from the places in the file that model->owned_rows and owned_cols name. */
static dnmf_status read_numbers(dnmf_context *context, const char *path, hid_t file, dnmf_precision precision,
                                dnmf_model *model) {
  dnmf_error *error = &context->error;
  double largest = 0;
  DNMF_TRY(dnmf_panel_create(error, "W", dnmf_range_size(model->owned_rows), model->components, precision, &model->w));
  DNMF_TRY(dnmf_panel_create(error, "H", dnmf_range_size(model->owned_cols), model->components, precision, &model->h));
  DNMF_TRY(dnmf_w_read(context, file, model->owned_rows, &model->w));
  DNMF_TRY(dnmf_h_read(context, file, model->owned_cols, &model->h));
  DNMF_TRY(dnmf_factor_check(error, path, "/W", model->owned_rows, &model->w, &largest));
  DNMF_TRY(dnmf_factor_check(error, path, "/H", model->owned_cols, &model->h, &largest));
  DNMF_TRY(read_biases(context, path, file, model));
  DNMF_TRY(read_counts(context, file, "/observed/row", model->owned_rows, &model->row_counts));
  DNMF_TRY(read_counts(context, file, "/observed/col", model->owned_cols, &model->col_counts));
  DNMF_TRY(read_samples(context, file, model));
  DNMF_TRY(read_terms(context, file, precision, model));
  DNMF_TRY(read_component_numbers(context, file, "/mean_row", model->components, &model->mean_row));
  DNMF_TRY(read_component_numbers(context, file, "/mean_col", model->components, &model->mean_col));
  DNMF_TRY(read_component_numbers(context, file, "/consensus/stability", model->components, &model->stability));
  return read_component_numbers(context, file, "/consensus/runs", model->components, &model->stable_runs);
}

dnmf_status dnmf_model_read_provenance(dnmf_context *context, const char *path, dnmf_model *model) {
  dnmf_model_shape shape = {0};
  hid_t file = -1;
  memset(model, 0, sizeof *model);
  DNMF_TRY(dnmf_model_inspect(context, path, &shape));
  model->rows = shape.rows;
  model->cols = shape.cols;
  model->components = (int)shape.components;
  DNMF_TRY(dnmf_hdf5_open(context, path, false, &file));
  return dnmf_hdf5_close(context, path, false, file, read_provenance(context, file, model));
}

static dnmf_range from_zero(dnmf_range range, int64_t first) {
  return (dnmf_range){range.begin - first, range.end - first};
}

dnmf_status dnmf_model_read_part(dnmf_context *context, const char *path, dnmf_precision precision, dnmf_range rows,
                                 dnmf_range cols, dnmf_model *model) {
  dnmf_model_shape shape;
  hid_t file = -1;
  memset(model, 0, sizeof *model);
  DNMF_TRY(dnmf_model_inspect(context, path, &shape));
  rows = dnmf_range_overlap(rows, (dnmf_range){0, shape.rows});
  cols = dnmf_range_overlap(cols, (dnmf_range){0, shape.cols});
  model->rows = dnmf_range_size(rows);
  model->cols = dnmf_range_size(cols);
  model->components = (int)shape.components;
  model->owned_rows = dnmf_range_split(rows, context->size, context->rank);
  model->owned_cols = dnmf_range_split(cols, context->size, context->rank);
  model->file = strdup(path);
  dnmf_status named = DNMF_OK;
  if (!model->file)
    named = dnmf_fail(&context->error, DNMF_ERROR_MEMORY, "not enough memory for a model");
  DNMF_TRY(dnmf_agree(context, named));
  DNMF_TRY(dnmf_hdf5_open(context, path, false, &file));
  dnmf_status status = read_numbers(context, path, file, precision, model);
  if (status == DNMF_OK)
    status = read_side_ids(context, path, file, "/row_ids", shape.rows, rows, &model->row_ids);
  if (status == DNMF_OK)
    status = read_side_ids(context, path, file, "/col_ids", shape.cols, cols, &model->col_ids);
  if (status == DNMF_OK)
    status = read_provenance(context, file, model);
  model->owned_rows = from_zero(model->owned_rows, rows.begin);
  model->owned_cols = from_zero(model->owned_cols, cols.begin);
  return dnmf_hdf5_close(context, path, false, file, status);
}

dnmf_status dnmf_model_read(dnmf_context *context, const char *path, dnmf_precision precision, dnmf_model *model) {
  dnmf_range all = {0, INT64_MAX};
  return dnmf_model_read_part(context, path, precision, all, all, model);
}
