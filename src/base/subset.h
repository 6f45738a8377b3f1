/*
 * Chosen indices among 0 ... of-1, in their order: rows or columns that take part.
 *
 * Every process has the same subset whole: a range, or a bit an index.
 */
#ifndef DNMF_SUBSET_H
#define DNMF_SUBSET_H

#include "base/range.h"
#include "base/status.h"

#include <stdbool.h>

typedef struct dnmf_subset {
  int64_t of;
  int64_t count;   /* chosen */
  dnmf_range hull; /* from the first to the last chosen */
  uint64_t *bits;  /* NULL: all of the hull */
  int64_t *before; /* chosen before each word of bits */
} dnmf_subset;

/* Words of bits that `of` indices take. */
static inline int64_t dnmf_subset_words(int64_t of) {
  return (of + 63) / 64;
}

/* All indices of `range`. local */
dnmf_subset dnmf_subset_of_range(int64_t of, dnmf_range range);

/* The indices whose bits are set; `bits`, memory of dnmf_allocate, is taken over, also on failure. Released with
 * dnmf_subset_free. local */
dnmf_status dnmf_subset_of_bits(dnmf_error *error, int64_t of, uint64_t *bits, dnmf_subset *subset);
void dnmf_subset_free(dnmf_subset *subset); /* accepts a zeroed one */

bool dnmf_subset_is_all(const dnmf_subset *subset);
bool dnmf_subset_has(const dnmf_subset *subset, int64_t index);

/* How many chosen indices are below `index`, which may be `of`: the place of `index` when it is chosen. */
int64_t dnmf_subset_below(const dnmf_subset *subset, int64_t index);

/* The chosen index at a place, 0 ... count-1. */
int64_t dnmf_subset_index(const dnmf_subset *subset, int64_t place);

#endif
