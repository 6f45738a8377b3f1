/*
 * Texts of variable length, which HDF5 keeps apart from what refers to them, in heaps of its own.
 *
 * HDF5 1.10's reader believes what a heap says of itself: a damaged one makes it crash, or never end. So HDF5 is asked
 * for the references only, by a conversion that leaves them as they are in the file, and the heaps are read here, with
 * every number checked. References are taken from a dataset or an attribute as items of the type `reference`, on a file
 * opened for reading.
 */
#ifndef DNMF_STORE_HDF5_HEAP_H
#define DNMF_STORE_HDF5_HEAP_H

#include "store/hdf5/hdf5_base.h"

#include <stdint.h>

/* A file's heaps, of which one is held at a time. */
typedef struct dnmf_heap {
  char *path;
  int file;
  int64_t origin; /* where in the file addresses begin */
  int64_t end;    /* bytes of the file */
  size_t address_bytes;
  size_t size_bytes;
  hid_t reference;
  int64_t at; /* of the collection held; -1: none */
  int64_t size;
  int64_t capacity;
  unsigned char *bytes;
  int64_t *begin; /* of each object in the collection by its number; 0: there is none */
} dnmf_heap;

/* Makes the conversion known to HDF5. Idempotent. local */
void dnmf_heap_register(void);

/* `object` is anything in the file. Released with dnmf_heap_close, also after a failure. local */
dnmf_status dnmf_heap_open(dnmf_error *error, hid_t object, dnmf_heap *heap);
void dnmf_heap_close(dnmf_heap *heap);

/* Bytes of one reference. local */
size_t dnmf_heap_reference_bytes(const dnmf_heap *heap);

/* The text that one reference leads to, up to its first NUL, as HDF5 takes it; valid until the next call. Fails when
 * the file is damaged there. local */
dnmf_status dnmf_heap_text(dnmf_error *error, dnmf_heap *heap, const void *reference, const char **text,
                           size_t *length);

#endif
