/*
 * A matrix in an HDF5 file as blocks of whole rows that pass by, for matrices that no memory holds.
 *
 * The rows are cut into batches of `batch_rows`, the last one shorter; a batch is the same on any number of processes,
 * and is shared by all of them: process r reads the r-th even share of its rows. While one block is worked on, a
 * thread of this module reads the next (and inflates it), so there are two blocks in memory, sparse ones by rows alone.
 * That thread is the only one that calls HDF5 while row blocks are open: the library is not
 * thread-safe, and no other HDF5 call may be made on this process between open and close, but after
 * dnmf_row_blocks_wait. It reads with the serial driver and makes no MPI calls.
 */
#ifndef DNMF_ROW_BLOCKS_H
#define DNMF_ROW_BLOCKS_H

#include "store/source.h"

static inline int64_t dnmf_batch_count(int64_t rows, int64_t batch_rows) {
  return rows / batch_rows + (rows % batch_rows != 0);
}

static inline dnmf_range dnmf_batch_rows(int64_t rows, int64_t batch_rows, int64_t batch) {
  int64_t begin = batch * batch_rows;
  dnmf_range range = {begin, rows - begin < batch_rows ? rows : begin + batch_rows};
  return range;
}

/* The rows of a batch that process `rank` of `size` reads. local */
static inline dnmf_range dnmf_batch_share(int64_t rows, int64_t batch_rows, int64_t batch, int size, int rank) {
  return dnmf_range_split(dnmf_batch_rows(rows, batch_rows, batch), size, rank);
}

typedef struct dnmf_row_blocks dnmf_row_blocks;

/* Most memory, in bytes, that row blocks take on any process: both blocks, the chunks HDF5 unpacks. Fails for a source
 * that cannot be read by rows: text, and sparse groups compressed by columns. collective */
dnmf_status dnmf_row_blocks_bytes(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                  int64_t batch_rows, int64_t *bytes);

/* Takes the memory and begins to read this process's share of batch `first`. `source` stays open until
 * dnmf_row_blocks_close. collective */
dnmf_status dnmf_row_blocks_open(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                 int64_t batch_rows, int64_t first, dnmf_row_blocks **blocks);

/* Waits until nothing is being read: until the next call of dnmf_row_blocks_next, HDF5 may be called elsewhere. local
 */
void dnmf_row_blocks_wait(dnmf_row_blocks *blocks);

/* The block of the next batch: `first`, ..., the last, 0 and so on. It is this process's share, on a grid of one
 * column, and stays valid until the next call; its memory is not the caller's. With `read_on` the reading of the block
 * after it begins; without, this call is the last. Values are not checked; indices are. local */
dnmf_status dnmf_row_blocks_next(dnmf_context *context, dnmf_row_blocks *blocks, bool read_on, dnmf_matrix **block);

void dnmf_row_blocks_close(dnmf_row_blocks *blocks); /* local; accepts NULL */

/* One pass over the file: fills `a` with the shape and the figures of the whole matrix, without a block, after the
 * checks that dnmf_source_load makes. collective */
dnmf_status dnmf_row_blocks_survey(dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                   int64_t batch_rows, dnmf_matrix *a);

#endif
