#include "store/numpy/array_load.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "store/source_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { BATCH_ITEMS = 1 << 16 };

/* The narrowest type that represents whatever such an array may hold; 0: none but double. */
static dnmf_number narrow_type(const dnmf_npy *header) {
  const bool is_signed = header->kind == 'i';
  if (header->kind == 'f')
    return header->item_bytes <= (int64_t)sizeof(float) ? DNMF_NUMBER_SINGLE : (dnmf_number)0;
  if (header->item_bytes == 1)
    return is_signed ? DNMF_NUMBER_INT8 : DNMF_NUMBER_UINT8;
  if (header->item_bytes == 2)
    return is_signed ? DNMF_NUMBER_INT16 : DNMF_NUMBER_UINT16;
  return (dnmf_number)0;
}

void dnmf_describe_array(const dnmf_npy *header, dnmf_source *source) {
  snprintf(source->type, sizeof source->type, "%s", header->type);
  source->narrow = narrow_type(header);
  source->rows = header->shape[0];
  source->cols = header->shape[1];
  source->stored = header->items;
  source->transposed = header->by_columns;
  source->missing = DNMF_MISSING_ZERO;
}

static dnmf_status damaged_member(dnmf_error *error, const dnmf_array *array) {
  return dnmf_array_fail(error, array, "is damaged: its checksum is not the one that the archive has of it");
}

/* The checksum of the whole member from those of the parts, which follow each other by rank. */
static dnmf_status member_checksum(dnmf_context *context, const dnmf_array *array, uint32_t mine, uint64_t *sums) {
  uLong all = crc32(0, NULL, 0);
  sums[context->rank] = mine;
  DNMF_TRY(dnmf_or_words(context, context->comm, sums, context->size));
  for (int r = 0; r < context->size; r++) {
    dnmf_range part = dnmf_range_split((dnmf_range){0, array->size}, context->size, r);
    all = crc32_combine(all, (uLong)sums[r], (z_off_t)dnmf_range_size(part));
  }
  if (all != array->checksum)
    return damaged_member(&context->error, array);
  return DNMF_OK;
}

dnmf_status dnmf_check_member(dnmf_context *context, dnmf_array *array, bool alone) {
  uint32_t mine = 0;
  void *sums = NULL;
  dnmf_range whole = {0, array->size};
  dnmf_status status = DNMF_OK;
  if (alone) {
    if (context->rank == 0 && array->packed && !array->sequential) {
      status = dnmf_array_sum(&context->error, array, whole, &mine);
      if (status == DNMF_OK && mine != array->checksum)
        status = damaged_member(&context->error, array);
    }
    return dnmf_agree(context, status);
  }
  status = dnmf_allocate_zero(&context->error, "checksums", context->size, sizeof(uint64_t), &sums);
  if (status == DNMF_OK)
    status = dnmf_array_sum(&context->error, array, dnmf_range_split(whole, context->size, context->rank), &mine);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = member_checksum(context, array, mine, sums);
  free(sums);
  return status;
}

/* Items that lie side by side: of a row, or of a column. */
static int64_t line_items(const dnmf_npy *header) {
  return header->shape[header->by_columns ? 0 : 1];
}

/* Whole lines are read in one go. */
static dnmf_status array_read_slab(dnmf_context *context, void *state, const dnmf_slab *slab, dnmf_number number,
                                   void *buffer) {
  dnmf_array *array = state;
  int64_t width = line_items(&array->header);
  hid_t real = dnmf_hdf5_number(number);
  if (slab->count[1] == width)
    return dnmf_array_read(&context->error, array, slab->begin[0] * width, slab->count[0] * width, real, buffer);
  for (int64_t i = 0; i < slab->count[0]; i++) {
    char *line = (char *)buffer + (size_t)(i * slab->count[1]) * dnmf_number_size(number);
    DNMF_TRY(dnmf_array_read(&context->error, array, (slab->begin[0] + i) * width + slab->begin[1], slab->count[1],
                             real, line));
  }
  return DNMF_OK;
}

static dnmf_status load_block(dnmf_context *context, const dnmf_source *source, dnmf_array *array,
                              dnmf_matrix *matrix) {
  const dnmf_npy *header = &array->header;
  dnmf_number number = dnmf_matrix_number(matrix);
  dnmf_plain_rows plain = dnmf_no_plain_rows();
  if (array->file >= 0 && dnmf_plain_number(array->type, number, &number))
    plain = (dnmf_plain_rows){array->path, array->file, header->data, line_items(header), number};
  return dnmf_load_block(context, source, array_read_slab, array, &plain, true, matrix);
}

dnmf_status dnmf_load_array(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                            dnmf_precision precision, dnmf_array *array, dnmf_matrix *matrix) {
  dnmf_status status = dnmf_matrix_allocate_unset(context, layout, precision, source->narrow, matrix);
  if (status == DNMF_OK)
    status = load_block(context, source, array, matrix);
  return dnmf_agree(context, status);
}

/* A walk through an array on process 0. */
typedef struct walk {
  dnmf_array *array;
  int64_t next; /* item */
  int64_t end;
  double *items; /* BATCH_ITEMS */
} walk;

/* Zeros are what a dense block begins with. */
static dnmf_status next_items(dnmf_error *error, void *state, dnmf_entry *batch, int64_t limit, int64_t *count) {
  walk *w = state;
  for (*count = 0; *count == 0 && w->next < w->end;) {
    int64_t width = line_items(&w->array->header);
    int64_t items = w->end - w->next < limit ? w->end - w->next : limit;
    items = items < BATCH_ITEMS ? items : BATCH_ITEMS;
    DNMF_TRY(dnmf_array_read(error, w->array, w->next, items, H5T_NATIVE_DOUBLE, w->items));
    for (int64_t i = 0; i < items; i++)
      if (w->items[i] != 0)
        batch[(*count)++] = (dnmf_entry){(w->next + i) / width, (w->next + i) % width, w->items[i]};
    w->next += items;
  }
  return DNMF_OK;
}

dnmf_status dnmf_load_packed_array(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                                   dnmf_precision precision, dnmf_array *array, dnmf_matrix *matrix) {
  walk w = {.array = array, .end = context->rank == 0 ? array->header.items : 0};
  void *items = NULL;
  dnmf_status status = dnmf_allocate(&context->error, "items of an array", BATCH_ITEMS, sizeof(double), &items);
  w.items = items;
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_load_entries(context, source, layout, precision, next_items, &w, matrix);
  free(items);
  return status;
}
