/*
 * Checked allocation: sizes are 64-bit, products are checked for overflow, failures say what was wanted.
 */
#ifndef DNMF_MEMORY_H
#define DNMF_MEMORY_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Allocates count * size bytes, aligned to 64, uninitialized. With a count of 0 there is an array all the same: NULL
 * says that there is none, and that must be the same on every process, also on those that own none of its items.
 * `what` names the thing in the message ("the local block of A"). The caller owns the memory and releases it
 * with free(). local */
dnmf_status dnmf_allocate(dnmf_error *error, const char *what, int64_t count, size_t size, void **memory);

/* The same, filled with zeros. local */
dnmf_status dnmf_allocate_zero(dnmf_error *error, const char *what, int64_t count, size_t size, void **memory);

/* Bytes that dnmf_allocate takes for count items: whole cache lines. Sizes of planned memory are doubles, whose
 * sums and products do not overflow and are exact up to 2^53. local */
double dnmf_allocated_bytes(double count, size_t size);

/* Grows `*memory` (from dnmf_grow or NULL) to hold at least `needed` items, `*capacity` by at least half, so that
 * appending one by one moves every item only a few times; the contents are kept. On failure the old memory stays valid.
 * Released with free(). local */
dnmf_status dnmf_grow(dnmf_error *error, const char *what, int64_t needed, size_t size, int64_t *capacity,
                      void **memory);

#endif
