#include "store/numpy/array.h"

#include "base/memory.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

enum { PIECE_ITEMS = 1 << 15, WIDEST = 16 /* bytes of an item */ };

dnmf_status dnmf_array_fail(dnmf_error *error, const dnmf_array *array, const char *text) {
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s%s%s %s", array->path, *array->member ? ":/" : "", array->member, text);
}

static dnmf_status cut_off(dnmf_error *error, const dnmf_array *array) {
  return dnmf_array_fail(error, array, "ends before its last item, perhaps cut off while it was written or copied");
}

static dnmf_status read_file(dnmf_error *error, const dnmf_array *array, int64_t offset, int64_t bytes, char *to) {
  while (bytes > 0) {
    ssize_t got = pread(array->file, to, (size_t)bytes, (off_t)offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", array->path, strerror(errno));
    if (got == 0)
      return cut_off(error, array);
    to += got;
    offset += got;
    bytes -= got;
  }
  return DNMF_OK;
}

static dnmf_status fail_packed(dnmf_error *error, dnmf_array *array) {
  return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s:/%s: %s", array->path, array->member,
                   zip_file_strerror(array->packed));
}

static dnmf_status read_packed(dnmf_error *error, dnmf_array *array, int64_t offset, int64_t bytes, char *to) {
  if (offset != array->position && zip_fseek(array->packed, offset, SEEK_SET) != 0)
    return fail_packed(error, array);
  array->position = offset;
  while (bytes > 0) {
    zip_int64_t got = zip_fread(array->packed, to, (zip_uint64_t)bytes);
    if (got < 0)
      return fail_packed(error, array);
    if (got == 0)
      return cut_off(error, array);
    to += got;
    array->position += got;
    bytes -= got;
  }
  return DNMF_OK;
}

static dnmf_status read_at(dnmf_error *error, dnmf_array *array, int64_t offset, int64_t bytes, char *to) {
  return array->packed ? read_packed(error, array, offset, bytes, to) : read_file(error, array, offset, bytes, to);
}

/* The header, which must promise no more than the `size` bytes that there are. */
static dnmf_status read_header(dnmf_error *error, dnmf_array *array, int64_t size) {
  char start[DNMF_NPY_START] = "";
  void *header = NULL;
  int64_t count = size < DNMF_NPY_START ? size : DNMF_NPY_START;
  dnmf_error bare = {0};
  DNMF_TRY(read_at(error, array, 0, count, start));
  int64_t data = dnmf_npy_data(start, count);
  if (data < 0)
    return dnmf_array_fail(error, array, "does not begin as a NumPy array does; leave --format out");
  if (data > size || data <= DNMF_NPY_START)
    return cut_off(error, array);
  DNMF_TRY(dnmf_allocate(error, "the header of an array", data, 1, &header));
  memcpy(header, start, DNMF_NPY_START);
  dnmf_status status = read_at(error, array, DNMF_NPY_START, data - DNMF_NPY_START, (char *)header + DNMF_NPY_START);
  if (status == DNMF_OK && dnmf_npy_parse(&bare, header, data, &array->header) != DNMF_OK)
    status = dnmf_array_fail(error, array, bare.text);
  free(header);
  DNMF_TRY(status);
  if (array->header.kind != 'O' && array->header.items * array->header.item_bytes > size - data)
    return cut_off(error, array);
  if (dnmf_npy_is_numeric(&array->header) && array->header.items * array->header.item_bytes < size - data)
    return dnmf_array_fail(error, array,
                           "goes on after its last item: its header is damaged, or several arrays were saved into it");
  dnmf_hdf5_start();
  array->type = dnmf_npy_type(&array->header);
  return dnmf_allocate(error, "a piece of an array", PIECE_ITEMS, WIDEST, &array->piece);
}

dnmf_status dnmf_array_open_file(dnmf_error *error, const char *path, dnmf_array *array) {
  struct stat about;
  *array = (dnmf_array){.path = path, .file = -1, .type = -1};
  array->file = open(path, O_RDONLY);
  if (array->file < 0 || fstat(array->file, &about) != 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot open %s: %s", path, strerror(errno));
  if (!S_ISREG(about.st_mode))
    return dnmf_fail(error, DNMF_ERROR_FILE, "%s is not a regular file", path);
  return read_header(error, array, about.st_size);
}

dnmf_status dnmf_array_open_member(dnmf_error *error, const char *path, struct zip *archive, const char *member,
                                   dnmf_array *array) {
  zip_stat_t about;
  char name[sizeof array->member + 8];
  *array = (dnmf_array){.path = path, .file = -1, .type = -1};
  snprintf(array->member, sizeof array->member, "%s", member);
  snprintf(name, sizeof name, "%s.npy", array->member);
  if (zip_stat(archive, name, 0, &about) != 0 || !(about.valid & ZIP_STAT_SIZE) ||
      !(about.valid & ZIP_STAT_COMP_METHOD) || !(about.valid & ZIP_STAT_CRC) || about.size > INT64_MAX)
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s has no array %s", path, array->member);
  array->packed = zip_fopen(archive, name, 0);
  if (!array->packed)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s:/%s: %s", path, array->member, zip_strerror(archive));
  array->sequential = about.comp_method != ZIP_CM_STORE;
  array->size = (int64_t)about.size;
  array->checksum = about.crc;
  return read_header(error, array, array->size);
}

void dnmf_array_close(dnmf_array *array) {
  if (array->file >= 0)
    close(array->file);
  if (array->packed)
    zip_fclose(array->packed);
  if (array->type >= 0)
    H5Tclose(array->type);
  free(array->piece);
  *array = (dnmf_array){.file = -1, .type = -1};
}

dnmf_status dnmf_array_check(dnmf_error *error, const dnmf_array *array, int rank, bool whole) {
  char text[160];
  const dnmf_npy *header = &array->header;
  const char *wrong = !dnmf_npy_is_numeric(header)   ? "does not hold real numbers"
                      : header->rank != rank         ? "has the wrong number of dimensions"
                      : whole && header->kind == 'f' ? "does not hold whole numbers"
                                                     : NULL;
  if (!wrong)
    return DNMF_OK;
  snprintf(text, sizeof text, "%s (%s)", wrong, header->text);
  return dnmf_array_fail(error, array, text);
}

/* Only past its last byte is a compressed member's checksum compared. */
static dnmf_status check_end(dnmf_error *error, dnmf_array *array) {
  char beyond = 0;
  const dnmf_npy *header = &array->header;
  if (!array->sequential || array->position < header->data + header->items * header->item_bytes)
    return DNMF_OK;
  zip_int64_t got = zip_fread(array->packed, &beyond, 1);
  if (got > 0)
    return dnmf_array_fail(error, array, "is damaged: it goes on after its last item");
  return got < 0 ? fail_packed(error, array) : DNMF_OK;
}

dnmf_status dnmf_array_read(dnmf_error *error, dnmf_array *array, int64_t first, int64_t count, hid_t memory_type,
                            void *to) {
  size_t size = H5Tget_size(memory_type);
  const dnmf_npy *header = &array->header;
  char *out = to;
  for (int64_t done = 0; done < count;) {
    int64_t items = count - done < PIECE_ITEMS ? count - done : PIECE_ITEMS;
    DNMF_TRY(read_at(error, array, header->data + (first + done) * header->item_bytes, items * header->item_bytes,
                     array->piece));
    if (H5Tconvert(array->type, memory_type, (size_t)items, array->piece, NULL, H5P_DEFAULT) < 0)
      return dnmf_fail(error, DNMF_ERROR_LIBRARY, "HDF5 cannot convert the numbers of %s (%s)", array->path,
                       header->type);
    memcpy(out, array->piece, (size_t)items * size);
    out += (size_t)items * size;
    done += items;
  }
  return check_end(error, array);
}

dnmf_status dnmf_array_sum(dnmf_error *error, dnmf_array *array, dnmf_range part, uint32_t *sum) {
  uLong so_far = crc32(0, NULL, 0);
  for (int64_t at = part.begin; at < part.end;) {
    int64_t bytes = part.end - at < PIECE_ITEMS ? part.end - at : PIECE_ITEMS;
    DNMF_TRY(read_at(error, array, at, bytes, array->piece));
    so_far = crc32(so_far, array->piece, (uInt)bytes);
    at += bytes;
  }
  *sum = (uint32_t)so_far;
  return DNMF_OK;
}

dnmf_status dnmf_array_read_bytes(dnmf_error *error, dnmf_array *array, int64_t bytes, char *to) {
  return read_at(error, array, array->header.data, bytes, to);
}
