/*
 * What the header of a NumPy array says (format versions 1.0 to 3.0, numpy.lib.format): the type of its numbers, its
 * shape, and whether the first or the last index varies fastest. Plain data, which can be broadcast.
 */
#ifndef DNMF_STORE_NPY_HEADER_H
#define DNMF_STORE_NPY_HEADER_H

#include "base/status.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

enum { DNMF_NPY_START = 12 /* bytes that tell the length of the header */ };

typedef struct dnmf_npy {
  char kind; /* as NumPy has it: b, i, u, f for numbers */
  bool big_endian;
  int64_t item_bytes;
  int rank;
  int64_t shape[2]; /* of the first two dimensions; 1 beyond the rank */
  int64_t items;
  bool by_columns; /* "fortran_order" */
  int64_t data;    /* where the items begin */
  char type[32];   /* "float64", "int8", ... */
  char text[96];   /* for people: "30 x 20 float64" */
} dnmf_npy;

/* Where the items begin, from the first DNMF_NPY_START bytes; -1 when this is no NumPy array. local */
int64_t dnmf_npy_data(const char *bytes, int64_t count);

/* Reads the header that begins at `bytes`; npy->data bytes of it are there. Fails without naming the file. local */
dnmf_status dnmf_npy_parse(dnmf_error *error, const char *bytes, int64_t data, dnmf_npy *npy);

/* True when the items are real numbers or booleans. local */
bool dnmf_npy_is_numeric(const dnmf_npy *npy);

/* The type of the items as HDF5 knows it, for conversions; negative when there is none. Released by the caller.
 * local */
hid_t dnmf_npy_type(const dnmf_npy *npy);

#endif
