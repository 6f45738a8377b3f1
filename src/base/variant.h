/*
 * How one kernel source file becomes several objects.
 *
 * CMake compiles each file listed as a kernel once for every precision and instruction set, with
 *   DNMF_VARIANT_REAL    double or float
 *   DNMF_VARIANT_SUFFIX  e.g. double_avx512
 * The file uses `real` for its number type, keeps its functions static and exports one constant table named
 * VARIANT(table). Selection at run time is an array of those tables, DNMF_VARIANTS(table), indexed by
 * [precision][isa].
 */
#ifndef DNMF_VARIANT_H
#define DNMF_VARIANT_H

#ifdef DNMF_VARIANT_REAL
typedef DNMF_VARIANT_REAL real;
#define DNMF_JOIN_(name, suffix) name##_##suffix
#define DNMF_JOIN(name, suffix)  DNMF_JOIN_(name, suffix)
#define VARIANT(name)            DNMF_JOIN(name, DNMF_VARIANT_SUFFIX)
#endif

/* Declares every variant of a kernel table. */
#define DNMF_DECLARE_VARIANTS(type, name)                                                                              \
  extern const type name##_double_portable, name##_double_avx2, name##_double_avx512;                                  \
  extern const type name##_single_portable, name##_single_avx2, name##_single_avx512

/* The initializer of a [DNMF_PRECISIONS][DNMF_ISAS] array of pointers to them. On a processor family without
 * x86 vectors all three are compiled alike. */
#define DNMF_VARIANTS(name)                                                                                            \
  {                                                                                                                    \
    {&name##_double_portable, &name##_double_avx2, &name##_double_avx512}, {                                           \
      &name##_single_portable, &name##_single_avx2, &name##_single_avx512                                              \
    }                                                                                                                  \
  }

#endif
