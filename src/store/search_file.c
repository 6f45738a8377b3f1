#include "store/search_file.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_slab.h"
#include "store/model/factor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_NAME = 64 };

static void search_name(int components, const char *what, char name[SEARCH_NAME]) {
  snprintf(name, SEARCH_NAME, "/candidates/%d/%s", components, what);
}

static dnmf_status search_create_part(dnmf_context *context, hid_t file, int64_t rows, const dnmf_search_part *part) {
  const int64_t shape[2] = {rows, part->components};
  const hid_t type = part->medians->precision == DNMF_DOUBLE ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  const dnmf_slab all = {{0, 0}, {part->number_count, 1}};
  char name[SEARCH_NAME];
  search_name(part->components, "numbers", name);
  DNMF_TRY(dnmf_hdf5_create_dataset(&context->error, file, name, H5T_IEEE_F64LE, 1, &part->number_count));
  DNMF_TRY(dnmf_hdf5_write(context, file, name, H5T_NATIVE_DOUBLE, &all, part->numbers));
  search_name(part->components, "medians", name);
  return dnmf_hdf5_create_dataset(&context->error, file, name, type, 2, shape);
}

/* Process 0 lays the file out. */
static dnmf_status search_create(dnmf_context *context, const char *path, const char *search, int64_t rows, int count,
                                 const dnmf_search_part *parts) {
  const int64_t object = 1024; /* more than the header of a small dataset */
  int64_t bytes = object + (int64_t)strlen(search);
  hid_t file = -1;
  for (int p = 0; p < count; p++)
    bytes += 4 * object + (rows * parts[p].components + parts[p].number_count) * (int64_t)sizeof(double);
  DNMF_TRY(dnmf_hdf5_create_alone(&context->error, path, bytes, &file));
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = dnmf_hdf5_set_text(&context->error, root, "search", search);
  dnmf_hdf5_release(root);
  for (int p = 0; p < count && status == DNMF_OK; p++)
    status = search_create_part(context, file, rows, &parts[p]);
  return dnmf_hdf5_close_layout(&context->error, path, file, status);
}

dnmf_status dnmf_search_file_write(dnmf_context *context, const char *path, const char *search, int64_t rows, int count,
                                   const dnmf_search_part *parts) {
  hid_t file = -1;
  dnmf_status status = DNMF_OK;
  if (context->rank == 0)
    status = search_create(context, path, search, rows, count, parts);
  DNMF_TRY(dnmf_agree(context, status));
  DNMF_TRY(dnmf_hdf5_open(context, path, true, &file));
  for (int p = 0; p < count && status == DNMF_OK; p++) {
    char name[SEARCH_NAME];
    search_name(parts[p].components, "medians", name);
    status = dnmf_panel_write(context, file, name, parts[p].range, parts[p].medians);
  }
  return dnmf_hdf5_close(context, path, true, file, status);
}

static dnmf_status search_read_text(dnmf_error *error, const char *path, char **search) {
  hid_t file = -1;
  DNMF_TRY(dnmf_hdf5_open_alone(error, path, &file));
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  dnmf_status status = dnmf_hdf5_get_text(error, root, "search", search);
  dnmf_hdf5_release(root);
  if (status == DNMF_OK && !*search)
    status =
        dnmf_fail(error, DNMF_ERROR_INPUT, "%s is not the file of a search: dnmf tune --checkpoint writes one", path);
  return dnmf_hdf5_close_alone(error, path, file, status);
}

dnmf_status dnmf_search_file_read(dnmf_context *context, const char *path, char **search) {
  dnmf_status status = DNMF_OK;
  void *memory = NULL;
  *search = NULL;
  if (context->rank == 0) {
    dnmf_reading_begin(context, path, DNMF_LOOK_SECONDS);
    status = search_read_text(&context->error, path, search);
    dnmf_reading_end(context);
  }
  DNMF_TRY(dnmf_agree(context, status));
  int64_t length = *search ? (int64_t)strlen(*search) + 1 : 0;
  DNMF_TRY(dnmf_broadcast(context, &length, (int64_t)sizeof length, 0));
  if (context->rank != 0) {
    status = dnmf_allocate(&context->error, "what a search is", length, 1, &memory);
    *search = memory;
  }
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_broadcast(context, *search, length, 0);
}

static dnmf_status search_check_part(dnmf_error *error, const char *path, hid_t file, const dnmf_search_part *part) {
  dnmf_hdf5_shape shape;
  char name[SEARCH_NAME];
  search_name(part->components, "numbers", name);
  DNMF_TRY(dnmf_hdf5_check_length(error, path, file, name, part->number_count));
  search_name(part->components, "medians", name);
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, &shape));
  if (shape.rank == 2 && shape.numeric && shape.extent[1] == part->components && shape.extent[0] >= part->range.end)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: %s is %s, which is not what a search keeps", path, name,
                   shape.text);
}

static dnmf_status search_read_part(dnmf_context *context, const char *path, hid_t file, dnmf_search_part *part,
                                    bool *found) {
  const dnmf_slab all = {{0, 0}, {part->number_count, 1}};
  char name[SEARCH_NAME];
  search_name(part->components, "medians", name);
  *found = dnmf_hdf5_exists(file, name);
  if (!*found)
    return DNMF_OK;
  DNMF_TRY(search_check_part(&context->error, path, file, part));
  DNMF_TRY(dnmf_panel_read(context, file, name, part->range, part->medians));
  search_name(part->components, "numbers", name);
  return dnmf_hdf5_read(context, file, name, H5T_NATIVE_DOUBLE, &all, part->numbers);
}

dnmf_status dnmf_search_file_read_part(dnmf_context *context, const char *path, dnmf_search_part *part, bool *found) {
  hid_t file = -1;
  *found = false;
  DNMF_TRY(dnmf_hdf5_open(context, path, false, &file));
  return dnmf_hdf5_close(context, path, false, file, search_read_part(context, path, file, part, found));
}

/* --- Looking ----------------------------------------------------------------------------------------------- */

dnmf_status dnmf_is_search(dnmf_context *context, const char *path, bool *search) {
  int64_t found = 0;
  if (context->rank == 0) {
    dnmf_error ignored = {0};
    char *text = NULL;
    dnmf_reading_begin(context, path, DNMF_LOOK_SECONDS);
    found = search_read_text(&ignored, path, &text) == DNMF_OK;
    dnmf_reading_end(context);
    free(text);
  }
  DNMF_TRY(dnmf_broadcast(context, &found, (int64_t)sizeof found, 0));
  *search = found > 0;
  return DNMF_OK;
}

typedef struct search_list {
  int64_t room;
  int64_t count;
  dnmf_search_part *parts;
} search_list;

/* What is no number of components is passed over. */
static herr_t list_part(hid_t group, const char *name, const H5L_info_t *link, void *state) {
  search_list *list = state;
  char *end = NULL;
  const long components = strtol(name, &end, 10);
  (void)group;
  (void)link;
  if (end != name && !*end && components > 0 && components <= 1000000 && list->count < list->room)
    list->parts[list->count++].components = (int)components;
  return 0;
}

static int by_components(const void *a, const void *b) {
  const dnmf_search_part *x = a;
  const dnmf_search_part *y = b;
  return (x->components > y->components) - (x->components < y->components);
}

static dnmf_status search_look_at_part(dnmf_error *error, const char *path, hid_t file, dnmf_search_part *part) {
  const int64_t most = 1 << 24;
  dnmf_hdf5_shape shape;
  char name[SEARCH_NAME];
  void *memory = NULL;
  search_name(part->components, "numbers", name);
  DNMF_TRY(dnmf_hdf5_describe(error, file, name, &shape));
  if (shape.rank != 1 || !shape.numeric || shape.extent[0] > most)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: %s is %s, which is not what a search keeps", path, name,
                     shape.text);
  part->number_count = shape.extent[0];
  DNMF_TRY(dnmf_allocate(error, "the figures of a search", part->number_count, sizeof(double), &memory));
  part->numbers = memory;
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, part->numbers) < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot read %s of %s", name, path);
  dnmf_hdf5_release(dataset);
  return status;
}

static dnmf_status search_look(dnmf_error *error, const char *path, hid_t file, search_list *list) {
  H5G_info_t info;
  void *memory = NULL;
  const hid_t group = dnmf_hdf5_exists(file, "/candidates") ? H5Gopen2(file, "/candidates", H5P_DEFAULT) : -1;
  if (group < 0)
    return DNMF_OK; /* nothing is done */
  list->room = H5Gget_info(group, &info) < 0 ? 0 : (int64_t)info.nlinks;
  dnmf_status status =
      dnmf_allocate_zero(error, "the candidates of a search", list->room, sizeof *list->parts, &memory);
  list->parts = memory;
  if (status == DNMF_OK)
    H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, list_part, list);
  dnmf_hdf5_release(group);
  for (int64_t p = 0; p < list->count && status == DNMF_OK; p++)
    status = search_look_at_part(error, path, file, &list->parts[p]);
  if (list->count > 0)
    qsort(list->parts, (size_t)list->count, sizeof *list->parts, by_components);
  return status;
}

dnmf_status dnmf_search_file_list(dnmf_context *context, const char *path, int64_t *count, dnmf_search_part **parts) {
  search_list list = {.count = 0};
  dnmf_status status = DNMF_OK;
  if (context->rank == 0) {
    hid_t file = -1;
    dnmf_reading_begin(context, path, DNMF_LOOK_SECONDS);
    status = dnmf_hdf5_open_alone(&context->error, path, &file);
    if (status == DNMF_OK)
      status = search_look(&context->error, path, file, &list);
    status = dnmf_hdf5_close_alone(&context->error, path, file, status);
    dnmf_reading_end(context);
  }
  *count = list.count;
  *parts = list.parts;
  return dnmf_agree(context, status);
}

void dnmf_search_parts_free(int64_t count, dnmf_search_part *parts) {
  for (int64_t p = 0; parts && p < count; p++)
    free(parts[p].numbers);
  free(parts);
}
