/*
 * The hash of an entry; the checksum of a matrix is the sum of its entries'. Values are hashed as floats, so that both
 * precisions agree, and what is zero as a float adds nothing. Every entry of every matrix comes through here, so
 * it is one multiplication of half words that all vector units have, as XXH3's loop over long inputs makes: the place,
 * which is random already, is mixed with the value in both halves, and these are multiplied.
 *
 * `hash_word` is uint64_t, or a vector of DNMF_HASH_BYTES bytes of them where the includer defines that.
 */
#ifndef DNMF_ENTRY_HASH_H
#define DNMF_ENTRY_HASH_H

#if defined(DNMF_HASH_BYTES) && defined(__AVX2__)
#include <immintrin.h>
#endif
#include <stdint.h>

#ifdef DNMF_HASH_BYTES
typedef uint64_t hash_word __attribute__((vector_size(DNMF_HASH_BYTES)));
#else
typedef uint64_t hash_word;
#endif

/* The low half of each word times the high half; of vectors the compiler makes three multiplications, where one will
 * do. */
static inline __attribute__((always_inline)) hash_word multiply_halves(hash_word word) {
#if defined(DNMF_HASH_BYTES) && defined(__AVX512F__)
  return (hash_word)_mm512_mul_epu32((__m512i)word, (__m512i)(word >> 32));
#elif defined(DNMF_HASH_BYTES) && defined(__AVX2__)
  return (hash_word)_mm256_mul_epu32((__m256i)word, (__m256i)(word >> 32));
#else
  return (word & UINT32_MAX) * (word >> 32);
#endif
}

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
