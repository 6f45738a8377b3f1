/*
 * Vectors as wide as the instruction set a kernel file is compiled for; included after src/base/variant.h.
 *
 * GCC's vector extensions: `vec` is VECTOR numbers of type `real`, loaded and stored at any address; the
 * operators work lane by lane, and a scalar operand stands for a vector of its copies.
 */
#ifndef DNMF_VECTOR_H
#define DNMF_VECTOR_H

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, VECTOR_REGISTERS = 32 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32, VECTOR_REGISTERS = 16 };
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16, VECTOR_REGISTERS = 32 };
#else
enum { VECTOR_BYTES = 16, VECTOR_REGISTERS = 16 };
#endif

enum { VECTOR = VECTOR_BYTES / (int)sizeof(real), CACHE_LINE = 64 / (int)sizeof(real) };

typedef real vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* For functions that are templates: their constant arguments shape the loops. */
#define TEMPLATE static inline __attribute__((always_inline))

TEMPLATE vec vec_load(const real *from) {
  return *(const vec *)from;
}

TEMPLATE void vec_store(real *to, vec value) {
  *(vec *)to = value;
}

#endif
