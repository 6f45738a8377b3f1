/*
 * Orthonormal bases of tall matrices whose rows are spread over all processes, by ScaLAPACK.
 *
 * X (rows x columns, row-major here) is, as Fortran reads the same memory, its transpose. So the QR factorization
 * of X is the LQ factorization of what lies in memory, and nothing has to be transposed.
 *
 * ScaLAPACK wants blocks of one size. The processes' rows, in rank order, are therefore dealt again: ceil(rows /
 * processes) a process, the last ones fewer or none. Rows move to neighbours only.
 */
#ifndef DNMF_INIT_ORTHONORMAL_H
#define DNMF_INIT_ORTHONORMAL_H

#include "scalapack.h"

#include "comm/context.h"

typedef struct dnmf_tall {
  int64_t own_rows; /* of this process, as the caller holds them */
  int rows;         /* over all processes; at least `columns` */
  int columns;
  int block; /* rows dealt to a process */
  bool has_grid;
  int grid; /* BLACS's name for the 1 x p grid of the processes */
  int descriptor[SCALAPACK_DESCRIPTOR];
  int64_t *sent;     /* own rows dealt to each process */
  int64_t *received; /* rows dealt to this one, by where they come from */
  int64_t dealt;     /* their sum */
  double *data;      /* the dealt rows */
  double *tau;       /* `columns` */
  double *work;
  int work_length;
} dnmf_tall;

/* For matrices of which this process holds `own_rows` rows. Released with dnmf_tall_free, also after failure.
 * collective */
dnmf_status dnmf_tall_create(dnmf_context *context, int64_t own_rows, int columns, dnmf_tall *tall);
void dnmf_tall_free(dnmf_tall *tall); /* collective; accepts a zeroed one */

/* X = Q R: replaces the own rows of X by those of Q, whose columns are orthonormal even where X's depend on each
 * other. `lower` (columns x columns, column-major, the same on every process) becomes the transpose of R unless it
 * is NULL. collective */
dnmf_status dnmf_orthonormalize(dnmf_context *context, dnmf_tall *tall, double *x, double *lower);

#endif
