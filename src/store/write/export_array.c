/* NumPy's .npy (format 1.0) and Matrix Market's array format. */
#include "store/write/export_array.h"

#include "base/memory.h"
#include "comm/collective.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool little_endian(void) {
  const uint16_t one = 1;
  uint8_t first = 0;
  memcpy(&first, &one, 1);
  return first == 1;
}

void dnmf_npy_descr(char kind, size_t size, char descr[8]) {
  snprintf(descr, 8, "%c%c%zu", little_endian() ? '<' : '>', kind, size);
}

/* Magic, version, header length, then a Python dictionary padded so that the data begin at a multiple of 64. */
size_t dnmf_npy_head(const char *descr, const char *shape, unsigned char head[DNMF_NPY_HEAD]) {
  static const unsigned char magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  char *text = (char *)head + 10;
  int length =
      snprintf(text, DNMF_NPY_HEAD - 10 - 64, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
  size_t padded = ((size_t)length + 1 + 10 + 63) / 64 * 64 - 10;
  memset(text + length, ' ', padded - (size_t)length);
  text[padded - 1] = '\n';
  memcpy(head, magic, sizeof magic);
  head[8] = (unsigned char)(padded & 0xff);
  head[9] = (unsigned char)(padded >> 8);
  return padded + 10;
}

static void npy_head(const dnmf_export_view *view, dnmf_sink *sink) {
  unsigned char head[DNMF_NPY_HEAD];
  char descr[8];
  char shape[64];
  dnmf_npy_descr('f', dnmf_precision_size(view->precision), descr);
  snprintf(shape, sizeof shape, "(%" PRId64 ", %" PRId64 ")", view->rows, view->cols);
  dnmf_sink_put(sink, head, dnmf_npy_head(descr, shape, head));
}

static void npy_row(const dnmf_export_view *view, int64_t local, dnmf_sink *sink) {
  dnmf_sink_put(sink, dnmf_export_row(view, local), (size_t)view->cols * dnmf_precision_size(view->precision));
}

const dnmf_export_writer dnmf_export_npy = {npy_head, npy_row};

static void array_head(const dnmf_export_view *view, dnmf_sink *sink) {
  dnmf_sink_text(sink, "%%MatrixMarket matrix array real general\n");
  dnmf_sink_integer(sink, view->rows);
  dnmf_sink_text(sink, " ");
  dnmf_sink_integer(sink, view->cols);
  dnmf_sink_text(sink, "\n");
}

static void put_column(const dnmf_export_view *view, int64_t col, dnmf_sink *sink) {
  for (int64_t i = 0; i < dnmf_range_size(view->range); i++) {
    dnmf_sink_number(sink, dnmf_export_stored(view, i * view->cols + col), view->precision);
    dnmf_sink_text(sink, "\n");
  }
}

/* place[j] = where this process's part of column j begins. `bytes` has this process's bytes of each column, and is
 * overwritten. collective */
static dnmf_status find_places(dnmf_context *context, const dnmf_export_view *view, int64_t head, int64_t *bytes,
                               int64_t *place) {
  int count = 0;
  DNMF_TRY(dnmf_int_count(context, "columns", view->cols, &count));
  int code = MPI_Exscan(bytes, place, count, MPI_INT64_T, MPI_SUM, context->comm);
  DNMF_TRY(dnmf_mpi_check(context, code, "MPI_Exscan"));
  if (context->rank == 0)
    memset(place, 0, (size_t)view->cols * sizeof *place);
  DNMF_TRY(dnmf_sum_int64(context, context->comm, bytes, view->cols));
  int64_t begin = head;
  for (int64_t j = 0; j < view->cols; j++) {
    place[j] += begin;
    begin += bytes[j];
  }
  return DNMF_OK;
}

static dnmf_status write_columns(dnmf_context *context, const dnmf_export_view *view, int file, const int64_t *place,
                                 dnmf_sink *sink) {
  if (context->rank == 0) {
    dnmf_sink_start(sink, file, 0);
    array_head(view, sink);
    dnmf_sink_flush(sink);
    DNMF_TRY(dnmf_export_check(context, view, sink->failed));
  }
  for (int64_t j = 0; j < view->cols; j++) {
    dnmf_sink_start(sink, file, place[j]);
    put_column(view, j, sink);
    dnmf_sink_flush(sink);
    DNMF_TRY(dnmf_export_check(context, view, sink->failed));
  }
  return DNMF_OK;
}

dnmf_status dnmf_export_array(dnmf_context *context, const dnmf_export_view *view, int file, dnmf_sink *sink) {
  void *memory = NULL;
  dnmf_status status =
      dnmf_allocate(&context->error, "the places of columns", 2 * view->cols, sizeof(int64_t), &memory);
  DNMF_TRY(dnmf_agree(context, status));
  int64_t *bytes = memory;
  dnmf_sink_start(sink, -1, 0);
  array_head(view, sink);
  int64_t head = sink->bytes;
  for (int64_t j = 0; j < view->cols; j++) {
    dnmf_sink_start(sink, -1, 0);
    put_column(view, j, sink);
    bytes[j] = sink->bytes;
  }
  status = find_places(context, view, head, bytes, bytes + view->cols);
  if (status == DNMF_OK)
    status = write_columns(context, view, file, bytes + view->cols, sink);
  free(memory);
  return status;
}
