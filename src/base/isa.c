#include "base/precision.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[DNMF_ISAS] = {"portable", "avx2", "avx512"};

const char *dnmf_isa_name(dnmf_isa isa) {
  return names[isa];
}

static dnmf_isa best_of_processor(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw"))
    return DNMF_ISA_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return DNMF_ISA_AVX2;
#endif
  return DNMF_ISA_PORTABLE;
}

dnmf_isa dnmf_isa_detect(void) {
  dnmf_isa best = best_of_processor();
  const char *wanted = getenv("DNMF_ISA");
  for (int isa = 0; wanted && isa < (int)best; isa++)
    if (strcmp(wanted, names[isa]) == 0)
      return (dnmf_isa)isa;
  return best;
}
