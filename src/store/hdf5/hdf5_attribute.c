/* Attributes and links of HDF5 objects. */
#include "store/hdf5/hdf5_attribute.h"

#include "base/memory.h"
#include "store/hdf5/hdf5_heap.h"

#include <stdlib.h>
#include <string.h>

bool dnmf_hdf5_exists(hid_t file, const char *name) {
  char part[DNMF_HDF5_NAME];
  size_t length = strlen(name);
  if (length >= sizeof part)
    return false;
  /* HDF5 answers only for the last link of a path: ask for each. */
  for (size_t i = 1; i <= length; i++) {
    if (name[i] != '/' && name[i] != 0)
      continue;
    memcpy(part, name, i);
    part[i] = 0;
    if (strcmp(part, "/") != 0 && strcmp(part, ".") != 0 && H5Lexists(file, part, H5P_DEFAULT) <= 0)
      return false;
  }
  return H5Oexists_by_name(file, name, H5P_DEFAULT) > 0;
}

static dnmf_status set(dnmf_error *error, hid_t object, const char *name, hid_t type, hid_t space, const void *value) {
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  dnmf_status status = DNMF_OK;
  if (attribute < 0 || H5Awrite(attribute, type, value) < 0)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot write the attribute %s", name);
  dnmf_hdf5_release(attribute);
  dnmf_hdf5_release(space);
  return status;
}

static hid_t utf8_text(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

dnmf_status dnmf_hdf5_set_text(dnmf_error *error, hid_t object, const char *name, const char *text) {
  hid_t type = utf8_text();
  dnmf_status status = set(error, object, name, type, H5Screate(H5S_SCALAR), &text);
  dnmf_hdf5_release(type);
  return status;
}

dnmf_status dnmf_hdf5_set_no_texts(dnmf_error *error, hid_t object, const char *name) {
  const hsize_t none = 0;
  hid_t type = utf8_text();
  const char *nothing = NULL;
  dnmf_status status = set(error, object, name, type, H5Screate_simple(1, &none, NULL), &nothing);
  dnmf_hdf5_release(type);
  return status;
}

dnmf_status dnmf_hdf5_set_integers(dnmf_error *error, hid_t object, const char *name, int count,
                                   const int64_t *values) {
  hsize_t extent = (hsize_t)count;
  hid_t space = count == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, NULL);
  return set(error, object, name, H5T_NATIVE_INT64, space, values);
}

dnmf_status dnmf_hdf5_set_real(dnmf_error *error, hid_t object, const char *name, double value) {
  return set(error, object, name, H5T_NATIVE_DOUBLE, H5Screate(H5S_SCALAR), &value);
}

/* The attribute's id when it holds `count` values, else negative. */
static hid_t open_attribute(hid_t object, const char *name, hssize_t count) {
  if (H5Aexists(object, name) <= 0)
    return -1;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  bool fits = space >= 0 && H5Sget_simple_extent_npoints(space) == count;
  dnmf_hdf5_release(space);
  if (fits)
    return attribute;
  dnmf_hdf5_release(attribute);
  return -1;
}

/* HDF5's reason, and whose attribute it is. */
static dnmf_status fail_to_read(dnmf_error *error, hid_t attribute, const char *name) {
  char path[DNMF_HDF5_NAME] = "";
  dnmf_error reason = {0};
  dnmf_hdf5_fail(&reason, DNMF_ERROR_INPUT, "cannot read the attribute %.200s", name);
  H5Fget_name(attribute, path, sizeof path);
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%.480s of %s", reason.text, path);
}

static dnmf_status copy_text(dnmf_error *error, const char *from, size_t length, char **text) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate(error, "a text", (int64_t)length + 1, 1, &memory));
  *text = memory;
  memcpy(*text, from, length);
  (*text)[length] = 0;
  return DNMF_OK;
}

static dnmf_status read_variable(dnmf_error *error, hid_t attribute, const char *name, char **text) {
  unsigned char reference[4 + sizeof(uint64_t) + 4];
  const char *held = NULL;
  size_t length = 0;
  dnmf_heap heap;
  dnmf_status status = dnmf_heap_open(error, attribute, &heap);
  if (status == DNMF_OK && H5Aread(attribute, heap.reference, reference) < 0)
    status = fail_to_read(error, attribute, name);
  if (status == DNMF_OK)
    status = dnmf_heap_text(error, &heap, reference, &held, &length);
  if (status == DNMF_OK)
    status = copy_text(error, held, length, text);
  dnmf_heap_close(&heap);
  return status;
}

static dnmf_status read_fixed(dnmf_error *error, hid_t attribute, const char *name, hid_t type, char **text) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "a text", (int64_t)H5Tget_size(type) + 1, 1, &memory));
  if (H5Aread(attribute, type, memory) < 0) {
    free(memory);
    return fail_to_read(error, attribute, name);
  }
  *text = memory;
  return DNMF_OK;
}

dnmf_status dnmf_hdf5_get_text(dnmf_error *error, hid_t object, const char *name, char **text) {
  *text = NULL;
  hid_t attribute = open_attribute(object, name, 1);
  if (attribute < 0)
    return DNMF_OK;
  hid_t type = H5Aget_type(attribute);
  dnmf_status status = DNMF_OK;
  if (H5Tget_class(type) == H5T_STRING)
    status = H5Tis_variable_str(type) > 0 ? read_variable(error, attribute, name, text)
                                          : read_fixed(error, attribute, name, type, text);
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(attribute);
  return status;
}

bool dnmf_hdf5_get_integers(hid_t object, const char *name, int count, int64_t *values) {
  hid_t attribute = open_attribute(object, name, count);
  if (attribute < 0)
    return false;
  hid_t type = H5Aget_type(attribute);
  bool read = H5Tget_class(type) == H5T_INTEGER && H5Aread(attribute, H5T_NATIVE_INT64, values) >= 0;
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(attribute);
  return read;
}

int dnmf_hdf5_get_reals(hid_t object, const char *name, int most, double *values) {
  if (H5Aexists(object, name) <= 0)
    return 0;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  const hssize_t count = space < 0 ? 0 : H5Sget_simple_extent_npoints(space);
  const H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
  const bool read = count >= 1 && count <= most && (class == H5T_INTEGER || class == H5T_FLOAT) &&
                    H5Aread(attribute, H5T_NATIVE_DOUBLE, values) >= 0;
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(space);
  dnmf_hdf5_release(attribute);
  return read ? (int)count : 0;
}
