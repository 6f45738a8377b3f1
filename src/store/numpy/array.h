/*
 * A NumPy array being read: a file of its own (.npy), or a member of a zip archive (.npz).
 *
 * Files, and members that the archive stores as they are, are read from any place; a compressed member only from its
 * beginning, each item once. Items are converted to the type that is asked for. local, all of it
 */
#ifndef DNMF_STORE_ARRAY_H
#define DNMF_STORE_ARRAY_H

#include "base/range.h"
#include "store/numpy/npy_header.h"

struct zip;
struct zip_file;

typedef struct dnmf_array {
  const char *path; /* not owned */
  char member[256]; /* its name in the archive, without .npy; empty: a file of its own */
  int file;         /* -1: none */
  struct zip_file *packed;
  bool sequential;
  int64_t size;      /* of a packed member, header included */
  uint32_t checksum; /* what the archive says (CRC-32) */
  int64_t position;  /* in the packed bytes */
  dnmf_npy header;
  hid_t type;
  void *piece; /* items on their way to another type */
} dnmf_array;

/* Opens and reads the header; released with dnmf_array_close, also after a failure. `path` and `archive` must outlive
 * the array. Messages name the file and the member. */
dnmf_status dnmf_array_open_file(dnmf_error *error, const char *path, dnmf_array *array);
dnmf_status dnmf_array_open_member(dnmf_error *error, const char *path, struct zip *archive, const char *member,
                                   dnmf_array *array);
void dnmf_array_close(dnmf_array *array); /* accepts one that was never opened: {.file = -1, .type = -1} */

/* Fails, saying what `array` is, unless it has `rank` dimensions and holds numbers, whole ones if `whole`. */
dnmf_status dnmf_array_check(dnmf_error *error, const dnmf_array *array, int rank, bool whole);

/* Items first ... first + count - 1, in the order of the file, as `memory_type` (at most 16 bytes wide). */
dnmf_status dnmf_array_read(dnmf_error *error, dnmf_array *array, int64_t first, int64_t count, hid_t memory_type,
                            void *to);

/* The CRC-32 of the bytes `part` of a member that is stored as it is. */
dnmf_status dnmf_array_sum(dnmf_error *error, dnmf_array *array, dnmf_range part, uint32_t *sum);

/* Their bytes as they are, of an array of anything. */
dnmf_status dnmf_array_read_bytes(dnmf_error *error, dnmf_array *array, int64_t bytes, char *to);

/* Records a message about the array. */
dnmf_status dnmf_array_fail(dnmf_error *error, const dnmf_array *array, const char *text);

#endif
