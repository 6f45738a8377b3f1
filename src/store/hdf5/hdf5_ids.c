/* Where other programs keep the names of rows and columns: AnnData of every version, 10x Genomics, loom, pandas. */
#include "store/hdf5/hdf5_ids.h"

#include "store/hdf5/hdf5_attribute.h"
#include "store/hdf5/hdf5_slab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Matrices of an AnnData file, by the end of their name, and the frames that name their rows and columns. A * stands
 * for any one name. Files before 0.7 write raw.X for raw/X. */
static const struct {
  const char *matrix;
  const char *rows;
  const char *cols;
} frames[] = {
    {"/raw/X", "obs", "raw/var"}, {"/raw.X", "obs", "raw.var"}, {"/X", "obs", "var"},      {"/layers/*", "obs", "var"},
    {"/obsm/*", "obs", NULL},     {"/varm/*", "var", NULL},     {"/obsp/*", "obs", "obs"}, {"/varp/*", "var", "var"},
};

/* The dataset `name` of a frame: plain, or positions in the categories that its attribute refers to (AnnData 0.7). */
static void take_column(hid_t file, const char *name, dnmf_ids_place *ids) {
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  hid_t attribute =
      dataset < 0 || H5Aexists(dataset, "categories") <= 0 ? -1 : H5Aopen(dataset, "categories", H5P_DEFAULT);
  hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  hobj_ref_t reference = 0;
  snprintf(ids->name, sizeof ids->name, "%s", name);
  if (type >= 0 && H5Tequal(type, H5T_STD_REF_OBJ) > 0 && H5Aread(attribute, H5T_STD_REF_OBJ, &reference) >= 0) {
    hid_t categories = H5Rdereference2(dataset, H5P_DEFAULT, H5R_OBJECT, &reference);
    if (categories >= 0 && H5Iget_name(categories, ids->categories, sizeof ids->categories) <= 0)
      *ids->categories = 0;
    dnmf_hdf5_release(categories);
  }
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(attribute);
  dnmf_hdf5_release(dataset);
}

/* The column `name` of a frame, in AnnData's encodings since 0.8: an array, codes and categories, or values and a
 * mask. */
static void take_encoded(hid_t file, const char *name, dnmf_ids_place *ids) {
  char part[DNMF_HDF5_NAME];
  hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
  dnmf_hdf5_release(object);
  if (type == H5I_DATASET) {
    take_column(file, name, ids);
    return;
  }
  dnmf_hdf5_join(part, name, "values");
  if (*part && dnmf_hdf5_exists(file, part))
    snprintf(ids->name, sizeof ids->name, "%s", part);
  dnmf_hdf5_join(part, name, "codes");
  if (*part && dnmf_hdf5_exists(file, part)) {
    snprintf(ids->name, sizeof ids->name, "%s", part);
    dnmf_hdf5_join(ids->categories, name, "categories");
  }
}

/* The member `index` of a compound table, else the first, as AnnData before 0.7 writes a frame. */
static void take_table(hid_t file, const char *frame, dnmf_ids_place *ids) {
  hid_t dataset = H5Dopen2(file, frame, H5P_DEFAULT);
  hid_t type = dataset < 0 ? -1 : H5Dget_type(dataset);
  bool table = type >= 0 && H5Tget_class(type) == H5T_COMPOUND;
  int named = table ? H5Tget_member_index(type, "index") : -1;
  char *field = table ? H5Tget_member_name(type, named < 0 ? 0 : (unsigned)named) : NULL;
  if (field && strlen(field) < sizeof ids->field) {
    snprintf(ids->name, sizeof ids->name, "%s", frame);
    snprintf(ids->field, sizeof ids->field, "%s", field);
  }
  if (field)
    H5free_memory(field);
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(dataset);
}

/* The column that a frame calls its index. */
static dnmf_status take_group(dnmf_error *error, hid_t file, const char *frame, dnmf_ids_place *ids) {
  char column[DNMF_HDF5_NAME] = "";
  char *index = NULL;
  hid_t group = H5Gopen2(file, frame, H5P_DEFAULT);
  dnmf_status status = group < 0 ? DNMF_OK : dnmf_hdf5_get_text(error, group, "_index", &index);
  dnmf_hdf5_release(group);
  DNMF_TRY(status);
  dnmf_hdf5_join(column, frame, index ? index : "index");
  free(index);
  if (*column && dnmf_hdf5_exists(file, column))
    take_encoded(file, column, ids);
  return DNMF_OK;
}

static dnmf_status find_frame(dnmf_error *error, hid_t file, const char *root, const char *name, dnmf_ids_place *ids) {
  char frame[DNMF_HDF5_NAME];
  dnmf_hdf5_join(frame, *root ? root : "/", name);
  if (!*frame || !dnmf_hdf5_exists(file, frame))
    return DNMF_OK;
  hid_t object = H5Oopen(file, frame, H5P_DEFAULT);
  H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
  dnmf_hdf5_release(object);
  if (type == H5I_GROUP)
    return take_group(error, file, frame, ids);
  if (type == H5I_DATASET)
    take_table(file, frame, ids);
  return DNMF_OK;
}

/* Where in `name` the matrix's own part begins, as `pattern` has it; NULL when it does not fit. */
static const char *match_end(const char *name, const char *pattern) {
  size_t fixed = strcspn(pattern, "*");
  const char *last = strrchr(name, '/');
  if (pattern[fixed] == '*') {
    size_t folder = fixed - 1; /* "/layers" before the last slash */
    bool fits = last && (size_t)(last - name) >= folder && strncmp(last - folder, pattern, folder) == 0;
    return fits ? last - folder : NULL;
  }
  size_t length = strlen(name);
  return length >= fixed && strcmp(name + length - fixed, pattern) == 0 ? name + length - fixed : NULL;
}

/* What a list of features may be called for `wanted`, "id", "name" or the list itself: the first that there is. */
typedef struct feature_lists {
  const char *ids[4];   /* for "id", NULL-terminated */
  const char *names[6]; /* for "name" */
} feature_lists;

/* The chosen list of `folder` in `list`; empty: there is none. */
static void choose_list(hid_t file, const char *folder, const feature_lists *lists, const char *wanted,
                        char list[DNMF_HDF5_NAME]) {
  const char *own[2] = {wanted, NULL};
  const char *const *names = own;
  if (!wanted || strcmp(wanted, "id") == 0)
    names = lists->ids;
  else if (strcmp(wanted, "name") == 0)
    names = lists->names;
  for (*list = 0; *names; names++) {
    dnmf_hdf5_join(list, folder, *names);
    if (*list && dnmf_hdf5_exists(file, list))
      return;
  }
  *list = 0;
}

static dnmf_status no_such_list(dnmf_error *error, const char *path, const char *folder, const char *wanted) {
  return dnmf_fail(error, DNMF_ERROR_INPUT, "--feature-names %s: %s of %s has no such list of names", wanted, folder,
                   path);
}

/* In AnnData's frame of variables "id" is its index, which is there already. */
static dnmf_status find_in_variables(dnmf_error *error, const char *path, hid_t file, const char *frame,
                                     const char *wanted, dnmf_ids_place *ids, dnmf_ids_place *types) {
  static const feature_lists lists = {{NULL},
                                      {"gene_symbols", "feature_name", "gene_name", "gene_short_name", "gene_names"}};
  char list[DNMF_HDF5_NAME];
  choose_list(file, frame, &lists, "feature_types", list);
  if (*list)
    take_encoded(file, list, types);
  if (!wanted || strcmp(wanted, "id") == 0)
    return DNMF_OK;
  choose_list(file, frame, &lists, wanted, list);
  if (!*list)
    return no_such_list(error, path, frame, wanted);
  *ids = (dnmf_ids_place){.name = ""};
  take_encoded(file, list, ids);
  return DNMF_OK;
}

static dnmf_status find_in_frames(dnmf_error *error, const char *path, hid_t file, const char *wanted,
                                  dnmf_hdf5_place *place) {
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    const char *own = match_end(place->name, frames[i].matrix);
    if (!own)
      continue;
    char root[DNMF_HDF5_NAME];
    char frame[DNMF_HDF5_NAME];
    snprintf(root, sizeof root, "%.*s", (int)(own - place->name), place->name);
    DNMF_TRY(find_frame(error, file, root, frames[i].rows, &place->row_ids));
    if (!frames[i].cols)
      return DNMF_OK;
    DNMF_TRY(find_frame(error, file, root, frames[i].cols, &place->col_ids));
    dnmf_hdf5_join(frame, *root ? root : "/", frames[i].cols);
    place->features_in_cols = true;
    return *place->col_ids.name && !*place->col_ids.field
               ? find_in_variables(error, path, file, frame, wanted, &place->col_ids, &place->feature_types)
               : DNMF_OK;
  }
  return DNMF_OK;
}

static void find_beside(hid_t file, const char *folder, const char *name, dnmf_ids_place *ids) {
  char joined[DNMF_HDF5_NAME];
  dnmf_hdf5_join(joined, folder, name);
  if (!*ids->name && *joined && dnmf_hdf5_exists(file, joined))
    snprintf(ids->name, sizeof ids->name, "%s", joined);
}

/* Cell Ranger 3: the group features; 2: the lists genes and gene_names. */
static dnmf_status find_10x(dnmf_error *error, const char *path, hid_t file, const char *wanted,
                            dnmf_hdf5_place *place) {
  static const feature_lists third = {{"id", NULL}, {"name", NULL}};
  static const feature_lists second = {{"genes", NULL}, {"gene_names", NULL}};
  char folder[DNMF_HDF5_NAME];
  char list[DNMF_HDF5_NAME];
  dnmf_hdf5_join(folder, place->name, "features");
  const bool grouped = *folder && dnmf_hdf5_exists(file, folder);
  choose_list(file, grouped ? folder : place->name, grouped ? &third : &second, wanted, list);
  if (!*list)
    return wanted ? no_such_list(error, path, grouped ? folder : place->name, wanted) : DNMF_OK;
  snprintf(place->row_ids.name, sizeof place->row_ids.name, "%s", list);
  find_beside(file, place->name, "barcodes", &place->col_ids);
  find_beside(file, place->name, "features/feature_type", &place->feature_types);
  place->has_features = true;
  return DNMF_OK;
}

/* loom 2 and 3: /matrix and /layers/NAME, with the groups row_attrs and col_attrs. (loompy, format specification.) */
static dnmf_status find_loom(dnmf_error *error, const char *path, hid_t file, const char *wanted,
                             dnmf_hdf5_place *place, bool *found) {
  static const feature_lists genes = {{"Accession", "Gene", "gene_ids", NULL},
                                      {"Gene", "gene_names", "GeneName", NULL}};
  static const feature_lists cells = {{"CellID", "cell_names", "obs_names", NULL}, {NULL}};
  char list[DNMF_HDF5_NAME];
  *found = strcmp(place->name, "/matrix") == 0 || strncmp(place->name, "/layers/", 8) == 0;
  *found = *found && dnmf_hdf5_exists(file, "/row_attrs") && dnmf_hdf5_exists(file, "/col_attrs");
  if (!*found)
    return DNMF_OK;
  choose_list(file, "/row_attrs", &genes, wanted, list);
  if (!*list && wanted && strcmp(wanted, "id") != 0)
    return no_such_list(error, path, "/row_attrs", wanted);
  snprintf(place->row_ids.name, sizeof place->row_ids.name, "%s", list);
  choose_list(file, "/col_attrs", &cells, NULL, list);
  snprintf(place->col_ids.name, sizeof place->col_ids.name, "%s", list);
  place->has_features = true;
  return DNMF_OK;
}

/* The axes of a pandas frame in fixed format, whose values are one block. */
static void find_pandas(hid_t file, const char *folder, dnmf_hdf5_place *place) {
  const char *name = strrchr(place->name, '/') + 1;
  if (strcmp(name, "block0_values") != 0)
    return;
  find_beside(file, folder, "axis1", &place->row_ids);
  find_beside(file, folder, "block0_items", &place->col_ids);
}

/* Names that are no strings and no integers (times, floats, Python objects) are told, and left out. */
static void leave_out_unreadable(hid_t file, const char *what, dnmf_ids_place *ids, dnmf_hdf5_place *place) {
  dnmf_error ignored = {0};
  dnmf_hdf5_shape shape;
  if (!*ids->name || *ids->field || *ids->categories ||
      dnmf_hdf5_describe(&ignored, file, ids->name, &shape) != DNMF_OK)
    return;
  if (shape.whole || strcmp(shape.type, "string") == 0)
    return;
  size_t used = strlen(place->note);
  snprintf(place->note + used, sizeof place->note - used,
           "%sthe names of its %s, %.100s, are %.90s, which are not read", used ? "\n" : "", what, ids->name,
           shape.text);
  *ids = (dnmf_ids_place){.name = ""};
}

dnmf_status dnmf_hdf5_find_ids(dnmf_error *error, const char *path, hid_t file, const char *feature_names,
                               dnmf_hdf5_place *place) {
  char folder[DNMF_HDF5_NAME];
  bool loom = false;
  snprintf(folder, sizeof folder, "%s", place->name);
  char *slash = strrchr(folder, '/');
  slash[slash == folder ? 1 : 0] = 0;
  const bool factor_w = strcmp(place->name, "/W") == 0 && dnmf_hdf5_exists(file, "/H"); /* of a model: components */
  const bool factor_h = strcmp(place->name, "/H") == 0 && dnmf_hdf5_exists(file, "/W"); /* have no ids */
  if (!factor_h)
    find_beside(file, folder, "row_ids", &place->row_ids);
  if (!factor_w)
    find_beside(file, folder, "col_ids", &place->col_ids);
  if (!*place->row_ids.name && !*place->col_ids.name)
    DNMF_TRY(find_loom(error, path, file, feature_names, place, &loom));
  if (!loom && (*place->row_ids.name || *place->col_ids.name))
    return DNMF_OK;
  if (!loom)
    DNMF_TRY(find_in_frames(error, path, file, feature_names, place));
  if (!loom && place->sparse && !*place->row_ids.name && !*place->col_ids.name)
    DNMF_TRY(find_10x(error, path, file, feature_names, place));
  if (!loom)
    find_pandas(file, folder, place);
  leave_out_unreadable(file, "rows", &place->row_ids, place);
  leave_out_unreadable(file, "columns", &place->col_ids, place);
  return DNMF_OK;
}
