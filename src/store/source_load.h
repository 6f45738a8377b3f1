/*
 * The last step of loading, the same for every format: from what a file holds, as it is or transposed, to blocks.
 */
#ifndef DNMF_STORE_SOURCE_LOAD_H
#define DNMF_STORE_SOURCE_LOAD_H

#include "dnmf/source.h"
#include "store/hdf5_file.h"

/* Assembles the matrix from the entries that `next` hands over, indexed as the file has them. collective */
dnmf_status dnmf_load_entries(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                              dnmf_precision precision, dnmf_next_entries next, void *state, dnmf_matrix *matrix);

/* Reads a slab of an array, as it is stored, into `buffer`: row-major, numbers of `precision`. */
typedef dnmf_status (*dnmf_read_slab)(dnmf_context *context, void *state, const dnmf_slab *slab,
                                      dnmf_precision precision, void *buffer);

/* Fills an allocated dense block from an array that is stored as the matrix or, `transposed`, as its transpose. local
 */
dnmf_status dnmf_load_block(dnmf_context *context, bool transposed, dnmf_read_slab read, void *state,
                            dnmf_matrix *matrix);

#endif
