/*
 * The hash of an entry; the checksum of a matrix is the sum of its entries'. Values are hashed as floats, so that both
 * precisions agree, and what is zero as a float adds nothing. Multiplied and folded twice, as the finalizers of
 * MurmurHash3 and splitmix64 do: every entry of every matrix comes through here.
 *
 * `hash_word` is uint64_t, or a vector of them where the includer has made it one.
 */
#ifndef DNMF_ENTRY_HASH_H
#define DNMF_ENTRY_HASH_H

#include <stdint.h>

#ifndef DNMF_HASH_VECTOR
typedef uint64_t hash_word;
#endif

static const uint64_t DNMF_HASH_ODD[2] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93)};

/* What a column adds to the key of a row: together they are the entry's place. */
static inline uint64_t dnmf_hash_column(int64_t col) {
  return (uint64_t)col * DNMF_HASH_ODD[0];
}

/* `bits`: of the value as a float, which is not zero. */
static inline hash_word dnmf_hash_entry(hash_word place, hash_word bits) {
  hash_word hash = place ^ (bits * DNMF_HASH_ODD[1]);
  hash = (hash ^ hash >> 32) * DNMF_HASH_ODD[1];
  hash = (hash ^ hash >> 29) * DNMF_HASH_ODD[0];
  return hash ^ hash >> 32;
}

#endif
