/* Loading sparse groups. */
#ifndef DNMF_STORE_HDF5_SPARSE_H
#define DNMF_STORE_HDF5_SPARSE_H

#include "store/hdf5/hdf5_place.h"

/* Reads this process's even share of the stored entries of some lines, in pieces; no process holds all of indptr. A
 * line is a row, or a column of a csc matrix. */
typedef struct dnmf_hdf5_entries {
  dnmf_context *context;
  const char *path;
  hid_t file;
  const dnmf_hdf5_place *place;
  dnmf_range lines; /* that are read, by all processes together */
  dnmf_range share; /* of their stored entries, still to be read */
  int64_t line;     /* of the entry share.begin, or before it */
  dnmf_range ends;  /* of lines, whose ends are in `end` */
  int64_t *end;     /* a piece of indptr */
  int64_t *index;   /* a piece of indices */
  double *value;    /* a piece of data */
} dnmf_hdf5_entries;

/* Prepares to read the lines `lines` and checks their part of indptr: from 0 to the number of entries without a step
 * back. `path`, `file` and `place` must outlive the reader. Released with dnmf_hdf5_entries_free, also after a failure.
 * Collective agreement is the caller's. local, on a file opened together */
dnmf_status dnmf_hdf5_entries_open(dnmf_context *context, const char *path, hid_t file, const dnmf_hdf5_place *place,
                                   dnmf_range lines, dnmf_hdf5_entries *reader);
void dnmf_hdf5_entries_free(dnmf_hdf5_entries *reader); /* local */

/* As dnmf_next_entries, `reader` a dnmf_hdf5_entries. Fails on an index outside the shape. local */
dnmf_status dnmf_hdf5_next_entries(dnmf_error *error, void *reader, dnmf_entry *batch, int64_t limit, int64_t *count);

#endif
