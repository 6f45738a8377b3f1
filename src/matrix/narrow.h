/* The narrowest type that represents every value of a sparse matrix exactly, found while values pass by. */
#ifndef DNMF_NARROW_H
#define DNMF_NARROW_H

#include "matrix/matrix.h"

/* Adds to `excluded`, a set of types that begins as 0, those in which one of `count` values of type `from`, `stride`
 * bytes apart, is not exact. local */
void dnmf_narrow_look(dnmf_number from, const void *values, size_t stride, int64_t count, uint64_t *excluded);

/* The type to keep values in, from the sets of all processes, which have the same one afterwards; 0: that of the
 * precision. collective */
dnmf_status dnmf_narrow_choose(dnmf_context *context, dnmf_precision precision, uint64_t excluded, dnmf_number *narrow);

/* Converts the values of `csr` to `narrow` (0: to numbers of the precision), in which each of them is exact. local */
dnmf_status dnmf_csr_convert(dnmf_error *error, dnmf_precision precision, dnmf_number narrow, dnmf_csr *csr);

#endif
