/*
 * A zip archive with sizes of 8 bytes throughout (ZIP64, which Python always reads): members one after another, each a
 * local header and a .npy file, then the list of members. (PKWARE's APPNOTE.TXT 6.3.9.)
 */
#include "store/write/export_npz.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/write/export_array.h"
#include "store/write/shared_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MEMBERS = 5, NAME = 16, LOCAL_BYTES = 30, SIZES_BYTES = 20, LISTED_BYTES = 46, PLACES_BYTES = 28 };
enum { END_BYTES = 56 + 20 + 22, ZIP64 = 45, DOS_DATE = 0x21 /* 1980-01-01: the same matrix gives the same bytes */ };

typedef struct member {
  char name[NAME];
  int64_t begin; /* of its local header */
  int64_t bytes; /* of the .npy file */
  uint32_t checksum;
} member;

typedef struct archive {
  dnmf_context *context;
  const char *path;
  int file;
  int64_t end;
  int count;
  member members[MEMBERS];
} archive;

static unsigned char *put_number(unsigned char *to, uint64_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    *to++ = (unsigned char)(number >> (8 * i));
  return to;
}

static dnmf_status write_at(const archive *a, const void *bytes, size_t count, int64_t offset) {
  int failed = dnmf_write_at(a->file, bytes, count, offset);
  return dnmf_shared_check(a->context, a->path, failed);
}

/* Version to dates, which local headers and the list have in common. */
static unsigned char *put_kind(unsigned char *to) {
  to = put_number(to, ZIP64, 2);
  to = put_number(to, 0, 2); /* flags */
  to = put_number(to, 0, 2); /* stored */
  to = put_number(to, 0, 2); /* time */
  return put_number(to, DOS_DATE, 2);
}

static dnmf_status write_local(const archive *a, const member *m) {
  unsigned char header[LOCAL_BYTES + NAME + SIZES_BYTES];
  size_t name = strlen(m->name);
  unsigned char *to = put_number(header, 0x04034b50, 4);
  to = put_number(put_kind(to), m->checksum, 4);
  to = put_number(put_number(to, UINT32_MAX, 4), UINT32_MAX, 4); /* sizes: below */
  to = put_number(put_number(to, name, 2), SIZES_BYTES, 2);
  memcpy(to, m->name, name);
  to = put_number(put_number(to + name, 1, 2), SIZES_BYTES - 4, 2);
  to = put_number(put_number(to, (uint64_t)m->bytes, 8), (uint64_t)m->bytes, 8);
  return write_at(a, header, (size_t)(to - header), m->begin);
}

static unsigned char *put_listed(unsigned char *to, const member *m) {
  size_t name = strlen(m->name);
  to = put_number(put_number(to, 0x02014b50, 4), ZIP64, 2);
  to = put_number(put_kind(to), m->checksum, 4);
  to = put_number(put_number(to, UINT32_MAX, 4), UINT32_MAX, 4);
  to = put_number(put_number(to, name, 2), PLACES_BYTES, 2);
  to = put_number(put_number(put_number(to, 0, 2), 0, 2), 0, 2); /* comment, disk, attributes */
  to = put_number(put_number(to, 0, 4), UINT32_MAX, 4);          /* attributes; place: below */
  memcpy(to, m->name, name);
  to = put_number(put_number(to + name, 1, 2), PLACES_BYTES - 4, 2);
  to = put_number(put_number(to, (uint64_t)m->bytes, 8), (uint64_t)m->bytes, 8);
  return put_number(to, (uint64_t)m->begin, 8);
}

/* The list of members and the three records that end an archive. Process 0. */
static dnmf_status write_list(const archive *a) {
  unsigned char list[MEMBERS * (LISTED_BYTES + NAME + PLACES_BYTES) + END_BYTES];
  unsigned char *to = list;
  uint64_t count = (uint64_t)a->count;
  for (int i = 0; i < a->count; i++)
    to = put_listed(to, &a->members[i]);
  uint64_t bytes = (uint64_t)(to - list);
  uint64_t end = (uint64_t)a->end + bytes;
  to = put_number(put_number(to, 0x06064b50, 4), 44, 8);
  to = put_number(put_number(to, ZIP64, 2), ZIP64, 2);
  to = put_number(put_number(to, 0, 4), 0, 4);
  to = put_number(put_number(put_number(put_number(to, count, 8), count, 8), bytes, 8), (uint64_t)a->end, 8);
  to = put_number(put_number(put_number(put_number(to, 0x07064b50, 4), 0, 4), end, 8), 1, 4);
  to = put_number(put_number(put_number(to, 0x06054b50, 4), 0, 2), 0, 2);
  to = put_number(put_number(put_number(put_number(to, count, 2), count, 2), UINT32_MAX, 4), UINT32_MAX, 4);
  to = put_number(to, 0, 2);
  return write_at(a, list, (size_t)(to - list), a->end);
}

static uint32_t checksum_of(uint32_t before, const void *bytes, int64_t count) {
  return (uint32_t)crc32_z(before, bytes, (size_t)count);
}

/* The checksum of parts that follow each other by rank. */
static dnmf_status archive_checksum(const archive *a, uint32_t mine, int64_t bytes, uint32_t *whole) {
  void *memory = NULL;
  const int64_t count = 2 * (int64_t)a->context->size;
  const int64_t own = 2 * (int64_t)a->context->rank;
  dnmf_status status = dnmf_allocate_zero(&a->context->error, "checksums", count, sizeof(uint64_t), &memory);
  DNMF_TRY(dnmf_agree(a->context, status));
  uint64_t *sums = memory;
  sums[own] = mine;
  sums[own + 1] = (uint64_t)bytes;
  status = dnmf_or_words(a->context, a->context->comm, sums, count);
  uLong all = crc32(0, NULL, 0);
  for (int64_t i = 0; i < count; i += 2)
    all = crc32_combine(all, (uLong)sums[i], (z_off_t)sums[i + 1]);
  *whole = (uint32_t)all;
  free(memory);
  return status;
}

/* The array `name`: of each process `count` bytes, which follow each other by rank. collective */
static dnmf_status add(archive *a, const char *name, const char *descr, const char *shape, const void *numbers,
                       int64_t count) {
  unsigned char head[DNMF_NPY_HEAD];
  int64_t head_bytes = (int64_t)dnmf_npy_head(descr, shape, head);
  bool first = a->context->rank == 0;
  int64_t before = 0;
  member *m = &a->members[a->count++];
  snprintf(m->name, NAME, "%s.npy", name);
  m->begin = a->end;
  uint32_t mine = first ? checksum_of(0, head, head_bytes) : 0;
  mine = count ? checksum_of(mine, numbers, count) : mine;
  DNMF_TRY(archive_checksum(a, mine, count + (first ? head_bytes : 0), &m->checksum));
  DNMF_TRY(dnmf_exscan_int64(a->context, count, &before, &m->bytes));
  m->bytes += head_bytes;
  int64_t data = m->begin + LOCAL_BYTES + (int64_t)strlen(m->name) + SIZES_BYTES;
  a->end = data + m->bytes;
  dnmf_status status = DNMF_OK;
  if (first)
    status = write_local(a, m);
  if (first && status == DNMF_OK)
    status = write_at(a, head, (size_t)head_bytes, data);
  if (status == DNMF_OK && count)
    status = write_at(a, numbers, (size_t)count, data + head_bytes + before);
  return dnmf_agree(a->context, status);
}

/* Where rows begin, of 4 bytes each while that does, as SciPy has them; the last process adds the end. */
static dnmf_status add_starts(archive *a, const dnmf_export_view *view, const char *shape) {
  int64_t before = 0;
  void *memory = NULL;
  int64_t rows = dnmf_range_size(view->range);
  int64_t count = rows + (a->context->rank == a->context->size - 1);
  bool wide = view->stored > INT32_MAX;
  size_t size = wide ? sizeof(int64_t) : sizeof(int32_t);
  char descr[8];
  DNMF_TRY(dnmf_exscan_int64(a->context, view->csr->start[rows], &before, NULL));
  dnmf_status status = dnmf_allocate(&a->context->error, "row starts", count, size, &memory);
  DNMF_TRY(dnmf_agree(a->context, status));
  for (int64_t i = 0; i < count; i++) {
    int64_t start = before + view->csr->start[i];
    if (wide)
      ((int64_t *)memory)[i] = start;
    else
      ((int32_t *)memory)[i] = (int32_t)start;
  }
  dnmf_npy_descr('i', size, descr);
  status = add(a, "indptr", descr, shape, memory, count * (int64_t)size);
  free(memory);
  return status;
}

static dnmf_status add_sparse(archive *a, const dnmf_export_view *view) {
  const int64_t extent[2] = {view->rows, view->cols};
  int64_t stored = view->csr->start[dnmf_range_size(view->range)];
  int64_t alone = a->context->rank == 0;
  size_t size = dnmf_precision_size(view->precision);
  char descr[8], entries[32], starts[32];
  snprintf(entries, sizeof entries, "(%" PRId64 ",)", view->stored);
  snprintf(starts, sizeof starts, "(%" PRId64 ",)", view->rows + 1);
  dnmf_npy_descr('i', sizeof(int32_t), descr);
  DNMF_TRY(add(a, "indices", descr, entries, view->csr->index, stored * (int64_t)sizeof(int32_t)));
  DNMF_TRY(add_starts(a, view, starts));
  DNMF_TRY(add(a, "format", "|S3", "()", "csr", 3 * alone));
  dnmf_npy_descr('i', sizeof(int64_t), descr);
  DNMF_TRY(add(a, "shape", descr, "(2,)", extent, (int64_t)sizeof extent * alone));
  dnmf_npy_descr('f', size, descr);
  return add(a, "data", descr, entries, view->csr->value, stored * (int64_t)size);
}

/* NumPy's kind of a number; a dense matrix has no others. */
static char kind_of(dnmf_number number) {
  if (number == DNMF_NUMBER_UINT8 || number == DNMF_NUMBER_UINT16)
    return 'u';
  return number == DNMF_NUMBER_INT8 || number == DNMF_NUMBER_INT16 ? 'i' : 'f';
}

/* In the type that the values are kept in. */
static dnmf_status add_dense(archive *a, const dnmf_export_view *view) {
  size_t size = dnmf_number_size(view->number);
  char descr[8], shape[64];
  snprintf(shape, sizeof shape, "(%" PRId64 ", %" PRId64 ")", view->rows, view->cols);
  dnmf_npy_descr(kind_of(view->number), size, descr);
  return add(a, "arr_0", descr, shape, view->dense, dnmf_range_size(view->range) * view->cols * (int64_t)size);
}

dnmf_status dnmf_export_npz(dnmf_context *context, const dnmf_export_view *view, int file) {
  archive a = {.context = context, .path = view->path, .file = file};
  DNMF_TRY(view->csr ? add_sparse(&a, view) : add_dense(&a, view));
  return context->rank == 0 ? write_list(&a) : DNMF_OK;
}
