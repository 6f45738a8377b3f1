/* Hyperslabs, and what datasets are. */
#include "store/hdf5/hdf5_slab.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t PIECE_BYTES = INT64_C(1) << 30;

typedef struct transfer {
  hid_t dataset;
  hid_t space;
  hid_t type; /* of the buffer */
  hid_t independent;
  const char *name;
  bool writing;
  bool bits; /* the dataset is of PyTables' booleans, which HDF5 converts to nothing else */
} transfer;

static bool is_byte_of_bits(hid_t type) {
  return H5Tget_class(type) == H5T_BITFIELD && H5Tget_size(type) == 1;
}

static dnmf_status fail_transfer(dnmf_context *context, const transfer *t) {
  char path[DNMF_HDF5_NAME] = "";
  dnmf_error error = {0};
  /* HDF5's reason first: asking for the file's name clears it. */
  dnmf_hdf5_fail(&error, DNMF_ERROR_FILE, "cannot %s the dataset %s", t->writing ? "write" : "read", t->name);
  H5Fget_name(t->dataset, path, sizeof path);
  return dnmf_fail(&context->error, DNMF_ERROR_FILE, "%.480s in %s%s", error.text, path,
                   t->writing ? "; is the disk full or a quota used up?" : "");
}

/* Names the file, whose reading HDF5 gave up for its reason. */
static dnmf_status fail_to_open(dnmf_error *error, hid_t file, const char *dataset) {
  char path[DNMF_HDF5_NAME] = "";
  dnmf_error reason = {0};
  dnmf_hdf5_fail(&reason, DNMF_ERROR_INPUT, "cannot open the dataset %.400s", dataset);
  H5Fget_name(file, path, sizeof path);
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%.480s of %s", reason.text, path);
}

/* Filters that are registered with the HDF Group and that people meet; a file need not carry their names. */
static const char *filter_name(H5Z_filter_t filter, const char *stored) {
  static const struct {
    H5Z_filter_t number;
    const char *name;
  } known[] = {{4, "SZIP"},           {305, "LZO"},   {307, "bzip2"},       {32001, "Blosc"}, {32004, "LZ4"},
               {32008, "bitshuffle"}, {32013, "ZFP"}, {32015, "Zstandard"}, {32026, "Blosc2"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].number == filter)
      return known[i].name;
  return *stored ? stored : "an unnamed method";
}

/* A list or a table is moved; in another dataset the slab would not be what it is taken for. */
static dnmf_status check_rank(dnmf_context *context, const transfer *t, const dnmf_slab *slab) {
  char path[DNMF_HDF5_NAME] = "";
  int rank = H5Sget_simple_extent_ndims(t->space);
  if (rank == 2 || (rank == 1 && slab->count[1] == 1))
    return DNMF_OK;
  H5Fget_name(t->dataset, path, sizeof path);
  return dnmf_fail(&context->error, DNMF_ERROR_INPUT, "the dataset %s of %s has %d dimension%s, not %s", t->name, path,
                   rank, rank == 1 ? "" : "s", rank == 1 ? "2" : "1 or 2");
}

/* A chunk can be read only with all the filters it went through. */
static dnmf_status check_filters(dnmf_context *context, const transfer *t) {
  char path[DNMF_HDF5_NAME] = "";
  hid_t creation = H5Dget_create_plist(t->dataset);
  int count = creation < 0 ? 0 : H5Pget_nfilters(creation);
  dnmf_status status = DNMF_OK;
  for (int i = 0; i < count && status == DNMF_OK; i++) {
    char name[64] = "";
    unsigned flags = 0;
    unsigned settings = 0;
    size_t values = 0;
    H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, sizeof name, name, &settings);
    if (filter < 0 || H5Zfilter_avail(filter) > 0)
      continue;
    H5Fget_name(t->dataset, path, sizeof path);
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                       "the dataset %s of %s is compressed with %s (HDF5 filter %d), which is not installed here; name "
                       "the folder of its plugin in HDF5_PLUGIN_PATH, or rewrite the file with h5repack -f GZIP=4 "
                       "where it is",
                       t->name, path, filter_name(filter, name), (int)filter);
  }
  dnmf_hdf5_release(creation);
  return status;
}

static herr_t read_piece(const transfer *t, hid_t memory, hsize_t items, char *buffer) {
  if (!t->bits)
    return H5Dread(t->dataset, t->type, memory, t->space, t->independent, buffer);
  if (H5Dread(t->dataset, H5T_NATIVE_B8, memory, t->space, t->independent, buffer) < 0)
    return -1;
  return H5Tconvert(H5T_NATIVE_UINT8, t->type, items, buffer, NULL, H5P_DEFAULT);
}

/* One piece, contiguous in `buffer`, which is described with the dimensions of the dataset: HDF5 compares selections of
 * one shape as a whole, of different ones number by number. */
static dnmf_status move_piece(dnmf_context *context, const transfer *t, const dnmf_slab *slab, char *buffer) {
  hsize_t begin[2] = {(hsize_t)slab->begin[0], (hsize_t)slab->begin[1]};
  hsize_t count[2] = {(hsize_t)slab->count[0], (hsize_t)slab->count[1]};
  hsize_t items = count[0] * count[1];
  hid_t memory = H5Screate_simple(H5Sget_simple_extent_ndims(t->space), count, NULL);
  herr_t done = H5Sselect_hyperslab(t->space, H5S_SELECT_SET, begin, NULL, count, NULL);
  if (memory >= 0 && done >= 0)
    done = t->writing ? H5Dwrite(t->dataset, t->type, memory, t->space, t->independent, buffer)
                      : read_piece(t, memory, items, buffer);
  dnmf_status status = memory >= 0 && done >= 0 ? DNMF_OK : fail_transfer(context, t);
  dnmf_hdf5_release(memory);
  return status;
}

/* Whole rows while they fit into a piece, else parts of one row: either way contiguous in memory. */
static dnmf_status move_pieces(dnmf_context *context, const transfer *t, const dnmf_slab *slab, char *buffer) {
  int64_t size = (int64_t)H5Tget_size(t->type);
  int64_t limit = PIECE_BYTES / size < context->message_limit ? PIECE_BYTES / size : context->message_limit;
  int64_t width = slab->count[1];
  int64_t rows = width > limit ? 1 : limit / width;
  int64_t cols = width > limit ? limit : width;
  for (int64_t i = 0; i < slab->count[0]; i += rows) {
    for (int64_t j = 0; j < width; j += cols) {
      dnmf_slab piece = {{slab->begin[0] + i, slab->begin[1] + j}, {rows, cols}};
      if (i + rows > slab->count[0])
        piece.count[0] = slab->count[0] - i;
      if (j + cols > width)
        piece.count[1] = width - j;
      DNMF_TRY(move_piece(context, t, &piece, buffer + (i * width + j) * size));
    }
  }
  return DNMF_OK;
}

static dnmf_status move_slab(dnmf_context *context, hid_t file, const char *dataset, hid_t memory_type,
                             const dnmf_slab *slab, char *buffer, bool writing) {
  if (slab->count[0] == 0 || slab->count[1] == 0)
    return DNMF_OK;
  dnmf_status status = DNMF_OK;
  transfer t = {-1, -1, memory_type, H5P_DEFAULT, dataset, writing, false};
  t.dataset = H5Dopen2(file, dataset, H5P_DEFAULT);
  if (t.dataset >= 0)
    t.space = H5Dget_space(t.dataset);
  hid_t type = t.dataset < 0 ? -1 : H5Dget_type(t.dataset);
  t.bits = type >= 0 && !writing && is_byte_of_bits(type);
  dnmf_hdf5_release(type);
  if (t.space < 0)
    status = fail_to_open(&context->error, file, dataset);
  if (status == DNMF_OK)
    status = check_rank(context, &t, slab);
  if (status == DNMF_OK)
    status = check_filters(context, &t);
  if (status == DNMF_OK)
    status = move_pieces(context, &t, slab, buffer);
  dnmf_hdf5_release(t.space);
  if (writing)
    return dnmf_hdf5_close_written(&context->error, t.dataset, dataset, status);
  dnmf_hdf5_release(t.dataset);
  return status;
}

dnmf_status dnmf_hdf5_read(dnmf_context *context, hid_t file, const char *dataset, hid_t memory_type,
                           const dnmf_slab *slab, void *buffer) {
  return move_slab(context, file, dataset, memory_type, slab, buffer, false);
}

dnmf_status dnmf_hdf5_write(dnmf_context *context, hid_t file, const char *dataset, hid_t memory_type,
                            const dnmf_slab *slab, const void *buffer) {
  /* One path for both directions; H5Dwrite takes the buffer as const again. */
  return move_slab(context, file, dataset, memory_type, slab, (char *)buffer, true);
}

/* As h5py, PyTables and MATLAB store complex numbers. */
static bool is_complex(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2)
    return false;
  return H5Tget_member_class(type, 0) == H5T_FLOAT && H5Tget_member_class(type, 1) == H5T_FLOAT;
}

/* Numbers in other files: HDF5 takes those for 0 whose file is not there or too short. */
static bool is_elsewhere(hid_t dataset) {
  hid_t creation = H5Dget_create_plist(dataset);
  bool elsewhere = creation >= 0 && (H5Pget_external_count(creation) > 0 || H5Pget_layout(creation) == H5D_VIRTUAL);
  dnmf_hdf5_release(creation);
  return elsewhere;
}

hid_t dnmf_hdf5_number(dnmf_number number) {
  switch (number) {
  case DNMF_NUMBER_SINGLE:
    return H5T_NATIVE_FLOAT;
  case DNMF_NUMBER_UINT16:
    return H5T_NATIVE_UINT16;
  case DNMF_NUMBER_INT16:
    return H5T_NATIVE_INT16;
  case DNMF_NUMBER_UINT8:
    return H5T_NATIVE_UINT8;
  case DNMF_NUMBER_INT8:
    return H5T_NATIVE_INT8;
  default:
    return H5T_NATIVE_DOUBLE;
  }
}

/* Of whole numbers and of floats no wider than float; an enumeration is what it is made of. */
static dnmf_number narrow_type(hid_t type) {
  const size_t size = H5Tget_size(type);
  const H5T_class_t class = H5Tget_class(type);
  if (class == H5T_ENUM) {
    hid_t base = H5Tget_super(type);
    dnmf_number narrow = base < 0 ? (dnmf_number)0 : narrow_type(base);
    dnmf_hdf5_release(base);
    return narrow;
  }
  if (class == H5T_FLOAT)
    return size <= sizeof(float) ? DNMF_NUMBER_SINGLE : (dnmf_number)0;
  if (is_byte_of_bits(type))
    return DNMF_NUMBER_UINT8;
  if (class != H5T_INTEGER || size > sizeof(uint16_t))
    return (dnmf_number)0;
  if (H5Tget_sign(type) == H5T_SGN_NONE)
    return size == 1 ? DNMF_NUMBER_UINT8 : DNMF_NUMBER_UINT16;
  return size == 1 ? DNMF_NUMBER_INT8 : DNMF_NUMBER_INT16;
}

/* HDF5 takes memory for every number as it is said to be. */
enum { MOST_BYTES_OF_A_NUMBER = 64 };

static void name_type(hid_t type, dnmf_hdf5_shape *shape) {
  size_t bits = 8 * H5Tget_size(type);
  H5T_class_t class = H5Tget_class(type);
  bool possible = H5Tget_size(type) <= MOST_BYTES_OF_A_NUMBER;
  shape->numeric =
      possible && (class == H5T_FLOAT || class == H5T_INTEGER || class == H5T_ENUM || is_byte_of_bits(type));
  shape->whole = possible && class == H5T_INTEGER;
  shape->narrow = narrow_type(type);
  const char *prefix = class == H5T_FLOAT ? "float" : H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int";
  if (class == H5T_FLOAT || class == H5T_INTEGER)
    snprintf(shape->type, sizeof shape->type, "%s%zu", prefix, bits);
  else
    snprintf(shape->type, sizeof shape->type, "%s",
             class == H5T_ENUM       ? "bool or enum"
             : class == H5T_STRING   ? "string"
             : is_complex(type)      ? "complex"
             : class == H5T_COMPOUND ? "compound"
             : shape->numeric        ? "bool"
                                     : "not a number");
}

dnmf_status dnmf_hdf5_describe(dnmf_error *error, hid_t file, const char *dataset, dnmf_hdf5_shape *shape) {
  memset(shape, 0, sizeof *shape);
  shape->extent[0] = shape->extent[1] = 1;
  hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  hid_t space = id < 0 ? -1 : H5Dget_space(id);
  hid_t type = id < 0 ? -1 : H5Dget_type(id);
  hsize_t extent[H5S_MAX_RANK] = {0};
  dnmf_status status = DNMF_OK;
  if (space >= 0 && type >= 0)
    shape->rank = H5Sget_simple_extent_dims(space, extent, NULL);
  if (space < 0 || type < 0 || shape->rank < 0)
    status = fail_to_open(error, file, dataset);
  for (int i = 0; i < shape->rank && status == DNMF_OK; i++)
    if (extent[i] > INT64_MAX)
      status = dnmf_fail(error, DNMF_ERROR_INPUT, "the dataset %s has an impossible size", dataset);
  if (status == DNMF_OK) {
    size_t used = 0;
    for (int i = 0; i < shape->rank; i++) {
      if (i < 2)
        shape->extent[i] = (int64_t)extent[i];
      if (used < sizeof shape->text / 2)
        used += (size_t)snprintf(shape->text + used, sizeof shape->text - used, "%s%" PRIu64, i ? " x " : "",
                                 (uint64_t)extent[i]);
    }
    name_type(type, shape);
    if (is_elsewhere(id)) {
      shape->numeric = shape->whole = false;
      snprintf(shape->type, sizeof shape->type, "kept in other files");
    }
    snprintf(shape->text + used, sizeof shape->text - used, "%s%s", used ? " " : "a single ", shape->type);
  }
  dnmf_hdf5_release(type);
  dnmf_hdf5_release(space);
  dnmf_hdf5_release(id);
  return status;
}

dnmf_status dnmf_hdf5_check_length(dnmf_error *error, const char *path, hid_t file, const char *dataset,
                                   int64_t count) {
  dnmf_hdf5_shape shape;
  DNMF_TRY(dnmf_hdf5_describe(error, file, dataset, &shape));
  if (shape.rank != 1 || !shape.numeric || shape.extent[0] != count)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s: %s is %s, but there should be %" PRId64, path, dataset, shape.text,
                     count);
  return DNMF_OK;
}
