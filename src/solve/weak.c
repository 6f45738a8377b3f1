#include "solve/weak.h"

#include "base/memory.h"

int dnmf_weak_stride(int components) {
  return (components + DNMF_WEAK_UNIT - 1) / DNMF_WEAK_UNIT * DNMF_WEAK_UNIT;
}

dnmf_status dnmf_weak_fill(dnmf_error *error, dnmf_precision precision, int components, const dnmf_weak *weak,
                           dnmf_weak *filled, void **memory) {
  const int64_t stride = dnmf_weak_stride(components);
  *memory = NULL;
  DNMF_TRY(dnmf_allocate_zero(error, "a Gram matrix", stride * stride, dnmf_precision_size(precision), memory));
  for (int i = 0; i < components; i++)
    for (int j = 0; j < components; j++) {
      const double value = weak->weight * weak->gram[(int64_t)i * components + j];
      if (precision == DNMF_DOUBLE)
        ((double *)*memory)[i * stride + j] = value;
      else
        ((float *)*memory)[i * stride + j] = (float)value;
    }
  *filled = *weak;
  filled->pull = *memory;
  filled->stride = (int)stride;
  return DNMF_OK;
}
