/* Where other programs keep the names of rows and columns: AnnData of every version, 10x Genomics. */
#include "store/hdf5/hdf5_ids.h"

#include "store/hdf5/hdf5_attribute.h"

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

static dnmf_status find_in_frames(dnmf_error *error, hid_t file, dnmf_hdf5_place *place) {
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    const char *own = match_end(place->name, frames[i].matrix);
    if (!own)
      continue;
    char root[DNMF_HDF5_NAME];
    snprintf(root, sizeof root, "%.*s", (int)(own - place->name), place->name);
    DNMF_TRY(find_frame(error, file, root, frames[i].rows, &place->row_ids));
    return frames[i].cols ? find_frame(error, file, root, frames[i].cols, &place->col_ids) : DNMF_OK;
  }
  return DNMF_OK;
}

static void find_beside(hid_t file, const char *folder, const char *name, dnmf_ids_place *ids) {
  char joined[DNMF_HDF5_NAME];
  dnmf_hdf5_join(joined, folder, name);
  if (!*ids->name && *joined && dnmf_hdf5_exists(file, joined))
    snprintf(ids->name, sizeof ids->name, "%s", joined);
}

dnmf_status dnmf_hdf5_find_ids(dnmf_error *error, hid_t file, dnmf_hdf5_place *place) {
  char folder[DNMF_HDF5_NAME];
  snprintf(folder, sizeof folder, "%s", place->name);
  char *slash = strrchr(folder, '/');
  slash[slash == folder ? 1 : 0] = 0;
  find_beside(file, folder, "row_ids", &place->row_ids);
  find_beside(file, folder, "col_ids", &place->col_ids);
  if (*place->row_ids.name || *place->col_ids.name)
    return DNMF_OK;
  DNMF_TRY(find_in_frames(error, file, place));
  if (place->sparse) {
    find_beside(file, place->name, "features/id", &place->row_ids);
    find_beside(file, place->name, "genes", &place->row_ids);
    find_beside(file, place->name, "barcodes", &place->col_ids);
  }
  return DNMF_OK;
}
