/*
 * The LAPACK routines the solvers call, by their Fortran names; Debian's LAPACK ships no C header.
 *
 * Their sizes are int. Nothing larger is ever passed: components are an int by contract and right-hand sides
 * come in batches of a fixed number. The last argument is the length that Fortran compilers add for a
 * character argument.
 */
#ifndef DNMF_SOLVE_LAPACK_H
#define DNMF_SOLVE_LAPACK_H

#include <stddef.h>

/* Cholesky factorization; info > 0: not positive definite. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);

/* Solves with that factorization for nrhs right-hand sides, columns of b. */
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b,
             const int *ldb, int *info, size_t uplo_length);

#endif
