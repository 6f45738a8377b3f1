/*
 * Singular values of a small matrix that every process knows whole, by LAPACK and by ScaLAPACK.
 */
#ifndef DNMF_TEST_INIT_REFERENCE_H
#define DNMF_TEST_INIT_REFERENCE_H

#include "grids.h"
#include "init/scalapack.h"

#include <string.h>

enum { MOST_SIDE = 40 };

/* LAPACK's singular values of the whole matrix. */
static inline void reference_values(int rows, int cols, const double *whole, double *values) {
  static const int work_length = 16 * MOST_SIDE;
  double a[MOST_SIDE * MOST_SIDE];
  double work[16 * MOST_SIDE];
  const int one = 1;
  int info = 0;
  memcpy(a, whole, (size_t)(rows * cols) * sizeof(double));
  dgesvd_("N", "N", &cols, &rows, a, &cols, values, NULL, &one, NULL, &one, work, &work_length, &info, 1, 1);
  assert_int_equal(info, 0);
}

/* ScaLAPACK's own SVD, which dnmf does not use. */
void pdgesvd_(const char *job_u, const char *job_vt, const int *rows, const int *cols, double *a, const int *ia,
              const int *ja, const int *descriptor, double *s, double *u, const int *iu, const int *ju,
              const int *descriptor_u, double *vt, const int *ivt, const int *jvt, const int *descriptor_vt,
              double *work, const int *work_length, int *info);

/* Singular values of the whole matrix in square blocks over the grid's processes. */
static inline void distributed_values(const dnmf_grid *grid, int rows, int cols, const double *whole, double *values) {
  enum { BLOCK = 3, WORK = 64 * MOST_SIDE * BLOCK };
  static double work[WORK];
  const int block = BLOCK;
  const int zero = 0;
  const int one = 1;
  const int work_length = WORK;
  int ranks[64];
  int descriptor[SCALAPACK_DESCRIPTOR];
  int info = 0;
  int handle = Csys2blacs_handle(test_context()->comm);
  int blacs = handle;
  for (int row = 0; row < grid->rows; row++)
    for (int col = 0; col < grid->cols; col++)
      ranks[col * grid->rows + row] = row * grid->cols + col;
  Cblacs_gridmap(&blacs, ranks, grid->rows, grid->rows, grid->cols);
  Cfree_blacs_system_handle(handle);
  double local[MOST_SIDE * MOST_SIDE] = {0};
  const int leading = MOST_SIDE;
  int at_col = 0;
  for (int j = 0; j < cols; j++) {
    if (j / BLOCK % grid->cols != grid->col)
      continue;
    int at_row = 0;
    for (int i = 0; i < rows; i++)
      if (i / BLOCK % grid->rows == grid->row)
        local[at_col * leading + at_row++] = whole[i * cols + j];
    at_col++;
  }
  descinit_(descriptor, &rows, &cols, &block, &block, &zero, &zero, &blacs, &leading, &info);
  assert_int_equal(info, 0);
  pdgesvd_("N", "N", &rows, &cols, local, &one, &one, descriptor, values, NULL, &one, &one, descriptor, NULL, &one,
           &one, descriptor, work, &work_length, &info);
  assert_int_equal(info, 0);
  Cblacs_gridexit(blacs);
}

#endif
