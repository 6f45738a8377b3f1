/*
 * Ids in HDF5 files: a 1-D dataset of int64, or of strings (fixed-length UTF-8 when we write them, which all
 * processes can do at once; any kind when we read them). Other programs also keep them in a member of a compound
 * table, or as positions in a list of categories.
 */
#ifndef DNMF_STORE_IDS_FILE_H
#define DNMF_STORE_IDS_FILE_H

#include "matrix/ids.h"
#include "store/hdf5/hdf5_base.h"

/* Where ids are: plain data, which can be broadcast. */
typedef struct dnmf_ids_place {
  char name[DNMF_HDF5_NAME];       /* the dataset; empty: there are no ids */
  char field[64];                  /* the member of a compound table; empty: the dataset itself */
  char categories[DNMF_HDF5_NAME]; /* the dataset is of positions in this one; empty: of the ids themselves */
} dnmf_ids_place;

/* Reads this process's even share of the dataset `name`, of its member `field` unless that is empty; there must be
 * `count` items. `ids` is released with dnmf_ids_free, also after a failure. local, on a file opened together */
dnmf_status dnmf_ids_read(dnmf_context *context, const char *path, hid_t file, const char *name, const char *field,
                          int64_t count, dnmf_ids *ids);

/* The same of a part of the dataset: its even share, the ids' indices counting from the part's first. local */
dnmf_status dnmf_ids_read_part(dnmf_context *context, const char *path, hid_t file, const char *name, const char *field,
                               int64_t count, dnmf_range part, dnmf_ids *ids);

/* The same for any place, with categories looked up; no process holds all of them. collective, on a file opened
 * together */
dnmf_status dnmf_ids_read_place(dnmf_context *context, const char *path, hid_t file, const dnmf_ids_place *place,
                                int64_t count, dnmf_ids *ids);

/* The bytes of the longest id over all processes, at least 1. collective */
dnmf_status dnmf_ids_width(dnmf_context *context, const dnmf_ids *ids, int64_t *width);

/* What they take in the file. local */
int64_t dnmf_ids_bytes(const dnmf_ids *ids, int64_t width);

/* Creates the dataset, if there are ids. local, on a file being laid out alone */
dnmf_status dnmf_ids_create(dnmf_error *error, hid_t file, const char *dataset, const dnmf_ids *ids, int64_t width);

/* Writes the ids held here. local, on a file opened together */
dnmf_status dnmf_ids_write(dnmf_context *context, hid_t file, const char *dataset, const dnmf_ids *ids, int64_t width);

#endif
