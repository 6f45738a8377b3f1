/*
 * The number type of a run, and the instruction set its kernels use. Both are chosen at run time: every
 * kernel file is compiled once for each (precision, instruction set), see src/base/variant.h.
 */
#ifndef DNMF_PRECISION_H
#define DNMF_PRECISION_H

#include <stddef.h>

typedef enum dnmf_precision { DNMF_DOUBLE = 0, DNMF_SINGLE = 1 } dnmf_precision;

static inline size_t dnmf_precision_size(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? sizeof(double) : sizeof(float);
}

/* "double" or "single". */
static inline const char *dnmf_precision_name(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? "double" : "single";
}

/* Unit roundoff: half the distance from 1 to the next number. */
static inline double dnmf_precision_epsilon(dnmf_precision precision) {
  return precision == DNMF_DOUBLE ? 0x1p-53 : 0x1p-24;
}

typedef enum dnmf_isa { DNMF_ISA_PORTABLE = 0, DNMF_ISA_AVX2 = 1, DNMF_ISA_AVX512 = 2 } dnmf_isa;

enum { DNMF_PRECISIONS = 2, DNMF_ISAS = 3 };

/* The best instruction set that this build and this processor share; the environment variable DNMF_ISA
 * (portable, avx2, avx512) can only lower it, for tests and comparisons. local */
dnmf_isa dnmf_isa_detect(void);

/* "portable", "avx2" or "avx512". local */
const char *dnmf_isa_name(dnmf_isa isa);

#endif
