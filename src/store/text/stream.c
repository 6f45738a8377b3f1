#include "store/text/stream.h"

#include "base/memory.h"

#include <errno.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
  INPUT_BYTES = 1 << 17,
  STEP_BYTES = 1 << 30, /* of output in one call: zlib counts in 32 bits */
  GZIP_WINDOW = 15 + 16 /* the largest window, with gzip's header */
};

static const uint64_t XZ_MEMORY = UINT64_C(1) << 30;

struct dnmf_stream {
  const char *path;
  dnmf_packing packing;
  int file;
  int64_t offset; /* in the file, of the next byte to be read */
  bool input_ended;
  bool inside; /* a member that has not ended yet */
  size_t at;   /* of the next byte of input */
  size_t filled;
  z_stream gzip;
  ZSTD_DStream *zstd;
  lzma_stream xz;
  uint8_t input[INPUT_BYTES];
};

dnmf_packing dnmf_packing_of(const char *bytes, int64_t count) {
  static const struct {
    dnmf_packing packing;
    int64_t length;
    const char *bytes;
  } signatures[] = {{DNMF_GZIP, 2, "\x1f\x8b"},
                    {DNMF_ZSTD, 4, "\x28\xb5\x2f\xfd"},
                    {DNMF_XZ, 6,
                     "\xfd"
                     "7zXZ\0"}};
  for (size_t s = 0; s < sizeof signatures / sizeof *signatures; s++)
    if (count >= signatures[s].length && memcmp(bytes, signatures[s].bytes, (size_t)signatures[s].length) == 0)
      return signatures[s].packing;
  return DNMF_UNPACKED;
}

const char *dnmf_packing_name(dnmf_packing packing) {
  static const char *const names[] = {"nothing", "gzip", "zstd", "xz"};
  return names[packing];
}

static dnmf_status stream_damaged(dnmf_error *error, const dnmf_stream *stream, const char *reason) {
  return dnmf_fail(error, DNMF_ERROR_FILE, "cannot unpack %s (%s): %s", stream->path,
                   dnmf_packing_name(stream->packing), reason);
}

static bool start_decoder(dnmf_stream *stream) {
  if (stream->packing == DNMF_UNPACKED)
    return true;
  if (stream->packing == DNMF_GZIP)
    return inflateInit2(&stream->gzip, GZIP_WINDOW) == Z_OK;
  if (stream->packing == DNMF_XZ)
    return lzma_stream_decoder(&stream->xz, XZ_MEMORY, LZMA_CONCATENATED) == LZMA_OK;
  stream->zstd = ZSTD_createDStream();
  return stream->zstd != NULL;
}

dnmf_status dnmf_stream_open(dnmf_error *error, const char *name, int file, dnmf_packing packing,
                             dnmf_stream **stream) {
  void *memory = NULL;
  *stream = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "a compressed file", 1, sizeof **stream, &memory));
  *stream = memory;
  (*stream)->path = name;
  (*stream)->packing = packing;
  (*stream)->file = file;
  if (!start_decoder(*stream))
    return dnmf_fail(error, DNMF_ERROR_MEMORY, "not enough memory to unpack %s", name);
  return DNMF_OK;
}

void dnmf_stream_close(dnmf_stream *stream) {
  if (!stream)
    return;
  if (stream->packing == DNMF_GZIP)
    inflateEnd(&stream->gzip);
  ZSTD_freeDStream(stream->zstd);
  lzma_end(&stream->xz);
  free(stream);
}

static dnmf_status refill(dnmf_error *error, dnmf_stream *stream) {
  ssize_t got = 0;
  do
    got = pread(stream->file, stream->input, INPUT_BYTES, (off_t)stream->offset);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return dnmf_fail(error, DNMF_ERROR_FILE, "cannot read %s: %s", stream->path, strerror(errno));
  stream->at = 0;
  stream->filled = (size_t)got;
  stream->offset += got;
  stream->input_ended = got == 0;
  return DNMF_OK;
}

/* Each step unpacks into `room` bytes at `to` what it can, and gives the reason when it cannot. *made counts. */
static const char *step_gzip(dnmf_stream *stream, char *to, size_t room, size_t *made) {
  z_stream *gzip = &stream->gzip;
  if (!stream->inside && stream->at < stream->filled && stream->input[stream->at] == 0) {
    stream->at++; /* tapes and disks pad with zeros */
    return NULL;
  }
  if (!stream->inside && stream->at < stream->filled && inflateReset(gzip) != Z_OK)
    return "its decoder failed";
  gzip->next_in = stream->input + stream->at;
  gzip->avail_in = (uInt)(stream->filled - stream->at);
  gzip->next_out = (Bytef *)to;
  gzip->avail_out = (uInt)room;
  int code = inflate(gzip, Z_NO_FLUSH);
  stream->at = stream->filled - gzip->avail_in;
  *made = room - gzip->avail_out;
  stream->inside = code != Z_STREAM_END;
  return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR ? NULL : gzip->msg ? gzip->msg : "it is damaged";
}

static const char *step_zstd(dnmf_stream *stream, char *to, size_t room, size_t *made) {
  ZSTD_inBuffer input = {stream->input, stream->filled, stream->at};
  ZSTD_outBuffer output = {to, room, 0};
  size_t code = ZSTD_decompressStream(stream->zstd, &output, &input);
  stream->at = input.pos;
  *made = output.pos;
  stream->inside = code != 0;
  return ZSTD_isError(code) ? ZSTD_getErrorName(code) : NULL;
}

static const char *step_xz(dnmf_stream *stream, char *to, size_t room, size_t *made) {
  lzma_stream *xz = &stream->xz;
  xz->next_in = stream->input + stream->at;
  xz->avail_in = stream->filled - stream->at;
  xz->next_out = (uint8_t *)to;
  xz->avail_out = room;
  lzma_ret code = lzma_code(xz, stream->input_ended ? LZMA_FINISH : LZMA_RUN);
  stream->at = stream->filled - xz->avail_in;
  *made = room - xz->avail_out;
  stream->inside = code != LZMA_STREAM_END;
  return code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR ? NULL
         : code == LZMA_MEMLIMIT_ERROR ? "it needs more than 1 GiB to be unpacked"
                                       : "it is damaged";
}

static const char *step_plain(dnmf_stream *stream, char *to, size_t room, size_t *made) {
  size_t have = stream->filled - stream->at;
  *made = have < room ? have : room;
  memcpy(to, stream->input + stream->at, *made);
  stream->at += *made;
  return NULL;
}

static const char *step(dnmf_stream *stream, char *to, size_t room, size_t *made) {
  *made = 0;
  if (stream->packing == DNMF_UNPACKED)
    return step_plain(stream, to, room, made);
  if (stream->packing == DNMF_GZIP)
    return step_gzip(stream, to, room, made);
  return stream->packing == DNMF_ZSTD ? step_zstd(stream, to, room, made) : step_xz(stream, to, room, made);
}

dnmf_status dnmf_stream_read(dnmf_error *error, dnmf_stream *stream, int64_t bytes, char *to, int64_t *got) {
  *got = 0;
  while (*got < bytes) {
    size_t made = 0;
    int64_t room = bytes - *got < STEP_BYTES ? bytes - *got : STEP_BYTES;
    if (stream->at == stream->filled && !stream->input_ended)
      DNMF_TRY(refill(error, stream));
    if (stream->input_ended && !stream->inside)
      return DNMF_OK;
    size_t before = stream->at;
    const char *reason = step(stream, to + *got, (size_t)room, &made);
    if (reason)
      return stream_damaged(error, stream, reason);
    *got += (int64_t)made;
    if (stream->input_ended && stream->inside && made == 0 && stream->at == before)
      return stream_damaged(error, stream, "it ends too early, perhaps cut off while it was written or copied");
  }
  return DNMF_OK;
}
