/* Numbers and the values they stand for. */
#include "store/hdf5/hdf5_packing.h"

#include "base/memory.h"
#include "store/hdf5/hdf5_attribute.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_NUMBERS = 1 << 16 };

static void add_name(dnmf_hdf5_packing *packing, const char *name) {
  size_t used = strlen(packing->names);
  snprintf(packing->names + used, sizeof packing->names - used, "%s%s", used ? ", " : "", name);
  packing->used = true;
}

/* One to `most` numbers of the attribute, *count of them; 0 when there is no such attribute. */
static dnmf_status get_numbers(dnmf_error *error, const char *path, hid_t dataset, const char *of, const char *name,
                               int most, int *count, double *numbers) {
  *count = 0;
  if (H5Aexists(dataset, name) <= 0)
    return DNMF_OK;
  *count = dnmf_hdf5_get_reals(dataset, name, most, numbers);
  if (*count > 0)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the attribute %s of %s in %s does not hold %s; mend it or take it away, or give the values in "
                   "another file",
                   name, of, path, most == 1 ? "a number" : "a few numbers");
}

static dnmf_status read_scale(dnmf_error *error, const char *path, hid_t dataset, const char *of,
                              dnmf_hdf5_packing *packing) {
  const struct {
    const char *name;
    double *value;
  } parts[] = {{"scale_factor", &packing->scale}, {"add_offset", &packing->offset}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    int count = 0;
    double value = 0;
    DNMF_TRY(get_numbers(error, path, dataset, of, parts[i].name, 1, &count, &value));
    if (count == 0)
      continue;
    if (!isfinite(value))
      return dnmf_fail(error, DNMF_ERROR_INPUT, "the attribute %s of %s in %s is not finite", parts[i].name, of, path);
    *parts[i].value = value;
    add_name(packing, parts[i].name);
  }
  return DNMF_OK;
}

static dnmf_status find_bounds(dnmf_error *error, const char *path, hid_t dataset, const char *of,
                               dnmf_hdf5_packing *packing) {
  static const char *const names[] = {"valid_min", "valid_max", "valid_range"};
  double bounds[2] = {0, 0};
  for (int i = 0; i < 3; i++) {
    int count = 0;
    DNMF_TRY(get_numbers(error, path, dataset, of, names[i], i == 2 ? 2 : 1, &count, bounds));
    if (count == 0)
      continue;
    if (i == 2 && count != 2)
      return dnmf_fail(error, DNMF_ERROR_INPUT, "the attribute valid_range of %s in %s does not hold two numbers", of,
                       path);
    if (i != 1)
      packing->smallest = bounds[0];
    if (i != 0)
      packing->largest = bounds[count - 1];
    add_name(packing, names[i]);
  }
  return DNMF_OK;
}

static dnmf_status find_fills(dnmf_error *error, const char *path, hid_t dataset, const char *of,
                              dnmf_hdf5_packing *packing) {
  static const char *const names[] = {"_FillValue", "missing_value"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int count = 0;
    DNMF_TRY(get_numbers(error, path, dataset, of, names[i], DNMF_MOST_FILLS - 2, &count,
                         packing->fills + packing->fill_count));
    if (packing->fill_count + count > DNMF_MOST_FILLS - 1)
      return dnmf_fail(error, DNMF_ERROR_INPUT,
                       "the attributes _FillValue and missing_value of %s in %s hold more than "
                       "%d numbers",
                       of, path, DNMF_MOST_FILLS - 1);
    packing->fill_count += count;
    if (count > 0)
      add_name(packing, names[i]);
  }
  return DNMF_OK;
}

/* What the netCDF library puts where nothing was written, unless the dataset names its own fill value. */
static void find_default_fill(hid_t dataset, dnmf_hdf5_packing *packing) {
  H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
  const bool netcdf = H5Aexists(dataset, "_Netcdf4Dimid") > 0 || H5Aexists(dataset, "_Netcdf4Coordinates") > 0 ||
                      H5Aexists(dataset, "DIMENSION_LIST") > 0;
  hid_t creation = H5Dget_create_plist(dataset);
  hid_t type = H5Dget_type(dataset);
  const bool bytes = type >= 0 && H5Tget_size(type) == 1; /* netCDF has no default for them that is no value */
  double fill = 0;
  if (netcdf && !bytes && packing->fill_count == 0 && creation >= 0 && H5Pfill_value_defined(creation, &defined) >= 0 &&
      defined == H5D_FILL_VALUE_USER_DEFINED && H5Pget_fill_value(creation, H5T_NATIVE_DOUBLE, &fill) >= 0 &&
      fill != 0) {
    packing->fills[packing->fill_count++] = fill;
    add_name(packing, "the fill value");
  }
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(creation);
}

static dnmf_status refuse_unsigned(dnmf_error *error, const char *path, hid_t dataset, const char *of) {
  char *text = NULL;
  DNMF_TRY(dnmf_hdf5_get_text(error, dataset, "_Unsigned", &text));
  const bool unsigned_numbers = text && (strcmp(text, "true") == 0 || strcmp(text, "True") == 0);
  free(text);
  if (!unsigned_numbers)
    return DNMF_OK;
  return dnmf_fail(error, DNMF_ERROR_INPUT,
                   "the attribute _Unsigned of %s in %s says that its numbers are not what their type is; write them "
                   "with an unsigned type, as xarray's to_netcdf does",
                   of, path);
}

dnmf_status dnmf_hdf5_find_packing(dnmf_error *error, const char *path, hid_t file, const char *dataset,
                                   dnmf_hdf5_packing *packing) {
  *packing = (dnmf_hdf5_packing){.scale = 1, .smallest = -INFINITY, .largest = INFINITY};
  hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  if (id < 0)
    return DNMF_OK; /* whoever reads it says why */
  dnmf_status status = refuse_unsigned(error, path, id, dataset);
  if (status == DNMF_OK)
    status = read_scale(error, path, id, dataset, packing);
  if (status == DNMF_OK)
    status = find_fills(error, path, id, dataset, packing);
  if (status == DNMF_OK)
    status = find_bounds(error, path, id, dataset, packing);
  if (status == DNMF_OK)
    find_default_fill(id, packing);
  dnmf_hdf5_release(id);
  return status;
}

static double value_of(const dnmf_hdf5_packing *packing, double number) {
  if (!(number >= packing->smallest && number <= packing->largest))
    return NAN;
  for (int i = 0; i < packing->fill_count; i++)
    if (number == packing->fills[i])
      return NAN;
  return number * packing->scale + packing->offset;
}

/* Some rows of the slab, or a part of one, by way of `piece`. */
static dnmf_status read_piece(dnmf_context *context, hid_t file, const char *dataset, const dnmf_hdf5_packing *packing,
                              const dnmf_slab *slab, double *piece, dnmf_number number, int64_t at, void *buffer) {
  const int64_t count = slab->count[0] * slab->count[1];
  DNMF_TRY(dnmf_hdf5_read(context, file, dataset, H5T_NATIVE_DOUBLE, slab, piece));
  for (int64_t i = 0; i < count; i++)
    if (number == DNMF_NUMBER_SINGLE)
      ((float *)buffer)[at + i] = (float)value_of(packing, piece[i]);
    else
      ((double *)buffer)[at + i] = value_of(packing, piece[i]);
  return DNMF_OK;
}

dnmf_status dnmf_hdf5_read_values(dnmf_context *context, hid_t file, const char *dataset,
                                  const dnmf_hdf5_packing *packing, const dnmf_slab *slab, dnmf_number number,
                                  void *buffer) {
  void *piece = NULL;
  if (!packing->used)
    return dnmf_hdf5_read(context, file, dataset, dnmf_hdf5_number(number), slab, buffer);
  const int64_t width = slab->count[1];
  const int64_t rows = width < PIECE_NUMBERS ? PIECE_NUMBERS / (width > 0 ? width : 1) : 1;
  const int64_t cols = width < PIECE_NUMBERS ? width : PIECE_NUMBERS;
  dnmf_status status = dnmf_allocate(&context->error, "numbers of a dataset", rows * cols, sizeof(double), &piece);
  for (int64_t i = 0; i < slab->count[0] && status == DNMF_OK; i += rows)
    for (int64_t j = 0; j < width && status == DNMF_OK; j += cols) {
      dnmf_slab part = {{slab->begin[0] + i, slab->begin[1] + j}, {rows, cols}};
      part.count[0] = slab->count[0] - i < rows ? slab->count[0] - i : rows;
      part.count[1] = width - j < cols ? width - j : cols;
      status = read_piece(context, file, dataset, packing, &part, piece, number, i * width + j, buffer);
    }
  free(piece);
  return status;
}
