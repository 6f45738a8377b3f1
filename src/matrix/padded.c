/* Panels to and from rows of whole vectors. */
#include "matrix/kernels.h"

#include <string.h>

void dnmf_pad_rows(dnmf_precision precision, const void *from, int components, int64_t rows, void *to, int64_t padded) {
  const size_t filled = (size_t)components * dnmf_precision_size(precision);
  const size_t whole = (size_t)padded * dnmf_precision_size(precision);
  for (int64_t row = 0; row < rows; row++) {
    char *place = (char *)to + (size_t)row * whole;
    memcpy(place, (const char *)from + (size_t)row * filled, filled);
    memset(place + filled, 0, whole - filled);
  }
}

void dnmf_unpad_rows(dnmf_precision precision, const void *from, int64_t padded, int64_t rows, void *to,
                     int components) {
  const size_t filled = (size_t)components * dnmf_precision_size(precision);
  const size_t whole = (size_t)padded * dnmf_precision_size(precision);
  for (int64_t row = 0; row < rows; row++)
    memcpy((char *)to + (size_t)row * filled, (const char *)from + (size_t)row * whole, filled);
}
