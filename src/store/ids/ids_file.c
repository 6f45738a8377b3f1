/* Reading and writing ids in HDF5 files. */
#include "store/ids/ids_file.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/hdf5/hdf5_file.h"
#include "store/hdf5/hdf5_heap.h"
#include "store/hdf5/hdf5_slab.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Strings pass through a buffer of this many. */
enum { STRINGS_AT_ONCE = 1 << 14, STRING_BYTES_AT_ONCE = 1 << 24 };

static dnmf_range piece_of(dnmf_range range, int64_t begin, int64_t items) {
  dnmf_range piece = {begin, begin + items < range.end ? begin + items : range.end};
  return piece;
}

/* What HDF5 is asked for where an item is part of a table, else the item itself. */
static hid_t memory_type(const char *field, hid_t item) {
  if (!*field)
    return H5Tcopy(item);
  hid_t type = H5Tcreate(H5T_COMPOUND, H5Tget_size(item));
  if (type >= 0 && H5Tinsert(type, field, 0, item) >= 0)
    return type;
  dnmf_hdf5_release(type);
  return -1;
}

/* The type of one id; negative when the dataset has no such member. */
static hid_t type_of(hid_t file, const char *dataset, const char *field) {
  hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  hid_t whole = id < 0 ? -1 : H5Dget_type(id);
  dnmf_hdf5_release(id);
  if (!*field)
    return whole;
  int member = whole < 0 || H5Tget_class(whole) != H5T_COMPOUND ? -1 : H5Tget_member_index(whole, field);
  hid_t item = member < 0 ? -1 : H5Tget_member_type(whole, (unsigned)member);
  dnmf_hdf5_release(whole);
  return item;
}

/* Strings on their way into ids. */
typedef struct strings {
  dnmf_context *context;
  dnmf_ids *ids;
  int64_t capacity; /* of ids->text */
  bool variable;    /* references to the heap, else blocks of `size` bytes */
  size_t size;
  H5T_str_t padding;
  dnmf_heap heap;
} strings;

/* Appends one string at index `at` of the share. */
static dnmf_status append_string(strings *s, int64_t at, const char *string, size_t length) {
  dnmf_ids *ids = s->ids;
  void *memory = ids->text;
  int64_t needed = ids->starts[at] + (int64_t)length;
  dnmf_status status = dnmf_grow(&s->context->error, "ids", needed, 1, &s->capacity, &memory);
  ids->text = memory;
  DNMF_TRY(status);
  if (length)
    memcpy(ids->text + ids->starts[at], string, length);
  ids->starts[at + 1] = needed;
  return DNMF_OK;
}

/* Length of a fixed-length string without its padding. */
static size_t unpadded(const char *string, size_t size, H5T_str_t padding) {
  size_t length = strnlen(string, size);
  while (padding == H5T_STR_SPACEPAD && length > 0 && string[length - 1] == ' ')
    length--;
  return length;
}

static dnmf_status append_piece(strings *s, dnmf_range piece, const char *buffer) {
  for (int64_t i = 0; i < dnmf_range_size(piece); i++) {
    const char *string = buffer + (size_t)i * s->size;
    size_t length = 0;
    if (s->variable)
      DNMF_TRY(dnmf_heap_text(&s->context->error, &s->heap, string, &string, &length));
    else
      length = unpadded(string, s->size, s->padding);
    DNMF_TRY(append_string(s, piece.begin - s->ids->range.begin + i, string, length));
  }
  return DNMF_OK;
}

static dnmf_status append_pieces(strings *s, hid_t file, const char *dataset, hid_t type) {
  dnmf_error *error = &s->context->error;
  dnmf_range all = s->ids->range;
  void *buffer = NULL;
  int64_t at_once = STRING_BYTES_AT_ONCE / (int64_t)s->size + 1;
  at_once = at_once < STRINGS_AT_ONCE ? at_once : STRINGS_AT_ONCE;
  dnmf_status status = dnmf_allocate_zero(error, "a piece of ids", at_once, s->size, &buffer);
  for (int64_t at = all.begin; at < all.end && status == DNMF_OK; at += at_once) {
    dnmf_range piece = piece_of(all, at, at_once);
    dnmf_slab slab = dnmf_slab_of(piece);
    status = dnmf_hdf5_read(s->context, file, dataset, type, &slab, buffer);
    if (status == DNMF_OK)
      status = append_piece(s, piece, buffer);
  }
  free(buffer);
  return status;
}

static dnmf_status read_strings(dnmf_context *context, hid_t file, const char *dataset, const char *field, hid_t item,
                                dnmf_ids *ids) {
  strings s = {context, ids, 0, H5Tis_variable_str(item) > 0, H5Tget_size(item), H5Tget_strpad(item), {0}};
  void *memory = NULL;
  dnmf_status status = dnmf_heap_open(&context->error, file, &s.heap);
  if (s.variable)
    s.size = dnmf_heap_reference_bytes(&s.heap);
  hid_t type = status != DNMF_OK ? -1 : memory_type(field, s.variable ? s.heap.reference : item);
  if (status == DNMF_OK && type < 0)
    status = dnmf_hdf5_fail(&context->error, DNMF_ERROR_LIBRARY, "cannot describe the ids %s", dataset);
  if (status == DNMF_OK)
    status = dnmf_allocate_zero(&context->error, "ids", dnmf_range_size(ids->range) + 1, sizeof *ids->starts, &memory);
  ids->kind = DNMF_IDS_STRING;
  ids->starts = memory;
  if (status == DNMF_OK)
    status = append_pieces(&s, file, dataset, type);
  dnmf_hdf5_release(type);
  dnmf_heap_close(&s.heap);
  return status;
}

static dnmf_status read_integers(dnmf_context *context, hid_t file, const char *dataset, const char *field,
                                 dnmf_ids *ids) {
  void *memory = NULL;
  dnmf_slab slab = dnmf_slab_of(ids->range);
  ids->kind = DNMF_IDS_INTEGER;
  DNMF_TRY(dnmf_allocate(&context->error, "ids", dnmf_range_size(ids->range), sizeof *ids->numbers, &memory));
  ids->numbers = memory;
  if (!*field)
    return dnmf_hdf5_read(context, file, dataset, H5T_NATIVE_INT64, &slab, ids->numbers);
  hid_t member = memory_type(field, H5T_NATIVE_INT64);
  dnmf_status status = DNMF_OK;
  if (member < 0)
    status = dnmf_hdf5_fail(&context->error, DNMF_ERROR_LIBRARY, "cannot describe the ids %s", dataset);
  if (status == DNMF_OK)
    status = dnmf_hdf5_read(context, file, dataset, member, &slab, ids->numbers);
  dnmf_hdf5_release(member);
  return status;
}

dnmf_status dnmf_ids_read(dnmf_context *context, const char *path, hid_t file, const char *name, const char *field,
                          int64_t count, dnmf_ids *ids) {
  return dnmf_ids_read_part(context, path, file, name, field, count, (dnmf_range){0, count}, ids);
}

dnmf_status dnmf_ids_read_part(dnmf_context *context, const char *path, hid_t file, const char *name, const char *field,
                               int64_t count, dnmf_range part, dnmf_ids *ids) {
  dnmf_hdf5_shape shape;
  memset(ids, 0, sizeof *ids);
  DNMF_TRY(dnmf_hdf5_describe(&context->error, file, name, &shape));
  if (shape.rank != 1 || shape.extent[0] != count)
    return dnmf_fail(&context->error, DNMF_ERROR_INPUT,
                     "the ids %s of %s (%s) do not fit the matrix, which needs %" PRId64, name, path, shape.text,
                     count);
  hid_t item = type_of(file, name, field);
  H5T_class_t class = item < 0 ? H5T_NO_CLASS : H5Tget_class(item);
  ids->count = dnmf_range_size(part);
  ids->range = dnmf_range_split(part, context->size, context->rank); /* places in the file, while it is read */
  dnmf_status status = DNMF_OK;
  if (class == H5T_STRING)
    status = read_strings(context, file, name, field, item, ids);
  else if (class == H5T_INTEGER)
    status = read_integers(context, file, name, field, ids);
  else
    status = dnmf_fail(&context->error, DNMF_ERROR_INPUT, "the ids %s of %s must be strings or integers; they are %s",
                       name, path, shape.text);
  ids->range.begin -= part.begin;
  ids->range.end -= part.begin;
  dnmf_hdf5_release(item);
  return status;
}

dnmf_status dnmf_ids_width(dnmf_context *context, const dnmf_ids *ids, int64_t *width) {
  *width = 1;
  for (int64_t i = 0; ids->kind == DNMF_IDS_STRING && i < dnmf_range_size(ids->range); i++)
    if (ids->starts[i + 1] - ids->starts[i] > *width)
      *width = ids->starts[i + 1] - ids->starts[i];
  return dnmf_max_int64(context, context->comm, width, 1);
}

int64_t dnmf_ids_bytes(const dnmf_ids *ids, int64_t width) {
  if (ids->kind == DNMF_IDS_NONE)
    return 0;
  return ids->count * (ids->kind == DNMF_IDS_STRING ? width : (int64_t)sizeof(int64_t));
}

static hid_t fixed_text(int64_t width) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, (size_t)width);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

dnmf_status dnmf_ids_create(dnmf_error *error, hid_t file, const char *dataset, const dnmf_ids *ids, int64_t width) {
  if (ids->kind == DNMF_IDS_NONE)
    return DNMF_OK;
  if (ids->kind == DNMF_IDS_INTEGER)
    return dnmf_hdf5_create_dataset(error, file, dataset, H5T_STD_I64LE, 1, &ids->count);
  hid_t type = fixed_text(width);
  dnmf_status status = dnmf_hdf5_create_dataset(error, file, dataset, type, 1, &ids->count);
  dnmf_hdf5_release(type);
  return status;
}

static dnmf_status write_strings(dnmf_context *context, hid_t file, const char *dataset, const dnmf_ids *ids,
                                 int64_t width) {
  void *buffer = NULL;
  hid_t type = fixed_text(width);
  int64_t items = (INT64_C(1) << 24) / width + 1;
  if (items > dnmf_range_size(ids->range))
    items = dnmf_range_size(ids->range);
  dnmf_status status = dnmf_allocate(&context->error, "a piece of ids", items, (size_t)width, &buffer);
  for (int64_t at = ids->range.begin; at < ids->range.end && status == DNMF_OK; at += items) {
    dnmf_range piece = piece_of(ids->range, at, items);
    dnmf_slab slab = dnmf_slab_of(piece);
    memset(buffer, 0, (size_t)(items * width));
    for (int64_t i = piece.begin; i < piece.end; i++) {
      const int64_t *start = ids->starts + (i - ids->range.begin);
      if (start[1] > start[0])
        memcpy((char *)buffer + (i - piece.begin) * width, ids->text + start[0], (size_t)(start[1] - start[0]));
    }
    status = dnmf_hdf5_write(context, file, dataset, type, &slab, buffer);
  }
  free(buffer);
  dnmf_hdf5_release(type);
  return status;
}

dnmf_status dnmf_ids_write(dnmf_context *context, hid_t file, const char *dataset, const dnmf_ids *ids, int64_t width) {
  dnmf_slab slab = dnmf_slab_of(ids->range);
  if (ids->kind == DNMF_IDS_INTEGER)
    return dnmf_hdf5_write(context, file, dataset, H5T_NATIVE_INT64, &slab, ids->numbers);
  if (ids->kind == DNMF_IDS_STRING)
    return write_strings(context, file, dataset, ids, width);
  return DNMF_OK;
}
