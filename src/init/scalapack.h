/*
 * The BLACS, ScaLAPACK and LAPACK routines that starts call; Debian ships no C headers for them.
 *
 * BLACS by its C names, the others by their Fortran names. Sizes are int; what is passed went through
 * dnmf_int_count. The last arguments of dgesvd_ and dsyev_ are the lengths that Fortran compilers add for characters.
 */
#ifndef DNMF_INIT_SCALAPACK_H
#define DNMF_INIT_SCALAPACK_H

#include <mpi.h>
#include <stddef.h>

enum { SCALAPACK_DESCRIPTOR = 9 };

/* A BLACS name for an MPI communicator, and a grid on its processes: `ranks` is column-major. */
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridmap(int *grid, int *ranks, int leading, int rows, int cols);
void Cblacs_gridexit(int grid);

void descinit_(int *descriptor, const int *rows, const int *cols, const int *row_block, const int *col_block,
               const int *first_row, const int *first_col, const int *grid, const int *leading, int *info);

/* A = L Q, Q as reflectors; then Q itself. A work length of -1 asks for the best, returned in work[0]. */
void pdgelqf_(const int *rows, const int *cols, double *a, const int *i, const int *j, const int *descriptor,
              double *tau, double *work, const int *work_length, int *info);
void pdorglq_(const int *rows, const int *cols, const int *reflectors, double *a, const int *i, const int *j,
              const int *descriptor, const double *tau, double *work, const int *work_length, int *info);

/* A = U S V', on one process. */
void dgesvd_(const char *job_u, const char *job_vt, const int *rows, const int *cols, double *a, const int *lda,
             double *s, double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *work_length,
             int *info, size_t job_u_length, size_t job_vt_length);

/* The eigenvalues, ascending, and eigenvectors, columns of A, of a symmetric A, on one process. */
void dsyev_(const char *job, const char *uplo, const int *n, double *a, const int *lda, double *values, double *work,
            const int *work_length, int *info, size_t job_length, size_t uplo_length);

#endif
