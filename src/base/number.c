#include "base/number.h"

const char *dnmf_number_name(dnmf_number number) {
  static const char *const names[] = {"float64", "float32", "uint16", "int16", "uint8", "int8", "halves in uint8"};
  return names[number];
}

const double *dnmf_numbers_widen(dnmf_number number, const void *values, int64_t first, int64_t count, double *room) {
  if (number == DNMF_NUMBER_DOUBLE)
    return (const double *)values + first;
  for (int64_t i = 0; i < count; i++)
    room[i] = dnmf_number_at(number, values, first + i);
  return room;
}
