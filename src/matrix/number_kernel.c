/* Numbers of any type, kept narrow in memory, as the numbers that kernels work on. */
#include "matrix/kernels.h"

#define CONVERT(type, factor)                                                                                          \
  {                                                                                                                    \
    const type *values = from;                                                                                         \
    for (int64_t row = 0; row < rows; row++)                                                                           \
      for (int64_t i = 0; i < cols; i++)                                                                               \
        out[row * cols + i] = (real)(factor) * (real)values[row * stride + i];                                         \
  }

/* NOLINTNEXTLINE(readability-function-size): a loop for each type */
static void convert(dnmf_number number, const void *from, int64_t stride, int64_t rows, int64_t cols, void *to) {
  real *restrict out = to;
  switch (number) {
  case DNMF_NUMBER_DOUBLE:
    CONVERT(double, 1)
    break;
  case DNMF_NUMBER_SINGLE:
    CONVERT(float, 1)
    break;
  case DNMF_NUMBER_UINT16:
    CONVERT(uint16_t, 1)
    break;
  case DNMF_NUMBER_INT16:
    CONVERT(int16_t, 1)
    break;
  case DNMF_NUMBER_UINT8:
    CONVERT(uint8_t, 1)
    break;
  case DNMF_NUMBER_INT8:
    CONVERT(int8_t, 1)
    break;
  case DNMF_NUMBER_HALVES:
    CONVERT(uint8_t, 0.5)
    break;
  }
}

const dnmf_number_kernel VARIANT(dnmf_number_kernel) = {.convert = convert};
