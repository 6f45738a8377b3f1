/*
 * Logarithms and powers for loops over vectors; included after src/base/variant.h.
 *
 * glibc has vector forms of both in libmvec, a few units in the last place from the scalar ones, but declares them to
 * the compiler only under -ffast-math, which would also let it reorder sums. Declared here, `#pragma omp simd` loops
 * use them; elsewhere the same loops call the scalar functions.
 */
#ifndef DNMF_VECTOR_MATH_H
#define DNMF_VECTOR_MATH_H

#include <math.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define DNMF_VECTOR_FORMS __attribute__((__simd__("notinbranch")))
extern DNMF_VECTOR_FORMS double log(double x);
extern DNMF_VECTOR_FORMS float logf(float x);
extern DNMF_VECTOR_FORMS double pow(double x, double y);
extern DNMF_VECTOR_FORMS float powf(float x, float y);
#endif

#define real_log(x)    _Generic((x), float : logf, default : log)(x)
#define real_pow(x, y) _Generic((x), float : powf, default : pow)(x, y)

#endif
