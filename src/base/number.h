/*
 * Types of numbers in memory: those of the arithmetic (precision.h), and narrower ones in which values are kept where
 * each of them is exactly representable. What is computed from narrow values is computed from the same numbers, bit
 * for bit.
 */
#ifndef DNMF_NUMBER_H
#define DNMF_NUMBER_H

#include "base/precision.h"

#include <stdint.h>

/* The first two are dnmf_precision's. Where a field says how values are narrowed, 0 stands for "not at all". */
typedef enum dnmf_number {
  DNMF_NUMBER_DOUBLE = DNMF_DOUBLE,
  DNMF_NUMBER_SINGLE = DNMF_SINGLE,
  DNMF_NUMBER_UINT16,
  DNMF_NUMBER_INT16,
  DNMF_NUMBER_UINT8,
  DNMF_NUMBER_INT8,
  DNMF_NUMBER_HALVES /* a byte that counts halves: 0, 0.5, ... 127.5 */
} dnmf_number;

static inline size_t dnmf_number_size(dnmf_number number) {
  static const unsigned char sizes[] = {8, 4, 2, 2, 1, 1, 1};
  return sizes[number];
}

/* "float64", "uint8", ...; "halves in uint8". local */
const char *dnmf_number_name(dnmf_number number);

/* The type of values of a matrix of `precision` that is narrowed to `narrow`, or 0. */
static inline dnmf_number dnmf_number_of(dnmf_precision precision, dnmf_number narrow) {
  return narrow ? narrow : (dnmf_number)precision;
}

/* `narrow` where it is smaller than a number of `precision`, else 0. */
static inline dnmf_number dnmf_narrower(dnmf_precision precision, dnmf_number narrow) {
  return dnmf_number_size(narrow) < dnmf_precision_size(precision) ? narrow : (dnmf_number)0;
}

/* Number `at` of an array. */
static inline double dnmf_number_at(dnmf_number number, const void *values, int64_t at) {
  switch (number) {
  case DNMF_NUMBER_SINGLE:
    return (double)((const float *)values)[at];
  case DNMF_NUMBER_UINT16:
    return ((const uint16_t *)values)[at];
  case DNMF_NUMBER_INT16:
    return ((const int16_t *)values)[at];
  case DNMF_NUMBER_UINT8:
    return ((const uint8_t *)values)[at];
  case DNMF_NUMBER_INT8:
    return ((const int8_t *)values)[at];
  case DNMF_NUMBER_HALVES:
    return 0.5 * ((const uint8_t *)values)[at];
  default:
    return ((const double *)values)[at];
  }
}

/* Sets number `at` of an array to a value that the type represents. */
static inline void dnmf_number_put(dnmf_number number, void *values, int64_t at, double value) {
  switch (number) {
  case DNMF_NUMBER_SINGLE:
    ((float *)values)[at] = (float)value;
    break;
  case DNMF_NUMBER_UINT16:
    ((uint16_t *)values)[at] = (uint16_t)value;
    break;
  case DNMF_NUMBER_INT16:
    ((int16_t *)values)[at] = (int16_t)value;
    break;
  case DNMF_NUMBER_UINT8:
    ((uint8_t *)values)[at] = (uint8_t)value;
    break;
  case DNMF_NUMBER_INT8:
    ((int8_t *)values)[at] = (int8_t)value;
    break;
  case DNMF_NUMBER_HALVES:
    ((uint8_t *)values)[at] = (uint8_t)(2 * value);
    break;
  default:
    ((double *)values)[at] = value;
  }
}

/* Numbers first ... first + count - 1 as doubles: where they are, or in `room` for that many. local */
const double *dnmf_numbers_widen(dnmf_number number, const void *values, int64_t first, int64_t count, double *room);

#endif
