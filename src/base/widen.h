/*
 * Numbers that are kept narrow as those that a kernel works on, many at a time: which type they are of is asked once,
 * not number by number. Only for kernel files (base/variant.h).
 */
#ifndef DNMF_WIDEN_H
#define DNMF_WIDEN_H

#include "base/number.h"
#include "base/variant.h"

#define DNMF_WIDEN(type, factor)                                                                                       \
  {                                                                                                                    \
    const type *from = (const type *)values + first;                                                                   \
    for (int64_t i = 0; i < count; i++)                                                                                \
      to[i] = (real)(factor) * (real)from[i];                                                                          \
    break;                                                                                                             \
  }

/* to = numbers first ... first + count - 1 of `values`, which are of the type `narrow`, or reals where it is 0. */
static inline void widen_numbers(dnmf_number narrow, const void *values, int64_t first, int64_t count,
                                 real *restrict to) {
  switch (narrow) {
  case DNMF_NUMBER_SINGLE:
    DNMF_WIDEN(float, 1)
  case DNMF_NUMBER_UINT16:
    DNMF_WIDEN(uint16_t, 1)
  case DNMF_NUMBER_INT16:
    DNMF_WIDEN(int16_t, 1)
  case DNMF_NUMBER_UINT8:
    DNMF_WIDEN(uint8_t, 1)
  case DNMF_NUMBER_INT8:
    DNMF_WIDEN(int8_t, 1)
  case DNMF_NUMBER_HALVES:
    DNMF_WIDEN(uint8_t, 0.5)
  default:
    DNMF_WIDEN(real, 1)
  }
}

#undef DNMF_WIDEN

#endif
