/*
 * The values of a sparse block as a kernel's numbers, whatever type they are kept in; included after base/vector.h.
 */
#ifndef DNMF_CSR_VALUE_H
#define DNMF_CSR_VALUE_H

#include "matrix/matrix.h"

enum { BYTES = UINT8_MAX + 1 };

/* The number that each byte stands for, if values are bytes. */
static inline void look_up_bytes(dnmf_number narrow, real of_byte[BYTES]) {
  for (int byte = 0; byte < BYTES && dnmf_number_size(narrow) == 1; byte++)
    of_byte[byte] = (real)(narrow == DNMF_NUMBER_HALVES ? 0.5 * byte : byte);
}

/* Bytes are looked up: a number from the cache is spread over a vector by the load itself. */
TEMPLATE real value_at(dnmf_number narrow, const void *values, const real *of_byte, int64_t e) {
  switch (narrow) {
  case DNMF_NUMBER_UINT8:
    return of_byte[((const uint8_t *)values)[e]];
  case DNMF_NUMBER_UINT16:
    return (real)((const uint16_t *)values)[e];
  case DNMF_NUMBER_SINGLE:
    return (real)((const float *)values)[e];
  default:
    return ((const real *)values)[e];
  }
}

#endif
