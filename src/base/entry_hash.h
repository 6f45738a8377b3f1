/*
 * The hash of an entry; the checksum of a matrix is the sum of its entries'. Values are hashed as floats, so that both
 * precisions agree, and what is zero as a float adds nothing. Every entry of every matrix comes through here, so
 * it is one multiplication of half words that all vector units have, as XXH3's loop over long inputs makes: the place,
 * which is random already, is mixed with the value in both halves, and these are multiplied.
 *
 * Where the includer has made `hash_word` a vector of uint64_t, it has made multiply_halves for it too.
 */
#ifndef DNMF_ENTRY_HASH_H
#define DNMF_ENTRY_HASH_H

#include <stdint.h>

#ifndef DNMF_HASH_VECTOR
typedef uint64_t hash_word;

/* The low half of each word times the high half. */
static inline hash_word multiply_halves(hash_word word) {
  return (word & UINT32_MAX) * (word >> 32);
}
#endif

static const uint64_t DNMF_HASH_ODD = UINT64_C(0x9e3779b97f4a7c15);

/* What a column adds to the key of a row: together they are the entry's place. */
static inline uint64_t dnmf_hash_column(int64_t col) {
  return (uint64_t)col * DNMF_HASH_ODD;
}

/* `bits`: of the value as a float, which is not zero. */
static inline hash_word dnmf_hash_entry(hash_word place, hash_word bits) {
  const hash_word mixed = place ^ bits ^ bits << 32;
  return multiply_halves(mixed) + mixed;
}

#endif
