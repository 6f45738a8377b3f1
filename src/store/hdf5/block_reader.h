/*
 * Reading one range of rows of an HDF5 matrix into memory that is already there; what row_blocks.c does again and
 * again in its thread. Nothing here calls MPI.
 */
#ifndef DNMF_STORE_BLOCK_READER_H
#define DNMF_STORE_BLOCK_READER_H

#include "store/hdf5/hdf5_source.h"
#include "store/numpy/plain_rows.h"
#include "store/source.h"

typedef struct dnmf_block_reader {
  dnmf_context context; /* the reader's own copy: its error, its limits */
  const dnmf_source *source;
  const dnmf_hdf5_state *state;
  dnmf_precision precision;
  hid_t file;
  dnmf_plain_rows plain; /* of a dense matrix */
} dnmf_block_reader;

/* Opens the file for this process alone; refuses sources that cannot be read by rows. local */
dnmf_status dnmf_block_reader_open(const dnmf_context *context, const dnmf_source *source, dnmf_precision precision,
                                   dnmf_block_reader *reader);
void dnmf_block_reader_close(dnmf_block_reader *reader); /* accepts one that failed to open */

/* The type of the values of a block: of a dense one that of the file, where it is narrower. local */
static inline dnmf_number dnmf_block_reader_number(const dnmf_block_reader *reader) {
  const dnmf_number narrow = reader->source->sparse ? (dnmf_number)0 : reader->source->narrow;
  return dnmf_number_of(reader->precision, dnmf_narrower(reader->precision, narrow));
}

/* Stored entries in `rows` of a sparse group, as its indptr has them. local */
dnmf_status dnmf_block_reader_count(dnmf_block_reader *reader, dnmf_range rows, int64_t *stored);

/* Bytes that HDF5 itself needs while it reads: chunks packed and unpacked, its caches. local */
int64_t dnmf_block_reader_overhead(dnmf_block_reader *reader);

/* Reads `rows` into the block, whose arrays have room: `dense`, or by_rows for `room` entries. local */
dnmf_status dnmf_block_reader_read(dnmf_block_reader *reader, dnmf_range rows, int64_t room, dnmf_matrix *block);

#endif
