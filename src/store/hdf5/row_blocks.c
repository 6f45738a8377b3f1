/* Two blocks and a thread: one block is read while the other is worked on. */
#include "store/hdf5/row_blocks.h"

#include "base/memory.h"
#include "comm/collective.h"
#include "matrix/csr.h"
#include "store/hdf5/block_reader.h"
#include "store/readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct dnmf_row_blocks {
  dnmf_block_reader reader;
  int64_t batch_rows;
  int64_t batches;
  int64_t room;  /* entries of a sparse block */
  int64_t ahead; /* the batch being read, or already there */
  bool reading;  /* the thread has not been joined */
  dnmf_status status;
  pthread_t thread;
  dnmf_matrix blocks[2]; /* batch b's alternate */
  int at;                /* the one being read */
};

static dnmf_range share_of(const dnmf_block_reader *reader, int64_t batch_rows, int64_t batch) {
  const dnmf_context *context = &reader->context;
  return dnmf_batch_share(reader->source->rows, batch_rows, batch, context->size, context->rank);
}

/* Most entries that a share of this process's holds. */
static dnmf_status find_room(dnmf_block_reader *reader, int64_t batch_rows, int64_t *room) {
  *room = 0;
  for (int64_t batch = 0; batch < dnmf_batch_count(reader->source->rows, batch_rows); batch++) {
    int64_t stored = 0;
    DNMF_TRY(dnmf_block_reader_count(reader, share_of(reader, batch_rows, batch), &stored));
    *room = stored > *room ? stored : *room;
  }
  return DNMF_OK;
}

static dnmf_status count_bytes(dnmf_block_reader *reader, int64_t batch_rows, int64_t *bytes) {
  const int64_t size = (int64_t)dnmf_number_size(dnmf_block_reader_number(reader));
  const int64_t share = dnmf_range_size(share_of(reader, batch_rows, 0));
  const int64_t cols = reader->source->cols;
  int64_t room = 0;
  int64_t block = 0;
  int64_t sorting = 0;
  if (reader->source->sparse) {
    DNMF_TRY(find_room(reader, batch_rows, &room));
    sorting = (int64_t)dnmf_csr_sort_bytes(share, cols, room, reader->precision);
    block = (share + 1) * (int64_t)sizeof(int64_t) + room * ((int64_t)sizeof(int32_t) + size);
  } else {
    block = share * cols * size;
  }
  *bytes = 2 * block + sorting + dnmf_block_reader_overhead(reader);
  return DNMF_OK;
}

dnmf_status dnmf_row_blocks_bytes(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                  int64_t batch_rows, int64_t *bytes) {
  dnmf_block_reader reader;
  *bytes = 0;
  dnmf_status status = dnmf_block_reader_open(context, source, precision, &reader);
  if (status == DNMF_OK)
    status = count_bytes(&reader, batch_rows, bytes);
  if (status != DNMF_OK)
    context->error = reader.context.error;
  dnmf_block_reader_close(&reader);
  DNMF_TRY(dnmf_agree(context, status));
  return dnmf_max_int64(context, context->comm, bytes, 1);
}

/* Arrays of one compressed order. */
static dnmf_status allocate_csr(dnmf_error *error, int64_t rows, int64_t room, size_t size, dnmf_csr *csr) {
  void *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "sparse block starts", rows + 1, sizeof(int64_t), &memory));
  csr->start = memory;
  DNMF_TRY(dnmf_allocate(error, "sparse block indices", room, sizeof(int32_t), &memory));
  csr->index = memory;
  return dnmf_allocate(error, "sparse block values", room, size, &csr->value);
}

static dnmf_status allocate_block(dnmf_row_blocks *blocks, dnmf_matrix *block) {
  const dnmf_source *source = blocks->reader.source;
  dnmf_error *error = &blocks->reader.context.error;
  const size_t size = dnmf_number_size(dnmf_block_reader_number(&blocks->reader));
  const int64_t share = dnmf_range_size(share_of(&blocks->reader, blocks->batch_rows, 0));
  *block =
      (dnmf_matrix){.rows = source->rows,
                    .cols = source->cols,
                    .sparse = source->sparse,
                    .precision = blocks->reader.precision,
                    .narrow = source->sparse ? (dnmf_number)0 : dnmf_narrower(blocks->reader.precision, source->narrow),
                    .col_range = {0, source->cols}};
  if (!source->sparse)
    return dnmf_allocate(error, "a block of rows", share * source->cols, size, &block->dense);
  return allocate_csr(error, share, blocks->room, size, &block->by_rows);
}

/* The thread's work: one block. */
static void *read_ahead(void *state) {
  dnmf_row_blocks *blocks = state;
  blocks->status = dnmf_block_reader_read(&blocks->reader, share_of(&blocks->reader, blocks->batch_rows, blocks->ahead),
                                          blocks->room, &blocks->blocks[blocks->at]);
  return NULL;
}

/* Reads at once where no thread can be had. */
static void begin_reading(dnmf_row_blocks *blocks) {
  blocks->reading = pthread_create(&blocks->thread, NULL, read_ahead, blocks) == 0;
  if (!blocks->reading)
    read_ahead(blocks);
}

void dnmf_row_blocks_wait(dnmf_row_blocks *blocks) {
  if (blocks->reading)
    pthread_join(blocks->thread, NULL);
  blocks->reading = false;
}

static dnmf_status row_blocks_prepare(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                      int64_t batch_rows, dnmf_row_blocks *blocks) {
  blocks->batch_rows = batch_rows;
  blocks->batches = dnmf_batch_count(source->rows, batch_rows);
  DNMF_TRY(dnmf_block_reader_open(context, source, precision, &blocks->reader));
  if (blocks->reader.source->sparse)
    DNMF_TRY(find_room(&blocks->reader, blocks->batch_rows, &blocks->room));
  DNMF_TRY(allocate_block(blocks, &blocks->blocks[0]));
  return allocate_block(blocks, &blocks->blocks[1]);
}

dnmf_status dnmf_row_blocks_open(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                 int64_t batch_rows, int64_t first, dnmf_row_blocks **opened) {
  void *memory = NULL;
  *opened = NULL;
  dnmf_status status = dnmf_allocate_zero(&context->error, "row blocks", 1, sizeof **opened, &memory);
  dnmf_row_blocks *blocks = memory;
  if (blocks) {
    status = row_blocks_prepare(context, source, precision, batch_rows, blocks);
    context->error = blocks->reader.context.error;
  }
  status = dnmf_agree(context, status);
  if (status == DNMF_OK) {
    blocks->ahead = first;
    begin_reading(blocks);
  } else {
    dnmf_row_blocks_close(blocks);
  }
  *opened = status == DNMF_OK ? blocks : NULL;
  return status;
}

dnmf_status dnmf_row_blocks_next(dnmf_context *context, dnmf_row_blocks *blocks, bool read_on, dnmf_matrix **block) {
  dnmf_row_blocks_wait(blocks);
  *block = NULL;
  if (blocks->status != DNMF_OK)
    return dnmf_fail(&context->error, blocks->status, "%s", blocks->reader.context.error.text);
  *block = &blocks->blocks[blocks->at];
  blocks->ahead = (blocks->ahead + 1) % blocks->batches;
  blocks->at = 1 - blocks->at;
  if (read_on)
    begin_reading(blocks);
  return DNMF_OK;
}

void dnmf_row_blocks_close(dnmf_row_blocks *blocks) {
  if (!blocks)
    return;
  dnmf_row_blocks_wait(blocks);
  dnmf_block_reader_close(&blocks->reader);
  dnmf_matrix_free(&blocks->blocks[0]);
  dnmf_matrix_free(&blocks->blocks[1]);
  free(blocks);
}

/* Every block's figures, summed over this process's. */
static dnmf_status survey(dnmf_context *context, dnmf_row_blocks *blocks, dnmf_matrix *a, uint8_t *col_seen) {
  for (int64_t batch = 0; batch < blocks->batches; batch++) {
    dnmf_matrix *block = NULL;
    DNMF_TRY(dnmf_row_blocks_next(context, blocks, batch + 1 < blocks->batches, &block));
    DNMF_TRY(dnmf_matrix_add_figures(context, block, a, col_seen));
  }
  return DNMF_OK;
}

dnmf_status dnmf_row_blocks_survey(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                   int64_t batch_rows, dnmf_matrix *a) {
  dnmf_row_blocks *blocks = NULL;
  void *col_seen = NULL;
  *a = (dnmf_matrix){.rows = source->rows,
                     .cols = source->cols,
                     .sparse = source->sparse,
                     .precision = precision,
                     .narrow = source->sparse ? (dnmf_number)0 : dnmf_narrower(precision, source->narrow)};
  DNMF_TRY(dnmf_row_blocks_open(context, source, precision, batch_rows, 0, &blocks));
  dnmf_status status = dnmf_allocate_zero(&context->error, "column marks", source->cols, 1, &col_seen);
  if (status == DNMF_OK)
    status = survey(context, blocks, a, col_seen);
  dnmf_row_blocks_close(blocks);
  status = dnmf_agree(context, status);
  if (status == DNMF_OK)
    status = dnmf_matrix_total_figures(context, a, col_seen);
  if (status == DNMF_ERROR_INPUT)
    status = dnmf_source_name_place(context, source);
  if (status != DNMF_OK)
    dnmf_source_name_error(&context->error, source);
  free(col_seen);
  return status;
}
