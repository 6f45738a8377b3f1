/*
 * Byte strings, each kept once and numbered in the order of first appearance. Local to a process.
 *
 * Open addressing on XXH3. A slot holds the length and the first eight bytes, so an id of up to eight bytes is
 * recognised with one access to memory. In front of the slots, small whole numbers, as most ids are, are recognised by
 * their value alone, in a table that is kept no larger than the slots.
 */
#ifndef DNMF_STORE_INTERNER_H
#define DNMF_STORE_INTERNER_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct dnmf_interner_slot {
  uint64_t prefix;
  uint32_t length;
  uint32_t number; /* counted from 1; 0: free */
} dnmf_interner_slot;

typedef struct dnmf_interner {
  int64_t count;
  int64_t *starts; /* count + 1 offsets into text, once anything is interned */
  char *text;
  int64_t starts_capacity;
  int64_t text_capacity;
  dnmf_interner_slot *slots;
  int64_t slot_count; /* a power of two */
  uint32_t *by_value; /* the numbers of the strings that are 0, 1, ..., counted from 1; 0: look among the slots */
  int64_t value_count;
} dnmf_interner;

/* The number of a string, counted from 0. A zeroed interner is empty. Released with dnmf_interner_free. local */
dnmf_status dnmf_intern(dnmf_error *error, dnmf_interner *interner, const char *bytes, int64_t length, int64_t *number);

/* The same for the integer `value` >= 0 as it would be printed: faster. local */
dnmf_status dnmf_intern_integer(dnmf_error *error, dnmf_interner *interner, int64_t value, int64_t *number);

/* The number of such an integer, counted from 1, if it is recognised at once; else 0. */
static inline uint32_t dnmf_interned_value(const dnmf_interner *interner, int64_t value) {
  return value < interner->value_count ? interner->by_value[value] : 0;
}

void dnmf_interner_free(dnmf_interner *interner);

#endif
