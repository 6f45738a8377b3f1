/*
 * The last step of loading, the same for every format: from what a file holds, as it is or transposed, to the selected
 * part of it in blocks.
 */
#ifndef DNMF_STORE_SOURCE_LOAD_H
#define DNMF_STORE_SOURCE_LOAD_H

#include "store/hdf5/hdf5_slab.h"
#include "store/numpy/plain_rows.h"
#include "store/selection.h"
#include "store/source.h"

/* Assembles the matrix, as who loads it wants it, from the entries that `next` hands over, indexed as the file has
 * them. collective */
dnmf_status dnmf_load_entries(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                              dnmf_precision precision, dnmf_next_entries next, void *state, dnmf_matrix *matrix);

/* The same of entries that can be had in parts, where a single process wants them as they are; else `next` and
 * `parts->state` are what is read. collective */
dnmf_status dnmf_load_parts(dnmf_context *context, const dnmf_source *source, const dnmf_layout *layout,
                            dnmf_precision precision, dnmf_next_entries next, const dnmf_entry_parts *parts,
                            dnmf_matrix *matrix);

/* Reads a slab of an array, as it is stored, into `buffer`: row-major, numbers of type `number`. local */
typedef dnmf_status (*dnmf_read_slab)(dnmf_context *context, void *state, const dnmf_slab *slab, dnmf_number number,
                                      void *buffer);

/* Items of an array, read at a time where it does not go straight into place; a line of it if that is more. */
enum { DNMF_LOAD_STRIP_ITEMS = 1 << 22 };

/* Fills an allocated dense block from an array, of which no more is read than from the first to the last row and
 * column of the block: straight from its `plain` rows where there are some and the block is a part of the array as it
 * is, looking at it on the way if `look`; else through `read`. local */
dnmf_status dnmf_load_block(dnmf_context *context, const dnmf_source *source, dnmf_read_slab read, void *state,
                            const dnmf_plain_rows *plain, bool look, dnmf_matrix *matrix);

#endif
