/*
 * The LAPACK routines the solvers call, by their Fortran names; Debian's LAPACK ships no C header.
 *
 * Their sizes are int, as components are by contract. The last argument is the length that Fortran compilers add
 * for a character argument.
 */
#ifndef DNMF_SOLVE_LAPACK_H
#define DNMF_SOLVE_LAPACK_H

#include <stddef.h>

/* Cholesky factorization; info > 0: not positive definite. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);

#endif
