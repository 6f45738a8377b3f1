/*
 * A reference is a length (4 bytes), the address of a collection and the number of an object in it (4 bytes). A
 * collection is "GCOL", a version, its size, and objects one after another: number (2 bytes), count (2), 4 bytes
 * unused, size, bytes; number 0 is the free space at the end. All is little-endian, headers and objects are padded to
 * whole 8 bytes. (HDF5 File Format Specification 3.0, III.E and IV.A.2.d.)
 */
#include "store/hdf5/hdf5_heap.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OBJECTS = 1 << 16, ALIGNMENT = 8, FIXED_BYTES = 8 /* before a size */ };

static const char TAG[] = "dnmf heap reference";

static size_t padded(size_t bytes) {
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t number(const unsigned char *bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i > 0; i--)
    value = value << 8 | bytes[i - 1];
  return value;
}

static bool is_reference(hid_t type) {
  char *tag = H5Tget_class(type) == H5T_OPAQUE ? H5Tget_tag(type) : NULL;
  bool ours = tag && strcmp(tag, TAG) == 0;
  H5free_memory(tag);
  return ours;
}

/* HDF5's kind of function. From references as they are in the file: nothing changes. */
static herr_t keep_references(hid_t from, hid_t to, H5T_cdata_t *data, size_t items, size_t stride,
                              size_t stride_of_rest, void *buffer, void *rest, hid_t transfer) {
  (void)items;
  (void)stride;
  (void)stride_of_rest;
  (void)buffer;
  (void)rest;
  (void)transfer;
  if (data->command == H5T_CONV_FREE)
    return 0;
  if (H5Tis_variable_str(from) <= 0 || !is_reference(to))
    return -1;
  data->need_bkg = H5T_BKG_NO;
  return data->command == H5T_CONV_INIT || H5Tget_size(from) == H5Tget_size(to) ? 0 : -1;
}

static hid_t reference_type(size_t bytes) {
  hid_t type = H5Tcreate(H5T_OPAQUE, bytes);
  if (type >= 0)
    H5Tset_tag(type, TAG);
  return type;
}

void dnmf_heap_register(void) {
  H5T_cdata_t *data = NULL;
  hid_t text = H5Tcopy(H5T_C_S1);
  hid_t reference = reference_type(16);
  H5Tset_size(text, H5T_VARIABLE);
  if (H5Tfind(text, reference, &data) != keep_references)
    H5Tregister(H5T_PERS_SOFT, TAG, text, reference, keep_references);
  dnmf_hdf5_release(reference);
  dnmf_hdf5_release(text);
}

size_t dnmf_heap_reference_bytes(const dnmf_heap *heap) {
  return 4 + heap->address_bytes + 4;
}

/* Sizes and places that the file declares for itself. */
static dnmf_status read_frame(dnmf_error *error, hid_t object, dnmf_heap *heap) {
  hsize_t origin = 0;
  hid_t file = H5Iget_file_id(object);
  hid_t creation = file < 0 ? -1 : H5Fget_create_plist(file);
  bool read = creation >= 0 && H5Pget_sizes(creation, &heap->address_bytes, &heap->size_bytes) >= 0 &&
              H5Pget_userblock(creation, &origin) >= 0;
  dnmf_status status = DNMF_OK;
  if (!read)
    status = dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot read the texts of %s", heap->path);
  else if (heap->address_bytes > sizeof(uint64_t) || heap->size_bytes > sizeof(uint64_t) || origin > INT64_MAX)
    status = dnmf_fail(error, DNMF_ERROR_INPUT, "cannot read the texts of %s: its addresses have %zu bytes", heap->path,
                       heap->address_bytes);
  heap->origin = (int64_t)origin;
  dnmf_hdf5_release(creation);
  if (file >= 0)
    H5Fclose(file);
  return status;
}

static dnmf_status open_file(dnmf_error *error, hid_t object, dnmf_heap *heap) {
  struct stat about;
  void *memory = NULL;
  ssize_t length = H5Fget_name(object, NULL, 0);
  if (length < 0)
    return dnmf_hdf5_fail(error, DNMF_ERROR_FILE, "cannot name a file");
  DNMF_TRY(dnmf_allocate(error, "a file name", length + 1, 1, &memory));
  heap->path = memory;
  H5Fget_name(object, heap->path, (size_t)length + 1);
  heap->file = open(heap->path, O_RDONLY);
  if (heap->file < 0 || fstat(heap->file, &about) != 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", heap->path, strerror(errno));
  heap->end = about.st_size;
  return DNMF_OK;
}

dnmf_status dnmf_heap_open(dnmf_error *error, hid_t object, dnmf_heap *heap) {
  memset(heap, 0, sizeof *heap);
  heap->file = -1;
  heap->reference = -1;
  heap->at = -1;
  DNMF_TRY(open_file(error, object, heap));
  DNMF_TRY(read_frame(error, object, heap));
  heap->reference = reference_type(dnmf_heap_reference_bytes(heap));
  if (heap->reference < 0)
    return dnmf_hdf5_fail(error, DNMF_ERROR_LIBRARY, "cannot describe the texts of %s", heap->path);
  return DNMF_OK;
}

void dnmf_heap_close(dnmf_heap *heap) {
  dnmf_hdf5_release(heap->reference);
  if (heap->file >= 0)
    close(heap->file);
  free(heap->path);
  free(heap->bytes);
  free(heap->begin);
  memset(heap, 0, sizeof *heap);
  heap->file = -1;
  heap->reference = -1;
}

static dnmf_status heap_damaged(dnmf_error *error, const dnmf_heap *heap, int64_t at, const char *what) {
  return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: in its heap of texts at byte %" PRId64 ", %s", heap->path,
                   heap->origin + at, what);
}

static dnmf_status read_bytes(dnmf_error *error, const dnmf_heap *heap, int64_t at, int64_t count,
                              unsigned char *bytes) {
  for (int64_t done = 0; done < count;) {
    ssize_t got = pread(heap->file, bytes + done, (size_t)(count - done), (off_t)(heap->origin + at + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", heap->path, strerror(errno));
    if (got == 0)
      return heap_damaged(error, heap, at, "the file ends");
    done += got;
  }
  return DNMF_OK;
}

/* The next object of the collection held from byte `*at` on: its number, 0 at the end; `*at` moves behind it. */
static dnmf_status next_object(dnmf_error *error, const dnmf_heap *heap, int64_t *at, unsigned *object) {
  int64_t header = (int64_t)padded(FIXED_BYTES + heap->size_bytes);
  *object = 0;
  if (heap->size - *at < header)
    return DNMF_OK;
  *object = (unsigned)number(heap->bytes + *at, 2);
  if (*object == 0)
    return DNMF_OK;
  uint64_t size = number(heap->bytes + *at + FIXED_BYTES, heap->size_bytes);
  if (size > (uint64_t)(heap->size - *at - header))
    return heap_damaged(error, heap, heap->at, "a text is longer than the heap");
  *at += header + (int64_t)padded((size_t)size);
  return DNMF_OK;
}

static int64_t first_object(const dnmf_heap *heap) {
  return (int64_t)padded(FIXED_BYTES + heap->size_bytes);
}

/* Clears the places of the objects in the collection held, which are far fewer than there may be. */
static void forget(dnmf_heap *heap) {
  dnmf_error ignored = {0};
  unsigned object = 0;
  for (int64_t at = first_object(heap);
       heap->at >= 0 && next_object(&ignored, heap, &at, &object) == DNMF_OK && object > 0;)
    heap->begin[object] = 0;
  heap->at = -1;
}

static dnmf_status index_objects(dnmf_error *error, dnmf_heap *heap) {
  unsigned object = 0;
  for (int64_t at = first_object(heap), begin = at;; begin = at) {
    DNMF_TRY(next_object(error, heap, &at, &object));
    if (object == 0)
      return DNMF_OK;
    if (heap->begin[object] != 0)
      return heap_damaged(error, heap, heap->at, "two texts have the same number");
    heap->begin[object] = begin;
  }
}

/* Holds the collection at the address `at`. */
static dnmf_status hold(dnmf_error *error, dnmf_heap *heap, uint64_t address) {
  unsigned char header[FIXED_BYTES + sizeof(uint64_t)] = {0};
  int64_t left = heap->end - heap->origin;
  int64_t least = first_object(heap);
  void *memory = heap->bytes;
  if (heap->at >= 0 && address == (uint64_t)heap->at)
    return DNMF_OK;
  if (!heap->begin) {
    void *begin = NULL;
    DNMF_TRY(dnmf_allocate_zero(error, "places of texts", OBJECTS, sizeof(int64_t), &begin));
    heap->begin = begin;
  }
  forget(heap);
  if (left < least || address > (uint64_t)(left - least))
    return dnmf_fail(error, DNMF_ERROR_INPUT, "%s is damaged: it keeps a text at byte %" PRIu64 ", beyond its end",
                     heap->path, address);
  left -= (int64_t)address;
  DNMF_TRY(read_bytes(error, heap, (int64_t)address, least, header));
  uint64_t size = number(header + FIXED_BYTES, heap->size_bytes);
  if (memcmp(header, "GCOL\1", 5) != 0)
    return heap_damaged(error, heap, (int64_t)address, "there is no such heap");
  if (size < (uint64_t)least || size > (uint64_t)left)
    return heap_damaged(error, heap, (int64_t)address, "its size cannot be");
  dnmf_status status = dnmf_grow(error, "a heap of texts", (int64_t)size, 1, &heap->capacity, &memory);
  heap->bytes = memory;
  DNMF_TRY(status);
  DNMF_TRY(read_bytes(error, heap, (int64_t)address, (int64_t)size, heap->bytes));
  heap->at = (int64_t)address;
  heap->size = (int64_t)size;
  return index_objects(error, heap);
}

dnmf_status dnmf_heap_text(dnmf_error *error, dnmf_heap *heap, const void *reference, const char **text,
                           size_t *length) {
  const unsigned char *from = reference;
  uint64_t count = number(from, 4);
  uint64_t address = number(from + 4, heap->address_bytes);
  uint64_t object = number(from + 4 + heap->address_bytes, 4);
  *text = "";
  *length = 0;
  if (count == 0 || address == 0) /* an empty text takes no room, and one that was never written has no place */
    return DNMF_OK;
  DNMF_TRY(hold(error, heap, address));
  if (object == 0 || object >= OBJECTS || heap->begin[object] == 0)
    return heap_damaged(error, heap, heap->at, "there is no such text");
  const unsigned char *header = heap->bytes + heap->begin[object];
  if (count > number(header + FIXED_BYTES, heap->size_bytes))
    return heap_damaged(error, heap, heap->at, "a text is shorter than where it is used");
  *text = (const char *)header + padded(FIXED_BYTES + heap->size_bytes);
  *length = strnlen(*text, (size_t)count);
  return DNMF_OK;
}
