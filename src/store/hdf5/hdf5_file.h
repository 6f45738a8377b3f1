/*
 * Parallel HDF5 with checked calls: one clear message, and nothing that can hang.
 *
 * Two rules keep it so. Process 0 alone looks at a file or lays it out, with the serial driver: datasets,
 * attributes and whatever is small; space on the disk is reserved there and then. Afterwards all processes
 * open the file together and move raw data, each its own hyperslab, independently of each other. Collective
 * transfers are not used: an MPI library's collective write was seen to return success on a full disk.
 */
#ifndef DNMF_STORE_HDF5_FILE_H
#define DNMF_STORE_HDF5_FILE_H

#include "base/number.h"
#include "base/range.h"
#include "comm/context.h"

#include <hdf5.h>

enum { DNMF_HDF5_NAME = 512 };

/* Records `format` followed by HDF5's own innermost reason. Call it right after the HDF5 call that failed.
 * local */
dnmf_status dnmf_hdf5_fail(dnmf_error *error, dnmf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prepares HDF5 before its first use: errors are told by us, once; files that could not be closed are not tried again
 * while the program exits; links to other files lead nowhere. Idempotent. local */
void dnmf_hdf5_start(void);

/* Makes h5py's lzf compression readable. local */
void dnmf_hdf5_register_lzf(void);

/* Releases any HDF5 object but a file; accepts negative ids. local */
void dnmf_hdf5_release(hid_t id);

/* Opens for reading by this process alone; says when the file is absent, not HDF5 or truncated. local */
dnmf_status dnmf_hdf5_open_alone(dnmf_error *error, const char *path, hid_t *file);

/* Creates (or empties) `path` for laying out by this process alone, with room on the disk for datasets and long texts
 * of `bytes` altogether: a full disk is found here, by one process, before anything depends on it. local */
dnmf_status dnmf_hdf5_create_alone(dnmf_error *error, const char *path, int64_t bytes, hid_t *file);

/* Opens an existing file for laying more out by this process alone, with room on the disk for `bytes` more. local */
dnmf_status dnmf_hdf5_extend_alone(dnmf_error *error, const char *path, int64_t bytes, hid_t *file);

/* A contiguous dataset whose space is set aside at once and which all processes may fill later. Missing
 * parent groups are made. local */
dnmf_status dnmf_hdf5_create_dataset(dnmf_error *error, hid_t file, const char *name, hid_t type, int rank,
                                     const int64_t *shape);

/* Closes a file laid out alone, and reserves its space on the disk when `status` is DNMF_OK. local */
dnmf_status dnmf_hdf5_close_layout(dnmf_error *error, const char *path, hid_t file, dnmf_status status);

/* Opens an existing file on all processes, for reading or for filling its datasets. collective */
dnmf_status dnmf_hdf5_open(dnmf_context *context, const char *path, bool fill, hid_t *file);

/* Agrees on `status`, then closes; what was filled is flushed to the disk. collective */
dnmf_status dnmf_hdf5_close(dnmf_context *context, const char *path, bool fill, hid_t file, dnmf_status status);

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

/* True when `name` leads to an object through existing links. local */
bool dnmf_hdf5_exists(hid_t file, const char *name);

/* Attributes. Texts are scalar variable-length UTF-8 strings, as h5py and anndata write them. local */
dnmf_status dnmf_hdf5_set_text(dnmf_error *error, hid_t object, const char *name, const char *text);
dnmf_status dnmf_hdf5_set_no_texts(dnmf_error *error, hid_t object, const char *name); /* an empty list of texts */
dnmf_status dnmf_hdf5_set_integers(dnmf_error *error, hid_t object, const char *name, int count, const int64_t *values);
dnmf_status dnmf_hdf5_set_real(dnmf_error *error, hid_t object, const char *name, double value);

/* The text of a string attribute, variable-length or fixed, in memory the caller frees; NULL when `object`
 * has no such attribute or it is no single string. Fails when the file is damaged there. local, on a file opened for
 * reading */
dnmf_status dnmf_hdf5_get_text(dnmf_error *error, hid_t object, const char *name, char **text);

/* Reads `count` integers; false when there is no such attribute or it does not hold that many. local */
bool dnmf_hdf5_get_integers(hid_t object, const char *name, int count, int64_t *values);

#endif
