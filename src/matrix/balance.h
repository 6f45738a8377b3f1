/*
 * Ranges of rows with about the same number of entries each.
 *
 * The ranges follow from the entries of each row, which are known only when the last entry has been read: until then
 * they wait where they were read, in 32-bit indices.
 */
#ifndef DNMF_BALANCE_H
#define DNMF_BALANCE_H

#include "base/queue.h"
#include "matrix/matrix.h"

/* bounds[0 ... parts]: part r is rows bounds[r] ... bounds[r + 1] - 1, and bound r the row before which about r shares
 * of all entries lie; counts[row] entries in each row. local */
void dnmf_balance_bounds(const int64_t *counts, int64_t rows, int parts, int64_t *bounds);

/* Entries that wait on the process that read them, in file order. */
typedef struct dnmf_held_entries {
  dnmf_precision precision; /* of the values */
  size_t item_bytes;
  dnmf_queue queue;
} dnmf_held_entries;

/* Holds what `next` hands over, and sets the bounds of the rows, the same on all processes (size + 1). Fewer than 2^31
 * rows and columns. Released with dnmf_held_entries_free, also after a failure. collective */
dnmf_status dnmf_balance_hold(dnmf_context *context, int64_t rows, dnmf_precision precision, dnmf_next_entries next,
                              void *state, int64_t *bounds, dnmf_held_entries *held);

/* As dnmf_next_entries, `held` a dnmf_held_entries: hands them over, and the memory they waited in back. local */
dnmf_status dnmf_held_entries_next(dnmf_error *error, void *held, dnmf_entry *batch, int64_t limit, int64_t *count);

void dnmf_held_entries_free(dnmf_held_entries *held); /* local; accepts zeroed ones */

#endif
