/* Factors into an AnnData file: copied by process 0, which lays the new datasets out; filled by all. */
#include "store/write/anndata.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/fetch.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/ids/ids_find.h"
#include "store/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 22, OBJECT_BYTES = 2048 /* more than the header of a small dataset takes */ };

/* One factor on its way to the file. */
typedef struct anndata_side {
  const char *what;         /* "observation" or "variable" */
  const char *ours;         /* "row" or "column" */
  char dataset[96];         /* "/obsm/X_nmf" */
  const dnmf_ids *file_ids; /* their names in the file */
  int64_t file_count;
  const dnmf_ids *model_ids;
  int64_t model_count;
  dnmf_range owned; /* of the model's rows (columns) */
  const dnmf_panel *factor;
  dnmf_range mine;  /* of the file's, written by this process */
  dnmf_panel panel; /* what is written there */
} anndata_side;

static dnmf_status cannot(dnmf_error *error, const char *verb, const char *path, int reason) {
  return dnmf_fail(error, DNMF_ERROR_FILE, "cannot %s %s: %s", verb, path, strerror(reason));
}

/* All of `from` behind each other into `to`, and its permissions. */
static dnmf_status copy_open(dnmf_error *error, int from, const char *path, int to, const char *copy, char *buffer) {
  struct stat about;
  ssize_t bytes = 0;
  while ((bytes = read(from, buffer, COPY_BYTES)) > 0)
    for (ssize_t done = 0; done < bytes;) {
      ssize_t written = write(to, buffer + done, (size_t)(bytes - done));
      if (written < 0)
        return cannot(error, "write", copy, errno);
      done += written;
    }
  if (bytes < 0)
    return cannot(error, "read", path, errno);
  if (fstat(from, &about) != 0 || fchmod(to, about.st_mode & 07777) != 0)
    return cannot(error, "write", copy, errno);
  return DNMF_OK;
}

static dnmf_status copy_file(dnmf_error *error, const char *path, const char *copy) {
  void *buffer = NULL;
  DNMF_TRY(dnmf_allocate(error, "a piece of a file", COPY_BYTES, 1, &buffer));
  dnmf_status status = DNMF_OK;
  int from = open(path, O_RDONLY);
  int to = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (from < 0 || to < 0)
    status = cannot(error, from < 0 ? "read" : "write", from < 0 ? path : copy, errno);
  if (status == DNMF_OK)
    status = copy_open(error, from, path, to, copy, buffer);
  if (from >= 0)
    close(from);
  if (to >= 0 && close(to) != 0 && status == DNMF_OK)
    status = cannot(error, "write", copy, errno);
  free(buffer);
  return status;
}

/* The attributes by which AnnData knows what an element is. */
static dnmf_status set_encoding(dnmf_error *error, hid_t object, const char *type, const char *version) {
  DNMF_TRY(dnmf_hdf5_set_text(error, object, "encoding-type", type));
  return dnmf_hdf5_set_text(error, object, "encoding-version", version);
}

/* The group `name`, made when there is none. */
static dnmf_status need_group(dnmf_error *error, const char *path, hid_t file, const char *name) {
  if (dnmf_hdf5_exists(file, name)) {
    H5O_info_t about;
    if (H5Oget_info_by_name(file, name, &about, H5P_DEFAULT) < 0 || about.type != H5O_TYPE_GROUP)
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "%s of %s is not a group: the file was written by AnnData before 0.7; write it anew with a "
                       "later one",
                       name, path);
    return DNMF_OK;
  }
  hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0)
    return dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot create the group %s in %s", name, path);
  dnmf_status status = set_encoding(error, group, "dict", "0.1.0");
  dnmf_hdf5_release(group);
  return status;
}

static dnmf_status refuse_existing(dnmf_error *error, const char *path, hid_t file, const char *name) {
  if (!dnmf_hdf5_exists(file, name))
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has %s already; give another name with --key", path, name + 1);
}

/* A text or a number as a dataset of its own. */
static dnmf_status put_value(dnmf_error *error, hid_t group, const dnmf_attribute *value) {
  bool text = value->kind == DNMF_ATTRIBUTE_TEXT;
  const void *from = value->kind == DNMF_ATTRIBUTE_INTEGER ? (const void *)&value->integer : (const void *)&value->real;
  hid_t type = H5Tcopy(text ? H5T_C_S1 : value->kind == DNMF_ATTRIBUTE_INTEGER ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE);
  if (text) {
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    from = (const void *)&value->text;
  }
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t dataset = H5Dcreate2(group, value->name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, from) < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write the value %s", value->name);
  if (status == DNMF_OK)
    status = set_encoding(error, dataset, text ? "string" : "numeric-scalar", "0.2.0");
  status = dnmf_hdf5_close_written(error, dataset, value->name, status);
  dnmf_hdf5_release(space);
  dnmf_hdf5_release(type);
  return status;
}

static dnmf_status put_provenance(dnmf_error *error, const char *path, hid_t file, const char *name,
                                  const dnmf_model *model) {
  DNMF_TRY(need_group(error, path, file, name));
  hid_t group = H5Gopen2(file, name, H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  for (int64_t i = 0; i < model->attribute_count && status == DNMF_OK; i++)
    status = put_value(error, group, &model->attributes[i]);
  dnmf_hdf5_release(group);
  return status;
}

static dnmf_status create_factor(dnmf_error *error, hid_t file, const anndata_side *s) {
  int64_t shape[2] = {s->file_count, s->factor->components};
  hid_t type = s->factor->precision == DNMF_DOUBLE ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  DNMF_TRY(dnmf_hdf5_create_dataset(error, file, s->dataset, type, 2, shape));
  hid_t dataset = H5Dopen2(file, s->dataset, H5P_DEFAULT);
  dnmf_status status = set_encoding(error, dataset, "array", "0.2.0");
  dnmf_hdf5_release(dataset);
  return status;
}

/* On the copy; messages name the file itself. */
static dnmf_status anndata_create_datasets(dnmf_error *error, const char *path, hid_t file, const char *key,
                                           const dnmf_model *model, const anndata_side sides[2]) {
  char uns[96];
  snprintf(uns, sizeof uns, "/uns/%s", key);
  DNMF_TRY(refuse_existing(error, path, file, sides[0].dataset));
  DNMF_TRY(refuse_existing(error, path, file, sides[1].dataset));
  DNMF_TRY(refuse_existing(error, path, file, uns));
  DNMF_TRY(need_group(error, path, file, "/obsm"));
  DNMF_TRY(need_group(error, path, file, "/varm"));
  DNMF_TRY(need_group(error, path, file, "/uns"));
  DNMF_TRY(create_factor(error, file, &sides[0]));
  DNMF_TRY(create_factor(error, file, &sides[1]));
  return put_provenance(error, path, file, uns, model);
}

static dnmf_status copy_and_lay_out(dnmf_error *error, const char *path, const char *copy, const char *key,
                                    const dnmf_model *model, const anndata_side sides[2]) {
  hid_t file = -1;
  int64_t bytes = (model->attribute_count + 16) * OBJECT_BYTES;
  for (int s = 0; s < 2; s++)
    bytes += sides[s].file_count * sides[s].factor->components * (int64_t)sizeof(double);
  for (int64_t i = 0; i < model->attribute_count; i++)
    bytes += model->attributes[i].text ? (int64_t)strlen(model->attributes[i].text) : 0;
  DNMF_TRY(copy_file(error, path, copy));
  DNMF_TRY(dnmf_hdf5_extend_alone(error, copy, bytes, &file));
  return dnmf_hdf5_close_layout(error, copy, file, anndata_create_datasets(error, path, file, key, model, sides));
}

/* index[i] = the model's row for item i of this process's share of the file. */
static dnmf_status find_rows(dnmf_context *context, const char *path, const char *model_name, const anndata_side *s,
                             int64_t *index) {
  int64_t count = dnmf_range_size(s->mine);
  dnmf_ids names = {0};
  int64_t unknown = 0;
  int64_t repeated = 0;
  int64_t example = -1;
  if (s->model_ids->kind == DNMF_IDS_NONE) {
    for (int64_t i = 0; i < count; i++)
      index[i] = s->mine.begin + i;
    if (s->file_count == s->model_count)
      return DNMF_OK;
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "%s has %" PRId64 " %ss and %s %" PRId64 " %ss without ids: they cannot be matched", path,
                     s->file_count, s->what, model_name, s->model_count, s->ours);
  }
  dnmf_status status = dnmf_agree(context, dnmf_ids_to_text(&context->error, s->file_ids, &names));
  if (status == DNMF_OK)
    status = dnmf_ids_match(context, s->model_ids, s->model_count, s->file_ids, index, &repeated);
  for (int64_t i = 0; i < count && status == DNMF_OK; i++) {
    unknown += index[i] < 0;
    example = index[i] < 0 && example < 0 ? i : example;
  }
  if (status == DNMF_OK)
    status = dnmf_sum_int64(context, context->comm, &unknown, 1);
  if (status == DNMF_OK && example >= 0)
    dnmf_fail(&context->error, DNMF_ERROR_INPUT,
              "%" PRId64 " of the %" PRId64 " %ss of %s are not among the %ss of %s; the first of them is %.*s",
              unknown, s->file_count, s->what, path, s->ours, model_name,
              (int)(names.starts[example + 1] - names.starts[example]), names.text + names.starts[example]);
  dnmf_ids_free(&names);
  return status == DNMF_OK ? dnmf_agree(context, example >= 0 ? DNMF_ERROR_INPUT : DNMF_OK) : status;
}

/* Row i of s->panel = row place[i] of the distinct rows that were fetched. */
static void spread(const anndata_side *s, const int64_t *place, const dnmf_panel *fetched) {
  size_t bytes = (size_t)fetched->components * dnmf_precision_size(fetched->precision);
  for (int64_t i = 0; i < dnmf_range_size(s->mine); i++)
    memcpy((char *)s->panel.data + (size_t)i * bytes, (const char *)fetched->data + (size_t)place[i] * bytes, bytes);
}

/* s->panel = the factor's rows in the order of the file. */
static dnmf_status fetch_rows(dnmf_context *context, const int64_t *index, anndata_side *s) {
  int64_t count = dnmf_range_size(s->mine);
  int64_t *wanted = NULL;
  int64_t wanted_count = 0;
  void *place = NULL;
  void *bounds = NULL;
  dnmf_fetch fetch = {0};
  dnmf_panel fetched = {0};
  const dnmf_panel *factor = s->factor;
  dnmf_error *error = &context->error;
  dnmf_status status = dnmf_allocate(error, "places of rows", count, sizeof(int64_t), &place);
  if (status == DNMF_OK)
    status = dnmf_fetch_list(error, count, index, &wanted, &wanted_count, place);
  if (status == DNMF_OK)
    status = dnmf_allocate(error, "ranges of rows", context->size + 1, sizeof(int64_t), &bounds);
  if (status == DNMF_OK)
    status =
        dnmf_panel_create(error, "rows of a factor", wanted_count, factor->components, factor->precision, &fetched);
  if (status == DNMF_OK)
    status = dnmf_panel_create(error, "rows of a factor", count, factor->components, factor->precision, &s->panel);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    int code = MPI_Allgather(&s->owned.begin, 1, MPI_INT64_T, bounds, 1, MPI_INT64_T, context->comm);
    ((int64_t *)bounds)[context->size] = s->model_count;
    status = dnmf_mpi_check(context, code, "MPI_Allgather");
  }
  if (status == DNMF_OK)
    status = dnmf_fetch_plan(context, bounds, wanted, wanted_count, &fetch);
  if (status == DNMF_OK)
    status = dnmf_fetch_rows(context, &fetch, factor, &fetched);
  if (status == DNMF_OK)
    spread(s, place, &fetched);
  dnmf_fetch_free(&fetch);
  dnmf_panel_free(&fetched);
  free(wanted);
  free(place);
  free(bounds);
  return status;
}

static dnmf_status anndata_match_side(dnmf_context *context, const char *path, const char *model_name,
                                      anndata_side *s) {
  void *index = NULL;
  dnmf_range all = {0, s->file_count};
  s->mine =
      s->file_ids->kind == DNMF_IDS_NONE ? dnmf_range_split(all, context->size, context->rank) : s->file_ids->range;
  dnmf_status status =
      dnmf_allocate(&context->error, "rows of a model", dnmf_range_size(s->mine), sizeof(int64_t), &index);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = find_rows(context, path, model_name, s, index);
  if (status == DNMF_OK)
    status = fetch_rows(context, index, s);
  free(index);
  return status;
}

static dnmf_status anndata_write_side(dnmf_context *context, hid_t file, const anndata_side *s) {
  dnmf_slab slab = {{s->mine.begin, 0}, {dnmf_range_size(s->mine), s->panel.components}};
  return dnmf_hdf5_write(context, file, s->dataset, dnmf_hdf5_real(s->panel.precision), &slab, s->panel.data);
}

/* Where the names of observations and variables are: with X. */
static dnmf_status open_names(dnmf_context *context, const char *path, dnmf_source *source) {
  void *name = NULL;
  static const char x[] = ":/X";
  int64_t bytes = (int64_t)(strlen(path) + sizeof x);
  DNMF_TRY(dnmf_agree(context, dnmf_allocate(&context->error, "a file name", bytes, 1, &name)));
  snprintf(name, (size_t)bytes, "%s%s", path, x);
  dnmf_status status = dnmf_source_open(context, name, NULL, source);
  free(name);
  return status;
}

static dnmf_status add_sides(dnmf_context *context, const char *path, const char *copy, const char *key,
                             const char *model_name, const dnmf_model *model, anndata_side sides[2]) {
  hid_t file = -1;
  DNMF_TRY(anndata_match_side(context, path, model_name, &sides[0]));
  DNMF_TRY(anndata_match_side(context, path, model_name, &sides[1]));
  dnmf_status status = DNMF_OK;
  if (context->rank == 0)
    status = copy_and_lay_out(&context->error, path, copy, key, model, sides);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_hdf5_open(context, copy, true, &file));
  status = anndata_write_side(context, file, &sides[0]);
  if (status == DNMF_OK)
    status = anndata_write_side(context, file, &sides[1]);
  return dnmf_hdf5_close(context, copy, true, file, status);
}

dnmf_status dnmf_anndata_add(dnmf_context *context, const char *path, const char *copy, const char *key,
                             const char *model_name, const dnmf_model *model) {
  dnmf_source source = {0};
  dnmf_status status = open_names(context, path, &source);
  anndata_side sides[2] = {{"observation",
                            "row",
                            "",
                            &source.row_ids,
                            source.rows,
                            &model->row_ids,
                            model->rows,
                            model->owned_rows,
                            &model->w,
                            {0, 0},
                            {0, 0, DNMF_DOUBLE, NULL}},
                           {"variable",
                            "column",
                            "",
                            &source.col_ids,
                            source.cols,
                            &model->col_ids,
                            model->cols,
                            model->owned_cols,
                            &model->h,
                            {0, 0},
                            {0, 0, DNMF_DOUBLE, NULL}}};
  snprintf(sides[0].dataset, sizeof sides[0].dataset, "/obsm/X_%s", key);
  snprintf(sides[1].dataset, sizeof sides[1].dataset, "/varm/%s", key);
  if (status == DNMF_OK)
    status = add_sides(context, path, copy, key, model_name, model, sides);
  dnmf_panel_free(&sides[0].panel);
  dnmf_panel_free(&sides[1].panel);
  dnmf_source_close(&source);
  return status;
}
