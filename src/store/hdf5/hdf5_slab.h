/*
 * What datasets are, and parts of them moved between the file and memory.
 */
#ifndef DNMF_STORE_HDF5_SLAB_H
#define DNMF_STORE_HDF5_SLAB_H

#include "base/number.h"
#include "base/range.h"
#include "comm/context.h"
#include "store/hdf5/hdf5_base.h"

/* A part of a dataset of one or two dimensions. */
typedef struct dnmf_slab {
  int64_t begin[2];
  int64_t count[2];
} dnmf_slab;

/* Moves a slab to or from `buffer` (row-major, contiguous) in pieces below context->message_limit items and
 * 1 GiB. `memory_type` is the buffer's; HDF5 converts. local, on a file opened together or alone */
dnmf_status dnmf_hdf5_read(dnmf_context *context, hid_t file, const char *dataset, hid_t memory_type,
                           const dnmf_slab *slab, void *buffer);
dnmf_status dnmf_hdf5_write(dnmf_context *context, hid_t file, const char *dataset, hid_t memory_type,
                            const dnmf_slab *slab, const void *buffer);

/* Slabs of one dimension. */
static inline dnmf_slab dnmf_slab_of(dnmf_range range) {
  dnmf_slab slab = {{range.begin, 0}, {dnmf_range_size(range), 1}};
  return slab;
}

/* HDF5's name for a panel's numbers in memory. local */
static inline hid_t dnmf_hdf5_real(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
}

/* The same for numbers that a dataset can have: all but halves. local */
hid_t dnmf_hdf5_number(dnmf_number number);

/* What a dataset is. */
typedef struct dnmf_hdf5_shape {
  int rank;
  int64_t extent[2];  /* of the first two dimensions; 1 beyond the rank */
  bool numeric;       /* integers, floats, booleans and other enumerations, held in this file */
  bool whole;         /* integers of any size, held in this file */
  char type[32];      /* "float64", "int8", "string", ... */
  dnmf_number narrow; /* the narrowest type that represents whatever such a dataset may hold; 0: none but double */
  char text[96];      /* for people: "30 x 20 float64" */
} dnmf_hdf5_shape;

/* local */
dnmf_status dnmf_hdf5_describe(dnmf_error *error, hid_t file, const char *dataset, dnmf_hdf5_shape *shape);

/* Fails unless `dataset` is a list of `count` numbers. local */
dnmf_status dnmf_hdf5_check_length(dnmf_error *error, const char *path, hid_t file, const char *dataset, int64_t count);

#endif
